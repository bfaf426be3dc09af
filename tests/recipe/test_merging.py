"""``--set`` and the rules by which trees are put over each other."""

from pathlib import Path
from typing import Any

import pytest

from augforge.errors import RecipeError
from augforge.recipe import Recipe, parse_recipe

RECIPE = """\
version: 1
name: mine
source: mnist-10k
variants: 3
distort:
  - rotate: {id: tilt, degrees: [-12, 12]}
  - one_of:
      id: pen
      steps:
        - gray_level: {gamma: {normal: {mean: 1, sd: 0.1, low: 0.5, high: 2}}}
        - some_of: {count: 1, steps: [{shift: {x: 1}}, {shear: {x: 5}}]}
"""


def _with(*overrides: str) -> Recipe:
    return parse_recipe(RECIPE, overrides=overrides)


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("variants=10", ["variants"], 10),
        ("variants=1e2", ["variants"], 100),
        (" variants = 10 ", ["variants"], 10),
        ("seed=0x10", ["seed"], 16),
        ("keep_originals=false", ["keep_originals"], False),
        ("description=as: drawn=well", ["description"], None),
        ("description='a=b'", ["description"], "a=b"),
        ("output.shard_size=1024", ["output"], {"shard_size": 1024, "compression": "none"}),
        ("output={compression: gzip}", ["output"], {"shard_size": 65536, "compression": "gzip"}),
        ("guard.min_ink_kept=0.9", ["guard"], {"min_ink_kept": 0.9}),
        ("source.split=test", ["source"], {"dataset": "mnist-10k", "split": "test"}),
        ("source=mnist", ["source"], {"dataset": "mnist", "split": "train"}),
        ("distort=[]", ["distort"], []),
        ("distort.tilt.degrees=[-5,5]", ["distort", 0, "rotate", "degrees"], [-5, 5]),
        ("distort.tilt.degrees={uniform: {low: 0, high: 9}}", ["distort", 0, "rotate", "degrees"], [0, 9]),
        ("distort.tilt.probability=0.5", ["distort", 0, "rotate", "probability"], 0.5),
        ("distort.pen.weights=[2, 1]", ["distort", 1, "one_of", "weights"], [2, 1]),
        ("distort.gray_level.gain=2", ["distort", 1, "one_of", "steps", 0, "gray_level", "gain"], 2),
        (
            "distort.gray_level.gamma.normal.sd=0.2",
            ["distort", 1, "one_of", "steps", 0, "gray_level", "gamma", "normal", "sd"],
            0.2,
        ),
        ("distort.shear.y=3", ["distort", 1, "one_of", "steps", 1, "some_of", "steps", 1, "shear", "y"], 3),
    ],
)  # fmt: skip
def test_set(override: str, path: list[str | int], value: Any) -> None:
    if value is None:
        with pytest.raises(RecipeError, match="'description' must be text"):
            _with(override)
        return
    found: Any = _with(override).plain()
    for key in path:
        found = found[key]
    assert found == value


def test_the_rest_stays_as_it_is() -> None:
    plain, changed = _with().plain(), _with("distort.shear.x=[0, 9]").plain()
    changed["distort"][1]["one_of"]["steps"][1]["some_of"]["steps"][1]["shear"]["x"] = 5
    assert changed == plain


def test_the_last_of_two_counts_and_order_does_not_matter_otherwise() -> None:
    assert _with("variants=4", "variants=5").variants == 5
    one = _with("source.split=test", "source.path=/digits", "source.classes=5")
    other = _with("source.path=/digits", "source.classes=5", "source.split=test")
    assert one == other
    assert one.source.split == "test"


def test_a_path_from_the_command_line_is_relative_to_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = parse_recipe(RECIPE, base="/somewhere/else", overrides=["source.path=digits"])
    assert recipe.source.path == tmp_path / "digits"
    assert recipe.source.written_path == "digits"


BAD = {
    "variants": "error: must be KEY=VALUE, such as variants=10 or distort.rotate.degrees=[-5,5]",
    "=5": "error: must be KEY=VALUE, such as variants=10 or distort.rotate.degrees=[-5,5]",
    "distort..degrees=5": "error: must be KEY=VALUE, such as variants=10 or distort.rotate.degrees=[-5,5]",
    "varaints=5": "error: unknown key 'varaints' of a recipe. Did you mean 'variants'? Allowed: description, "
    "distort, expect, extends, frame, guard, keep_originals, name, normalize, output, seed, source, variants, "
    "version",
    "variants=": "error: 'variants' must be an integer from 0 to 65535, got nothing",
    "variants=many": "error: 'variants' must be an integer from 0 to 65535, got the text 'many'",
    "variants.x=5": "error: 'variants' holds no further keys; only distort, guard, normalize, output, source do",
    "output.shard_size.x=5": "error: 'output.shard_size' holds no further keys; only distort, guard, normalize, "
    "output, source do",
    "output.shardsize=5": "error: unknown key 'shardsize' of output. Did you mean 'shard_size'? "
    "Allowed: compression, shard_size",
    "output.shard_size=1000": "error: 'shard_size' must be a multiple of 1024, got 1000; the two nearest are 1024 "
    "and 2048",
    "extends=realistic": "error: 'extends' cannot be set; name another recipe instead",
    "distort.tlit.degrees=5": "error: no step has the id 'tlit'. Did you mean 'tilt'? "
    "Ids: gray_level, pen, shear, shift, some_of, tilt",
    "distort.rotate.degrees=5": "error: no step has the id 'rotate'. Ids: gray_level, pen, shear, shift, some_of, "
    "tilt",
    "distort.tilt=5": "error: name what to set of the step: distort.tilt.PARAMETER=VALUE",
    "distort.tilt.degreees=5": "error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? "
    "Allowed: degrees, except_labels, for_labels, id, probability",
    "distort.tilt.degrees=[5, -5]": "error: needs low <= high, got 5, -5",
    "distort.tilt.degrees.high=5": "error: 'degrees' is a list of 2, which holds no key 'high'",
    "distort.tilt.degrees=[5": "error: this is not YAML: while parsing a flow sequence that begins in line 1, "
    "expected ',' or ']', but got '<stream end>'",
    "distort.tilt.degrees=*x": "error: an alias (*x) is not allowed: a recipe is flat; to share values between "
    "recipes, write `extends: other.yaml`",
    "distort.tilt.id=pen": "error: the id 'pen' is already used",
}  # fmt: skip


@pytest.mark.parametrize(("override", "message"), BAD.items(), ids=BAD)
def test_bad_set(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        _with(override)
    if override == "distort.tilt.id=pen":
        # The later one is in the file, and names the command line as the position of the first.
        assert "<recipe>:8:11: error: the id 'pen' is already used in --set distort.tilt.id=pen;" in str(
            error.value
        )
    else:
        assert str(error.value) == f"--set {override}: {message}"


def test_a_long_value_is_shortened_in_the_position() -> None:
    with pytest.raises(RecipeError) as error:
        _with(f"name={'x' * 500}\n")
    position, _, _ = str(error.value).partition(": error: ")
    assert position == f"--set name={'x' * 72}..."
