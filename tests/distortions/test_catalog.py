"""Distortions of other packages: found, recorded, and never in the way of others."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import augforge
from augforge.distortions import registry
from augforge.distortions.catalog import broken, built_in, find, names, origin, packages_of, pixel_terms
from augforge.errors import AugforgeError, RecipeError
from augforge.recipe import Recipe, recipe_schema
from augforge.recipe.schema import schema_text
from tests.plug_ins import LIFT, install, on_path

Install = Callable[..., None]
HEAD = "version: 1\nname: lifted\nsource: mnist-10k\n"
RECIPE = HEAD + "distort: [{some_of: {count: 1, steps: [{lift: {level: [5, 50]}}]}}]\n"


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Install]:
    """Give what installs packages for the length of a test."""
    count = 0

    def more(code: str = LIFT, name: str = "lift", value: str = "Lift", package: str = "") -> None:
        # A module of each test's own: Python imports one of a name only once.
        nonlocal count
        count += 1
        package = package or f"{tmp_path.name.replace('_', '-')}-{count}"
        install(tmp_path, package, code, {name: f"{package.replace('-', '_')}:{value}"})

    with on_path(tmp_path):
        yield more


def parsed() -> Recipe:
    return augforge.parse_recipe(RECIPE)


class TestWorking:
    def test_it_is_one_of_the_catalogue(self, installed: Install) -> None:
        installed()
        assert list(registry()) == names() == sorted([*built_in(), "lift"])
        assert broken() == {}
        assert find("lift") is registry()["lift"]
        assert find("lift").__doc__ == "Adds to every gray level."

    def test_its_package_is_known(self, installed: Install) -> None:
        installed(package="Grand_Lifts")
        assert origin(find("lift")) == "grand-lifts"
        assert packages_of(find("lift")) == ("grand-lifts",)
        assert origin(find("rotate")) is None
        assert packages_of(find("rotate")) == ()

    def test_recipes_use_it(self, installed: Install) -> None:
        installed()
        forge = augforge.Forge(parsed())
        batch = forge.make([8000 + 5])
        assert forge.columns == ("some_of.count", "lift.applied", "lift.level")
        assert (batch.images == batch.images.min()).any()
        assert 5 <= batch.images.min() <= 50

    def test_the_schema_knows_it_but_for_the_committed_one(self, installed: Install) -> None:
        before = schema_text()
        installed()
        with on_path(Path(sys.path[0])):
            assert "lift" in recipe_schema()["definitions"]["step"]["properties"]
            assert schema_text(ours_alone=True) == before

    def test_it_is_not_imported_before_it_is_named(self, installed: Install, tmp_path: Path) -> None:
        installed("raise SystemExit('imported')")
        program = (
            "import sys; from augforge.recipe import parse_recipe\n"
            f"parse_recipe({HEAD + 'distort: [{rotate: {degrees: 5}}]'!r})\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": f"{Path(augforge.__file__).parents[1]}:{tmp_path}"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")


class TestPixelDigest:
    def test_it_goes_by_the_pixel_version_and_the_package(
        self, installed: Install, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        installed(package="lifts")
        digests = [parsed().pixel_digest("0" * 64)]
        monkeypatch.setattr(find("lift"), "pixel_version", 2)
        digests.append(parsed().pixel_digest("0" * 64))
        monkeypatch.setattr("augforge.distortions.catalog._normalize_name", lambda name: f"other-{name}")
        digests.append(parsed().pixel_digest("0" * 64))
        assert len(set(digests)) == 3

    def test_the_version_of_the_package_does_not_count(self, installed: Install, tmp_path: Path) -> None:
        installed(package="lifts-a")
        digest = parsed().pixel_digest("0" * 64)
        (tmp_path / "lifts_a-1.0.dist-info" / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: lifts-a\nVersion: 1.1\n"
        )
        with on_path(tmp_path):
            assert parsed().pixel_digest("0" * 64) == digest

    def test_ours_go_by_our_pixel_version_alone(self, installed: Install) -> None:
        recipe = augforge.load_recipe("realistic")
        digest = recipe.pixel_digest("0" * 64)
        installed()
        assert recipe.pixel_digest("0" * 64) == digest
        assert {pixel_terms(kind) is None for kind in built_in().values()} == {True}


BROKEN = {
    "import": (
        "import nowhere_at_all",
        "lift",
        "Lift",
        "MODULE:Lift cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
    ),
    "attribute": (
        LIFT,
        "lift",
        "Lft",
        "MODULE:Lft cannot be imported: AttributeError: module 'MODULE' has no attribute 'Lft'",
    ),
    "no-class": (
        "def Lift(): ...",
        "lift",
        "Lift",
        "MODULE:Lift is not a subclass of augforge.distortions.Distortion",
    ),
    "other-name": (
        LIFT,
        "lifted",
        "Lift",
        "the name of MODULE:Lift is 'lift', but must be the entry point's",
    ),
    "no-name": (
        LIFT.replace("name:", "called:"),
        "lift",
        "Lift",
        "the name of MODULE:Lift is None, but must be the entry point's",
    ),
    "bad-name": (LIFT, "Lift!", "Lift", "a name is of a-z, 0-9, _ and -, and begins with a letter or digit"),
    "group": (LIFT, "one_of", "Lift", "the name is that of a group of steps; its package must rename it"),
    "no-render": (LIFT.replace("def render", "def rendr"), "lift", "Lift", "Lift does not define render"),
    "undeclared": (
        LIFT.replace("    @classmethod", "    more: float = 0\n\n    @classmethod"),
        "lift",
        "Lift",
        "Lift has fields that are not declared by parameter(...): more",
    ),
    "block": (
        LIFT.replace("pixel_version: ClassVar[int] = 1", "block: ClassVar[int] = 24"),
        "lift",
        "Lift",
        "Lift.block must be one of 1, 2, 4, 8, 16, 32, 64, got 24",
    ),
    "taken": (
        LIFT.replace("    level: Dist", "    applied: Dist"),
        "lift",
        "Lift",
        "a parameter cannot be called 'applied', which every step has",
    ),
    "limits": (
        LIFT.replace("low=0", "low=9"),
        "lift",
        "Lift",
        "the neutral value of 'level', 0, lies within its limits",
    ),
    **{
        method: (
            LIFT.replace("(Distortion)", f"({base})")
            .replace("def render(", "def other(")
            .replace("import Distortion,", f"import {base},"),
            "lift",
            "Lift",
            f"Lift does not define {method}",
        )
        for base, method in (("Affine", "maps"), ("Gray", "tables"), ("Single", "render_one"))
    },
    "packages": (
        LIFT.replace("pixel_version: ClassVar[int] = 1", 'packages: ClassVar = ("no-such-package",)'),
        "lift",
        "Lift",
        "Lift.packages names no-such-package, which is not installed",
    ),
}


class TestBroken:
    @pytest.mark.parametrize(("code", "name", "value", "reason"), BROKEN.values(), ids=BROKEN)
    def test_it_is_told_with_its_package(
        self, code: str, name: str, value: str, reason: str, installed: Install, tmp_path: Path
    ) -> None:
        package = f"broken{tmp_path.name.replace('_', '-').lower()}"
        installed(code, name, value, package)
        reason = reason.replace("MODULE", package.replace("-", "_"))
        message = f"the distortion '{name}' of the package {package} 1.0 cannot be used: {reason}"
        assert broken() == {name: message}
        with pytest.raises(AugforgeError) as caught:
            find(name)
        assert str(caught.value) == message
        assert registry() == built_in()

    def test_recipes_without_it_go_on_and_one_with_it_says_where(self, installed: Install) -> None:
        installed("import nowhere_at_all")
        augforge.load_recipe("realistic")
        with pytest.raises(RecipeError, match=r"^<recipe>:4:41: .*nowhere_at_all") as caught:
            parsed()
        assert "the distortion 'lift' of the package" in str(caught.value)

    def test_one_that_is_not_installed_is_asked_for(self) -> None:
        with pytest.raises(RecipeError, match=r"unknown distortion 'xx9x'\. Allowed: .*install that"):
            augforge.parse_recipe(HEAD + "distort: [{xx9x: {}}]")

    def test_a_name_of_ours_is_not_taken_over(self, installed: Install) -> None:
        installed(LIFT.replace('"lift"', '"rotate"'), "rotate", package="turning")
        assert registry() == built_in()
        augforge.parse_recipe(HEAD + "distort: [{shift: {x: 1}}]")
        with pytest.raises(
            RecipeError, match=r"'rotate' of the package turning 1\.0 cannot be used: a built-in"
        ):
            augforge.parse_recipe(HEAD + "distort: [{rotate: {degrees: 5}}]")

    def test_two_packages_are_at_odds(self, installed: Install) -> None:
        installed(package="lifts-b")
        installed(package="lifts-c")
        assert registry() == built_in()
        with pytest.raises(AugforgeError, match=r"of the package lifts-b 1\.0, the package lifts-c 1\.0 "):
            find("lift")

    def test_the_command_line_lists_it(self, installed: Install, capsys: pytest.CaptureFixture[str]) -> None:
        from augforge.cli import main

        installed("import nowhere_at_all", package="lifts-d")
        assert main(["distortions"]) == 0
        out, told = capsys.readouterr()
        assert "lift:" not in out
        assert "\nbroken: the distortion 'lift' of the package lifts-d 1.0 cannot be used: " in told
        assert main(["distortions", "--json"]) == 0
        assert list(json.loads(capsys.readouterr().out)["broken"]) == ["lift"]
        assert main(["distortions", "lift"]) == 2
        assert "nowhere_at_all" in capsys.readouterr().err
        assert main(["distortions", "rotate"]) == 0
        assert "broken" not in capsys.readouterr().err


FORMER = """\
from typing import ClassVar
import numpy as np
from augforge.distortions import Affine, Distribution, Drawn, Samples, parameter

class Nudge(Affine):
    \"\"\"Moves the digit to the right.\"\"\"
    name: ClassVar[str] = "nudge"
    way: Distribution = parameter("Way.", unit="pixels", low=-9, high=9, neutral=0, typical=(1, 2))

    @classmethod
    def maps(cls, step: Drawn):
        maps = np.tile([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], (len(step.samples), 1))
        assert isinstance(step.samples, Samples)
        maps[:, 2] = step.value("way")
        return maps
"""


def test_class_methods_and_former_names_keep_working(installed: Install) -> None:
    installed(FORMER, "nudge", "Nudge")
    with pytest.warns(DeprecationWarning, match=r"augforge\.distortions\.(Drawn|Samples) is now Sample"):
        find("nudge")
    text = HEAD + "keep_originals: false\ndistort: [{%s}]\n"
    nudged, shifted = (
        augforge.Forge(augforge.parse_recipe(text % step)).make(range(50))
        for step in ("nudge: {way: 2}", "shift: {x: 2}")
    )
    assert (nudged.images == shifted.images).all()
