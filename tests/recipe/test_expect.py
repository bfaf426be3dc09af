"""The content hash that a recipe expects."""

from pathlib import Path

import pytest

from augforge.errors import RecipeError
from augforge.recipe import differences, load_recipe, parse_recipe

HASH = "0123456789abcdef" * 4
TEXT = (
    f"version: 1\nname: tiny\nsource: mnist-10k\ndistort: [rotate: {{degrees: 5}}]\nexpect: blake3:{HASH}\n"
)


def test_it_is_read_and_written() -> None:
    recipe = parse_recipe(TEXT)
    assert (recipe.expect, recipe.expect_set_aside) == (HASH, False)
    assert parse_recipe(recipe.to_yaml()) == recipe
    without = parse_recipe(TEXT.replace(f"blake3:{HASH}", "null"))
    assert without.expect is None
    assert recipe.pixel_digest("") == without.pixel_digest("")
    assert differences(recipe, without) == []


MAPPING = f"{{content: blake3:{HASH}, of: blake3:{'f' * 64}}}"


def test_it_may_say_what_it_belongs_to() -> None:
    recipe = parse_recipe(TEXT.replace(f"blake3:{HASH}", MAPPING))
    assert (recipe.expect, recipe.expect_of) == (HASH, "f" * 64)
    assert parse_recipe(recipe.to_yaml()) == recipe != parse_recipe(TEXT)
    assert differences(recipe, parse_recipe(TEXT)) == []


@pytest.mark.parametrize("override", ["variants=2", "seed=1", "source.split=test"])
def test_whether_that_holds_is_seen_when_the_originals_are_open(override: str) -> None:
    recipe = parse_recipe(TEXT.replace(f"blake3:{HASH}", MAPPING), overrides=[override])
    assert (recipe.expect, recipe.expect_of, recipe.expect_set_aside) == (HASH, "f" * 64, False)
    assert parse_recipe(TEXT, overrides=[f"expect={MAPPING}"]).expect_of == "f" * 64
    both = parse_recipe(TEXT.replace(f"blake3:{HASH}", MAPPING), overrides=[override, "expect=null"])
    assert (both.expect, both.expect_of) == (None, None)


FORMS = "{content: blake3:..., of: blake3:...}, blake3:... or null"


def message_of(value: str) -> str:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(TEXT.replace(f"blake3:{HASH}", value))
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("12", f"'expect' must be {FORMS}, got 12"),
        ("true", f"'expect' must be {FORMS}, got true"),
        ("[]", f"'expect' must be {FORMS}, got an empty list"),
        ("[a]", f"'expect' must be {FORMS}, got a list of 1"),
        ("{}", f"'expect' must be {FORMS}, got an empty mapping"),
        ("abc", f"'expect' must be {FORMS}; a hash is blake3: and 64 hexadecimal digits in lower case; got "),
        ("{hash: 1}", "unknown key 'hash' of expect. Allowed: content, of"),
        (
            f"{{contents: blake3:{HASH}, of: blake3:{HASH}}}",
            "unknown key 'contents' of expect. Did you mean 'content'? Allowed: content, of",
        ),
        (f"{{content: blake3:{HASH}}}", f"expect needs 'of': 'expect' is {FORMS}"),
        (f"{{of: blake3:{HASH}}}", f"expect needs 'content': 'expect' is {FORMS}"),
        (f"{{content: {HASH}, of: blake3:{HASH}}}", "'content' must be the content hash, blake3: and 64 "),
        (f"{{content: blake3:{HASH}, of: x}}", "'of' must be the hash of settings and originals, blake3:"),
        (f"{{content: null, of: blake3:{HASH}}}", "'content' must be the content hash, blake3: and 64 "),
        (f"{{content: blake3:{HASH}, of: [1]}}", "hexadecimal digits in lower case; got a list of 1"),
    ],
)
def test_what_is_no_expectation_is_told_with_all_forms(value: str, message: str) -> None:
    assert message in message_of(value)


@pytest.mark.parametrize(
    ("value", "difference"),
    [
        (f"'blake3:{HASH} '", "which has blanks around it."),
        (f"'blake3:{HASH}\u00a0'", "which has blanks around it."),
        (f"blake3:{HASH.upper()}", "whose digits are in upper case."),
        (f"' blake3:{HASH.upper()}'", "which has blanks around it and whose digits are in upper case."),
        (HASH, "which lacks 'blake3:' in front."),
        (f"sha256:{HASH}", "which begins with 'sha256:' in place of 'blake3:'."),
        (f"BLAKE3:{HASH}", "which begins with 'BLAKE3:' in place of 'blake3:'."),
        (f"blake3:{HASH[:-1]}", "which has 63 digits."),
        (f"blake3:{HASH[:-1]}g", "in which 'g' is no hexadecimal digit."),
        (f"blake3:{HASH[:-1]}\u0430", r"in which '\u0430' is no hexadecimal digit."),  # looks like an a
        (f'"blake3:{HASH}\\u200B"', r"in which '\u200b' is no hexadecimal digit and which has 65 digits."),
    ],
)
def test_in_what_a_text_differs_from_a_hash(value: str, difference: str) -> None:
    for one in (
        value,
        f"{{content: {value}, of: blake3:{HASH}}}",
        f"{{content: blake3:{HASH}, of: {value}}}",
    ):
        assert difference in message_of(one)


@pytest.mark.parametrize(
    "override",
    ["output.shard_size=1024", "name=other", "description=x", "variants=1", "distort.rotate.degrees=5.0"],
)
def test_it_holds_where_the_samples_stay_the_same(override: str) -> None:
    recipe = parse_recipe(TEXT, overrides=[override])
    assert (recipe.expect, recipe.expect_set_aside) == (HASH, False)


@pytest.mark.parametrize(
    "override",
    [
        *("variants=2", "seed=1", "distort.rotate.degrees=6", "keep_originals=false", "frame=[40, 40]"),
        *("source.split=test", "normalize=true", "guard.min_ink_kept=0.9", "distort=[]"),
    ],
)
def test_it_is_set_aside_where_they_do_not(override: str) -> None:
    recipe = parse_recipe(TEXT, overrides=[override])
    assert (recipe.expect, recipe.expect_set_aside) == (None, True)


def test_what_is_set_counts() -> None:
    other = "f" * 64
    recipe = parse_recipe(TEXT, overrides=["variants=2", f"expect=blake3:{other}"])
    assert (recipe.expect, recipe.expect_set_aside) == (other, False)
    assert parse_recipe(TEXT, overrides=["variants=2", "expect=null"]).expect is None


def test_it_is_not_inherited(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(TEXT)
    (tmp_path / "more.yaml").write_text("version: 1\nname: more\nextends: base.yaml\nvariants: 9\n")
    recipe = load_recipe(tmp_path / "more.yaml")
    assert (recipe.expect, recipe.expect_set_aside) == (None, False)
