"""Apply what a recipe expects: the content hash that must come out."""

from dataclasses import dataclass, replace
from typing import NoReturn

from augforge.errors import BuildError
from augforge.forge import Forge
from augforge.format.models import Manifest
from augforge.recipe import Recipe
from augforge.recipe.expect import EXPECT_KIND


@dataclass(frozen=True)
class Expectation:
    """What a recipe expects of one build, settled before it begins.

    Attributes
    ----------
    recipe : Recipe
        The recipe as it is built and stored: with the plain content hash if that must come out, else without any.
    of : str
        The hash of its settings and originals, 64 hexadecimal digits.
    not_applied : str
        Why the recipe's expectation is not applied, in words; empty if it is, or if there is none.
    """

    recipe: Recipe
    of: str
    not_applied: str = ""


def settle(recipe: Recipe, originals_digest: str) -> Expectation:
    """Decide whether a recipe's expectation applies to its settings and originals."""
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
            f"{expectation.not_applied}; --strict (strict=True) builds nothing then: correct or remove 'expect', "
            "or build without --strict"
        )


def expect_line(manifest: Manifest, of: str) -> str:
    """Return the line of a recipe that expects a data set."""
    return f"expect: {{content: {EXPECT_KIND}{manifest.content_hash}, of: {EXPECT_KIND}{of}}}"


def is_expected(recipe: Recipe, manifest: Manifest) -> bool:
    """Tell whether a data set is the one that its settled recipe expects, if it expects any."""
    return recipe.expect in (None, manifest.content_hash)


def check_expected(recipe: Recipe, manifest: Manifest) -> None:
    """Raise `BuildError` if the data set is not the one that its settled recipe expects."""
    if not is_expected(recipe, manifest):
        raise_unexpected(recipe, manifest, "`augforge build --set expect=null` accepts it")


def raise_unexpected(recipe: Recipe, manifest: Manifest, advice: str) -> NoReturn:
    """Raise `BuildError` for a data set that is not the expected one, with where it is and what can be done."""
    raise BuildError(
        f"the data set is not what the recipe expects: its content hash is {manifest.content_hash}, "
        f"expected is {recipe.expect} (pixel version {manifest.pixel_version}, source digest "
        f"{manifest.source_digest[:16]}); {advice}"
    )


def settled_forge(recipe: Recipe) -> tuple[Forge, Expectation]:
    """Open a recipe's originals and settle what it expects; return the settled recipe at work."""
    forge = Forge(recipe)
    expectation = settle(recipe, forge.source.originals_digest)
    return (forge if expectation.recipe is recipe else Forge(expectation.recipe, forge.source)), expectation
