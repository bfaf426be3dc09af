"""Drawing: the table of parameters of any set of samples, made without touching a pixel.

The recipe's tree of steps is walked once for a whole block of samples. Coins, choices and parameters are
independent uniforms, each known by (seed, step id, name), so what a step draws does not depend on
the others::

    one_of pen ----- pen.choice = 1        the group's own choice
      |-- rotate --- rotate.applied = 0    neutral values
      '-- shear ---- shear.applied = 1     shear.x = 3.2
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import randomness
from augforge.distortions import Distortion, Drawn, Samples
from augforge.recipe import Node, OneOf, SomeOf, Step
from augforge.recipe.guard import covered
from augforge.recipe.model import Applies


@dataclass
class Table:
    """What was drawn for a block of N samples.

    Attributes
    ----------
    steps : list of Drawn
        The single steps in their listed order, those of groups included.
    columns : dict of str to ndarray, shape (N,)
        Every recorded column by name, in order. The arrays of a step's values are shared with `steps`.
    """

    steps: list[Drawn] = field(default_factory=list)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)

    def record(self, owner: str, name: str, values: NDArray[Any]) -> None:
        """Add the column ``owner.name``."""
        self.columns[f"{owner}.{name}"] = values


def draw(nodes: Sequence[Node], samples: Samples, labels: NDArray[Any] | None, active: NDArray[Any]) -> Table:
    """Draw everything that a recipe leaves to chance.

    Parameters
    ----------
    nodes : sequence of Step, OneOf or SomeOf
        The recipe's steps.
    samples : Samples
        For which N samples.
    labels : ndarray of uint8, shape (N,), or None
        Their labels, for steps that are limited to classes.
    active : ndarray of bool, shape (N,)
        False where nothing is applied: originals that are kept.

    Returns
    -------
    Table
    """
    table = Table()
    for node in nodes:
        _draw_node(table, node, samples, labels, active, grouped=False)
    return table


def column_names(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Return the columns that the steps record, in order."""
    none = np.empty(0, np.uint32)
    samples = Samples(0, none.astype(np.int64), none, none, (1, 1))
    return tuple(draw(tuple(nodes), samples, none.astype(np.uint8), none.astype(bool)).columns)


def draw_step(
    step_id: str, distortion: Distortion, samples: Samples, applied: NDArray[Any], attempt: int = 0
) -> Drawn:
    """Return one step with its values drawn; another attempt gives others."""
    values = {
        name: np.where(
            applied,
            _float32(distribution.quantile(_uniform(samples, step_id, name, attempt))),
            distortion.neutral(name),
        )
        for name, distribution in distortion.drawn().items()
    }
    attempts = np.full(len(samples), attempt, np.uint32)
    return distortion.settled(Drawn(step_id, distortion, samples, values, applied, attempts))


def _draw_node(
    table: Table,
    node: Node,
    samples: Samples,
    labels: NDArray[Any] | None,
    active: NDArray[Any],
    *,
    grouped: bool,
) -> None:
    classes = covered(node.applies.for_labels, node.applies.except_labels, labels)
    applied = active & _coin(node, samples) & classes
    if grouped or node.applies != Applies():
        table.record(node.id, "applied", applied)
    if isinstance(node, Step):
        step = draw_step(node.id, node.distortion, samples, applied)
        table.steps.append(step)
        for name, values in step.values.items():
            table.record(node.id, name, values)
        return
    taken = (
        _choose_one(table, node, samples, applied)
        if isinstance(node, OneOf)
        else _choose_some(table, node, samples, applied)
    )
    for member, chosen in zip(node.steps, taken, strict=True):
        _draw_node(table, member, samples, labels, applied & chosen, grouped=True)


def _choose_one(table: Table, group: OneOf, samples: Samples, applied: NDArray[Any]) -> NDArray[Any]:
    """Record which member each sample gets, -1 for none; return it as bool (members, N)."""
    choice = randomness.weighted_index(group.weights, _uniform(samples, group.id, "@choice"))
    table.record(group.id, "choice", np.where(applied, choice, -1))
    chosen: NDArray[Any] = choice == np.arange(len(group.steps))[:, np.newaxis]
    return chosen


def _choose_some(table: Table, group: SomeOf, samples: Samples, applied: NDArray[Any]) -> NDArray[Any]:
    """Record how many members each sample gets; return which they are as bool (members, N)."""
    low, high = group.count
    count = low + np.floor(_uniform(samples, group.id, "@count") * (high - low + 1))
    table.record(group.id, "count", np.where(applied, count, 0))
    # The members with the lowest of independent tickets: each knows its own, whoever else is in the group.
    tickets = np.stack([_uniform(samples, group.id, f"@ticket.{member.id}") for member in group.steps])
    ranks = np.argsort(np.argsort(tickets, axis=0, kind="stable"), axis=0, kind="stable")
    chosen: NDArray[Any] = ranks < count
    return chosen


def _coin(node: Node, samples: Samples) -> NDArray[Any]:
    if node.applies.probability >= 1.0:
        return np.ones(len(samples), bool)
    return _uniform(samples, node.id, "@applied") < node.applies.probability


def _uniform(samples: Samples, step_id: str, name: str, attempt: int = 0) -> NDArray[Any]:
    key = randomness.stream_key(samples.seed, step_id, name)
    return randomness.uniform(key, samples.source_index, samples.variant, attempt)


def _float32(values: NDArray[Any]) -> NDArray[Any]:
    """Round to float32, the value that is recorded, and hand it on as float64, the value that is used."""
    return values.astype(np.float32).astype(np.float64)
