"""Prints what the forge makes, as digests: run by itself, too, in processes that pretend another processor."""

import json

import numpy as np
from blake3 import blake3
from numba.core.registry import cpu_target

import augforge
from augforge.forge import Forge

# Every kind of distortion, distribution and group that is exact, many original digits.
RECIPE = """
version: 1
name: sameness
source: mnist-10k
seed: 20
variants: 1
keep_originals: false
distort:
  - rotate: {degrees: {normal: {mean: 0, sd: 20, low: -90, high: 90}}}
  - scale: {factor: {log_uniform: {low: 0.5, high: 2}}}
  - shear: {x: {triangular: {low: -30, mode: 0, high: 30}}, y: [-20, 20]}
  - shift: {x: [-6, 6], y: {choice: {values: [-3, 0, 3], weights: [1, 2, 1]}}, probability: 0.5}
  - pixel_dropout: {fraction: [0, 0.5]}
  - some_of:
      id: some
      count: [1, 2]
      steps:
        - gray_level: {gamma: {normal: {mean: 1, sd: 1, low: 0.1, high: 10}}, gain: [0.5, 2], bias: [-20, 20]}
        - pixel_noise: {fraction: [0, 0.3], value: {normal: {mean: 200, sd: 40, low: 0, high: 255}}}
        - rotate: {degrees: [-360, 360], id: again}
guard: {min_ink_kept: 0.9}
"""


def digests() -> dict[str, str]:
    """Return BLAKE3 digests of images and parameters of the first 4,000 samples, and of the recipe."""
    forge = Forge(augforge.parse_recipe(RECIPE))
    batch = forge.make(range(4000))
    return {
        "images": blake3(np.ascontiguousarray(batch.images).data).hexdigest()[:16],
        "parameters": blake3(np.ascontiguousarray(batch.parameters).data.cast("B")).hexdigest()[:16],
        "recipe": forge.pixel_digest[:16],
    }


def processor() -> dict[str, object]:
    """Return what Numba compiles for and which of NumPy's dispatched instruction sets are in use."""
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    dispatched = np._core._multiarray_umath.__cpu_dispatch__  # type: ignore[attr-defined]
    _, cpu, instructions = cpu_target.target_context.codegen().magic_tuple()
    return {
        "cpu": cpu,
        "avx512": "+avx512f" in instructions,
        "numpy": [name for name in dispatched if features[name]],
    }


if __name__ == "__main__":
    print(json.dumps({"digests": digests(), "processor": processor()}))
