"""Guard labels by rejection sampling.

Guards of shape come first: they judge the steps that move or reshape strokes, which are rendered only if a guard
needs pixels. Then the whole sample is rendered, and guards of gray levels judge it. These also judge the shape,
because no gray level restores ink that the shape has lost::

    draw -- shape steps --> judge shape -- all steps --> judge levels --> image
                ^             |   ^                        |
                '-- redraw ---'   '-- redraw level steps --'

A rejected sample redraws those steps up to 8 times, while coins and choices stay. If every draw fails, the last
one is pulled half way toward the identity, repeatedly, and finally all the way. Only rejected samples are
rendered again.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.distortions import SampledStep, SampleIds
from augforge.forge.drawing import Table, draw_step
from augforge.forge.measuring import measure_geometry, measure_pixels, reject, reject_shapes
from augforge.forge.rendering import compose_geometry, render
from augforge.recipe.guard import Guard, GuardKind

MAX_ATTEMPTS = 8
_MAX_HALVINGS = 8

# Rows of a block: a slice or indexes.
_Rows = slice | NDArray[Any]
_Judge = Callable[[_Rows, Sequence[SampledStep]], NDArray[Any]]


def guard_columns(guard: Guard) -> tuple[str, ...]:
    """List the columns that a guard records, in order.

    ``guard.attempts`` counts the redraws of the shape (0 to 8), and ``guard.pull`` is how far it was then pulled
    toward the identity (0 not at all, 0.5 half way, 1 all the way). ``guard.level_attempts`` and
    ``guard.level_pull`` are the same for the other steps. ``guard.NAME`` counts the draws, of shape and of levels,
    that the guard NAME rejected; guards that need pixels judge only draws that passed the others.
    """
    kinds = guard.active()
    columns: list[str] = []
    if any(kind.of_shape for kind in kinds):
        columns += ["attempts", "pull"]
    if any(kind.of_levels for kind in kinds):
        columns += ["level_attempts", "level_pull"]
    return tuple(f"guard.{name}" for name in (*columns, *(kind.name for kind in kinds)))


class GuardedBlock:
    """A block of N samples under guard.

    Parameters
    ----------
    guard : Guard
        At least one kind must be active.
    table : Table
        The drawn parameters. Redrawn values replace them in place; the guard's columns are added.
    originals : ndarray of uint8, shape (N, H, W)
        The original of each sample.
    samples : SampleIds
        The numbers of the samples.
    labels : ndarray of uint8, shape (N,), or None
        The class numbers; None for an unlabeled source.
    """

    def __init__(
        self,
        guard: Guard,
        table: Table,
        originals: NDArray[Any],
        samples: SampleIds,
        labels: NDArray[Any] | None,
    ) -> None:
        self._guard = guard
        self._originals = originals
        self._samples = samples
        self._labels = labels
        self._steps = table.steps
        # Undistorted samples, such as kept originals, are not judged.
        self._distorted = self._find_affected(table.steps)
        self._columns = {name: np.zeros(len(samples)) for name in guard_columns(guard)}
        table.columns.update(self._columns)
        # Images after the steps that change shape, and whether they are up to date.
        self._shaped = np.empty_like(originals)
        self._is_shaped = np.zeros(len(samples), bool)
        self._images = self._shaped

    def render(self) -> NDArray[Any]:
        """Render samples that pass all guards, uint8 (N, H, W)."""
        kinds = self._guard.active()
        shape = [step for step in self._steps if step.distortion.shapes]
        levels = [step for step in self._steps if not step.distortion.shapes]
        if any(kind.of_shape for kind in kinds):
            self._redraw(shape, self._judge_shape, "guard.attempts", "guard.pull")
        if not any(kind.of_pixels for kind in kinds):
            return render(self._originals, self._steps)
        if not self._is_shaped.all():
            rows = np.flatnonzero(~self._is_shaped) if self._is_shaped.any() else slice(None)
            self._shaped[rows] = render(self._originals[rows], [step[rows] for step in shape])
        self._images = self._render_all(slice(None), levels)
        if np.shares_memory(self._images, self._shaped):
            self._images = self._images.copy()
        if any(kind.of_levels for kind in kinds):
            self._redraw(levels, self._judge_levels, "guard.level_attempts", "guard.level_pull")
        return self._images

    def _redraw(self, steps: list[SampledStep], judge: _Judge, attempts: str, pull: str) -> None:
        """Redraw rejected samples until all pass; record attempts and pull."""
        # Samples without any of these steps would not change.
        rejected = np.flatnonzero(judge(slice(None), steps) & self._find_affected(steps))
        for attempt in range(1, MAX_ATTEMPTS + 1):
            if not len(rejected):
                return
            drawn = [
                draw_step(
                    step.step_id, step.distortion, step.samples[rejected], step.applied[rejected], attempt
                )
                for step in steps
            ]
            _overwrite(steps, rejected, drawn)
            self._columns[attempts][rejected] = attempt
            rejected = rejected[judge(rejected, drawn)]
        last = [step[rejected] for step in steps]
        for halving in range(1, _MAX_HALVINGS + 2):
            if not len(rejected):
                return
            share = 0.5**halving if halving <= _MAX_HALVINGS else 0.0
            pulled = [_scale(step, share) for step in last]
            _overwrite(steps, rejected, pulled)
            self._columns[pull][rejected] = 1.0 - share
            still = judge(rejected, pulled)
            last, rejected = [step[still] for step in last], rejected[still]

    def _judge_shape(self, rows: _Rows, steps: Sequence[SampledStep]) -> NDArray[Any]:
        originals, labels = self._originals[rows], self._get_labels(rows)
        kinds = [kind for kind in self._guard.active() if kind.of_shape]
        left = self._distorted[rows].copy()
        chain = None if all(kind.of_pixels for kind in kinds) else compose_geometry(steps)
        for kind in kinds:
            if not kind.of_pixels:
                measured = measure_geometry(kind, originals, chain)
                left &= ~self._count(kind, rows, reject(kind, self._guard, measured, labels))
        self._is_shaped[rows] = False
        kinds = [kind for kind in kinds if kind.of_pixels]
        if kinds and left.any():
            # Rejected samples are rendered, too: leaving them out would take longer.
            shaped = render(originals, steps, chain)
            self._shaped[rows], self._is_shaped[rows] = shaped, True
            judged = left.copy()
            for kind in kinds:
                found = reject_shapes(kind, self._guard, originals, shaped, labels)
                left &= ~self._count(kind, rows, found & judged)
        rejected: NDArray[Any] = self._distorted[rows] & ~left
        return rejected

    def _judge_levels(self, rows: _Rows, steps: Sequence[SampledStep]) -> NDArray[Any]:
        if not isinstance(rows, slice):
            self._images[rows] = self._render_all(rows, steps)
        rejected = np.zeros(len(self._originals[rows]), bool)
        for kind in self._guard.active():
            if kind.of_levels:
                measured = measure_pixels(kind, self._originals[rows], self._shaped[rows], self._images[rows])
                found = reject(kind, self._guard, measured, self._get_labels(rows))
                rejected |= self._count(kind, rows, found)
        return rejected

    def _get_labels(self, rows: _Rows) -> NDArray[Any] | None:
        return None if self._labels is None else self._labels[rows]

    def _count(self, kind: GuardKind, rows: _Rows, rejected: NDArray[Any]) -> NDArray[Any]:
        """Count and return the distorted samples that a guard rejects."""
        rejected = rejected & self._distorted[rows]
        self._columns[f"guard.{kind.name}"][rows] += rejected
        return rejected

    def _render_all(self, rows: _Rows, levels: Sequence[SampledStep]) -> NDArray[Any]:
        """Render samples with all steps, given those of gray levels."""
        if all(step.distortion.shapes for step in self._steps[: len(self._steps) - len(levels)]):
            return render(self._shaped[rows], levels)
        given = iter(levels)
        steps = [step[rows] if step.distortion.shapes else next(given) for step in self._steps]
        return render(self._originals[rows], steps)

    def _find_affected(self, steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Find the samples that any of the steps changes, bool (N,)."""
        none = np.zeros(len(self._samples), bool)
        return functools.reduce(np.logical_or, (step.applied for step in steps), none)


def _overwrite(steps: Sequence[SampledStep], rows: NDArray[Any], drawn: Sequence[SampledStep]) -> None:
    """Overwrite rows in place, as the table shares the arrays."""
    for step, new in zip(steps, drawn, strict=True):
        for name, values in new.values.items():
            step.values[name][rows] = values
        step.attempts[rows] = new.attempts
        if step.field is not None:
            step.field[rows] = new.field


def _scale(step: SampledStep, share: float) -> SampledStep:
    """Scale the distance of a step's values from neutral."""
    values = {}
    for name, drawn in step.values.items():
        neutral = step.distortion.neutral(name)
        values[name] = (neutral + (drawn - neutral) * share).astype(np.float32).astype(np.float64)
    return step.distortion.finalize(replace(step, values=values))
