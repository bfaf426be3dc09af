"""Compare recipes by how well networks trained on them read drawn digits.

The same small network is trained, from the same first weights and with the same number of gradient steps, on the
unchanged bundled digits and on the samples of each recipe; nothing is built. It is tested with the bundled test
digits and with drawings in three forms: the whole canvas shrunk to 28 x 28, the box of the ink scaled to 20
pixels, and normalized. The last checkpoint counts. Choose recipes by writers 1 to 20 alone: measure the others
once, when the choice is made.
"""

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import measuring
import numpy as np
import torch
from learning import BATCH, percent_wrong, train
from looks import scale_box, shrink

import augforge
from augforge.errors import AugforgeError, SourceError
from augforge.recipe import Recipe
from augforge.sources import SourceSpec, open_source
from augforge.sources.files.idx import read_labels
from augforge.torch import ForgeDataset, make_loader

ORIGINALS = "(the originals)"
RECIPE = "realistic"
AS_THEY_ARE = ("variants=0", "keep_originals=true")


def writers_file(folder: Path) -> Path:
    """Find the file with the writer of each digit, from 1."""
    for name in ("drawn-writers-idx1-ubyte", "drawn-writers-idx1-ubyte.gz"):
        if (folder / name).is_file():
            return folder / name
    raise SourceError(
        f"{folder} has no drawn-writers-idx1-ubyte, gzipped or not, with the writer of each digit"
    )


def tests(folder: Path, writers: tuple[int, int]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Load images and labels of all test sets."""
    bundled = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    drawn = open_source(SourceSpec(path=folder.absolute(), split="drawn"))
    by = read_labels(writers_file(folder))
    chosen = (by >= writers[0]) & (by <= writers[1])
    if not chosen.any():
        raise SourceError(
            f"{folder}: no writers from {writers[0]} to {writers[1]}; there are {by.min()} to {by.max()}"
        )
    canvases, labels = drawn.images[chosen], np.asarray(drawn.labels)[chosen]
    return {
        "bundled test": (bundled.images, np.asarray(bundled.labels)),
        "drawn, shrunk": (np.stack([shrink(canvas) for canvas in canvases]), labels),
        "drawn, box": (np.stack([scale_box(canvas) for canvas in canvases]), labels),
        "drawn, normalized": (augforge.normalize(canvases), labels),
    }


def batches(recipe: Recipe, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield endless batches of an unbuilt recipe, each epoch in another order."""
    loader = make_loader(
        ForgeDataset(recipe, scale=True), batch_size=BATCH, shuffle=True, seed=seed, drop_last=True
    )
    while True:
        yield from loader
        loader.set_epoch(loader.epoch + 1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train and measure each recipe with each seed."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    recipes = {ORIGINALS: augforge.load_recipe(RECIPE, AS_THEY_ARE)}
    for name, changes in product(options.recipe, [(), *options.set]):
        recipes[", ".join((name, *changes))] = augforge.load_recipe(name, changes)
    shown, steps = tests(options.drawn, options.writers), options.samples // BATCH
    runs = []
    for seed in range(options.seeds):
        for name, recipe in recipes.items():
            print(f"seed {seed}: training on {name} ...", file=sys.stderr)
            model = train(batches(recipe, seed), steps, seed)
            wrong = {test: percent_wrong(model, *digits) for test, digits in shown.items()}
            runs.append({"trained_on": name, "seed": seed, "percent_wrong": wrong})
    return {
        "steps": steps,
        "batch_size": BATCH,
        "writers": list(options.writers),
        "digits": {test: len(labels) for test, (_, labels) in shown.items()},
        "runs": runs,
    }


def results_section(result: dict[str, Any]) -> measuring.Section:
    """Format percent wrong as a table of means and standard deviations over seeds."""
    rows = []
    for name in dict.fromkeys(run["trained_on"] for run in result["runs"]):
        scores = [run["percent_wrong"] for run in result["runs"] if run["trained_on"] == name]
        rows.append([name, *(_mean([score[test] for score in scores]) for test in result["digits"])])
    head = ["trained on", *(f"{test} ({count:,})" for test, count in result["digits"].items())]
    seeds = len({run["seed"] for run in result["runs"]})
    text = (
        f"Percent wrong after {result['steps']:,} steps of {result['batch_size']} samples; mean and standard "
        f"deviation of {seeds} seed(s).\n"
        f"Drawn by writers {result['writers'][0]} to {result['writers'][1]}."
    )
    return measuring.Section("Drawn digits", text, head, rows)


def wrong_on_average(result: dict[str, Any]) -> dict[str, float]:
    """Compute the mean percent wrong per recipe and test set."""
    return {
        f"drawn.{name}.{test}": mean(
            run["percent_wrong"][test] for run in result["runs"] if run["trained_on"] == name
        )
        for name in dict.fromkeys(run["trained_on"] for run in result["runs"])
        for test in result["digits"]
    }


def _mean(scores: list[float]) -> str:
    return f"{mean(scores):.2f}" + (f" ± {stdev(scores):.2f}" if len(scores) > 1 else "")


def span(text: str) -> tuple[int, int]:
    """Parse the first and the last writer of a text such as 1-20."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def main() -> None:
    """Parse the arguments, measure, and print a table."""
    parser = measuring.arguments(__doc__)
    parser.add_argument(
        "drawn", type=Path, help="folder with drawn digits as IDX files, split 'drawn', and their writers"
    )
    parser.add_argument(
        "--recipe", nargs="+", default=[RECIPE], metavar="NAME_OR_FILE", help=f"default: {RECIPE}"
    )
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        action="append",
        metavar="KEY=VALUE",
        help="also train on each recipe with these changes; repeat for other changes",
    )
    parser.add_argument("--writers", type=span, default=(1, 20), metavar="FIRST-LAST", help="default: 1-20")
    parser.add_argument("--seeds", type=int, default=3, help="runs per recipe")
    parser.add_argument("--samples", type=int, default=256_000, help="steps of each network")
    options = parser.parse_args()
    if options.samples < BATCH or options.seeds < 1:
        parser.error(f"needed are {BATCH} samples, which is a batch, and 1 seed at least")
    try:
        result = measure(options)
    except AugforgeError as error:
        parser.error(str(error))
    measuring.report(options, sections=[results_section(result)], figures=wrong_on_average(result))


if __name__ == "__main__":
    main()
