import json

import pytest

from augforge.distortions import registry

ROTATE = """\
rotate: Rotate the digit about the center of the frame.
parameter  meaning                                   unit     limits       neutral  typical    required
degrees    Angle; positive turns counter-clockwise.  degrees  -360 to 360  0        -15 to 15  yes
"""


def test_one_distortion(run):
    code, text, hint = run("distortions", "rotate")
    assert (code, text) == (0, ROTATE)
    assert "probability" in hint


def test_the_catalogue_has_all_of_every_distortion(run):
    code, text, _ = run("distortions")
    assert code == 0
    blocks = {block.partition(":")[0].partition(" ")[0]: block for block in text.split("\n\n")}
    assert sorted(blocks) == list(registry())
    for name, kind in registry().items():
        for parameter in kind.parameters():
            (line,) = [line for line in blocks[name].splitlines() if line.startswith(f"{parameter.name} ")]
            for said in (parameter.doc, parameter.unit, f"{parameter.low:g} to {parameter.high:g}"):
                assert said in line


def test_a_distortion_without_parameters_of_its_own_says_what_it_takes(run):
    assert "takes augmenter, and further parameters that depend on it" in run("distortions", "imgaug").out


def test_a_distortion_without_parameters_says_so(run):
    assert run("distortions", "invert").out.endswith("\ntakes no parameters\n")


@pytest.mark.parametrize("name", [*registry(), None])
def test_json_is_the_declaration(name, run):
    code, text, hint = run("distortions", *([name] if name else []), "--json")
    assert (code, hint) == (0, "")
    found = {one["name"]: one for one in json.loads(text)["distortions"]}
    assert list(found) == ([name] if name else list(registry()))
    for one in found:
        parameters = registry()[one].parameters()
        assert [p["name"] for p in found[one]["parameters"]] == [p.name for p in parameters]
        assert [p["required"] for p in found[one]["parameters"]] == [p.required for p in parameters]


def test_an_unknown_name_is_told(run):
    code, out, message = run("distortions", "rotat")
    assert (code, out) == (2, "")
    assert message == (
        "error: unknown distortion 'rotat'. Did you mean 'rotate'? Distortions: "
        + ", ".join(sorted(registry()))
        + "\n"
    )
