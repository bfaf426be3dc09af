"""A process that notes what Python does while hostile recipes are loaded and made: run by test_recipes_are_data.py.

``python -m tests.hostile.watched FOLDER`` makes ``harmless-*.yaml`` first, by which everything is imported and
compiled that ever is; then, watched, ``hostile-*.yaml`` and ``reference.yaml``. Prints the events as JSON.
"""

import json
import os
import sys
from pathlib import Path

import augforge
from augforge.distortions.imgaug_step import ImgaugStep


def make(path: Path) -> str:
    """Make all that a recipe says: the data set, or, where that takes processes, its samples."""
    try:
        recipe = augforge.load_recipe(path)
        forge = augforge.Forge(recipe)
        if any(isinstance(step.distortion, ImgaugStep) for step in forge.steps):
            forge.make(range(len(forge)))
        else:
            augforge.build(recipe, out=path.with_suffix(""), workers=1)
    except augforge.AugforgeError as error:
        return str(error)
    return "made"


def main() -> None:
    folder = Path(sys.argv[1])
    for path in sorted(folder.glob("harmless-*.yaml")):
        assert make(path) == "made"
    seen: dict[str, list[tuple[str, list[str]]]] = {"": []}
    watched = ""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if watched:
            told = [os.fsdecode(one) if isinstance(one, bytes) else str(one) for one in arguments]
            seen[watched].append((event, told))

    sys.addaudithook(note)
    results = {}
    for path in sorted(folder.glob("[hr]*.yaml")):
        if not path.name.startswith("harmless-"):
            seen[path.stem] = []
            watched = path.stem
            results[path.stem] = make(path)
            watched = ""
    print(json.dumps({"results": results, "seen": seen}))


if __name__ == "__main__":
    main()
