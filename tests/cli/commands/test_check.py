import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augforge
from augforge.cli.commands import check
from augforge.realism import SAMPLES
from tests.cli.conftest import RECIPE

DIGEST = augforge.Forge(augforge.parse_recipe(RECIPE)).pixel_digest


def test_a_good_recipe_is_summed_up(run, recipe):
    assert run("check", recipe, "--samples", 0) == (
        0,
        f"""\
ok            small
originals     2,000 of mnist-10k test, 28 x 28 pixels, 10 classes
samples       4,000: 1 variant of each original, and the originals themselves
steps         rotate, pixel_noise
columns       5: rotate.degrees, pixel_noise.fraction, guard.attempts, guard.pull, guard.min_ink_kept
pixel digest  {DIGEST}
""",
        "",
    )


def test_json(run, recipe):
    changed = ("--set", "keep_originals=false", "--set", "variants=3")
    code, text, told = run("check", recipe, "--json", "--samples", 0, *changed)
    found = json.loads(text)
    assert (code, told) == (0, "")
    assert found.pop("pixel_digest") != DIGEST
    assert found == {
        "ok": True,
        "name": "small",
        "samples": 6000,
        "originals": 2000,
        "originals_without_ink": 0,
        "originals_below_min_contrast": 0,
        "variants": 3,
        "keep_originals": False,
        "image_shape": [28, 28],
        "classes": 10,
        "steps": ["rotate", "pixel_noise"],
        "columns": [
            "rotate.degrees",
            "pixel_noise.fraction",
            "guard.attempts",
            "guard.pull",
            "guard.min_ink_kept",
        ],
        "warnings": [],
        "examined": None,
        "guards": None,
        "redrawings": None,
        "properties": None,
        "far_outside": None,
        "extremes": None,
    }


def test_a_recipe_without_steps(run, recipe):
    text = run("check", recipe, "--set", "distort=[]", "--set", "guard.min_ink_kept=0").out
    assert "\nsteps         none\ncolumns       none\n" in text


@pytest.mark.parametrize("name", augforge.recipe.ready_recipes())
def test_ready_recipes_are_good(name, run):
    assert run("check", name).code == 0


def test_as_many_samples_as_a_report_takes_by_itself():
    default = next(option.default for option in check.command.params if option.name == "samples")
    assert default == SAMPLES


def test_the_most_extreme_samples_are_shown(run, recipe):
    assert run("check", recipe, "--show", "made/extreme.png").err == (
        "the most extreme samples are in made/extreme.png\n"
    )
    with Image.open("made/extreme.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 400


def test_nothing_distorted(run, recipe):
    nothing = ("--set", "variants=0")
    text = run("check", recipe, *nothing).out
    assert text.endswith("\n\nNo distorted samples: the recipe makes no variants.\n")
    found = json.loads(run("check", recipe, *nothing, "--json").out)
    assert (found["examined"]["samples"], found["far_outside"], found["extremes"]) == (0, [], [])
    assert found["properties"][0]["samples"] == [None, None, None]
    told = "no sample is extreme; a.png was not written\n"
    assert run("check", recipe, *nothing, "--show", "a.png") == (0, text, told)
    assert not Path("a.png").exists()


def test_an_unlabelled_source(run, recipe):
    np.savez("digits.npz", images=np.full((3, 9, 12), 7, np.uint8))
    recipe.write_text(RECIPE.replace("{dataset: mnist-10k, split: test}", "{path: digits.npz, labels: none}"))
    assert "3 samples compared with 3 originals:" in run("check", recipe).out
    assert run("check", recipe, "--json").code == 0


@pytest.mark.parametrize(("blank", "told"), [(0, None), (1, "1 original"), (2, "2 originals")])
def test_originals_without_ink_are_reported(blank, told, run, recipe):
    images = np.full((3, 9, 12), 7, np.uint8)
    images[:blank] = 0
    np.savez("digits.npz", images=images)
    recipe.write_text(RECIPE.replace("{dataset: mnist-10k, split: test}", "{path: digits.npz, labels: none}"))
    text = run("check", recipe, "--samples", 0).out
    lines = [line for line in text.splitlines() if line.startswith("without ink")]
    assert lines == ([f"without ink   {told}, accepted by guards of ink"] if told else [])
    assert json.loads(run("check", recipe, "--samples", 0, "--json").out)["originals_without_ink"] == blank


def test_originals_below_min_contrast_are_reported(run, recipe):
    images = np.zeros((2500, 9, 12), np.uint8)
    images[:, 3:6, 4:6] = 200
    images[[0, 1, 2400], 3:6, 4:6] = 59
    np.savez("digits.npz", images=images)
    text = RECIPE.replace("{dataset: mnist-10k, split: test}", "{path: digits.npz, labels: none}")
    for guard, faint in (("min_contrast: 60", 3), ("min_contrast: 59", 0), ("max_turn: 10", 0)):
        recipe.write_text(text.replace("min_ink_kept: 0.95", guard))
        told = json.loads(run("check", recipe, "--samples", 0, "--json").out)
        assert told["originals_below_min_contrast"] == faint
        summary = run("check", recipe, "--samples", 0).out
        assert ("\ntoo faint     3 originals below min_contrast" in summary) == bool(faint)


BAD = {
    "no such recipe": (
        ["check", "realistc"],
        "realistc: error: no such file, and no ready recipe is called 'realistc'. Did you mean 'realistic'? "
        f"Ready recipes: {', '.join(sorted(augforge.recipe.ready_recipes()))}\n",
    ),
    "a wrong override": (
        ["check", "small.yaml", "--set", "variants=many"],
        "--set variants=many: error: 'variants' must be an integer from 0 to 65535, got the text 'many'\n",
    ),
    "an override of no step": (
        ["check", "small.yaml", "--set", "distort.rotat.degrees=5"],
        "--set distort.rotat.degrees=5: error: no step has the id 'rotat'. Did you mean 'rotate'? "
        "Ids: pixel_noise, rotate\n",
    ),
    "a typo": (
        ["check", "typo.yaml"],
        "typo.yaml:7:14: error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? "
        "Allowed: degrees, except_labels, for_labels, id, probability\n"
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
    "no samples to show": (
        ["check", "small.yaml", "--samples", "0", "--show", "a.png"],
        "Usage: augforge check [OPTIONS] RECIPE\nTry 'augforge check --help' for help.\n\n"
        "Error: --show needs samples to choose from; leave out --samples 0\n",
    ),
    "a picture of another kind": (
        ["check", "small.yaml", "--show", "a.jpg"],
        "Usage: augforge check [OPTIONS] RECIPE\nTry 'augforge check --help' for help.\n\n"
        "Error: Invalid value for '--show': 'a.jpg' must end in .png\n",
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


def test_light_paper_is_warned_about(run, light):
    warning = "digits.npz: 20 of 20 sampled originals are mostly light"
    code, text, told = run("check", light, "--samples", 0)
    assert (code, told.count(f"warning: {warning}"), warning in text) == (0, 1, False)
    (found,) = json.loads(run("check", light, "--samples", 0, "--json").out)["warnings"]
    assert found.startswith(warning)
    assert run("check", light, "--samples", 0, "--set", "source.invert=true").err == ""


@pytest.mark.parametrize("command", ["check", "build"])
def test_all_bad_pictures_of_a_source_are_listed(run, recipe, command):
    folder = Path("digits")
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_text(name)
    source = f"source={{path: {folder.absolute()}}}"
    code, out, told = run(command, recipe, "--set", source)
    assert (code, out) == (2, "")
    assert "3 of 3 originals cannot be used:\n" in told
    assert all(f"{folder.absolute()}/{name}.png: not a picture in PNG" in told for name in ("a", "b", "c"))
