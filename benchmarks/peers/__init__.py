"""The peers of benchmarks/distort.py: each module makes one of them do the steps of a recipe in its best form.

A module has a ``NAME``, the ``PACKAGE`` whose version is told, the ``BATCH_SIZE`` that suits it best, the steps for
which it has ``STAND_INS`` only, and ``maker(steps)``, which returns what distorts a batch, or None where it cannot
do all of these steps. Ranges come from the recipe, so that they cannot differ.
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
"""The modules by their names, slowest kind first."""


def load_peer(name: str) -> ModuleType:
    """Import a peer, and what it needs."""
    return import_module(f"peers.{PEERS[name]}")
