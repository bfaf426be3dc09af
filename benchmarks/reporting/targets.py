"""Targets, and the figures measured for them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float | str]

UNMEASURED = "not measured"
PEAK = "scale.peak_pss_mb"
GROWTH = "scale.peak_pss_growth"


@dataclass(frozen=True)
class Bound:
    """A figure with its lower or upper bound.

    ``named`` is the key of the peer's name, ``unguarded`` the key of the figure without the recipe's guard.
    """

    key: str
    unit: str
    least: float | None = None
    most: float | None = None
    named: str = ""
    unguarded: str = ""

    def missed_by(self, value: float) -> float:
        """Compute the distance beyond the bound as a share of it; at most 0 if it is met."""
        if self.least is not None:
            return 1 - value / self.least
        return value / self.most - 1 if self.most else 0.0

    def measured(self, figures: Figures) -> str:
        if self.key not in figures:
            return f"{UNMEASURED} ({self.unit})"
        more = [str(figures[self.named])] if self.named in figures else []
        if self.unguarded in figures:
            more.append(f"without its guard {number(float(figures[self.unguarded]))} {self.unit}")
        value = f"{number(float(figures[self.key]))} {self.unit}"
        return f"{value} ({'; '.join(more)})" if more else value


@dataclass(frozen=True)
class Target:
    """A row of the table; meeting one of its bounds is enough."""

    what: str
    wanted: str
    bounds: tuple[Bound, ...]

    def row(self, figures: Figures) -> tuple[str, str, str, str]:
        known = [bound for bound in self.bounds if bound.key in figures]
        if not known:
            return self.what, self.wanted, UNMEASURED, ""
        measured = "; ".join(bound.measured(figures) for bound in self.bounds)
        missed_by = min(bound.missed_by(float(figures[bound.key])) for bound in known)
        if missed_by <= 0:
            return self.what, self.wanted, measured, "met"
        if len(known) < len(self.bounds):  # an unmeasured figure may meet its bound
            return self.what, self.wanted, measured, ""
        return self.what, self.wanted, measured, f"**missed by {number(100 * missed_by)} %**"


def number(value: float) -> str:
    """Format a number with about three significant digits."""
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:#.2g}"


def _distort(what: str, recipe: str, imgaug: float, other: float | None) -> Iterator[Target]:
    for against, key, least in (
        ("imgaug", "imgaug", imgaug),
        ("the fastest other peer", "best_other", other),
    ):
        if least is not None:
            bound = Bound(
                f"distort.{recipe}.against_{key}",
                "x",
                least=least,
                named=f"distort.{recipe}.{key}",
                unguarded=f"distort.{recipe}.without_guard.against_{key}",
            )
            yield Target(f"distort, {what}, one thread, against {against}", f">= {least:g} x", (bound,))


TARGETS = (
    *_distort("affine maps, pixels and gray levels (`plain.yaml`)", "plain", 100, 8),
    *_distort("ready recipe `realistic`", "realistic", 100, 8),
    *_distort("with elastic bends, stroke width and blur (`shape.yaml`)", "shape", 40, None),
    Target(
        "build 8,100,000 images, uncompressed, 2 cores",
        ">= 0.8 x two forges of one thread each, or 0.9 x the disk's fsync'd write rate if that is lower",
        (
            Bound("scale.of_two_forges", "x two forges", least=0.8),
            Bound("scale.of_disk", "x the disk", least=0.9),
        ),
    ),
    *(
        Target(
            f"whole job, `{recipe}`, 2 cores, against imgaug with the fastest other writer",
            ">= 60 x",
            (Bound(f"whole_job.{recipe}.ratio", "x", least=60),),
        )
        for recipe in ("plain", "realistic")
    ),
    Target("peak memory of a build, all processes (PSS)", "< 800 MB", (Bound(PEAK, "MB", most=800),)),
    Target(
        "peak memory, of the largest build against the smallest",
        "flat: at most 1.1 x",
        (Bound(GROWTH, "x", most=1.1),),
    ),
    Target(
        "load, shuffled, uncompressed, in the training process, against `torch.index_select` in memory",
        ">= 0.7 x",
        (Bound("load.uncompressed.of_index_select", "x", least=0.7),),
    ),
    *(
        Target(f"the same, against {name}", ">= 200 x", (Bound(f"load.against_{key}", "x", least=200),))
        for key, name in (("webdataset", "WebDataset"), ("mds", "MDS"))
    ),
    *(
        Target(
            f"load, {codec}, second epoch, against uncompressed",
            ">= 0.5 x",
            (Bound(f"load.{codec}.second_epoch", "x", least=0.5),),
        )
        for codec in ("zstd", "lz4")
    ),
    Target(
        "load an unbuilt data set (`ForgeDataset`), against the forge alone",
        ">= 0.6 x",
        (Bound("load.forge_dataset.of_forge", "x", least=0.6),),
    ),
    Target(
        '`augforge --help`, beyond `python -c "import click"`',
        "< 0.15 s",
        (Bound("startup.help_over_click_s", "s", most=0.15),),
    ),
    Target(
        "`augforge build` of 1,000 images, kernels cached",
        "< 2 s",
        (Bound("startup.build_1000_s", "s", most=2),),
    ),
    Target("first run: all compiling", "< 15 s", (Bound("startup.compile_s", "s", most=15),)),
)


def add_memory(figures: Figures) -> dict[str, float | str]:
    """Add the highest peak memory, and its growth from the smallest to the largest build."""
    peaks = {
        int(key.rpartition(".")[2]): float(value)
        for key, value in figures.items()
        if key.startswith(f"{PEAK}.")
    }
    if not peaks:
        return dict(figures)
    return {**figures, PEAK: max(peaks.values()), GROWTH: peaks[max(peaks)] / peaks[min(peaks)]}


def target_rows(figures: Figures) -> list[tuple[str, str, str, str]]:
    known = add_memory(figures)
    return [target.row(known) for target in TARGETS]
