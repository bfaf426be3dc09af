"""The guard: geometry that would push too much ink out of the frame is drawn again, then tamed.

A rejected sample draws its geometry again, up to 8 times; coins and choices stay as they are. If none will
do, the last draw is pulled half way toward the identity, again and again, at last all the way.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions import Drawn, Geometry, Samples, composed_geometry
from augforge.forge.drawing import Table, draw_step

MAX_ATTEMPTS = 8
_MAX_HALVINGS = 8


def guard_ink(table: Table, samples: Samples, originals: NDArray[Any], min_ink_kept: float) -> None:
    """Replace the geometry of samples that keep too little ink, in the table, and record what was done.

    Adds the columns ``guard.attempts`` (how often geometry was drawn again, 0 to 8) and ``guard.pull`` (how far
    it was then pulled toward the identity: 0 not at all, 0.5 half way, 1 all the way).

    Parameters
    ----------
    table : Table
        What was drawn for N samples.
    samples : Samples
        Which N samples.
    originals : ndarray of uint8, shape (N, H, W)
        What their ink is measured on.
    min_ink_kept : float
        The least share of ink that must stay inside the frame, within [0, 1].
    """
    attempts = np.zeros(len(samples))
    pull = np.zeros(len(samples))
    table.record("guard", "attempts", attempts)
    table.record("guard", "pull", pull)
    geometry = [step for step in table.steps if isinstance(step.distortion, Geometry)]
    if not geometry:
        return

    def rejected_of(rows: NDArray[Any], steps: list[Drawn]) -> NDArray[Any]:
        return rows[kernels.ink_kept(originals[rows], composed_geometry(steps)) < min_ink_kept]

    def overwrite(rows: NDArray[Any], steps: list[Drawn]) -> None:
        for step, new in zip(geometry, steps, strict=True):
            for name, values in new.values.items():
                step.values[name][rows] = values
            step.attempts[rows] = new.attempts

    rejected = rejected_of(np.arange(len(samples)), geometry)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        if not len(rejected):
            return
        redrawn = [
            draw_step(step.step_id, step.distortion, samples[rejected], step.applied[rejected], attempt)
            for step in geometry
        ]
        overwrite(rejected, redrawn)
        attempts[rejected] = attempt
        rejected = rejected_of(rejected, redrawn)
    last = [_rows_of(step, rejected) for step in geometry]
    for halving in range(1, _MAX_HALVINGS + 2):
        if not len(rejected):
            return
        share = 0.5**halving if halving <= _MAX_HALVINGS else 0.0
        pulled = [_pulled(step, share) for step in last]
        overwrite(rejected, pulled)
        pull[rejected] = 1.0 - share
        still = rejected_of(rejected, pulled)
        last = [_rows_of(step, np.isin(rejected, still)) for step in last]
        rejected = still


def _rows_of(step: Drawn, rows: NDArray[Any]) -> Drawn:
    values = {name: drawn[rows] for name, drawn in step.values.items()}
    return Drawn(
        step.step_id, step.distortion, step.samples[rows], values, step.applied[rows], step.attempts[rows]
    )


def _pulled(step: Drawn, share: float) -> Drawn:
    """Return a step with a share of its way from the neutral values left."""
    values = {}
    for name, drawn in step.values.items():
        neutral = step.distortion.neutral(name)
        values[name] = (neutral + (drawn - neutral) * share).astype(np.float32).astype(np.float64)
    return replace(step, values=values)
