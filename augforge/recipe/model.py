"""The recipe as a frozen value; its annotated fields are the keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from augforge.distortions import PIXEL_VERSION
from augforge.distortions.catalog import pixel_terms
from augforge.format.layout import LEAF, NAME, explain_shard_size
from augforge.hdf5 import COMPRESSIONS, Compression
from augforge.keys import boolean, integer, keys_of, size, text, word
from augforge.mappings import Holder, defaults_of
from augforge.normalizing import Normalizer
from augforge.recipe.diagnostics import quote
from augforge.recipe.expect import expectation, plain_expect
from augforge.recipe.guard import Guard
from augforge.recipe.originals import normalize_key, source_key
from augforge.recipe.steps import Node, single_steps, step_list
from augforge.recipe.writing import digest_of, write_yaml
from augforge.sources import MAX_SIDE, SourceSpec

RECIPE_VERSION = 1
MAX_SEED = 2**63 - 1
MAX_VARIANTS = 65_535
MAX_NAME = 64
MAX_SHARD_SIZE = 2**24
# Keys that were added later are written only if they differ from their defaults: stored recipes keep their bytes.
_ALWAYS_WRITTEN = {
    "Recipe": [
        "version",
        "name",
        "seed",
        "source",
        "variants",
        "keep_originals",
        "distort",
        "guard",
        "output",
    ],
    "SourceSpec": ["split"],
    "Normalizer": ["polarity", "upright", "pen"],
    "Output": ["shard_size", "compression"],
}


def _path_in(name: str) -> str | None:
    """Explain why a name holds a path, or return None."""
    if "/" not in name and "\\" not in name:
        return None
    return (
        f"'name' names files and must not hold a path, got {quote(name)}; "
        "give the data set's folder when building (--out)"
    )


@dataclass(frozen=True)
class Output:
    """Settings of writing; they never change a sample."""

    shard_size: Annotated[
        int,
        integer(
            "Samples in one shard (the last may have fewer): a multiple of 1,024, up to 2**24.",
            low=1,
            high=MAX_SHARD_SIZE,
            refuse=explain_shard_size,
            schema={"type": "integer", "minimum": LEAF, "maximum": MAX_SHARD_SIZE, "multipleOf": LEAF},
        ),
    ] = 65_536
    compression: Annotated[Compression, word("`none`, `gzip`, `lz4` or `zstd`.", COMPRESSIONS)] = "none"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A valid recipe, from `load_recipe` or `parse_recipe`.

    Attributes
    ----------
    expect_of : str, optional
        The `settings_digest` that `expect` belongs to; with other settings or originals, `expect` is ignored. None:
        `expect` holds with any settings and originals.
    expect_set_aside : bool
        Whether `expect` was dropped because ``--set`` changed pixels or the number of variants.
    """

    version: Annotated[
        int,
        integer(
            "Of the recipe's grammar.", missing="write `version: 1`", low=RECIPE_VERSION, high=RECIPE_VERSION
        ),
    ]
    name: Annotated[
        str,
        text(
            "Names files: `[a-z0-9][a-z0-9_-]*`, at most 64 letters.",
            missing="it names the files, such as `name: realistic`",
            refuse=_path_in,
            pattern=NAME.pattern,
            most=MAX_NAME,
            rule=f"be of a-z, 0-9, _ and -, begin with a letter or digit and have at most {MAX_NAME} letters",
        ),
    ]
    description: Annotated[str, text("For people.")] = ""
    seed: Annotated[int, integer("0 to 2**63 - 1; another seed draws everything anew.", high=MAX_SEED)] = 0
    source: Annotated[SourceSpec, source_key("The originals.")]
    normalize: Annotated[
        Normalizer | None,
        normalize_key(
            "How drawings of any size are first made to look like MNIST's digits; by default not at all."
        ),
    ] = None
    frame: Annotated[
        tuple[int, int] | None,
        size(
            "Height and width in pixels to which the originals are first padded with blank paper, in the middle; "
            "by default they keep their size.",
            MAX_SIDE,
            "[40, 40]",
        ),
    ] = None
    variants: Annotated[
        int, integer("Distorted copies of each original, 0 to 65,535.", high=MAX_VARIANTS)
    ] = 1
    keep_originals: Annotated[bool, boolean("Whether variant 0 of each original is the original itself.")] = (
        True
    )
    distort: Annotated[
        tuple[Node, ...],
        step_list(
            "The steps in order; none at all is the identity.",
            "be a list of steps such as `- rotate: {degrees: [-5, 5]}`",
            missing="the steps; `distort: []` leaves the originals as they are",
        ),
    ]
    guard: Annotated[
        Guard,
        Holder("What every distorted sample must keep.", Guard, "guard", "{min_ink_kept: 0.95}"),
    ] = field(default_factory=Guard)
    output: Annotated[
        Output,
        Holder("How the data set is written.", Output, "output", "{shard_size: 65536, compression: none}"),
    ] = field(default_factory=Output)
    expect: Annotated[
        str | None, expectation("The content hash that the data set must have; by default any.")
    ] = None
    expect_of: str | None = None
    expect_set_aside: bool = field(default=False, compare=False)

    def plain(self) -> dict[str, Any]:
        """Convert to plain values as in YAML, with all settings and absolute paths."""
        return _plain(
            self,
            source=_plain(self.source, **self.source.model_dump(mode="json")),
            normalize=self.normalize and _plain(self.normalize),
            frame=self.frame and list(self.frame),
            distort=[node.plain() for node in self.distort],
            guard=self.guard.plain(),
            output=_plain(self.output),
            expect=self.expect and plain_expect(self.expect, self.expect_of),
        )

    def to_yaml(self) -> str:
        """Return the recipe as YAML; `parse_recipe` of it gives an equal recipe."""
        return write_yaml(self.plain())

    def pixel_digest(self, source_digest: str) -> str:
        """Hash all settings that decide the pixels and parameters of a sample.

        Name, description, number of variants, output and expectation are left out; ``5`` and ``5.0`` are the same.
        For distortions of other packages, the package's name and the distortion's pixel version are included.

        Parameters
        ----------
        source_digest : str
            `Source.digest` of the opened source, after normalization; independent of its name and path.
        """
        return digest_of(
            [
                PIXEL_VERSION,
                source_digest,
                self.seed,
                self.frame,
                [node.plain(id_always=True) for node in self.distort],
                self.guard.plain(),
                self.keep_originals,
                *_plug_in_terms(self.distort),
            ]
        )

    def settings_digest(self, originals_digest: str) -> str:
        """Hash all settings that decide the content, except augforge's version.

        It does not depend on paths, output, shard size, name or augforge's pixel version. Optional settings are
        included only where they are used, so a setting that is added later does not change the digests of recipes
        without it.

        Each distortion of another package adds the package's name and the distortion's pixel version. New pixels of
        a plug-in therefore give another digest, for which nothing is expected. A new pixel version of augforge
        gives the same digest but another content, so the expectation fails.

        Parameters
        ----------
        originals_digest : str
            `Source.originals_digest` of the opened source.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        used = {
            "normalize": None
            if self.normalize is None
            else _without_defaults(vars(self.normalize), Normalizer),
            "frame": self.frame,
            "guard": self.guard.plain() or None,
            "packages": _plug_in_terms(self.distort) or None,
        }
        return digest_of(
            {
                "settings": 1,
                "originals": originals_digest,
                "seed": self.seed,
                "distort": [node.plain(id_always=True) for node in self.distort],
                "variants": self.variants,
                "keep_originals": self.keep_originals,
                **{key: value for key, value in used.items() if value is not None},
            }
        )


def _plug_in_terms(nodes: Iterable[Node]) -> list[Any]:
    """List the packages and versions of plug-in distortions, if there are any."""
    kinds = {type(step.distortion).name: type(step.distortion) for step in single_steps(nodes)}
    found = (pixel_terms(kinds[name]) for name in sorted(kinds))
    terms = [of_one for of_one in found if of_one is not None]
    return [terms] if terms else []


def _plain(settings: Any, **plain: Any) -> dict[str, Any]:
    """Convert settings to plain values, without later keys at their default."""
    kind: Any = type(settings)
    values = {key: plain.get(key, getattr(settings, key)) for key in keys_of(kind)}
    changed, always = _without_defaults(values, kind), _ALWAYS_WRITTEN[kind.__name__]
    return {key: value for key, value in values.items() if key in changed or key in always}


def _without_defaults(values: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Keep the settings that differ from their defaults."""
    return {key: value for key, value in values.items() if value != defaults_of(kind)[key]}


def differences(one: Recipe, other: Recipe) -> list[str]:
    """List the different settings of two recipes, except descriptions and expectations.

    Returns
    -------
    list of str
        Such as ``distort.rotate.degrees: [-12, 12] -> [-9, 9]``, ordered by key; steps are known by their ids.
    """
    before, now = _flat(one.plain()), _flat(other.plain())
    return [
        f"{key}: {before.get(key, 'not there')} -> {now.get(key, 'not there')}"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key) and key.partition(".")[0] not in ("description", "expect")
    ]


def _flat(plain: Any, path: str = "") -> dict[str, Any]:
    """Flatten nested mappings into dotted keys, steps by id."""
    if isinstance(plain, dict):
        flat: dict[str, Any] = {}
        for key, value in plain.items():
            flat |= _flat(value, f"{path}.{key}" if path else str(key))
        return flat
    if isinstance(plain, list) and plain and all(isinstance(entry, dict) for entry in plain):
        steps = [next(iter(entry.items())) for entry in plain]
        ids = [str(body.get("id", name)) for name, body in steps]
        flat = {path: ", ".join(ids)}
        for step_id, (name, body) in zip(ids, steps, strict=True):
            flat |= _flat({"step": name, **body}, f"{path}.{step_id}")
        return flat
    return {path: plain}
