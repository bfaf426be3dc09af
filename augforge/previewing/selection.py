"""Selection of originals and steps to show."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, did_you_mean
from augforge.forge import Forge
from augforge.recipe import Applies, Guard, Node
from augforge.recipe.steps import all_nodes
from augforge.sources import Source


def choose_originals(source: Source, count: int) -> NDArray[np.int64]:
    """Choose originals that represent a source.

    A labeled source gives one original of each class, then a second of each, and so on, always the earliest. An
    unlabeled source gives evenly spaced ones.

    Parameters
    ----------
    source : Source
        The originals.
    count : int
        Number of originals, from 1 up; all of them if the source has fewer.

    Returns
    -------
    ndarray of int64, shape (M,)
        Indexes, ordered by class, then by index.
    """
    count = min(count, len(source))
    if source.labels is None:
        return np.arange(count, dtype=np.int64) * len(source) // count
    by_class: NDArray[np.int64] = np.argsort(source.labels, kind="stable").astype(np.int64)
    labels = source.labels[by_class]
    # Rank within the class: 0 for the first original of each class.
    rank = np.arange(len(labels)) - np.searchsorted(labels, labels)
    chosen: NDArray[np.int64] = by_class[np.sort(np.lexsort((labels, rank))[:count])]
    return chosen


def name_original(source: Source, index: int) -> str:
    """Name an original by its class, or by its index without labels."""
    if source.labels is None:
        return f"#{index}"
    return source.class_names[int(source.labels[index])]


def isolate_step(forge: Forge, node: Node) -> Forge:
    """Make a forge that applies one step or group alone.

    The forge applies it to every distorted sample. Choices and parameters equal those of the whole recipe, because
    the step's id seeds them. The guard is off: it would redraw some of them.
    """
    alone = replace(node, applies=Applies())
    return Forge(replace(forge.recipe, distort=(alone,), guard=Guard()), source=forge.source)


def find_node(nodes: Iterable[Node], step_id: str) -> Node:
    """Find a step or group by its id, at any depth.

    Raises
    ------
    AugforgeError
        If no step has this id; the message lists the ids.
    """
    by_id = {node.id: node for node in all_nodes(nodes)}
    if step_id in by_id:
        return by_id[step_id]
    if not by_id:
        raise AugforgeError(f"there is no step '{step_id}': the recipe has no steps")
    # In the recipe's order, which helps more than the alphabet's.
    raise AugforgeError(
        f"there is no step '{step_id}'.{did_you_mean(step_id, by_id)} Steps: {', '.join(by_id)}"
    )
