"""Recipes: valid ones of every kind, and what breaks them."""

from typing import Any

from hypothesis import strategies as st

from augforge.distortions import catalog
from augforge.distortions.parameters import Parameter
from augforge.recipe.guard import GUARD_KINDS


def _within(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda value: min(high, max(low, round(value, 3))))


@st.composite
def _values(draw: st.DrawFn, parameter: Parameter) -> Any:
    low, high = sorted(draw(st.tuples(_within(*parameter.typical), _within(*parameter.typical))))
    middle = (low + high) / 2
    kinds = [
        low,
        [low, high],
        {"uniform": {"low": low, "high": high}},
        {"normal": {"mean": middle, "sd": 1.5, "low": low, "high": high}},
        {"triangular": {"low": low, "mode": low, "high": high}},
        {"choice": [low, high]},
        {"choice": {"values": [low, high], "weights": [1, 2.5]}},
    ]
    if low > 0:
        kinds.append({"log_uniform": {"low": low, "high": high}})
    return draw(st.sampled_from(kinds))


@st.composite
def _applies(draw: st.DrawFn) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if draw(st.booleans()):
        said["probability"] = draw(st.sampled_from((0, 0.25, 0.5, 1)))
    labels = draw(st.sampled_from((None, "for_labels", "except_labels")))
    if labels:
        said[labels] = draw(st.lists(st.sampled_from((0, 5, 9)), min_size=1, max_size=3, unique=True))
    return said


@st.composite
def _given(draw: st.DrawFn, kind: str) -> list[Parameter]:
    """Return which parameters of a distortion are said: of those that may be left out, the first one at least."""
    parameters = catalog.find(kind).parameters()
    if kind == "scale":  # both sides together, or each for itself
        return [
            one for one in parameters if (one.name == "factor") == draw(st.shared(st.booleans(), key="scale"))
        ]
    first = [] if any(one.required for one in parameters) else parameters[:1]
    return [one for one in parameters if one.required or one in first or draw(st.booleans())]


@st.composite
def _steps(draw: st.DrawFn, prefix: str, depth: int = 0) -> list[dict[str, Any]]:
    steps = []
    for number in range(draw(st.integers(depth > 0, 3))):
        step_id = f"{prefix}{number}"
        kinds = [name for name in catalog.names() if not catalog.find(name).open_ended]
        kind = draw(st.sampled_from([*kinds, "one_of", "some_of"] if depth < 2 else kinds))
        body: dict[str, Any] = {"id": step_id, **draw(_applies())}
        if kind in ("one_of", "some_of"):
            body["steps"] = draw(_steps(f"{step_id}-", depth + 1))
            count = len(body["steps"])
            if kind == "some_of":
                body["count"] = draw(st.sampled_from((0, count, [0, count])))
            elif draw(st.booleans()):
                body["weights"] = [1.5, *[2] * (count - 1)]
        else:
            body |= {one.name: draw(_values(one)) for one in draw(_given(kind))}
        steps.append({kind: body})
    return steps


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a recipe says, as plain values; its source has classes 0, 5 and 9, and 12 x 10 pixels."""
    guards = {kind.name: kind.typical for kind in GUARD_KINDS}
    keep = draw(st.booleans())
    optional: dict[str, Any] = {
        "description": draw(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "frame": [draw(st.integers(12, 20)), draw(st.integers(10, 20))],
        "guard": {name: guards[name] for name in draw(st.sets(st.sampled_from(sorted(guards)), max_size=2))},
        "output": {"shard_size": 1024, "compression": draw(st.sampled_from(("none", "gzip")))},
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    return {
        "version": 1,
        "name": draw(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,10}", fullmatch=True)),
        "source": {"path": "digits.npz"},
        "variants": draw(st.integers(0 if keep else 1, 3)),
        "keep_originals": keep,
        "distort": draw(_steps("s")),
        **{key: optional[key] for key in sorted(chosen)},
    }


_NESTED = ("[" * 3000, "{a: " * 3000, "- " * 3000, "? " * 3000, "[" * 20 + "]" * 20)
_ALIASES = (
    "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(40)),
    "<<: *a",
    "&a ",
    "*a",
    "!!python/object/apply:os.system ['true']",
    "!!python/name:os.system",
    "!include /etc/passwd",
)
_LETTERS = (
    "\0",
    "\t",
    "\x1b[2J",
    "\u2028",
    "\x85",
    "\u202e",
    "\ufeff",
    "\ud800",
    "e\u0301",
    "\U0001f600",
    "٣",
    '"\\0"',
)
_NUMBERS = (
    "9" * 20,
    "9" * 5000,
    "-1",
    "1e999",
    "-.inf",
    ".nan",
    "0x" + "f" * 400,
    "1" + "0" * 12,
    "1e-400",
    "1_0",
)
_WRONG = ("null", "true", "[]", "{}", "'5'", "[1, 2, 3]", "{a: b}", "text", "''")
_PATHS = (
    "../../etc/passwd",
    "/dev/zero",
    "~",
    "a/" * 3000,
    "x" * 300,
    '"\\0"',
    '"\\ud800"',
    "file:///etc",
    ".",
)

broken_pieces = st.one_of(
    st.sampled_from(_NESTED + _ALIASES + _LETTERS + _NUMBERS + _WRONG + _PATHS),
    st.text(max_size=10),
    st.text("[]{},:&*#?|-<>=!%@\\\"' \n\t", max_size=10),
    st.integers(0, 100_000).map(lambda length: "x" * length),
)
"""What is put into a valid recipe's text, or in place of one of its words."""


@st.composite
def broken_texts(draw: st.DrawFn, text: str) -> str:
    """Return a recipe's text with damage in it, so that it is most likely, but not surely, wrong."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = begin + draw(st.sampled_from((0, 0, 1, 5, 20)))
        piece = draw(broken_pieces)
        word = draw(st.booleans())
        while word and begin and text[begin - 1] not in " \n[]{},:":
            begin -= 1
        while word and end < len(text) and text[end] not in " \n[]{},:":
            end += 1
        text = text[:begin] + piece + text[end:]
    return text
