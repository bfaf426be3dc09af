"""Load a `Recipe` from a path, a ready recipe's name or a text."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from augforge import bundle
from augforge.errors import RecipeError, did_you_mean, join_names
from augforge.format.layout import NAME
from augforge.recipe.diagnostics import Document, Problems, SourcePosition
from augforge.recipe.merging import merge, with_overrides
from augforge.recipe.model import Recipe
from augforge.recipe.nodes import MapNode, ScalarNode
from augforge.recipe.reading import read_recipe, refuse_newer
from augforge.recipe.yaml_reader import read_yaml

MOST_BYTES = 1_000_000
MOST_BASES = 8


def load_recipe(path_or_name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe from a file, or a ready one by its name.

    Parameters
    ----------
    path_or_name : str or Path
        A file; where there is none of that name, the name of a ready recipe, such as ``realistic``.
    overrides : iterable of str
        ``KEY=VALUE`` texts, put over the recipe: ``variants=10``, ``distort.tilt.degrees=[-5, 5]``.

    Raises
    ------
    RecipeError
        If no such recipe exists, or for all its errors, each with its position.
    """
    where = SourcePosition(Document(str(path_or_name) or "RECIPE", "", Path()))
    path = _locate(str(path_or_name), Path(), where)
    return _finish(_read_file(path, where), overrides)


def parse_recipe(text: str, base: str | Path = ".", overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe from a text.

    Parameters
    ----------
    text : str
        YAML.
    base : str or Path
        The folder that relative paths in the text are relative to.
    overrides : iterable of str
        As in `load_recipe`.

    Raises
    ------
    RecipeError
        For all its errors, each with its position.
    """
    return _finish(Document("<recipe>", text.removeprefix("\ufeff"), Path(base)), overrides)


def parse_recipe_bytes(content: bytes, path: Path) -> Recipe:
    """Parse the content of a recipe's file.

    Parameters
    ----------
    content : bytes
        YAML in UTF-8.
    path : Path
        The file: for messages, and as the base of relative paths.

    Raises
    ------
    RecipeError
        For all its errors, each with its position.
    """
    return _finish(_decode(content, path, Problems()), ())


def ready_recipes() -> dict[str, Path]:
    """List the bundled recipes by name."""
    return {path.stem: path for path in sorted(bundle.folder("recipes").glob("*.yaml"))}


def _finish(document: Document, overrides: Iterable[str]) -> Recipe:
    root = _with_bases(document, ())
    texts = tuple(overrides)
    recipe = read_recipe(with_overrides(root, texts))
    if (
        recipe.expect is None
        or recipe.expect_of is not None  # checked with the open originals
        or not texts
        or any(text.partition("=")[0].strip() == "expect" for text in texts)
    ):
        return recipe
    return recipe if _makes_the_same(root, recipe) else replace(recipe, expect=None, expect_set_aside=True)


def _makes_the_same(root: MapNode, recipe: Recipe) -> bool:
    """Check whether the recipe without ``--set`` makes the same data set."""
    try:
        written = read_recipe(root)
    except RecipeError:
        return False
    one, other = (
        (each.variants, each.source, each.normalize, each.pixel_digest("")) for each in (written, recipe)
    )
    return one == other


def _with_bases(document: Document, below: tuple[Document, ...]) -> MapNode:
    """Merge a document's tree over the recipe that it extends."""
    root = _read_root(document)
    entry = root.get("extends")
    if entry is None:
        return root
    node = entry.value
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        node.position.fail(f"'extends' must be a path or a ready recipe's name, got {node.describe()}")
    chain = (*below, document)
    if len(chain) > MOST_BASES:
        node.position.fail(f"recipes may extend each other {MOST_BASES} deep; this one is deeper")
    path = _locate(node.text, document.folder, node.position)
    if not path.is_file():  # reading a pipe may block forever; one on the command line is intended
        node.position.fail(f"{path} is not a regular file; expected a recipe, a .yaml file")
    base = _read_file(path, node.position)
    if base.path in [one.path for one in chain]:
        circle = " -> ".join(one.name for one in (*chain, base))
        node.position.fail(f"this recipe extends itself: {circle}")
    own = MapNode(tuple(one for one in root.entries if one.key != "extends"), root.position)
    inherited = _with_bases(base, chain)
    # The base's expectation belongs to its own data set.
    inherited = MapNode(tuple(one for one in inherited.entries if one.key != "expect"), inherited.position)
    return merge(inherited, own)


def _locate(text: str, folder: Path, asked_at: SourcePosition) -> Path:
    """Find the file of a path, or else of a ready recipe's name."""
    if not text:
        asked_at.fail("an empty text names no recipe; expected a .yaml file, or the name of a ready recipe")
    path = folder / os.path.expanduser(text)
    # Unlike Path.exists, this accepts names that are too long.
    if os.path.exists(path) and not os.path.isdir(path):
        return path
    if text in (ready := ready_recipes()):
        return ready[text]
    if os.path.isdir(path):
        asked_at.fail(f"{path} is a folder; expected a recipe, a .yaml file")
    if NAME.fullmatch(text):
        absent = (
            f"no such file, and no ready recipe is called '{text}'.{did_you_mean(text, ready)} "
            f"Ready recipes: {join_names(ready)}"
        )
    else:
        absent = _absent(path)
    return asked_at.fail(absent)


def _read_file(path: Path, asked_at: SourcePosition) -> Document:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        asked_at.fail(f"{path} cannot be read: {error.strerror or error}")
    return _decode(content, path, asked_at.document.problems)


def _decode(content: bytes, path: Path, problems: Problems) -> Document:
    here = SourcePosition(Document(str(path), "", path.parent, problems=problems))
    if len(content) > MOST_BYTES:
        here.fail(f"this is no recipe: it has more than {MOST_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        utf16 = (
            " (it looks like UTF-16; save it as UTF-8)" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        )
        here.fail(f"this is not UTF-8 text: byte {error.start + 1} is 0x{content[error.start]:02x}{utf16}")
    return Document(str(path), text, path.parent, path.resolve(), problems=problems)


def _read_root(document: Document) -> MapNode:
    if len(document.text) > MOST_BYTES:
        SourcePosition(document).fail(f"this is no recipe: it has more than {MOST_BYTES} letters")
    root = read_yaml(document)
    if root is None:
        SourcePosition(document).fail(
            "this recipe is empty; it needs at least version, name, source and distort"
        )
    if not isinstance(root, MapNode):
        root.position.fail(f"a recipe is a mapping of keys such as `version: 1`, got {root.describe()}")
    refuse_newer(root)
    return root


def _absent(path: Path) -> str:
    try:
        siblings = [one.name for one in path.parent.iterdir() if one.suffix in (".yaml", ".yml")]
    except OSError:
        return f"no such file: {path}; there is no folder {path.parent} either"
    return f"no such file: {path}.{did_you_mean(path.name, siblings)}"
