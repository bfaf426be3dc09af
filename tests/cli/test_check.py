import json

import pytest

import augforge
from tests.cli.conftest import RECIPE

DIGEST = augforge.Forge(augforge.parse_recipe(RECIPE)).pixel_digest


def test_a_good_recipe_is_summed_up(run, recipe):
    assert run("check", recipe) == (
        0,
        f"""\
ok            small
originals     2,000 of mnist-10k test, 28 x 28 pixels, 10 classes
samples       4,000: 1 variant of each original, and the originals themselves
steps         rotate, pixel_noise
columns       4: rotate.degrees, pixel_noise.fraction, guard.attempts, guard.pull
pixel digest  {DIGEST}
""",
        "",
    )


def test_json(run, recipe):
    code, text, told = run("check", recipe, "--json", "--set", "keep_originals=false", "--set", "variants=3")
    found = json.loads(text)
    assert (code, told) == (0, "")
    assert found.pop("pixel_digest") != DIGEST
    assert found == {
        "ok": True,
        "name": "small",
        "samples": 6000,
        "originals": 2000,
        "variants": 3,
        "keep_originals": False,
        "image_shape": [28, 28],
        "classes": 10,
        "steps": ["rotate", "pixel_noise"],
        "columns": ["rotate.degrees", "pixel_noise.fraction", "guard.attempts", "guard.pull"],
    }


def test_a_recipe_without_steps(run, recipe):
    text = run("check", recipe, "--set", "distort=[]", "--set", "guard.min_ink_kept=0").out
    assert "\nsteps         none\ncolumns       none\n" in text


@pytest.mark.parametrize("name", augforge.recipe.ready_recipes())
def test_ready_recipes_are_good(name, run):
    assert run("check", name).code == 0


BAD = {
    "no such recipe": (
        ["check", "realistc"],
        "realistc: error: no such file, and no ready recipe is called 'realistc'. Did you mean 'realistic'? "
        f"Ready recipes: {', '.join(sorted(augforge.recipe.ready_recipes()))}.\n",
    ),
    "a wrong override": (
        ["check", "small.yaml", "--set", "variants=many"],
        "--set variants=many: error: 'variants' must be an integer from 0 to 65535, got the text 'many'.\n",
    ),
    "an override of no step": (
        ["check", "small.yaml", "--set", "distort.rotat.degrees=5"],
        "--set distort.rotat.degrees=5: error: no step has the id 'rotat'. Did you mean 'rotate'? "
        "Ids: pixel_noise, rotate.\n",
    ),
    "a typo": (
        ["check", "typo.yaml"],
        "typo.yaml:7:14: error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? "
        "Allowed: degrees, except_labels, for_labels, id, probability.\n"
        "   6 | distort:\n   7 |   - rotate: {degreees: [-12, 12]}\n     |              ^^^^^^^^\n",
    ),
    "a source that is not there": (
        ["check", "nosource.yaml"],
        "error: {folder}/digits: no such file or folder\n",
    ),
    "a class that is not there": (
        ["check", "small.yaml", "--set", "distort.rotate.for_labels=[12]"],
        "error: step 'rotate' names class 12, but the source 'mnist-10k' has classes 0 to 9\n",
    ),
    "no recipe": (
        ["check"],
        "Usage: augforge check [OPTIONS] RECIPE\nTry 'augforge check --help' for help.\n\n"
        "Error: Missing argument 'RECIPE'.\n",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name, run, recipe):
    recipe.with_name("typo.yaml").write_text(RECIPE.replace("degrees", "degreees"))
    recipe.with_name("nosource.yaml").write_text(
        RECIPE.replace("{dataset: mnist-10k, split: test}", "{path: digits}")
    )
    arguments, message = BAD[name]
    assert run(*arguments) == (2, "", message.replace("{folder}", str(recipe.parent.absolute())))
