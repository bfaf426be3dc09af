"""Common keys of all steps: id, probability, labels."""

from dataclasses import dataclass
from typing import Annotated, Any

from augforge.keys import Key, integer, keys_of, number, sequence, text

MAX_LABEL = 255
GROUP_NAMES = ("one_of", "some_of")
"""Keys of a step that is a group of steps."""

ID = text(
    "What the step is known by; by default its key.",
    pattern="[a-z0-9][a-z0-9_-]*",
    rule="be of a-z, 0-9, _ and -, and begin with a letter or digit",
)


def labels(doc: str, **more: Any) -> Key:
    """Return the key of a list of classes."""
    return sequence(doc, integer(low=0, high=MAX_LABEL), "[1, 7]", unique=True, ordered=False, **more)


ForLabels = Annotated[
    tuple[int, ...] | None, labels("Only samples of these classes, 0 to 255; by default all.")
]
ExceptLabels = Annotated[
    tuple[int, ...] | None,
    labels(
        "All samples but those of these classes; never together with `for_labels`.", excludes="for_labels"
    ),
]


def plain_labels(limited: Any) -> dict[str, Any]:
    """Convert limits to classes to plain values."""
    found = {key: getattr(limited, key) for key in ("for_labels", "except_labels")}
    return {key: list(labels) for key, labels in found.items() if labels is not None}


@dataclass(frozen=True)
class Applies:
    """Conditions for applying a step to a sample."""

    probability: Annotated[float, number("Chance for each sample, 0 to 1.", low=0, high=1)] = 1.0
    for_labels: ForLabels = None
    except_labels: ExceptLabels = None

    def plain(self) -> dict[str, Any]:
        """Convert to plain values, without defaults."""
        probability = {} if self.probability == 1.0 else {"probability": self.probability}
        return {**probability, **plain_labels(self)}


COMMON_KEYS: dict[str, Key] = {"id": ID, **keys_of(Applies)}
