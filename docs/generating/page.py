"""The page of all distortions, made from their classes."""

import inspect
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from augforge.distortions import Distortion, Parameter
from augforge.recipe import GUARD_KINDS
from generating.docstrings import markdown, prose
from generating.examples import examples, own_distortions
from generating.sweeps import DIGITS, sweep_name

INTRODUCTION = """\
<!-- Written by `make docs` from the classes in augforge/distortions: change those instead. -->

# Distortions

These are the steps of recipes, in any order and as often as you like:

```yaml
distort:
  - rotate: {degrees: [-15, 15]}
  - blur: {sigma: [0.2, 1.5], probability: 0.5}
```

A parameter is a number (always that), `[low, high]` (any value between them is equally likely) or a named
distribution, such as `{normal: {mean: 0, sd: 5}}`. It is drawn for each sample, and recorded with it. Every step
also takes `id`, `probability`, `for_labels` and `except_labels`. Affine and bending steps that follow each other
are made one, so that the image is resampled only once: bilinearly, and smoothed by as much as the steps together
shrink it, so that thin strokes neither vanish nor double. [Other packages](../examples/your_own_distortion) add
more.

All take white ink on black paper, and what comes from outside of the frame is black: steps that change the paper
(`invert`, `background`) belong after those that move or reshape strokes.

The tables say of each parameter

- **limits**: no value may lie outside of them;
- **neutral**: the value that is used where the parameter is not given, and recorded where a step is not applied;
- **typical**: a range that suits digits of 28 x 28 pixels; the examples are made of these.

The pictures show each parameter at the lowest, middle and highest value of its typical range. The other parameters
of the step are left out where they may be, else they are in their middle, as is said on the left. `augforge preview
RECIPE --sweep` draws the like of your recipe; `augforge distortions NAME` prints a distortion's text and table.
"""

GUARDS = """\
## Guards

A label stays true only while a person would still give it. Guards refuse samples that go too far:

```yaml
guard:
  min_ink_kept: 0.95
  max_turn: {limit: 30, for_labels: [6, 9]}
  max_ink_growth: [1, {limit: 0.5, except_labels: [1]}]
```

A limit is a number, or a mapping with `limit` and the classes that it is for; of several all must be kept. What a
guard on shape refuses (all but `min_contrast`) has its moving and reshaping steps drawn again, up to 8 times;
coins and choices stay. If that does not help, they are pulled half way toward doing nothing, again and again, at
last all the way. `min_contrast` does the same with the other steps, and judges the whole image; before that it
judges the shape: a sample of which a shift, a small scale or a crop has left no ink, or only a gray rest below
the limit, is drawn again in its moving and reshaping steps, and counted as `guard.attempts` and `guard.pull`. Only
refused samples are made again. Samples to which no step is applied, such as kept originals, are not judged.
Originals without ink pass; where the original itself is below the limit, half of its contrast is enough for the
shape, and the sample may stay below the limit. `augforge check` counts both.

Shape is judged by the moving and reshaping steps alone, as if the others were not there: noise is no piece of ink.
What imgaug does is not seen by guards on shape; and `min_contrast` cannot be used with it, since its images come in
blocks. Guards of a recipe that this one `extends` stay in force; a limit of the column *off* turns one off.

Each guard counts, in the column `guard.NAME`, how many draws of the sample it refused, halved ones included;
`guard.attempts` and `guard.pull` tell what became of its shape, `guard.level_attempts` and `guard.level_pull` of
the rest. `augforge check` shows how much each guard refuses, `augforge info` how much it did.
"""


def page() -> str:
    """Return `distortions.md`."""
    families = list(_families())
    lines = [INTRODUCTION]
    for heading, kinds in families:
        lines += [f"**{heading}**", ""]
        lines += [f"- [`{kind.name}`](#{kind.name}): {prose(summary(kind))}" for kind in kinds]
        lines.append("")
    for heading, kinds in families:
        lines += [f"## {heading}", ""]
        for kind in kinds:
            lines += [*_section(kind), ""]
    return "\n".join([*lines, GUARDS, *_guard_table()]) + "\n"


def _guard_table() -> list[str]:
    rows = [
        f"| `{kind.name}` | {prose(kind.doc)} | {kind.unit} | {kind.low:g} to {kind.high:g} "
        f"| {kind.off:g} | {kind.typical:g} |"
        for kind in GUARD_KINDS
    ]
    return ["| guard | asks for | unit | limits | off | typical |", "|---|---|---|---|---|---|", *rows]


def _families() -> Iterator[tuple[str, list[type[Distortion]]]]:
    """Yield each module of distortions: what its docstring calls them, and their classes."""
    for module, kinds in itertools.groupby(own_distortions(), lambda kind: kind.__module__):
        doc = inspect.getdoc(sys.modules[module]) or ""
        yield re.split(r"[:;.\n]", doc, maxsplit=1)[0], list(kinds)


def _section(kind: type[Distortion]) -> list[str]:
    lines = [f"### {kind.name}", "", *"\n\n".join(markdown(inspect.getdoc(kind) or "")).split("\n"), ""]
    table = _table(kind)
    lines += [*table, ""] if table else []
    lines += ["```yaml", *(_yaml(kind.name, step) for step in examples(kind)), "```", ""]
    alt = f"What {kind.name} does to a {', a '.join(map(str, DIGITS))}"
    return [*lines, f"![{alt}](pictures/{sweep_name(kind)})"]


def summary(kind: type[Distortion]) -> str:
    """Return the first line of a distortion's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(kind: type[Distortion]) -> list[str]:
    if kind.open_ended:
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        return [
            f"It takes {', '.join(f'`{name}`' for name in required)}, and the parameters of what that names."
        ]
    if not kind.parameters():
        return []
    head = "| parameter | meaning | unit | limits | neutral | typical | required |"
    return [head, "|---|---|---|---|---|---|---|", *(_table_row(one) for one in kind.parameters())]


def _table_row(parameter: Parameter) -> str:
    cells = (
        f"`{parameter.name}`",
        prose(parameter.doc).replace("|", r"\|"),
        parameter.unit,
        f"{parameter.low:g} to {parameter.high:g}",
        f"{parameter.neutral:g}",
        "{:g} to {:g}".format(*parameter.typical),
        "yes" if parameter.required else "no",
    )
    return f"| {' | '.join(cells)} |"


def _yaml(name: str, step: Mapping[str, Any]) -> str:
    values = (
        f"{key}: [{value[0]:g}, {value[1]:g}]" if isinstance(value, list) else f"{key}: {value}"
        for key, value in step.items()
    )
    return f"- {name}: {{{', '.join(values)}}}"
