"""Train a network on a folder of your own digits.

Photographs or drawings, one folder per class -> a recipe that normalizes and distorts them -> shards -> a small
network -> a prediction for a new picture, drawn beside it.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn
from torch.nn import functional

import augforge
from augforge.errors import AugforgeError, DatasetError, SourceError
from augforge.scores import accuracy_text
from augforge.sources import SourceSpec, open_source, read_picture
from augforge.torch import ShardDataset, make_loader, split_by_source

RECIPE = """\
version: 1
name: my_digits
source: {{path: {path}, color: gray}}
normalize: true          # any size, dark on light or light on dark -> 28 x 28 like MNIST's
variants: {variants}
# Those of the ready recipe `realistic`, except two that make digits small and move them far: a normalized digit
# always has MNIST's size and position.
distort:
  - stroke_width: {{pixels: [-0.6, 1.6], probability: 0.8}}
  - rotate: {{degrees: [-12, 12]}}
  - slant: {{degrees: [-12, 12]}}
  - aspect: {{ratio: {{log_uniform: {{low: 0.75, high: 1.33}}}}}}
  - elastic: {{displacement: [0, 0.6], smoothness: [3, 5], probability: 0.5}}
  - scale: {{factor: [0.85, 1.15]}}
  - shift: {{x: [-2, 2], y: [-2, 2]}}
  - pixel_dropout: {{fraction: [0, 0.03]}}
  - pixel_noise: {{fraction: [0, 0.005], value: [128, 255]}}
  - gray_level: {{gain: [0.7, 1.2], bias: [-10, 10], gamma: {{normal: {{mean: 1, sd: 0.1, low: 0.7, high: 1.4}}}}}}
guard: {{min_ink_kept: 0.95, max_ink_growth: 0.8, min_contrast: 60}}
"""


def draw_digits(folder: Path, of_each: int = 30) -> None:
    """Draw bundled digits as PNG files, dark on light, of different sizes."""
    random = np.random.default_rng(1)
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted run may have left it
    training = open_source(SourceSpec(dataset="mnist-10k"))
    test = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
        for number, index in enumerate(np.flatnonzero(training.labels == label)[:of_each]):
            _drawing(training.images[index], random).save(folder / str(label) / f"{number}.png")
    _drawing(test.images[0], random).save(folder.parent / "new.png")


def _drawing(digit: np.ndarray, random: np.random.Generator) -> Image.Image:
    height, width = (int(side) for side in random.integers(120, 300, size=2))
    side = int(random.integers(80, min(height, width)))
    canvas = Image.new("L", (width, height), 250)
    place = int(random.integers(width - side + 1)), int(random.integers(height - side + 1))
    ink = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    canvas.paste(30, place, mask=ink)
    return canvas


def network(classes: int) -> nn.Module:
    """Make a small convolutional network for images of 28 x 28."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, classes)),
    )


def train(dataset: ShardDataset, epochs: int) -> nn.Module:
    """Train a network on the augmented digits."""
    torch.manual_seed(0)
    model = network(len(dataset.about.class_names))
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    loader = make_loader(dataset, batch_size=64, shuffle=True, seed=0)
    for epoch in range(epochs):
        loader.set_epoch(epoch)
        for images, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    return model.eval()


@torch.inference_mode()
def estimate(model: nn.Module, validation: ShardDataset) -> str:
    """Measure the network on held-out originals, of which it has seen no variant."""
    originals = len(validation.originals)
    images, labels = validation[:originals]  # a side begins with its originals, then come the variants
    right = int((model(images).argmax(1) == labels).sum())
    return f"held-out originals: {accuracy_text(right, originals)}"


def show(picture: np.ndarray, normalized: np.ndarray, text: str, file: Path) -> None:
    """Draw the picture, the input of the network, and its prediction."""
    sheet = Image.new("RGB", (720, 280), "white")
    drawing = Image.fromarray(picture)
    drawing.thumbnail((240, 240))
    sheet.paste(drawing, (20 + (240 - drawing.width) // 2, 20 + (240 - drawing.height) // 2))
    sheet.paste(Image.fromarray(normalized).resize((240, 240), Image.Resampling.NEAREST), (280, 20))
    ImageDraw.Draw(sheet).text((630, 140), text, "black", ImageFont.load_default(40), "mm", align="center")
    sheet.save(file)


def run(folder: Path, picture: Path, out: Path, variants: int, epochs: int) -> None:
    """Build, train, estimate, predict."""
    if out.resolve().is_relative_to(folder.resolve()):
        raise DatasetError(f"--out {out} is inside the folder of pictures, {folder}; choose another")
    drawing = read_picture(picture)
    try:
        normalized = augforge.normalize(drawing)
    except AugforgeError as error:
        raise SourceError(f"{picture}: {error}") from error
    out.mkdir(parents=True, exist_ok=True)
    recipe = out / "my_digits.yaml"
    path = json.dumps(str(folder.resolve()), ensure_ascii=False)  # YAML quotes the same way
    recipe.write_text(RECIPE.format(path=path, variants=variants), "utf-8")
    augforge.build(recipe, out / "shards", overwrite=True)
    dataset = ShardDataset(out / "shards", scale=True)
    if not dataset.about.labelled:
        raise DatasetError(f"{folder} must contain one folder of pictures per class")
    training, validation = split_by_source(dataset, 0.8)
    print(f"{len(training.originals)} originals in {len(training):,} forms to train with, see {recipe}")
    model = train(training, epochs)
    print(estimate(model, validation))

    with torch.inference_mode():
        chances = model(torch.from_numpy(normalized)[None, None] / 255).softmax(1)[0]
    best = int(chances.argmax())
    name, percent = dataset.about.class_names[best], f"{100 * chances[best]:.0f} %"
    show(drawing, normalized, f"{name}\n{percent}", out / "prediction.png")
    print(f"prediction for {picture}: {name} ({percent}), see {out / 'prediction.png'}")


def positive(text: str) -> int:
    """Parse an integer of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected an integer of 1 or more")
    return int(text)


def main() -> None:
    """Read the arguments and run; draw some digits where no folder is given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="of one folder of pictures for each class")
    parser.add_argument("picture", type=Path, nargs="?", help="to be read by the network")
    parser.add_argument("--out", type=Path, default=Path("out", "your_own_digits"))
    parser.add_argument("--variants", type=positive, default=30, help="of each original")
    parser.add_argument("--epochs", type=positive, default=5)
    options = parser.parse_args()
    folder, picture = options.folder, options.picture
    if folder is not None and picture is None:
        parser.error("give a folder and a picture, or neither")
    if folder is None:
        folder, picture = options.out / "drawings", options.out / "new.png"
        draw_digits(folder)
        print(f"No folder given: drew bundled digits in {folder}")
    try:
        run(folder, picture, options.out, options.variants, options.epochs)
    except (AugforgeError, OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
