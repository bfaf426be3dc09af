"""Write the generated docs: `distortions.md` and every picture.

::

    classes --page--> distortions.md
          |--sweep--> Gallery --> pictures/distortion-NAME.png
    recipes --sheet-> Gallery --> pictures/recipe-NAME.png

`make docs` writes them; `make docs-check` writes nothing and reports stale files.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from generating.page import page
from generating.pictures import Picture, pictures, sheet_name

from augforge.recipe import ready_recipes

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "distortions.md"
RECIPES = DOCS / "recipes.md"
PICTURES = DOCS / "pictures"


def write() -> None:
    """Write the page and all pictures, and remove stale pictures."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    made = dict(pictures())
    for name, picture in made.items():
        picture.write(PICTURES / name)
    for path in _pictures_beside(made):
        path.unlink()


def problems() -> Iterator[str]:
    """Yield stale files, and ready recipes without a picture in `recipes.md`."""
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        yield f"{_shown(PAGE)} is out of date"
    made = dict(pictures())
    for name, picture in made.items():
        if not picture.is_at(PICTURES / name):
            yield f"{_shown(PICTURES / name)} is out of date"
    for path in _pictures_beside(made):
        yield f"{_shown(path)} belongs to no distortion or recipe"
    yield from recipes_not_shown()


def recipes_not_shown() -> Iterator[str]:
    """Yield each ready recipe without a picture in `recipes.md`."""
    text = RECIPES.read_text(encoding="utf-8") if RECIPES.exists() else ""
    for name in ready_recipes():
        picture = f"pictures/{sheet_name(name)}"
        if f"]({picture})" not in text:
            yield f"{_shown(RECIPES)} does not show {picture} of the ready recipe {name}"


def _pictures_beside(made: Mapping[str, Picture]) -> Sequence[Path]:
    return sorted(path for path in PICTURES.glob("*.png") if path.name not in made)


def _shown(path: Path) -> str:
    return path.relative_to(DOCS.parent).as_posix()


def main() -> int:
    """Write the docs, or check them and return 1 if any are stale."""
    parser = argparse.ArgumentParser(description="Write the generated docs.")
    parser.add_argument("--check", action="store_true", help="write nothing; report stale files")
    if not parser.parse_args().check:
        write()
        return 0
    found = list(problems())
    for problem in found:
        print(problem)
    if found:
        print("run `make docs` to write them again")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
