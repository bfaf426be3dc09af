"""The tree of a whole recipe -> `Recipe`."""

from typing import cast

from augforge.format.layout import NAME, explain_shard_size
from augforge.hdf5 import COMPRESSIONS, Compression
from augforge.normalizing import PENS, POLARITIES, Normalizer, Pen, Polarity
from augforge.recipe.diagnostics import Problems, quoted
from augforge.recipe.fields import (
    Fields,
    read_boolean,
    read_integer,
    read_mapping,
    read_one_of,
    read_text,
)
from augforge.recipe.model import (
    MAX_NAME,
    MAX_SEED,
    MAX_SHARD_SIZE,
    MAX_VARIANTS,
    RECIPE_VERSION,
    Output,
    Recipe,
)
from augforge.recipe.nodes import ListNode, MapNode, ScalarNode, YamlNode
from augforge.recipe.reading_expect import read_expect
from augforge.recipe.reading_guard import read_guard
from augforge.recipe.reading_source import read_source
from augforge.recipe.steps import read_steps
from augforge.sources import MAX_SIDE
from augforge.sources.opening import INVERT_AND_NORMALIZE

RECIPE_KEYS = (
    "version",
    "name",
    "description",
    "extends",
    "seed",
    "source",
    "normalize",
    "frame",
    "variants",
    "keep_originals",
    "distort",
    "guard",
    "output",
    "expect",
)
NORMALIZE_KEYS = ("polarity", "upright", "pen")
OUTPUT_KEYS = ("shard_size", "compression")


def read_recipe(root: MapNode, problems: Problems) -> Recipe:
    """Return the recipe that a tree describes, after ``extends`` and ``--set``.

    Raises
    ------
    RecipeError
        For all that is wrong with it, and all that was noted before.
    """
    fields = Fields(root, "a recipe", RECIPE_KEYS, problems)
    read_integer(
        fields.required("version", root.place, f"write `version: {RECIPE_VERSION}`"),
        "'version'",
        RECIPE_VERSION,
        RECIPE_VERSION,
        problems,
    )
    keep_originals = read_boolean(fields.get("keep_originals"), "'keep_originals'", problems, True)
    expect, expect_of = read_expect(fields.get("expect"), problems)
    recipe = Recipe(
        version=RECIPE_VERSION,
        name=_read_name(
            fields.required("name", root.place, "it names the files, such as `name: realistic`"), problems
        ),
        description=read_text(fields.get("description"), "'description'", problems) or "",
        seed=read_integer(fields.get("seed"), "'seed'", 0, MAX_SEED, problems),
        source=read_source(
            fields.required("source", root.place, "the originals, such as `source: mnist-10k`"), problems
        ),
        normalize=_read_normalize(fields.get("normalize"), problems),
        frame=_read_frame(fields.get("frame"), problems),
        variants=_read_variants(fields.get("variants"), keep_originals, problems),
        keep_originals=keep_originals,
        distort=read_steps(
            fields.required(
                "distort", root.place, "the steps; `distort: []` leaves the originals as they are"
            ),
            problems,
        ),
        guard=read_guard(fields.get("guard"), problems),
        output=_read_output(fields.get("output"), problems),
        expect=expect,
        expect_of=expect_of,
    )
    normalize = fields.get("normalize")
    if normalize is not None and recipe.normalize is not None and recipe.source.invert:
        problems.add(normalize.place, INVERT_AND_NORMALIZE)
    problems.raise_if_any()
    return recipe


def refuse_newer(root: MapNode, problems: Problems) -> None:
    """Raise where a file says that it is of a newer version: nothing else in it could be judged rightly."""
    entry = root.get("version")
    value = entry.value.value if entry and isinstance(entry.value, ScalarNode) else None
    if entry and isinstance(value, int | float) and value > RECIPE_VERSION:
        problems.stop(
            entry.value.place,
            f"this recipe is of version {entry.value.describe()}; this augforge reads recipes up to version "
            f"{RECIPE_VERSION}. Use a newer augforge",
        )


def _read_name(node: YamlNode | None, problems: Problems) -> str:
    text = read_text(node, "'name'", problems)
    if text is None or node is None:
        return "unknown"
    if "/" in text or "\\" in text:
        problems.add(
            node.place,
            f"'name' names files and must not hold a path, got {quoted(text)}; "
            "where the data set goes is said when it is built (--out)",
        )
    elif not NAME.fullmatch(text) or len(text) > MAX_NAME:
        long = f" ({len(text)} letters)" if len(text) > MAX_NAME else ""
        problems.add(
            node.place,
            "'name' must be of a-z, 0-9, _ and -, begin with a letter or digit and have "
            f"at most {MAX_NAME} letters; got {quoted(text)}{long}",
        )
    return text


def _read_normalize(node: YamlNode | None, problems: Problems) -> Normalizer | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return Normalizer() if node.value else None
    mapping = read_mapping(node, "'normalize'", "true, or {pen: as-drawn}", problems)
    if mapping is None:
        return None
    fields = Fields(mapping, "normalize", NORMALIZE_KEYS, problems)
    polarity = read_one_of(fields.get("polarity"), "'polarity'", POLARITIES, problems)
    pen = read_one_of(fields.get("pen"), "'pen'", PENS, problems)
    return Normalizer(
        cast("Polarity", polarity or Normalizer.polarity),
        read_boolean(fields.get("upright"), "'upright'", problems, Normalizer.upright),
        cast("Pen", pen or Normalizer.pen),
    )


def _read_frame(node: YamlNode | None, problems: Problems) -> tuple[int, int] | None:
    if node is None:
        return None
    if not isinstance(node, ListNode) or len(node.items) != 2:
        problems.add(
            node.place, f"'frame' must be [height, width] in pixels, such as [40, 40]; got {node.describe()}"
        )
        return None
    height, width = (read_integer(item, "'frame'", 1, MAX_SIDE, problems, 1) for item in node.items)
    return height, width


def _read_variants(node: YamlNode | None, keep_originals: bool, problems: Problems) -> int:
    variants = read_integer(node, "'variants'", 0, MAX_VARIANTS, problems, default=1)
    if node is not None and variants == 0 and not keep_originals:
        problems.add(
            node.place,
            f"'variants' must be 1 to {MAX_VARIANTS} where 'keep_originals' is false; 0 would make nothing",
        )
    return variants


def _read_output(node: YamlNode | None, problems: Problems) -> Output:
    mapping = read_mapping(node, "'output'", "{shard_size: 65536, compression: none}", problems)
    if mapping is None:
        return Output()
    fields = Fields(mapping, "output", OUTPUT_KEYS, problems)
    compression = read_one_of(fields.get("compression"), "'compression'", COMPRESSIONS, problems)
    return Output(
        _read_shard_size(fields.get("shard_size"), problems),
        cast("Compression", compression or Output.compression),
    )


def _read_shard_size(node: YamlNode | None, problems: Problems) -> int:
    before = len(problems)
    size = read_integer(node, "'shard_size'", 1, MAX_SHARD_SIZE, problems, Output.shard_size)
    if node is not None and len(problems) == before and (wrong := explain_shard_size(size)):
        problems.add(node.place, wrong)
    return size
