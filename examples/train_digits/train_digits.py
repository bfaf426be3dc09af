"""Compare a small network trained on original digits with one trained on augmented digits.

The augmented digits are any data set that augforge built; its folder's recipe names the originals. Both networks
start from the same weights and make the same number of gradient steps; the last checkpoint counts. The test
digits are for measuring only: nothing is chosen by them.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import augforge
from augforge import kernels
from augforge.errors import AugforgeError, DatasetError, RecipeError, SourceError
from augforge.normalizing import FRAME
from augforge.recipe import Recipe
from augforge.scores import accuracy_text
from augforge.sources import Prepare, SourceSpec, open_source
from augforge.torch import ForgeDataset, SampleDataset, ShardDataset, make_loader

RECIPE = "realistic"
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
FULL = {"variants": 60, "steps": 5_000}
QUICK = {"variants": 10, "steps": 600}
UNDISTORTED = ("variants=0", "keep_originals=true")
PAIRS = (("test", "distorted"), ("raw", "normalized"))  # tests whose columns share a table
FEW = 1_000  # test digits: with fewer, their selection matters more than the randomness of training
DISTORTED = ("variants=5", "keep_originals=false", "seed=1003")

ABOUT_THE_TESTS = """\
test       the {test:,} digits of the source's test split, unchanged.
distorted  the same, five times each, through the same recipe with another seed. Only the second network was trained
           for such distortions."""
ABOUT_DRAWN = """\
raw        {raw:,} digits drawn on canvases, shrunk by area to the input size of the network.
normalized the same, by augforge.normalize."""
ABOUT_MNIST_10K = """
The bundled digits are MNIST's first 10,000 training images, 8,000 originals and 2,000 for the test. They are not
MNIST's test set: do not compare with published figures, and never score a model here that was trained on
MNIST's 60,000, because it has seen these digits."""


def network(image_shape: tuple[int, int], classes: int) -> nn.Module:
    """Make a small convolutional network with new weights."""
    height, width = (math.ceil(side / 4) for side in image_shape)
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * height * width, 64), nn.ReLU(), nn.Linear(64, classes)),
    )


def train(dataset: SampleDataset, seed: int, steps: int) -> nn.Module:
    """Train a network for a number of gradient steps."""
    torch.manual_seed(seed)  # the same seed gives the same first weights
    model = network(dataset.about.image_shape, len(dataset.about.class_names))
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    loader = make_loader(dataset, batch_size=BATCH_SIZE, shuffle=True, seed=seed, drop_last=True)
    step = 0
    while step < steps:
        for images, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step == steps:
                break
        loader.set_epoch(loader.epoch + 1)
    return model


@torch.inference_mode()
def percent_right(model: nn.Module, dataset: SampleDataset) -> float:
    """Compute the accuracy of a network in percent."""
    batches = make_loader(dataset, batch_size=1000)
    right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in batches)
    return 100 * right / len(dataset)


def open_or_build(folder: Path, variants: int) -> tuple[ShardDataset, Recipe]:
    """Open the data set in a folder and its recipe, building `realistic` if there is none."""
    if not (folder / "manifest.json").exists():
        augforge.build(augforge.load_recipe(RECIPE, [f"variants={variants}"]), folder)
    dataset, recipe = ShardDataset(folder, scale=True), augforge.load_recipe(folder / "recipe.yaml")
    if not dataset.about.labelled:
        raise DatasetError(f"{folder} has no labels to train with")
    if recipe.source.split == "test":
        raise DatasetError(f"{folder} was made from the test split: nothing is left to measure with")
    if dataset.about.originals < BATCH_SIZE:
        raise DatasetError(f"{folder} has {dataset.about.originals} originals, a batch needs {BATCH_SIZE}")
    return dataset, recipe


def open_unbuilt(folder: Path, *settings: str) -> SampleDataset:
    """Open the folder's recipe with other settings, without building it."""
    return ForgeDataset(augforge.load_recipe(folder / "recipe.yaml", settings), scale=True)


def open_tests(folder: Path) -> dict[str, SampleDataset]:
    """Open the test split, unchanged and with distortions of another seed."""
    try:
        return {
            "test": open_unbuilt(folder, "source.split=test", *UNDISTORTED),
            "distorted": open_unbuilt(folder, "source.split=test", *DISTORTED),
        }
    except (RecipeError, SourceError) as error:
        raise DatasetError(f"the source of {folder} has no test split to measure with: {error}") from error


def open_drawn(folder: Path, image_shape: tuple[int, int]) -> dict[str, SampleDataset]:
    """Open digits drawn on canvases (split `drawn` of IDX files), shrunk and normalized."""
    if image_shape != (FRAME, FRAME):
        raise DatasetError(
            f"--drawn needs a data set of {FRAME} x {FRAME} pixels, not {image_shape[0]} x {image_shape[1]}"
        )
    spec, recipe = SourceSpec(path=folder.resolve(), split="drawn"), augforge.load_recipe(RECIPE, UNDISTORTED)

    def prepare_with(prepare: Prepare) -> SampleDataset:
        return ForgeDataset(augforge.Forge(recipe, open_source(spec, prepare)), scale=True)

    shrunk = prepare_with(lambda drawing: kernels.area_resample(drawing, *image_shape))
    if not shrunk.about.labelled:
        raise DatasetError(f"{folder} has no labels to measure with")
    return {"raw": shrunk, "normalized": prepare_with(augforge.Normalizer())}


def compare(folder: Path, variants: int, steps: int, seeds: int, drawn: Path | None) -> dict[str, Any]:
    """Train on a data set and on its originals, measure both, and return all figures."""
    start = time.perf_counter()
    augmented, recipe = open_or_build(folder, variants)
    build_seconds = time.perf_counter() - start

    training = {"originals": open_unbuilt(folder, *UNDISTORTED), "augmented": augmented}
    tests = open_tests(folder)
    if drawn is not None:
        tests |= open_drawn(drawn, augmented.about.image_shape)
    runs = []
    for seed in range(seeds):
        for name, dataset in training.items():
            print(f"seed {seed}: training on the {name} ...", file=sys.stderr)
            start = time.perf_counter()
            model = train(dataset, seed, steps)
            seconds = time.perf_counter() - start
            right = {test: percent_right(model, digits) for test, digits in tests.items()}
            runs.append({"trained_on": name, "seed": seed, "seconds": seconds, **right})
    return {
        "steps": steps,
        "samples_seen": steps * BATCH_SIZE,
        "seeds": seeds,
        "dataset": recipe.source.dataset,
        "test_samples": {name: len(dataset) for name, dataset in tests.items()},
        "training_samples": {name: len(dataset) for name, dataset in training.items()},
        "build_seconds": build_seconds,
        "runs": runs,
    }


def show(result: dict[str, Any]) -> None:
    """Print the figures as a table."""
    print(f"{result['steps']:,} gradient steps: each network saw {result['samples_seen']:,} samples.")
    print(f"Percent, mean ± standard deviation over {result['seeds']} seed(s), of the last checkpoints:\n")
    for tests in PAIRS:
        if tests[0] in result["test_samples"]:
            show_table(result, tests)
    print(f"Shards ready in {result['build_seconds']:.1f} s; all in {result['seconds']:.0f} s.\n")
    print(ABOUT_THE_TESTS.format(**result["test_samples"]))
    if "raw" in result["test_samples"]:
        print(ABOUT_DRAWN.format(**result["test_samples"]))
    if result["dataset"] == "mnist-10k":
        print(ABOUT_MNIST_10K)


def show_table(result: dict[str, Any], tests: tuple[str, str]) -> None:
    """Print the scores of both networks in two tests."""
    row = "{:<11}{:>9}{:>17}{:>8}{:>19}{:>8}{:>10}".format
    first, second = (f"{test} right" for test in tests)
    print(row("trained on", "digits", first, "wrong", second, "wrong", "seconds"))
    right = {}
    for name, digits in result["training_samples"].items():
        runs = [run for run in result["runs"] if run["trained_on"] == name]
        right[name] = [[run[test] for run in runs] for test in tests]
        cells = [cell for scores in right[name] for cell in (_mean(scores), f"{100 - mean(scores):.2f}")]
        print(row(name, f"{digits:,}", *cells, f"{mean(run['seconds'] for run in runs):.1f}"))
    pairs = zip(right["originals"], right["augmented"], strict=True)
    gains = [[after - before for before, after in zip(*pair, strict=True)] for pair in pairs]
    cells = [cell for gain in gains for cell in (_mean(gain, "+"), f"{-mean(gain):+.2f}")]
    print(row("difference", "", *cells, "").rstrip() + "\n")
    for test, scores in zip(tests, right["augmented"], strict=True):
        if (digits := result["test_samples"][test]) < FEW and test != "distorted":  # five samples per digit
            counted = accuracy_text(round(mean(scores) * digits / 100), digits)
            print(f"{test} has few digits; trained on augmented digits, {counted} (95 % interval)\n")


def _mean(scores: list[float], sign: str = "") -> str:
    spread = f"{stdev(scores):.2f}" if len(scores) > 1 else "0.00"
    # Equal scores of all seeds do not make a score certain.
    return f"{mean(scores):{sign}.2f}" + ("" if spread == "0.00" else f" ± {spread}")


def positive(text: str) -> int:
    """Parse an integer of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected an integer of 1 or more")
    return int(text)


def main() -> None:
    """Parse the arguments, compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of a data set; built if there is none")
    parser.add_argument("--quick", action="store_true", help="fewer variants and steps: under two minutes")
    parser.add_argument(
        "--variants", type=positive, help="variants per original, if the data set must be built"
    )
    parser.add_argument("--steps", type=positive, help="gradient steps of each run")
    parser.add_argument("--seeds", type=positive, default=3, help="runs per data set")
    parser.add_argument("--threads", type=positive, default=1, help="threads of torch")
    parser.add_argument("--drawn", type=Path, metavar="FOLDER", help="also measure with IDX files drawn-*")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    size = QUICK if options.quick else FULL
    variants = options.variants or size["variants"]
    folder = options.folder or Path("out", f"{RECIPE}-{variants}")
    start = time.perf_counter()
    try:
        result = compare(folder, variants, options.steps or size["steps"], options.seeds, options.drawn)
    except AugforgeError as error:
        parser.error(str(error))
    result["seconds"] = time.perf_counter() - start
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
