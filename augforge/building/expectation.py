"""Check a built data set against the content hash that its recipe expects."""

from dataclasses import dataclass, replace
from typing import NoReturn

from augforge.errors import BuildError
from augforge.forge import Forge
from augforge.format.models import Manifest
from augforge.recipe import Recipe
from augforge.recipe.expect import EXPECT_KIND


@dataclass(frozen=True)
class Expectation:
    """The expectation of a recipe, resolved for one build.

    Attributes
    ----------
    recipe : Recipe
        The recipe as built and stored: with the plain expected content hash, or without any.
    of : str
        Hash of the recipe's settings and originals, 64 hexadecimal digits.
    not_applied : str
        Why the recipe's expectation is not applied; empty if it is, or if there is none.
    """

    recipe: Recipe
    of: str
    not_applied: str = ""


def resolve_expectation(recipe: Recipe, originals_digest: str) -> Expectation:
    """Determine whether a recipe's expectation applies to its settings and originals."""
    of = recipe.settings_digest(originals_digest)
    if recipe.expect_set_aside:
        return Expectation(
            recipe,
            of,
            "--set changes what is made, so the recipe's 'expect' is not applied",
        )
    if recipe.expect_of is None:
        return Expectation(recipe, of)
    if recipe.expect_of == of:
        return Expectation(replace(recipe, expect_of=None), of)
    why = (
        "the recipe's 'expect' belongs to other settings or originals, so it is not applied "
        f"('of' is {EXPECT_KIND}{recipe.expect_of}, that of this build {EXPECT_KIND}{of})"
    )
    return Expectation(replace(recipe, expect=None, expect_of=None), of, why)


def check_strict(expectation: Expectation) -> None:
    """Raise `BuildError` if an expectation is not applied."""
    if expectation.not_applied:
        raise BuildError(
            f"{expectation.not_applied}; --strict (strict=True) then builds nothing: correct or remove 'expect', "
            "or build without --strict"
        )


def format_expect(manifest: Manifest, of: str) -> str:
    """Format the recipe line that expects a data set."""
    return f"expect: {{content: {EXPECT_KIND}{manifest.content_hash}, of: {EXPECT_KIND}{of}}}"


def is_expected(recipe: Recipe, manifest: Manifest) -> bool:
    """Tell whether a data set matches its recipe's expectation, if there is one."""
    return recipe.expect in (None, manifest.content_hash)


def check_expected(recipe: Recipe, manifest: Manifest) -> None:
    """Raise `BuildError` unless a data set matches its recipe's expectation."""
    if not is_expected(recipe, manifest):
        raise_unexpected(recipe, manifest, "`augforge build --set expect=null` accepts it")


def raise_unexpected(recipe: Recipe, manifest: Manifest, advice: str) -> NoReturn:
    """Raise `BuildError` for an unexpected data set, with advice."""
    raise BuildError(
        f"the data set is not what the recipe expects: its content hash is {manifest.content_hash}, "
        f"expected is {recipe.expect} (pixel version {manifest.pixel_version}, source digest "
        f"{manifest.source_digest[:16]}); {advice}"
    )


def open_expected(recipe: Recipe) -> tuple[Forge, Expectation]:
    """Open a recipe's originals and resolve its expectation."""
    forge = Forge(recipe)
    expectation = resolve_expectation(recipe, forge.source.originals_digest)
    return (forge if expectation.recipe is recipe else Forge(expectation.recipe, forge.source)), expectation
