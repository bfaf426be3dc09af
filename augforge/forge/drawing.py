"""Draw the parameters of samples, without touching pixels.

The recipe's tree of steps is walked once for a whole block. Coins, choices and parameters are independent uniform
numbers, each identified by (seed, step id, name), so the draws of a step do not depend on other steps::

    one_of pen ----- pen.choice = 1        the group's own choice
      |-- rotate --- rotate.applied = 0    neutral values
      '-- shear ---- shear.applied = 1     shear.x = 3.2
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import randomness
from augforge.distortions import Distortion, SampledStep, SampleIds
from augforge.distortions.applying import Applies
from augforge.recipe import Node, OneOf, SomeOf, Step
from augforge.recipe.guard import select_labels

Streams = tuple[tuple[str, str], ...]


@dataclass
class Table:
    """The drawn parameters of a block of N samples.

    Attributes
    ----------
    steps : list of SampledStep
        All single steps in order, including those in groups.
    columns : dict of str to ndarray, shape (N,)
        Name to values of each recorded column, in order. Shares the arrays of `steps`.
    """

    steps: list[SampledStep] = field(default_factory=list)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)

    def record(self, owner: str, name: str, values: NDArray[Any]) -> None:
        """Add the column ``owner.name``."""
        self.columns[f"{owner}.{name}"] = values


# Names that no parameter can have.
_APPLIED, _CHOICE, _COUNT = "@applied", "@choice", "@count"
# (step id, name) to uniform numbers in (0, 1), float64 (N,).
_Uniforms = dict[tuple[str, str], NDArray[Any]]


def draw(
    nodes: Sequence[Node],
    streams: Streams,
    samples: SampleIds,
    labels: NDArray[Any] | None,
    active: NDArray[Any],
) -> Table:
    """Draw all random parameters of a recipe.

    Parameters
    ----------
    nodes : sequence of Step, OneOf or SomeOf
        The recipe's steps.
    streams : tuple of (str, str)
        As from `list_streams`.
    samples : SampleIds
        The N samples.
    labels : ndarray of uint8, shape (N,), or None
        Class numbers, for steps limited to classes.
    active : ndarray of bool, shape (N,)
        False for kept originals, to which no step is applied.

    Returns
    -------
    Table
    """
    table, uniforms = Table(), _uniforms(samples, streams)
    for node in nodes:
        _draw_node(table, node, samples, uniforms, labels, active, grouped=False)
    return table


def column_names(nodes: Iterable[Node]) -> tuple[str, ...]:
    """List the columns that the steps record, in order."""
    none = np.empty(0, np.uint32)
    samples = SampleIds(0, none.astype(np.int64), none, none, (1, 1))
    steps = tuple(nodes)
    return tuple(draw(steps, list_streams(steps), samples, none.astype(np.uint8), none.astype(bool)).columns)


def list_streams(nodes: Iterable[Node]) -> Streams:
    """List the random streams, (step id, name), of the first attempt."""
    return tuple(stream for node in nodes for stream in _node_streams(node))


def draw_step(
    step_id: str, distortion: Distortion, samples: SampleIds, applied: NDArray[Any], attempt: int = 0
) -> SampledStep:
    """Draw new values of one step for an attempt."""
    streams = tuple((step_id, name) for name in distortion.drawn())
    return _step(step_id, distortion, samples, _uniforms(samples, streams, attempt), applied, attempt)


def _step(
    step_id: str,
    distortion: Distortion,
    samples: SampleIds,
    uniforms: _Uniforms,
    applied: NDArray[Any],
    attempt: int = 0,
) -> SampledStep:
    values = {
        name: _float32(distribution.quantile(uniforms[step_id, name]))
        for name, distribution in distortion.drawn().items()
    }
    if not applied.all():
        values = {name: np.where(applied, drawn, distortion.neutral(name)) for name, drawn in values.items()}
    attempts = np.full(len(samples), attempt, np.uint32)
    return distortion.finalize(SampledStep(step_id, distortion, samples, values, applied, attempts))


def _draw_node(
    table: Table,
    node: Node,
    samples: SampleIds,
    uniforms: _Uniforms,
    labels: NDArray[Any] | None,
    active: NDArray[Any],
    *,
    grouped: bool,
) -> None:
    applied = active
    if node.applies != Applies():
        applied = active & select_labels(node.applies.for_labels, node.applies.except_labels, labels)
        if node.applies.probability < 1.0:
            applied &= uniforms[node.id, _APPLIED] < node.applies.probability
    if grouped or node.applies != Applies():
        table.record(node.id, "applied", applied)
    if isinstance(node, Step):
        step = _step(node.id, node.distortion, samples, uniforms, applied)
        table.steps.append(step)
        for name, values in step.values.items():
            table.record(node.id, name, values)
        return
    taken = (
        _choose_one(table, node, uniforms, applied)
        if isinstance(node, OneOf)
        else _choose_some(table, node, uniforms, applied)
    )
    for member, chosen in zip(node.steps, taken, strict=True):
        _draw_node(table, member, samples, uniforms, labels, applied & chosen, grouped=True)


def _choose_one(table: Table, group: OneOf, uniforms: _Uniforms, applied: NDArray[Any]) -> NDArray[Any]:
    """Choose one member for each sample, bool (members, N).

    Records the member's index, or -1 if the group is not applied.
    """
    choice = randomness.choose_weighted(group.weights, uniforms[group.id, _CHOICE])
    table.record(group.id, "choice", np.where(applied, choice, -1))
    chosen: NDArray[Any] = choice == np.arange(len(group.steps))[:, np.newaxis]
    return chosen


def _choose_some(table: Table, group: SomeOf, uniforms: _Uniforms, applied: NDArray[Any]) -> NDArray[Any]:
    """Choose several members for each sample, bool (members, N), and record their count."""
    low, high = group.count
    count = low + np.floor(uniforms[group.id, _COUNT] * (high - low + 1))
    table.record(group.id, "count", np.where(applied, count, 0))
    # The members with the lowest tickets. A ticket does not depend on the other members.
    tickets = np.stack([uniforms[group.id, _ticket(member)] for member in group.steps])
    ranks = np.argsort(np.argsort(tickets, axis=0, kind="stable"), axis=0, kind="stable")
    chosen: NDArray[Any] = ranks < count
    return chosen


def _ticket(member: Node) -> str:
    return f"@ticket.{member.id}"


def _node_streams(node: Node) -> Iterable[tuple[str, str]]:
    if node.applies.probability < 1.0:
        yield node.id, _APPLIED
    if isinstance(node, Step):
        yield from ((node.id, name) for name in node.distortion.drawn())
        return
    if isinstance(node, OneOf):
        yield node.id, _CHOICE
    else:
        yield node.id, _COUNT
        yield from ((node.id, _ticket(member)) for member in node.steps)
    yield from list_streams(node.steps)


@functools.lru_cache(maxsize=4096)
def _keys(seed: int, streams: Streams) -> tuple[int, ...]:
    return tuple(randomness.stream_key(seed, *stream) for stream in streams)


def _uniforms(samples: SampleIds, streams: Streams, attempt: int = 0) -> _Uniforms:
    """Draw from all streams in one call: faster for small blocks."""
    keys = _keys(samples.seed, streams)
    drawn = randomness.uniform(keys, samples.source_index, samples.variant, attempt)
    return dict(zip(streams, drawn, strict=True))


def _float32(values: NDArray[Any]) -> NDArray[Any]:
    """Round to float32, as recorded; return float64, as used."""
    return values.astype(np.float32).astype(np.float64)
