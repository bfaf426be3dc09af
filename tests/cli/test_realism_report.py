import json

import pytest

from tests.cli.conftest import RECIPE

HARSH = RECIPE.replace("distort:", "distort:\n  - shift: {x: [-5, 5]}").replace("[-12, 12]", "[-50, 50]")
HARSH = HARSH.replace("min_ink_kept: 0.95", "min_ink_kept: 0.5, max_turn: 40")
NAMES = [
    "ink",
    "height",
    "width",
    "aspect",
    "centre_x",
    "centre_y",
    "slant",
    "stroke",
    "ink_level",
    "paper_level",
    "contrast",
    "noise",
]


def test_how_realistic_it_is(run, recipe):
    recipe.write_text(HARSH)
    code, text, told = run("check", recipe)
    assert (code, told) == (0, "--show FILE.png draws the most extreme samples\n")
    head, title, guards, properties, far, extremes = text.split("\n\n")
    assert head.startswith("ok            small\n")
    assert title == "2,000 samples compared with 2,000 originals:"
    first, ink, turn, redrawn = guards.splitlines()
    assert first.split() == ["guard", "limit", "samples", "rejected"]
    assert ink.split()[:2] == ["min_ink_kept", "0.5"]
    assert turn.split()[:2] == ["max_turn", "40"]
    assert 17 < float(turn.split()[2]) < 23
    assert (
        redrawn
        == f"{turn.split()[2]} % drawn again (shift, rotate), 0.0 % finally pulled toward the original"
    )
    heads, *rows, legend = properties.splitlines()
    assert heads.split("  ")[0] == "property"
    assert [row.split(",")[0].replace(" ", "_") for row in rows if "," in row][:3] == [
        "ink",
        "height",
        "width",
    ]
    assert len(rows) == len(NAMES)
    assert legend.startswith("outside: ")
    assert [row.split("%")[-1].strip() for row in rows if row.startswith("centre x")] == ["shift.x [-5, 5]"]
    assert far.startswith("Far outside of the originals' range, for more than 10 % of the samples: ")
    assert "That is fine if the digits to be recognized vary as much" in far
    assert extremes.startswith("Most extreme: sample ")
    assert len(extremes.split(", ")) == 3


def test_a_mild_recipe_is_within_what_the_source_shows(run, recipe):
    text = run("check", recipe, "--set", "distort.pixel_noise.fraction=0.001").out
    assert "\n\nNothing is far outside of the originals' range.\n\n" in text


def test_guards_of_classes_are_told_as_the_recipe_gives_them(run, recipe):
    text = run("check", recipe, "--set", "guard.max_turn={limit: 5, for_labels: [6, 9]}", "--samples", 50).out
    assert "\nmax_turn      {limit: 5, for_labels: [6, 9]} " in text


def test_json_tells_all(run, recipe):
    recipe.write_text(HARSH)
    code, text, told = run("check", recipe, "--json", "--samples", 500)
    found = json.loads(text)
    assert (code, told) == (0, "")
    assert found["examined"] == {"samples": 500, "originals": 2000, "blank": 0.0}
    assert [(guard["name"], guard["limits"]) for guard in found["guards"]] == [
        ("min_ink_kept", [0.5]),
        ("max_turn", [40]),
    ]
    assert found["guards"][1]["rejected"] == pytest.approx(0.2, abs=0.05)
    assert found["redrawings"] == [
        {"steps": ["shift", "rotate"], "redrawn": found["guards"][1]["rejected"], "pulled": 0.0}
    ]
    assert [one["name"] for one in found["properties"]] == NAMES
    assert set(found["properties"][0]) == {
        "name", "doc", "unit", "source", "samples", "interval", "tolerance", "outside", "far",
    }  # fmt: skip
    (place,) = (one for one in found["far_outside"] if one["property"] == "centre_x")
    assert place == {
        "property": "centre_x",
        "share": found["properties"][4]["far"],
        "cause": "shift.x",
        "given": "[-5, 5]",
    }
    assert all(2000 <= one["number"] < 4000 for one in found["extremes"])
    assert set(found["extremes"][0]) == {
        "number", "source_index", "property", "value", "original", "distance",
    }  # fmt: skip
    assert run("check", recipe, "--json", "--samples", 500).out == text


def test_guards_that_undo_a_recipe_are_told(run, recipe):
    much = ("--set", "distort=[{scale: {factor: 3}}]", "--set", "guard.max_ink_growth=0.1")
    assert "Guards and ranges conflict" in run("check", recipe, *much).out
    assert "Guards and ranges" not in run("check", recipe).out
