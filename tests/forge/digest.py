"""Print digests of samples; also run in subprocesses that emulate other processors.

It needs only augforge's own dependencies, so environments with other versions of Python and libraries can run it.
"""

import json

import numpy as np
from blake3 import blake3
from numba.core.registry import cpu_target

import augforge
from augforge.forge import Forge
from tests.distortions.examples import EXAMPLES

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

# The other distortions and guards.
MORE = """
version: 1
name: sameness-too
source: mnist-10k
seed: 21
frame: [32, 30]
variants: 1
keep_originals: false
distort:
  - slant: {degrees: [-15, 15], probability: 0.5}
  - aspect: {ratio: [0.8, 1.25], probability: 0.5}
  - crop_and_pad: {left: [-2, 4], top: [-2, 4], right: [-2, 4], bottom: [-2, 4], probability: 0.5}
  - elastic: {displacement: [0, 3], smoothness: [2, 8], probability: 0.7}
  - wave: {amplitude: [0, 1], wavelength: [6, 20], probability: 0.3}
  - perspective: {x: [-0.2, 0.2], y: [-0.2, 0.2], probability: 0.3}
  - rotate: {degrees: [-60, 60], probability: 0.5}
  - stroke_width: {pixels: [-2, 2], probability: 0.7}
  - gap: {count: [0, 2], length: [1, 2], probability: 0.3}
  - smudge: {length: [1, 5], degrees: [0, 360], strength: [0.2, 0.8], probability: 0.3}
  - blur: {sigma: [0, 1.5], probability: 0.3}
  - motion_blur: {length: [1, 5], degrees: [0, 180], probability: 0.3}
  - pixelate: {size: [1, 3], probability: 0.3}
  - background: {level: [0, 40], gradient: [0, 60], degrees: 60, texture: [0, 15], grain: [1, 4], probability: 0.3}
  - stripe: {amplitude: [0, 40], period: [3, 12], degrees: [0, 180], probability: 0.3}
  - occlude: {width: [1, 6], height: [1, 6], level: [0, 255], probability: 0.2}
  - contrast: {factor: [0.6, 1.5], middle: [100, 150], probability: 0.3}
  - gaussian_noise: {sd: [0, 30], probability: 0.3}
  - shot_noise: {strength: [0.02, 0.4], probability: 0.3}
  - salt_and_pepper: {fraction: [0, 0.1], salt: [0, 1], probability: 0.3}
  - invert: {probability: 0.3}
guard:
  min_ink_kept: 0.97
  max_turn: [45, {limit: 30, for_labels: [6, 9]}]
  max_ink_growth: 0.8
  max_stroke_changes: {limit: 1, except_labels: [1]}
  min_contrast: 50
"""

# Bit-identical only with the same versions of other packages.
NOT_EXACT = frozenset({"imgaug"})

# A single distortion or group.
ONE_STEP = """
version: 1
name: sameness-of-one
source: mnist-10k
seed: 22
variants: 1
keep_originals: false
distort: [{step}]
"""
GROUP = {
    "id": "one",
    "weights": [3, 1, 2],
    "steps": [{"rotate": {"degrees": 9}}, {"invert": {}}, {"wave": {"amplitude": 1, "wavelength": 9}}],
}


def digests() -> dict[str, dict[str, str]]:
    """Hash the samples of both recipes."""
    return {"first": _hash_recipe(RECIPE), "more": _hash_recipe(MORE)}


def _hash_recipe(recipe: str) -> dict[str, str]:
    """Hash images and parameters of 4,000 samples, and the recipe."""
    forge = Forge(augforge.parse_recipe(recipe))
    batch = forge.make(range(4000))
    return {
        "images": blake3(np.ascontiguousarray(batch.images).data).hexdigest()[:16],
        "parameters": blake3(np.ascontiguousarray(batch.parameters).data.cast("B")).hexdigest()[:16],
        "recipe": forge.pixel_digest[:16],
    }


def digests_of_steps() -> dict[str, str]:
    """Hash each distortion, with all parameters of the examples, and a group."""
    steps = {
        name: [{name: plain} for plain in ways] for name, ways in EXAMPLES.items() if name not in NOT_EXACT
    }
    return {name: _hash_steps(ways) for name, ways in {**steps, "one_of": [{"one_of": GROUP}]}.items()}


def _hash_steps(steps: list[dict[str, object]]) -> str:
    """Hash images and parameters of 300 samples for each step alone."""
    hasher = blake3()
    for step in steps:
        # JSON is YAML, too.
        batch = Forge(augforge.parse_recipe(ONE_STEP.format(step=json.dumps(step)))).make(range(300))
        hasher.update(batch.images.tobytes())
        hasher.update(batch.parameters.tobytes())
    return hasher.hexdigest()[:16]


def processor() -> dict[str, object]:
    """Describe Numba's target and NumPy's active instruction sets."""
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    dispatched = np._core._multiarray_umath.__cpu_dispatch__  # type: ignore[attr-defined]
    _, cpu, instructions = cpu_target.target_context.codegen().magic_tuple()
    return {
        "cpu": cpu,
        "avx512": "+avx512f" in instructions,
        "numpy": [name for name in dispatched if features[name]],
    }


if __name__ == "__main__":
    print(json.dumps({"digests": digests(), "steps": digests_of_steps(), "processor": processor()}))
