"""Write what the ready recipes expect, from real builds: ``python -m tests.expectations [NAME ...]``.

Needed whenever the pixel version, a ready recipe or the bundled digits change. Without names all ready recipes are
built that have an ``expect``, one after the other, each in a temporary folder.
"""

import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from augforge.building.expectation import format_expect
from augforge.building.job import carry_out
from augforge.building.plan import plan_build
from augforge.recipe import load_recipe, ready_recipes

_LINE = re.compile(r"^expect:.*\n", re.MULTILINE)


def written(text: str, line: str) -> str:
    """Return a recipe's text with another line that says what it expects."""
    return _LINE.sub(line + "\n", text)


def main(names: list[str]) -> None:
    """Build, and rewrite the recipes."""
    for name, path in ready_recipes().items():
        text = path.read_text("utf-8")
        if not _LINE.search(text) or (names and name not in names):
            continue
        recipe = replace(load_recipe(path), expect=None, expect_of=None)
        with tempfile.TemporaryDirectory(prefix="augforge-expect-") as folder:
            plan = plan_build(recipe, Path(folder) / "set")
            line = format_expect(carry_out(plan), plan.of)
        again = written(text, line)
        if again != text:
            path.write_text(again, "utf-8")
        print(f"{name}: {'the same' if again == text else line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
