"""The page of all distortions, written from their classes."""

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

What each distortion and each guard does. A recipe lists steps in any order, each as often as needed:

```yaml
distort:
  - rotate: {degrees: [-15, 15]}
  - blur: {sigma: [0.2, 1.5], probability: 0.5}
```

A parameter is a number (a constant), `[low, high]` (uniform), or [another
distribution](writing-recipes.md#values). It is drawn per sample and recorded with it. Every step also accepts
`id`, `probability`, `for_labels` and `except_labels`. Neighboring affine and bending steps become one resampling:
bilinear, and smoothed by as much as the steps together shrink the image, so that thin strokes neither vanish nor
double. [Other packages](../examples/your_own_distortion) add more distortions.

All distortions expect white ink on black paper, and fill from outside of the frame with black. Put steps that
change the paper (`invert`, `background`) after steps that move or reshape strokes.

The tables give for each parameter

- **limits**: the allowed values;
- **neutral**: the value that is used if the parameter is not given, and recorded if a step is not applied;
- **typical**: a range that suits digits of 28 x 28 pixels; the examples use it.

The pictures show each parameter at the lowest, middle and highest value of its typical range. Other parameters of
the step are omitted if possible, else they have their middle value, as noted on the left. `augforge preview
RECIPE --sweep` draws the same for your recipe; `augforge distortions NAME` prints a distortion's text and table.
"""

GUARDS = """\
## Guards

A label stays true only while a person would still give it. Guards are rejection sampling: they reject samples
that go too far, and draw their steps again.

```yaml
guard:
  min_ink_kept: 0.95
  max_turn: {limit: 30, for_labels: [6, 9]}
  max_ink_growth: [1, {limit: 0.5, except_labels: [1]}]
```

A limit is a number, or a mapping with `limit` and the classes that it holds for; a list of limits must hold
entirely.

**Guards on shape** (all but `min_contrast`) draw the moving and reshaping steps of a rejected sample again, up to
8 times; probabilities and choices stay. If no draw passes, they pull these steps half way toward doing nothing,
again and again, finally all the way. They judge shape by the moving and reshaping steps alone, without the
others: noise is no piece of ink. They do not see changes by imgaug.

**`min_contrast`** first judges the shape: if a shift, a small scale or a crop has left no ink, or only a gray
rest below the limit, it draws the moving and reshaping steps again, counted in `guard.attempts` and `guard.pull`.
Then it judges the whole image and treats the other steps the same way. Originals without ink pass. If the
original itself is below the limit, half of its contrast is enough for the shape, and the sample may stay below
the limit; `augforge check` counts both. `min_contrast` cannot be combined with imgaug, whose images come in
blocks.

Only rejected samples are made again. Samples without an applied step, such as kept originals, are not judged. A
recipe inherits the guards of the recipe that it `extends`; the limit in the column *off* switches a guard off.

The column `guard.NAME` counts how many draws of the sample the guard rejected, including halved ones.
`guard.attempts` and `guard.pull` record the outcome for the shape, `guard.level_attempts` and `guard.level_pull`
for the rest. `augforge check` shows how much each guard rejects, `augforge info` how much it rejected in a data
set.
"""


def page() -> str:
    """Return the text of `distortions.md`."""
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
    return ["| guard | limit | unit | allowed | off | typical |", "|---|---|---|---|---|---|", *rows]


def _families() -> Iterator[tuple[str, list[type[Distortion]]]]:
    """Yield the heading and the classes of each module of distortions."""
    for module, kinds in itertools.groupby(own_distortions(), lambda kind: kind.__module__):
        doc = inspect.getdoc(sys.modules[module]) or ""
        yield re.split(r"[:;.\n]", doc, maxsplit=1)[0], list(kinds)


def _section(kind: type[Distortion]) -> list[str]:
    lines = [f"### {kind.name}", "", *"\n\n".join(markdown(inspect.getdoc(kind) or "")).split("\n"), ""]
    table = _table(kind)
    lines += [*table, ""] if table else []
    lines += ["```yaml", *(_yaml(kind.name, step) for step in examples(kind)), "```", ""]
    alt = f"{kind.name} applied to the digits {', '.join(map(str, DIGITS))}"
    return [*lines, f"![{alt}](pictures/{sweep_name(kind)})"]


def summary(kind: type[Distortion]) -> str:
    """Return the first line of a distortion's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(kind: type[Distortion]) -> list[str]:
    if kind.open_ended:
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        return [
            f"It takes {', '.join(f'`{name}`' for name in required)} and the parameters of that augmenter."
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
