"""Which originals are shown, and recipes of which only one step is left."""

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
    """Return the indexes of originals that show a source well.

    Of a labelled source one of each class, then a second of each, and so on, always the earliest; of an
    unlabelled one evenly spread. Fewer if there are no more.

    Returns
    -------
    ndarray of int64, shape (M,)
        Ordered by class, then by index.
    """
    count = min(count, len(source))
    if source.labels is None:
        return np.arange(count, dtype=np.int64) * len(source) // count
    by_class: NDArray[np.int64] = np.argsort(source.labels, kind="stable").astype(np.int64)
    labels = source.labels[by_class]
    # How many of the same class come before it: 0 for the first of each class.
    rank = np.arange(len(labels)) - np.searchsorted(labels, labels)
    chosen: NDArray[np.int64] = by_class[np.sort(np.lexsort((labels, rank))[:count])]
    return chosen


def name_of(source: Source, index: int) -> str:
    """Return what a caption calls an original: its class, or its index if it has none."""
    if source.labels is None:
        return f"#{index}"
    return source.class_names[int(source.labels[index])]


def first_distorted(forge: Forge) -> int:
    """Return the first variant that is not the original itself."""
    return int(forge.recipe.keep_originals)


def with_only(forge: Forge, node: Node) -> Forge:
    """Return a forge that applies one step, or group, to every distorted sample, and nothing else.

    Choices and parameters are drawn as they are in the whole recipe, since they go by the step's id. The guard is
    off: it would draw some of them again.
    """
    alone = replace(node, applies=Applies())
    return Forge(replace(forge.recipe, distort=(alone,), guard=Guard()), source=forge.source)


def find_node(nodes: Iterable[Node], step_id: str) -> Node:
    """Return the step or group of an id, wherever it is.

    Raises
    ------
    AugforgeError
        If there is none; names those that there are.
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
