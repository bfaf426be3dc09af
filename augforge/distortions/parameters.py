"""Parameters of distortions, declared once, and their distributions.

A declaration is the field of the frozen class, its check, help text, JSON Schema and column::

    degrees: Distribution = parameter("Angle ...", unit="degrees", low=-360, high=360, neutral=0)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

from pydantic import Field
from pydantic.fields import FieldInfo

from augforge.errors import did_you_mean, join_names
from augforge.keys import Key, is_number, number, problem, relocate, sequence
from augforge.mappings import Given, Holder, adapter, required_of
from augforge.randomness import (
    Choice,
    Constant,
    Distribution,
    LogUniform,
    Normal,
    Triangular,
    Uniform,
)


@dataclass(frozen=True)
class Parameter:
    """A numeric parameter of a distortion.

    Attributes
    ----------
    name : str
        The key in the recipe and the last part of the column's name.
    doc : str
        What it means, in a sentence.
    unit : str
        ``degrees``, ``pixels``, ``share`` (of 1), ``gray levels`` or ``factor``.
    low, high : float
        Every value that a recipe may give lies between them, inclusive.
    neutral : float
        The value without effect; recorded where the step was not applied.
    typical : tuple of float, float
        A range for digits of 28 x 28 pixels, used by sweeps and examples.
    required : bool
        Whether the recipe must give it.
    per_pixel : bool
        Whether it is sampled for each pixel; such a parameter has no column.
    """

    name: str
    doc: str
    unit: str
    low: float
    high: float
    neutral: float
    typical: tuple[float, float]
    required: bool = True
    per_pixel: bool = False

    def parse(self, plain: Any) -> Distribution:
        """Convert a plain value to a distribution within the limits.

        Raises
        ------
        PydanticCustomError
            For other values, with what is allowed.
        """
        distribution = parse_distribution(plain)
        for end, value in (("lowest", distribution.low), ("highest", distribution.high)):
            if not self.low <= value <= self.high:
                raise problem(self._outside(end, value))
        return distribution

    def _outside(self, end: str, value: float) -> str:
        unit = "" if self.unit in ("share", "factor") else f" {self.unit}"
        allowed = f"{self.low:g} to {self.high:g}{unit}"
        if math.isinf(value):
            return (
                f"'{self.name}' has no {end} value: allowed are {allowed}, so cut the normal distribution "
                "with 'low' and 'high'"
            )
        return f"'{self.name}' may be {value:g}, allowed are {allowed}"


def parameter(
    doc: str,
    *,
    unit: str,
    low: float,
    high: float,
    neutral: float,
    typical: tuple[float, float],
    required: bool = True,
    per_pixel: bool = False,
) -> Any:
    """Declare a parameter as a field of a distortion.

    The check of recipes, the help text, the JSON Schema and the recorded column follow from it. The field's type is
    `Distribution`, or ``Distribution | None`` if it is not required. An optional parameter that a recipe does not
    give is None: it has its neutral value, and no column.

    Parameters
    ----------
    doc : str
        What it means, in a sentence that ends with a full stop.
    unit : str
        ``degrees``, ``pixels``, ``share`` (of 1), ``gray levels`` or ``factor``.
    low, high : float
        Inclusive limits of every value in a recipe. `render` must work for all values between them, because no
        later check exists.
    neutral : float
        The value without effect, exactly representable as float32; if all parameters are neutral, the image does
        not change.
    typical : tuple of float, float
        A range for digits of 28 x 28 pixels, from the mildest to clearly visible.
    required : bool
        Whether the recipe must give it.
    per_pixel : bool
        Whether `render` samples it for each pixel, from the field's ``quantile``; it has no column.
    """
    declaration = Parameter("", doc, unit, low, high, neutral, typical, required, per_pixel)
    return Field(
        ... if required else None,
        description=doc,
        json_schema_extra={"declaration": cast("Any", declaration)},
    )


def find_declaration(name: str, field: FieldInfo) -> Parameter | None:
    """Return the declaration of a field made by `parameter`, or None."""
    details = field.json_schema_extra
    found: Any = details.get("declaration") if isinstance(details, dict) else None
    return replace(found, name=name) if isinstance(found, Parameter) else None


class DistributionKey(Holder):
    """A distribution of one kind, such as ``{mean: 0, sd: 1}``.

    Parameters
    ----------
    name : str
        The kind's key in a recipe.
    kind : type
        The distribution.
    **keys : Key
        Its numbers, by name.
    """

    def __init__(self, name: str, kind: Any, **keys: Key) -> None:
        self._keys = keys
        required = ", ".join(required_of(kind))
        super().__init__("", kind, name, f"{name}: {{{required}}}")

    def examine(self, given: Given) -> None:
        """Refuse inconsistent numbers, whatever else is wrong."""
        given.check(lambda: _check_consistent(self.kind, given.known))

    def make(self, given: dict[str, Any]) -> Any:
        """Build the distribution; without spread, within its mean alone."""
        if self.kind is Normal and given["sd"] == 0:
            given = {**given, "low": given["mean"], "high": given["mean"]}
        return super().make(given)

    def keys(self) -> Mapping[str, Key]:
        """Return the keys of the mapping."""
        return self._keys

    def spell_out(self, plain: Any) -> Any:
        """Expand a choice's list of values to a mapping."""
        return {"values": plain} if self.kind is Choice and isinstance(plain, list) else plain

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        mapping = super().form()
        return {"anyOf": [self._keys["values"].schema, mapping]} if self.kind is Choice else mapping


# Beyond it, float32 holds no finite number.
_LARGEST = 3.4e38
_NUMBER = number()
_NUMBERS = sequence("", _NUMBER, "[1, 2]")
_POSITIVE = replace(_NUMBER, schema={"type": "number", "exclusiveMinimum": 0})

DISTRIBUTIONS = {
    one.what: one
    for one in (
        DistributionKey("choice", Choice, values=_NUMBERS, weights=_NUMBERS),
        DistributionKey("log_uniform", LogUniform, low=_POSITIVE, high=_POSITIVE),
        DistributionKey("normal", Normal, mean=_NUMBER, sd=number(low=0), low=_NUMBER, high=_NUMBER),
        DistributionKey("triangular", Triangular, low=_NUMBER, mode=_NUMBER, high=_NUMBER),
        DistributionKey("uniform", Uniform, low=_NUMBER, high=_NUMBER),
    )
}
_RANGE = sequence(
    "",
    _NUMBER,
    "a range of two numbers, [low, high] (to choose among values, write {choice: [...]})",
    length=2,
)


def parse_distribution(plain: Any) -> Distribution:
    """Convert a number, ``[low, high]`` or ``{name: {...}}`` to a distribution.

    Raises
    ------
    PydanticCustomError, ValidationError
        For all errors, with what is allowed.
    """
    if isinstance(plain, Distribution):
        return plain
    if isinstance(plain, list):
        low, high = adapter(Annotated[Any, _RANGE]).validate_python(plain)
        _check_consistent(Uniform, {"low": low, "high": high})
        return Uniform(low, high)
    if not isinstance(plain, dict):
        return Constant(_NUMBER.check(plain))
    if len(plain) != 1:
        raise problem(
            f"a distribution is one name and its values; got {len(plain)} keys: {join_names(plain)}"
        )
    name, body = next(iter(plain.items()))
    if name not in DISTRIBUTIONS:
        raise problem(
            f"unknown distribution '{name}'.{did_you_mean(str(name), DISTRIBUTIONS)} "
            f"Allowed: {join_names(DISTRIBUTIONS)}, a number, or [low, high]",
            key=str(name),
            at_key=True,
        )
    with relocate(name):
        found: Distribution = adapter(Annotated[Any, DISTRIBUTIONS[name]]).validate_python(body)
    return found


def _check_consistent(kind: Any, given: Mapping[str, Any]) -> None:
    """Refuse numbers that contradict each other; other checks refuse what is no number."""
    numbers = {name: value for name, value in given.items() if _is_finite(value)}
    ends = {name: numbers[name] for name in ("low", "mode", "high") if name in numbers}
    if sorted(ends.values()) != list(ends.values()):
        raise problem(f"needs {' <= '.join(ends)}, got {', '.join(f'{value:g}' for value in ends.values())}")
    if kind is LogUniform and numbers.get("low", 1) <= 0:
        raise problem(f"'low' of log_uniform must be above 0, got {numbers['low']:g}", key="low")
    if kind is Choice and given.get("weights"):
        _check_weights(given.get("values"), given["weights"])
    if kind is Normal and "mean" in numbers and numbers.get("sd", -1) >= 0:
        _check_normal(**numbers)


def _is_finite(plain: Any) -> bool:
    return is_number(plain) and abs(plain) < _LARGEST


def _check_weights(values: Any, weights: Any) -> None:
    """Refuse weights that do not suit the values of a choice."""
    if not isinstance(weights, list | tuple):
        return
    if isinstance(values, list | tuple) and len(weights) != len(values):
        raise problem(f"{len(values)} values need as many weights, got {len(weights)}", key="weights")
    if all(map(_is_finite, weights)) and (min(weights) < 0 or not any(weights)):
        raise problem("weights must not be negative and must not all be 0", key="weights")


def _check_normal(mean: float, sd: float, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse limits that leave next to nothing of a normal distribution."""
    if sd == 0 and not low <= mean <= high:
        raise problem(f"'mean' is {mean:g} with 'sd' 0, which is outside of {low:g} to {high:g}", key="mean")
    if min(abs(low - mean), abs(high - mean)) > 30 * sd and (low > mean or high < mean):
        key = "low" if math.isfinite(low) else "high"
        raise problem("'low' and 'high' leave less than 1e-190 of the normal distribution", key=key)
