"""Guards: limits that keep the label of every distorted sample true."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import CoreSchema, core_schema

from augforge.distortions.applying import ExceptLabels, ForLabels, plain_labels
from augforge.keys import Key, keys_of, number, problem, wrong_value
from augforge.mappings import Holder, mapping_schema
from augforge.recipe.writing import normalize_numbers


@dataclass(frozen=True)
class Limit:
    """A guard's limit, for all samples or for some classes."""

    limit: Annotated[float, number("In the unit of its guard.")]
    for_labels: ForLabels = None
    except_labels: ExceptLabels = None

    def plain(self) -> Any:
        """Convert to plain values as in YAML."""
        limit = normalize_numbers(self.limit)
        return {"limit": limit, **found} if (found := plain_labels(self)) else limit


@dataclass(frozen=True)
class GuardKind:
    """One kind of guard.

    Attributes
    ----------
    name : str
        Its key in a recipe.
    doc : str
        What it limits, in a sentence.
    unit : str
        ``share`` (of 1), ``pieces``, ``degrees`` or ``gray levels``.
    low, high : float
        Limits that a recipe may give, inclusive.
    off : float
        The limit that no sample can exceed, so the guard is off.
    typical : float
        A limit that suits digits.
    of_shape, of_levels : bool
        Whether it checks the shape, and redraws the steps that move or reshape strokes; whether it checks gray
        levels, and redraws all other steps. A kind may do both, first the shape.
    of_pixels : bool
        Whether it needs the pixels, not only the parameters.
    """

    doc: str
    _: KW_ONLY
    name: str
    unit: str
    low: float
    high: float
    off: float
    typical: float
    of_shape: bool = True
    of_levels: bool = False
    of_pixels: bool = False


class _OneLimit(Holder):
    """A number, or a mapping of a limit and the classes that it is for."""

    def __init__(self, kind: GuardKind) -> None:
        such_as = f"such as `{kind.name}: {{limit: {kind.typical:g}, for_labels: [6, 9]}}`"
        self.number = number("In the unit of the guard.", missing=such_as, low=kind.low, high=kind.high)
        super().__init__("", Limit, kind.name, such_as)

    def keys(self) -> Mapping[str, Key]:
        """Return the keys of the mapping."""
        return {**keys_of(Limit), "limit": self.number}

    def spell_out(self, plain: Any) -> Any:
        """Expand a number to a mapping."""
        return plain if isinstance(plain, dict | Limit) else {"limit": plain}


class _Limits(Key):
    """One limit, or several for different classes."""

    def __init__(self, kind: GuardKind) -> None:
        self.kind = kind
        within = {"minimum": kind.low, "maximum": kind.high}
        bounds = {**within, "properties": {"limit": within}}
        schema = {"allOf": [{"$ref": "#/definitions/limits"}], **bounds, "items": bounds}
        super().__init__(
            f"{kind.doc} ({kind.unit}, {kind.low:g} to {kind.high:g})",
            _OneLimit(kind).number.must,
            schema=schema,
        )

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        limits = core_schema.list_schema(_OneLimit(self.kind).core())
        return core_schema.no_info_wrap_validator_function(self._check, limits)

    def _check(self, plain: Any, check_limits: Callable[[Any], list[Limit]]) -> tuple[Limit, ...]:
        if plain == []:
            raise wrong_value("have one limit at least")
        limits = tuple(check_limits(list(plain) if isinstance(plain, list | tuple) else [plain]))
        if sum(limit.for_labels is None and limit.except_labels is None for limit in limits) > 1:
            raise problem(
                f"'{self.kind.name}' has two limits for all classes; a guard takes no range, but one limit, "
                "and more only with for_labels or except_labels"
            )
        return limits


def _limits(doc: str, **about: Any) -> Key:
    """Return the key of the limits of one kind of guard."""
    return _Limits(GuardKind(doc, **about))


@dataclass(frozen=True)
class Guard:
    """Limits of every distorted sample; `GUARD_KINDS` explains each."""

    # fmt: off
    min_ink_kept: Annotated[tuple[Limit, ...], _limits(
        "Least share of the original's ink (the sum of its gray levels) that all geometry together, as if "
        "it were one warp, leaves inside the frame.",
        name="min_ink_kept", unit="share", low=0, high=1, off=0, typical=0.95,
    )] = ()
    max_turn: Annotated[tuple[Limit, ...], _limits(
        "Largest angle, either way, by which all affine steps together turn the digit; a lean counts for "
        "about half of its angle, bends and perspective do not count. For classes that turn into each "
        "other: 6 and 9.",
        name="max_turn", unit="degrees", low=0, high=180, off=180, typical=30,
    )] = ()
    max_ink_growth: Annotated[tuple[Limit, ...], _limits(
        "Largest share by which the ink grows, by thicker strokes or a larger digit, before gray levels "
        "are changed.",
        name="max_ink_growth", unit="share", low=0, high=100, off=100, typical=0.8, of_pixels=True,
    )] = ()
    max_stroke_changes: Annotated[tuple[Limit, ...], _limits(
        "By how much the number of pieces of ink and that of holes may differ from the original's, "
        "together, before gray levels are changed: with 0 an 8 keeps its holes and a 1 stays whole. Ink "
        "is what reaches half of the original's highest level, and diagonals connect it; three pixels at "
        "least make a piece or a hole.",
        name="max_stroke_changes", unit="pieces", low=0, high=255, off=255, typical=0, of_pixels=True,
    )] = ()
    min_contrast: Annotated[tuple[Limit, ...], _limits(
        "Least difference, either way, between the mean gray levels of strokes and paper. The shape alone "
        "decides which pixels these are: strokes reach half of its highest level, paper stays below an "
        "eighth of it. A shape below the limit before gray levels are changed, or without ink, is drawn "
        "again. Originals without ink pass; if the original itself is below the limit, its shape must keep "
        "half of its contrast.",
        name="min_contrast", unit="gray levels", low=0, high=255, off=0, typical=60, of_levels=True, of_pixels=True,
    )] = ()
    # fmt: on

    def __bool__(self) -> bool:
        return bool(self.active())

    def limits(self, kind: GuardKind) -> tuple[Limit, ...]:
        """Return the limits of one kind of guard."""
        found: tuple[Limit, ...] = getattr(self, kind.name)
        return found

    def active(self) -> tuple[GuardKind, ...]:
        """Return the kinds that may reject a sample."""
        return self._active

    @functools.cached_property
    def _active(self) -> tuple[GuardKind, ...]:
        return tuple(
            kind for kind in GUARD_KINDS if any(limit.limit != kind.off for limit in self.limits(kind))
        )

    def plain(self) -> dict[str, Any]:
        """Convert to plain values as in YAML, without kinds that have no limit."""
        plain: dict[str, Any] = {}
        for kind in GUARD_KINDS:
            limits = [limit.plain() for limit in self.limits(kind)]
            if limits:
                plain[kind.name] = limits[0] if len(limits) == 1 else limits
        return plain


GUARD_KINDS = tuple(key.kind for key in keys_of(Guard).values() if isinstance(key, _Limits))


def limits_schema() -> dict[str, Any]:
    """Return the JSON Schema that the limits of all guards share."""
    one = [{"type": "number"}, mapping_schema(keys_of(Limit), Limit)]
    several = {"type": "array", "items": {"anyOf": one}, "minItems": 1}
    return {"description": "A limit, or several for different classes.", "anyOf": [*one, several]}


def select_labels(
    for_labels: Sequence[int] | None, except_labels: Sequence[int] | None, labels: NDArray[Any] | None
) -> NDArray[Any] | bool:
    """Select samples by label.

    Parameters
    ----------
    for_labels, except_labels : sequence of int, optional
        At most one of them; none: all classes.
    labels : ndarray of uint8, shape (N,), or None
        None for an unlabeled source: all samples are selected.

    Returns
    -------
    ndarray of bool, shape (N,), or True
    """
    if labels is not None and for_labels is not None:
        return np.isin(labels, for_labels)
    if labels is not None and except_labels is not None:
        return ~np.isin(labels, except_labels)
    return True
