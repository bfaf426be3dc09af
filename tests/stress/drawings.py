"""Disturbed drawings: what can be removed exactly gives the identical digit; digits cut to their box are read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from augforge import kernels
from augforge.errors import AugforgeError
from augforge.normalizing import normalize
from augforge.sources import SourceSpec, open_source
from tests.kernels import cleanings
from tests.stress.outcome import Outcome

EXACT = 4_000
CUT = 2_000


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Disturb drawings on even paper, and cut digits to their box."""
    del scratch
    return [_exact(max(round(EXACT * cases), 1)), _cut(max(round(CUT * cases), 1))]


def _exact(count: int) -> Outcome:
    tried, failures = [], []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None, phases=[Phase.generate],
              suppress_health_check=[*HealthCheck])  # fmt: skip
    @given(cleanings.pairs(), st.sampled_from([0, 255]))
    def disturb(pair: tuple[np.ndarray, np.ndarray], inverted: int) -> None:
        clean, disturbed = (one ^ np.uint8(inverted) for one in pair)
        tried.append(clean.shape)
        failures.extend(_different(f"case {len(tried)}", lambda: (normalize(disturbed), normalize(clean))))

    disturb()
    fault = "drawings with frames, specks and deviating pixels"
    return Outcome(fault, "the digit of the undisturbed drawing, to the bit", len(tried), tuple(failures))


def _cut(count: int) -> Outcome:
    images = open_source(SourceSpec(dataset="mnist-10k")).images[:count]
    failures: list[str] = []
    for number, image in enumerate(images):
        top, bottom, left, right = kernels.bounding_box(image)
        cut = kernels.area_resample(np.ascontiguousarray(image[top:bottom, left:right]), 16, 16)
        try:
            normalize(cut, polarity="light-on-dark")
        except AugforgeError as error:
            failures.append(f"digit {number}: {error}")
    return Outcome("digits cut to their box, polarity given", "none is refused", len(images), tuple(failures))


def _different(name: str, both: Callable[[], tuple[np.ndarray, np.ndarray]]) -> list[str]:
    try:
        one, other = both()
    except AugforgeError as error:
        return [f"{name}: {error}"]
    return [] if np.array_equal(one, other) else [f"{name}: another digit"]
