"""Guards: samples that would lose their label are drawn again, then tamed.

What is about shape is judged first: the steps that move or reshape strokes are drawn alone, and, where a guard
needs pixels, rendered alone. Then the whole sample is rendered, and what is about gray levels is judged by it.
A guard of levels also judges whether the shape has kept any ink: no gray level brings back what the shape has
lost::

    draw -- shape steps --> judge shape -- all steps --> judge levels --> image
                ^             |   ^                        |
                '-- again ----'   '-- level steps again ---'

A rejected sample draws those steps again, up to 8 times; coins and choices stay as they are. If none will do,
the last draw is pulled half way toward the identity, again and again, at last all the way. Only rejected
samples are rendered again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.distortions import SampledStep, SampleIds
from augforge.forge.drawing import Table, draw_step
from augforge.forge.measuring import measure_geometry, measure_pixels, rejects, rejects_shape
from augforge.forge.rendering import chain_of, render
from augforge.recipe.guard import Guard, GuardKind

MAX_ATTEMPTS = 8
_MAX_HALVINGS = 8

# Of the rows of a block: all, or some by number.
_Rows = slice | NDArray[Any]
_Judge = Callable[[_Rows, Sequence[SampledStep]], NDArray[Any]]


def guard_columns(guard: Guard) -> tuple[str, ...]:
    """Return the columns that a guard records, in order.

    ``guard.attempts`` and ``guard.pull`` tell how often the shape was drawn again (0 to 8), and how far it was then
    pulled toward the identity (0 not at all, 0.5 half way, 1 all the way); ``guard.level_attempts`` and
    ``guard.level_pull`` the same of the other steps. ``guard.NAME`` tells how many draws the guard NAME rejected,
    of the shape and of the levels together: those that need pixels judge only what the others left.
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
        With one kind at least in force.
    table : Table
        What was drawn; values that are drawn again are replaced in it, and the guard's columns added.
    originals : ndarray of uint8, shape (N, H, W)
        What the samples are made from.
    samples : SampleIds
    labels : ndarray of uint8, shape (N,), or None
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
        # The others, kept originals for one, are not judged.
        self._distorted = _any_applied(table.steps, len(samples))
        self._columns = {name: np.zeros(len(samples)) for name in guard_columns(guard)}
        table.columns.update(self._columns)
        # What the steps that reshape make of the samples, and whether that is of their latest values.
        self._shaped = np.empty_like(originals)
        self._is_shaped = np.zeros(len(samples), bool)
        self._images = self._shaped

    def render(self) -> NDArray[Any]:
        """Return the samples that the guards let through, uint8 (N, H, W)."""
        kinds = self._guard.active()
        shape = [step for step in self._steps if step.distortion.shapes]
        levels = [step for step in self._steps if not step.distortion.shapes]
        if any(kind.of_shape for kind in kinds):
            self._settle(shape, self._judge_shape, "guard.attempts", "guard.pull")
        if not any(kind.of_pixels for kind in kinds):
            return render(self._originals, self._steps)
        if not self._is_shaped.all():
            rows = np.flatnonzero(~self._is_shaped) if self._is_shaped.any() else slice(None)
            self._shaped[rows] = render(self._originals[rows], [step[rows] for step in shape])
        self._images = self._whole(slice(None), levels)
        if np.shares_memory(self._images, self._shaped):
            self._images = self._images.copy()
        if any(kind.of_levels for kind in kinds):
            self._settle(levels, self._judge_levels, "guard.level_attempts", "guard.level_pull")
        return self._images

    def _settle(self, steps: list[SampledStep], judge: _Judge, attempts: str, pull: str) -> None:
        """Replace the values of rejected samples until none is left, and record what was done."""
        # Where none of these steps is applied, to draw them again would change nothing.
        rejected = np.flatnonzero(judge(slice(None), steps) & _any_applied(steps, len(self._samples)))
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
            pulled = [_pulled(step, share) for step in last]
            _overwrite(steps, rejected, pulled)
            self._columns[pull][rejected] = 1.0 - share
            still = judge(rejected, pulled)
            last, rejected = [step[still] for step in last], rejected[still]

    def _judge_shape(self, rows: _Rows, steps: Sequence[SampledStep]) -> NDArray[Any]:
        originals, labels = self._originals[rows], self._labels_of(rows)
        kinds = [kind for kind in self._guard.active() if kind.of_shape]
        left = self._distorted[rows].copy()
        chain = None if all(kind.of_pixels for kind in kinds) else chain_of(steps)
        for kind in kinds:
            if not kind.of_pixels:
                measured = measure_geometry(kind, originals, chain)
                left &= ~self._count(kind, rows, rejects(kind, self._guard, measured, labels))
        self._is_shaped[rows] = False
        kinds = [kind for kind in kinds if kind.of_pixels]
        if kinds and left.any():
            # What is rejected already is rendered with the others: to part them would take longer.
            shaped = render(originals, steps, chain)
            self._shaped[rows], self._is_shaped[rows] = shaped, True
            judged = left.copy()
            for kind in kinds:
                found = rejects_shape(kind, self._guard, originals, shaped, labels)
                left &= ~self._count(kind, rows, found & judged)
        rejected: NDArray[Any] = self._distorted[rows] & ~left
        return rejected

    def _judge_levels(self, rows: _Rows, steps: Sequence[SampledStep]) -> NDArray[Any]:
        if not isinstance(rows, slice):
            self._images[rows] = self._whole(rows, steps)
        rejected = np.zeros(len(self._originals[rows]), bool)
        for kind in self._guard.active():
            if kind.of_levels:
                measured = measure_pixels(kind, self._originals[rows], self._shaped[rows], self._images[rows])
                rejected |= self._count(
                    kind, rows, rejects(kind, self._guard, measured, self._labels_of(rows))
                )
        return rejected

    def _labels_of(self, rows: _Rows) -> NDArray[Any] | None:
        return None if self._labels is None else self._labels[rows]

    def _count(self, kind: GuardKind, rows: _Rows, rejected: NDArray[Any]) -> NDArray[Any]:
        """Return and count which of the distorted samples a guard rejects."""
        rejected = rejected & self._distorted[rows]
        self._columns[f"guard.{kind.name}"][rows] += rejected
        return rejected

    def _whole(self, rows: _Rows, levels: Sequence[SampledStep]) -> NDArray[Any]:
        """Return some samples after all steps, those that change gray levels as given."""
        if all(step.distortion.shapes for step in self._steps[: len(self._steps) - len(levels)]):
            return render(self._shaped[rows], levels)
        given = iter(levels)
        steps = [step[rows] if step.distortion.shapes else next(given) for step in self._steps]
        return render(self._originals[rows], steps)


def _any_applied(steps: Sequence[SampledStep], count: int) -> NDArray[Any]:
    """Return to which samples any of the steps is applied, bool (N,)."""
    applied = np.zeros(count, bool)
    for step in steps:
        applied |= step.applied
    return applied


def _overwrite(steps: Sequence[SampledStep], rows: NDArray[Any], drawn: Sequence[SampledStep]) -> None:
    """Put what was drawn again for some rows in its place; the table shares the arrays."""
    for step, new in zip(steps, drawn, strict=True):
        for name, values in new.values.items():
            step.values[name][rows] = values
        step.attempts[rows] = new.attempts
        if step.field is not None:
            step.field[rows] = new.field


def _pulled(step: SampledStep, share: float) -> SampledStep:
    """Return a step with a share of its way from the neutral values left."""
    values = {}
    for name, drawn in step.values.items():
        neutral = step.distortion.neutral(name)
        values[name] = (neutral + (drawn - neutral) * share).astype(np.float32).astype(np.float64)
    return step.distortion.finalize(replace(step, values=values))
