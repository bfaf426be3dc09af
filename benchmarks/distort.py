"""Compare augforge with peers that distort digits by the same steps, in one thread.

All make variants of the same bundled digits: first with the recipes plain.yaml, shape.yaml and ``realistic``,
then with single distortions, singles.yaml. The head of each file in peers/ describes the peer and where its steps
differ. augforge also records every parameter and checks the recipe's guard, which no peer does. Slow peers make
fewer images per repeat.
"""

import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import measuring
import numpy as np
import yaml
from peers import PEERS, load_peer

HERE = Path(__file__).parent
RECIPES = {
    "plain": HERE / "plain.yaml",
    "shape": HERE / "shape.yaml",
    "realistic": HERE.parent / "recipes" / "realistic.yaml",
}
BATCH_SIZES = (1024, 4096)  # augforge's
HAND_WRITTEN = ("torch batch", "OpenCV loop")
CHECKED = 2048
"""Images of each peer that are checked before timing."""

Run = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Entry:
    """A timed maker of a number of images per run."""

    name: str
    batch_size: int
    run: Run
    images: int = 0


def augforge_entry(name: str, recipe: Any, batch_size: int) -> Entry:
    import augforge

    forge = augforge.Forge(recipe)
    numbers = itertools.cycle(range(len(forge.source), len(forge) - batch_size + 1, batch_size))

    def run() -> np.ndarray:
        first = next(numbers)
        made: np.ndarray = forge.make(range(first, first + batch_size)).images
        return made

    return Entry(name, batch_size, run, batch_size)


def peer_entry(
    peer: ModuleType, nodes: Sequence[Mapping[str, Any]], originals: np.ndarray, batch_size: int
) -> Entry | None:
    from peers.steps import read_steps

    make = peer.maker(read_steps(nodes))
    if make is None:
        return None
    whole = len(originals) // batch_size * batch_size
    batches = itertools.cycle(np.split(originals[:whole], whole // batch_size))
    return Entry(peer.NAME, batch_size, lambda: make(next(batches)), batch_size)


def check(entry: Entry, originals: np.ndarray, unchanged: float) -> float:
    """Compute the mean gray level; refuse wrong output and too many unchanged images."""
    made = np.concatenate([entry.run() for _ in range(-(-CHECKED // entry.batch_size))])
    if made.shape[1:] != (28, 28) or made.dtype != np.uint8:
        raise SystemExit(f"{entry.name}: {made.shape} {made.dtype} instead of (N, 28, 28) uint8")
    share = (made == originals[: len(made)]).all(axis=(1, 2)).mean()
    if share > unchanged:
        raise SystemExit(f"{entry.name}: {share:.0%} of the images are unchanged")
    return float(made.mean())


def check_all(
    entries: Sequence[Entry], originals: np.ndarray, unchanged: float, apart: float
) -> dict[str, float]:
    """Compute mean gray levels; refuse those too far from augforge's."""
    gray = {entry.name: check(entry, originals, unchanged) for entry in entries}
    for name, level in gray.items():
        if abs(level / gray["augforge"] - 1) > apart:
            raise SystemExit(f"{name}: mean gray level {level:.1f}, augforge's is {gray['augforge']:.1f}")
    return gray


def time_entries(
    entries: Sequence[Entry], repeats: int, seconds: float
) -> list[tuple[Entry, measuring.Timing]]:
    """Time all entries alternately; return seconds per image."""
    things: dict[str, Run] = {}
    images: dict[str, int] = {}
    for entry in entries:
        start = time.perf_counter()
        entry.run()
        times = max(1, round(seconds / (time.perf_counter() - start)))
        key = f"{entry.name} {entry.batch_size}"
        things[key] = lambda run=entry.run, times=times: [run() for _ in range(times)][-1]
        images[key] = times * entry.batch_size
    timings = measuring.side_by_side(things, repeats)
    return [
        (entry, measuring.Timing(tuple(s / images[key] for s in timings[key].seconds)))
        for entry, key in zip(entries, things, strict=True)
    ]


def compare_recipe(
    name: str, options: Any, peers: Sequence[ModuleType], originals: np.ndarray
) -> tuple[measuring.Section, dict[str, float | str], measuring.Plot]:
    """Compare all peers that have the steps of a recipe."""
    import augforge

    given = yaml.safe_load(RECIPES[name].read_text())
    nodes, guard = given["distort"], given.pop("guard", None)
    recipe = augforge.load_recipe(RECIPES[name])
    entries = [augforge_entry("augforge", recipe, size) for size in BATCH_SIZES]
    if guard:
        unguarded = augforge.parse_recipe(yaml.safe_dump(given))
        entries += [augforge_entry("augforge, no guard", unguarded, size) for size in BATCH_SIZES]
    for peer in peers:
        sizes = options.batch_sizes or [peer.BATCH_SIZE]
        entries += [made for size in sizes if (made := peer_entry(peer, nodes, originals, size))]
    gray = check_all(entries, originals, unchanged=0.01, apart=0.12)
    timings = time_entries(entries, options.repeats, seconds=0.25)

    best: dict[str, float] = {}
    for entry, t in timings:
        best[entry.name] = min(t.median, best.get(entry.name, t.median))
    ours = {entrant: best.pop(entrant) for entrant in list(best) if entrant.startswith("augforge")}
    rows = [
        (
            entry.name,
            f"{entry.batch_size:,}",
            f"{1 / t.median:,.0f}",
            f"{t.median * 1e6:.2f}",
            f"{t.spread:.0%}",
            f"{t.median / ours['augforge']:.1f}",
            f"{gray[entry.name]:.1f}",
        )
        for entry, t in timings
    ]
    section = measuring.Section(
        f"Distort: {name}",
        f"One thread: {', '.join(next(iter(node)) for node in nodes)}.",
        ("one thread", "batch", "images/s", "us/image", "spread", "times augforge's time", "mean gray"),
        rows,
        unguarded_note(ours, best),
    )
    figures = ratios(f"distort.{name}", ours["augforge"], best)
    if "augforge, no guard" in ours:
        figures |= ratios(f"distort.{name}.without_guard", ours["augforge, no guard"], best)
    bars = [(maker, 1 / seconds) for maker, seconds in {**ours, **best}.items()]
    plot = measuring.Plot(f"distort-{name}.png", f"Distorting, {name}, one thread", "images/s", bars)
    return section, figures, plot


def unguarded_note(ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    """Compare the peers, which have no guard, with augforge without it."""
    if "augforge, no guard" not in ours:
        return ""
    seconds = ours["augforge, no guard"]
    times = ", ".join(f"{name} {value / seconds:.1f}" for name, value in theirs.items())
    return f"Relative to augforge's time without the guard: {times}."


def ratios(prefix: str, ours: float, theirs: Mapping[str, float]) -> dict[str, float | str]:
    """Compute the time per image, and its ratio to imgaug and the fastest other peer."""
    figures: dict[str, float | str] = {f"{prefix}.us": ours * 1e6}
    if "imgaug" in theirs:
        figures[f"{prefix}.against_imgaug"] = theirs["imgaug"] / ours
    others = [name for name in theirs if name != "imgaug"]
    libraries = [name for name in others if name not in HAND_WRITTEN]
    for key, group in (("best_other", others), ("best_library", libraries)):
        if group:
            fastest = min(group, key=theirs.__getitem__)
            figures |= {f"{prefix}.{key}": fastest, f"{prefix}.against_{key}": theirs[fastest] / ours}
    return figures


def compare_singles(
    options: Any, peers: Sequence[ModuleType], originals: np.ndarray
) -> tuple[measuring.Section, dict[str, float | str]]:
    """Compare single distortions with the peers that have them."""
    import augforge

    names = [peer.NAME for peer in peers]
    rows, figures = [], {}
    head = "version: 1\nname: single\nseed: 7\nsource: mnist-10k\nvariants: 60\n"
    for name, nodes in yaml.safe_load((HERE / "singles.yaml").read_text()).items():
        recipe = augforge.parse_recipe(head + yaml.safe_dump({"distort": nodes}))
        ops = {op for node in nodes for op in node}
        own = (peer for peer in peers if not ops & set(peer.STAND_INS))
        made = (peer_entry(peer, nodes, originals, peer.BATCH_SIZE) for peer in own)
        entries = [augforge_entry("augforge", recipe, BATCH_SIZES[0]), *(entry for entry in made if entry)]
        if len(entries) == 1:
            continue
        # Some steps change few images: a hidden corner without ink, an invisibly small blur.
        check_all(entries, originals, unchanged=0.6, apart=0.15)
        rates = {
            entry.name: 1 / t.median for entry, t in time_entries(entries, options.repeats, seconds=0.06)
        }
        others = {other: rate for other, rate in rates.items() if other != "augforge"}
        fastest = max(others, key=others.__getitem__)
        rows.append(
            (
                name,
                f"{rates['augforge']:,.0f}",
                *(f"{rates[peer]:,.0f}" if peer in rates else "" for peer in names),
                f"{rates['augforge'] / others[fastest]:.1f} ({fastest})",
            )
        )
        figures[f"distort.{name}.us"] = 1e6 / rates["augforge"]
    section = measuring.Section(
        "Distort: single distortions",
        "Images/s, one thread. Empty if a peer has no such distortion, or a different one.",
        ("distortion", "augforge", *names, "against the fastest"),
        rows,
    )
    return section, figures


def peers_section(peers: Sequence[ModuleType]) -> measuring.Section:
    """Describe each peer."""
    forms = [f"- **{peer.NAME}**: {' '.join((peer.__doc__ or '').split())}" for peer in peers]
    rows = [
        (peer.NAME, f"{peer.PACKAGE} {version(peer.PACKAGE)}", peer.BATCH_SIZE, ", ".join(peer.STAND_INS))
        for peer in peers
    ]
    head = ("peer", "package", "batch size", "stand-ins")
    return measuring.Section("Distort: the peers", "\n".join(forms), head, rows)


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument(
        "--recipes", nargs="*", choices=RECIPES, default=list(RECIPES), help="recipes to compare"
    )
    parser.add_argument("--no-singles", action="store_true", help="skip single distortions")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="default: all")
    parser.add_argument(
        "--batch-sizes", nargs="+", type=int, help="batch sizes for every peer; default: its best"
    )
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    measuring.one_thread()
    warnings.simplefilter("ignore")  # peers warn about themselves

    import cv2
    import imgaug
    import torch

    from augforge.sources import SourceSpec, open_source

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    imgaug.seed(7)
    torch.manual_seed(7)
    peers = [load_peer(name) for name in options.peers]
    originals = open_source(SourceSpec(dataset="mnist-10k")).images.copy()  # PyTorch needs writable arrays

    sections, figures, plots = [], {}, []
    for name in options.recipes:
        section, some, plot = compare_recipe(name, options, peers, originals)
        sections.append(section)
        figures |= some
        plots.append(plot)
    if not options.no_singles:
        section, some = compare_singles(options, peers, originals)
        sections.append(section)
        figures |= some
    sections.append(peers_section(peers))
    measuring.report(options, sections=sections, figures=figures, plots=plots)


if __name__ == "__main__":
    main()
