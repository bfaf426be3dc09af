"""A distortion's parameter, declared once: its meaning, unit, limits and neutral value.

The declaration makes the field of the frozen class, its check, its help text, its JSON Schema and its column::

    degrees: Distribution = parameter("Angle ...", unit="degrees", low=-360, high=360, neutral=0)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import Field
from pydantic.fields import FieldInfo

from augforge.errors import did_you_mean, listed
from augforge.keys import problem
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
    """What a recipe may say about one number of a distortion.

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
        The value that changes nothing; recorded where the step was not applied.
    typical : tuple of float, float
        A range that suits digits of 28 x 28 pixels: what sweeps show, and examples use.
    required : bool
        Whether the recipe must give it.
    per_pixel : bool
        Whether it is drawn anew for each pixel; such a parameter has no column.
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
        """Turn what YAML says into a distribution within the limits.

        Raises
        ------
        PydanticCustomError
            Where it is none; says what was got and what is allowed.
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

    The declaration is everything that is ever said of it: the check of recipes, the help text, the JSON Schema, the
    recorded column. The field's type is `Distribution`, or ``Distribution | None`` where it is not required: a
    field that is not given is None, its value the neutral one, and it has no column.

    Parameters
    ----------
    doc : str
        What it means, in a sentence that ends with a full stop.
    unit : str
        ``degrees``, ``pixels``, ``share`` (of 1), ``gray levels`` or ``factor``.
    low, high : float
        Every value that a recipe may give lies between them, inclusive. They must be such that `render` can
        do anything between them: nothing else is checked later.
    neutral : float
        The value that changes nothing, exactly representable as float32; where all parameters have theirs, the
        image comes back as it was.
    typical : tuple of float, float
        A range that suits digits of 28 x 28 pixels, from the mildest to clearly visible.
    required : bool
        Whether the recipe must give it.
    per_pixel : bool
        Whether `render` draws it anew for each pixel, from the field's ``quantile``; it has no column.
    """
    declaration = Parameter("", doc, unit, low, high, neutral, typical, required, per_pixel)
    return Field(
        ... if required else None,
        description=doc,
        json_schema_extra={"declaration": cast("Any", declaration)},
    )


def declared(name: str, field: FieldInfo) -> Parameter | None:
    """Return the declaration of a field made by `parameter`, or None."""
    details = field.json_schema_extra
    found: Any = details.get("declaration") if isinstance(details, dict) else None
    return replace(found, name=name) if isinstance(found, Parameter) else None


def parse_distribution(plain: Any) -> Distribution:
    """Turn a number, ``[low, high]`` or ``{name: {...}}`` into a distribution.

    Raises
    ------
    PydanticCustomError
        Where it is none of these; says what was got and what is allowed.
    """
    if isinstance(plain, Distribution):
        return plain
    if isinstance(plain, list):
        if len(plain) != 2:
            raise problem(
                f"a range has two numbers, [low, high]; got {len(plain)} "
                "(to choose among values, write {choice: [...]})"
            )
        return Uniform(*_ordered(_number(plain[0], "low"), _number(plain[1], "high")))
    if isinstance(plain, dict):
        return _named(plain)
    return Constant(_number(plain, "a value"))


def _named(plain: dict[str, Any]) -> Distribution:
    if len(plain) != 1:
        raise problem(f"a distribution is one name and its values; got {len(plain)} keys: {listed(plain)}")
    name, body = next(iter(plain.items()))
    if name not in _DISTRIBUTIONS:
        raise problem(
            f"unknown distribution '{name}'.{did_you_mean(str(name), _DISTRIBUTIONS)} "
            f"Allowed: {listed(_DISTRIBUTIONS)}, a number, or [low, high]",
            key=str(name),
        )
    build, required, optional = _DISTRIBUTIONS[name]
    if name == "choice" and isinstance(body, list):
        body = {"values": body}
    if not isinstance(body, dict):
        raise problem(f"{name} needs {{{', '.join(required)}}}, got {_shown(body)}", key=name)
    for key in body:
        if key not in required + optional:
            raise problem(
                f"unknown key '{key}' of {name}.{did_you_mean(str(key), required + optional)} "
                f"Allowed: {listed(required + optional)}",
                key=str(key),
            )
    for key in required:
        if key not in body:
            raise problem(f"{name} needs '{key}'", key=name)
    return build(body)


def _build_normal(body: dict[str, Any]) -> Normal:
    mean, sd = _number(body["mean"], "mean"), _number(body["sd"], "sd")
    low = _number(body["low"], "low") if "low" in body else -math.inf
    high = _number(body["high"], "high") if "high" in body else math.inf
    if sd < 0:
        raise problem(f"'sd' must not be negative, got {sd:g}", key="sd")
    if sd == 0 and not low <= mean <= high:
        raise problem(f"'mean' is {mean:g} with 'sd' 0, which is outside of {low:g} to {high:g}", key="mean")
    if low > high:
        raise problem(f"'low' is {low:g}, above 'high', {high:g}", key="low")
    if sd == 0:
        low = high = mean
    elif min(abs(low - mean), abs(high - mean)) > 30 * sd and (low > mean or high < mean):
        raise problem("'low' and 'high' leave less than 1e-190 of the normal distribution", key="low")
    return Normal(mean, sd, low, high)


def _build_log_uniform(body: dict[str, Any]) -> LogUniform:
    low = _number(body["low"], "low")
    if low <= 0:
        raise problem(f"'low' of log_uniform must be above 0, got {low:g}", key="low")
    return LogUniform(*_ordered(low, _number(body["high"], "high")))


def _build_triangular(body: dict[str, Any]) -> Triangular:
    low, mode, high = (_number(body[key], key) for key in ("low", "mode", "high"))
    if not low <= mode <= high:
        raise problem(f"needs low <= mode <= high, got {low:g}, {mode:g}, {high:g}", key="mode")
    return Triangular(low, mode, high)


def _build_choice(body: dict[str, Any]) -> Choice:
    values = _numbers(body["values"], "values")
    weights = _numbers(body["weights"], "weights") if "weights" in body else ()
    if not weights:
        return Choice(values)
    if len(weights) != len(values):
        raise problem(f"{len(values)} values need as many weights, got {len(weights)}", key="weights")
    if min(weights) < 0 or sum(weights) <= 0 or math.isinf(sum(weights)):
        raise problem("weights must not be negative and must not all be 0", key="weights")
    return Choice(values, weights)


def _ordered(low: float, high: float) -> tuple[float, float]:
    if low > high:
        raise problem(f"'low' is {low:g}, above 'high', {high:g}", key="low")
    return low, high


def _build_uniform(body: dict[str, Any]) -> Uniform:
    return Uniform(*_ordered(_number(body["low"], "low"), _number(body["high"], "high")))


_DISTRIBUTIONS: dict[str, tuple[Callable[[dict[str, Any]], Distribution], list[str], list[str]]] = {
    "choice": (_build_choice, ["values"], ["weights"]),
    "log_uniform": (_build_log_uniform, ["low", "high"], []),
    "normal": (_build_normal, ["mean", "sd"], ["low", "high"]),
    "triangular": (_build_triangular, ["low", "mode", "high"], []),
    "uniform": (_build_uniform, ["low", "high"], []),
}


def _number(plain: Any, what: str) -> float:
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise problem(f"{what} must be a number, got {_shown(plain)}", key=what)
    # A parameter is a float32: anything larger would become infinite.
    if not abs(plain) <= 3.4e38:
        raise problem(f"{what} must be a finite number, got {plain}", key=what)
    return float(plain)


def _numbers(plain: Any, what: str) -> tuple[float, ...]:
    if not isinstance(plain, list) or not plain:
        raise problem(f"'{what}' must be a list of numbers, got {_shown(plain)}", key=what)
    return tuple(_number(value, what) for value in plain)


def _shown(plain: Any) -> str:
    kinds = {str: "text", bool: "a truth value", list: "a list", dict: "a mapping", type(None): "nothing"}
    kind = kinds.get(type(plain), "a number")
    return f"{kind} ({plain!r})" if isinstance(plain, str | bool) else kind
