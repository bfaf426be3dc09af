"""The peers of benchmarks/distort.py, one module each, in their best form.

A module has a ``NAME``, the ``PACKAGE`` whose version is reported, its best ``BATCH_SIZE``, the steps for which
it has only ``STAND_INS``, and ``maker(steps)``, which returns a function that distorts a batch, or None if it
lacks a step. Ranges come from the recipe, so that they cannot differ.
"""

from importlib import import_module
from types import ModuleType

PEERS = {
    "imgaug": "imgaug_peer",
    "Albumentations": "albumentations_peer",
    "torchvision": "torchvision_peer",
    "Kornia": "kornia_peer",
    "torch batch": "torch_peer",
    "OpenCV loop": "opencv_peer",
}
"""Modules by name, slowest kind first."""


def load_peer(name: str) -> ModuleType:
    """Import a peer and its dependencies."""
    return import_module(f"peers.{PEERS[name]}")
