"""Prints the content hashes of two small data sets, and what they follow from: run by itself, too, as `digest` is.

In them are all distortions that are exact, and all guards.
"""

import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

import augforge
from augforge.recipe import Recipe
from tests.forge import digest

TEXTS = {"first": digest.RECIPE, "more": digest.MORE}
# 4,000 samples, three leaves of the content hash and a part of one.
SMALL = ("source={dataset: mnist-10k, split: test}", "variants=2", "output.shard_size=1024")

# A change is a new pixel version, or a new file format.
PINNED = {
    "first": "415d1879b0b6b8227e921b0a748d87e90330f84f46492723ec8496963dbb13d2",
    "more": "f204b14314e2d3b3fe6bd576a562def5f3818add95cbae450a3ed8bf5e971f43",
}


def recipes(*settings: str) -> dict[str, Recipe]:
    """Return both recipes with more settings, such as ``output.shard_size=2048``."""
    return {name: augforge.parse_recipe(text, overrides=(*SMALL, *settings)) for name, text in TEXTS.items()}


def content_hashes(folder: Path, *settings: str, **options: Any) -> dict[str, str]:
    """Build both, each in a folder of its name; return their content hashes."""
    return {
        name: augforge.build(recipe, folder / name, **options).content_hash
        for name, recipe in recipes(*settings).items()
    }


def made_here(folder: Path) -> dict[str, Any]:
    """Return everything that must be the same everywhere, and what made it."""
    return {
        "content": content_hashes(folder),
        "digests": digest.digests(),
        "steps": digest.digests_of_steps(),
        "processor": digest.processor(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


if __name__ == "__main__":
    print(json.dumps(made_here(Path(sys.argv[1]))))
