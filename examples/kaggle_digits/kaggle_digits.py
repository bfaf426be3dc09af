"""Make a submission for Kaggle's digit recognizer, and estimate its score.

`train.csv` -> augmented shards -> a small network, trained on nine tenths of the originals and measured on the rest
-> `submission.csv` for the digits of `test.csv`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import augforge
from augforge.errors import AugforgeError, DatasetError
from augforge.scores import accuracy_text
from augforge.sources import SourceSpec, open_source
from augforge.torch import ShardDataset, make_loader, split_by_source

RECIPE = """\
version: 1
extends: realistic       # its distortions; write `distort:` here for others
name: kaggle
source: {{path: {path}}}
variants: {variants}
"""
BATCH_SIZE = 128


def write_demo(folder: Path) -> None:
    """Write two small CSV files like Kaggle's: 2,000 bundled digits with labels, 500 without."""
    folder.mkdir(parents=True, exist_ok=True)  # a new folder: files of these names elsewhere may be Kaggle's
    pixels = [f"pixel{number}" for number in range(28 * 28)]
    training = open_source(SourceSpec(dataset="mnist-10k"))
    test = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    rows = np.column_stack([training.labels[:2000], training.images[:2000].reshape(2000, -1)])
    _write_csv(folder / "train.csv", ["label", *pixels], rows)
    _write_csv(folder / "test.csv", pixels, test.images[:500].reshape(500, -1))


def _write_csv(file: Path, names: list[str], rows: np.ndarray) -> None:
    np.savetxt(file, rows, fmt="%d", delimiter=",", header=",".join(names), comments="")


def network() -> nn.Module:
    """Make a convolutional network for images of 28 x 28."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def train(dataset: ShardDataset, steps: int) -> nn.Module:
    """Train a network for a number of gradient steps."""
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    loader = make_loader(dataset, BATCH_SIZE, shuffle=True, seed=0)
    for step in range(steps):
        if step % len(loader) == 0:
            loader.set_epoch(step // len(loader))
            batches = iter(loader)
        images, labels = next(batches)
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.inference_mode()
def predict(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Predict the digits of images (N, 1, 28, 28) in [0, 1]."""
    return torch.cat([model(part).argmax(1) for part in images.split(1000)])


def estimate(model: nn.Module, validation: ShardDataset) -> str:
    """Measure the network on held-out originals, of which it has seen no variant."""
    originals = len(validation.originals)
    images, labels = validation[:originals]  # a side begins with its originals, then come the variants
    right = int((predict(model, images) == labels).sum())
    return f"{right / originals:.4f} (held-out originals: {accuracy_text(right, originals)})"


def run(training_file: Path, test_file: Path, out: Path, variants: int, steps: int) -> None:
    """Build, train, estimate, and write the submission."""
    known, test = (
        open_source(SourceSpec(path=file.resolve(), format="csv")) for file in (training_file, test_file)
    )
    if known.labels is None:
        raise DatasetError(f"{training_file} has no labels to train with")
    if test.labels is not None:
        raise DatasetError(f"{test_file} has labels; give a file without labels")
    if known.images.shape[1:] != test.images.shape[1:] or test.images.shape[1:] != (28, 28):
        raise DatasetError(f"{training_file} and {test_file} must both have 784 pixels per digit")
    out.mkdir(parents=True, exist_ok=True)
    recipe = out / "kaggle.yaml"
    path = json.dumps(str(training_file.resolve()), ensure_ascii=False)  # YAML quotes the same way
    recipe.write_text(RECIPE.format(path=path, variants=variants), "utf-8")
    augforge.build(recipe, out / "shards", overwrite=True)
    dataset = ShardDataset(out / "shards", scale=True)
    training, validation = split_by_source(dataset, 0.9)
    print(f"{len(training.originals):,} originals in {len(training):,} forms to train with")
    model = train(training, steps)
    print(f"expected score: {estimate(model, validation)}")

    digits = predict(model, torch.from_numpy(np.array(test.images))[:, None] / 255)
    lines = [f"{number},{digit}\n" for number, digit in enumerate(digits.tolist(), start=1)]
    (out / "submission.csv").write_text("".join(["ImageId,Label\n", *lines]), "utf-8")
    print(f"{out / 'submission.csv'} has {len(lines):,} answers")


def positive(text: str) -> int:
    """Parse an integer of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected an integer of 1 or more")
    return int(text)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("train", type=Path, nargs="?", help="Kaggle's train.csv")
    parser.add_argument("test", type=Path, nargs="?", help="Kaggle's test.csv")
    parser.add_argument("--demo", action="store_true", help="make two small files of bundled digits instead")
    parser.add_argument("--out", type=Path, default=Path("out", "kaggle_digits"))
    parser.add_argument("--variants", type=positive, default=10, help="variants per original")
    parser.add_argument("--steps", type=positive, default=3000, help="gradient steps")
    options = parser.parse_args()
    training, test = options.train, options.test
    if options.demo == (test is not None) or (options.demo and training is not None):
        parser.error("give train.csv and test.csv, or --demo")
    if options.demo:
        write_demo(options.out / "demo")
        training, test = options.out / "demo" / "train.csv", options.out / "demo" / "test.csv"
        print(f"demo: {training} and {test} hold bundled digits")
    try:
        run(training, test, options.out, options.variants, options.steps)
    except (AugforgeError, OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
