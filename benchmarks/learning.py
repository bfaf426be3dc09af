"""What the benchmarks that train share: one small network, its training, and how it is shown images."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH, RATE = 128, 3e-3


def network() -> nn.Module:
    """Return a small convolutional network with fresh weights."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def trained(batches: Iterable[tuple[torch.Tensor, torch.Tensor]], steps: int, seed: int) -> nn.Module:
    """Return a network after so many gradient steps, one for each batch; the seed decides its first weights."""
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _, (images, labels) in zip(range(steps), batches, strict=False):
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        schedule.step()
    return model


def inputs(images: np.ndarray) -> torch.Tensor:
    """Return uint8 images (N, 28, 28) as float32 (N, 1, 28, 28) from 0 to 1."""
    return torch.from_numpy(np.array(images)).unsqueeze(1).float() / 255


def found_by(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return the class that the network finds for each image."""
    with torch.inference_mode():
        return model(inputs(images)).argmax(1).numpy()


def percent_wrong(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """Return for how many images the network does not find the label, in percent."""
    return float(100 * (found_by(model, images) != labels).mean())
