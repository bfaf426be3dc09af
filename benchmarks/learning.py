"""A small network and its training, shared by the training benchmarks."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

BATCH, RATE = 128, 3e-3


def network() -> nn.Module:
    """Make a small convolutional network with new weights."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def train(batches: Iterable[tuple[torch.Tensor, torch.Tensor]], steps: int, seed: int) -> nn.Module:
    """Train a network for a number of batches; the seed decides its first weights."""
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
    """Convert uint8 images (N, 28, 28) to float32 (N, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(np.array(images)).unsqueeze(1).float() / 255


def predict(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Predict the class of each image."""
    with torch.inference_mode():
        return model(inputs(images)).argmax(1).numpy()


def percent_wrong(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """Compute the error rate in percent."""
    return float(100 * (predict(model, images) != labels).mean())
