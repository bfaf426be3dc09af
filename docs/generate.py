"""Writes those parts of the docs that are made from the code: `distortions.md`, and every picture.

::

    classes --page--> distortions.md
          |--sweep--> Gallery --> pictures/distortion-NAME.png
    recipes --sheet-> Gallery --> pictures/recipe-NAME.png

`make docs` writes them; `make docs-check` writes nothing and tells which are out of date.
"""

import argparse
import inspect
import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from augforge import AugforgeError, Forge, load_recipe, parse_recipe
from augforge.distortions import Distortion, Parameter, registry
from augforge.previewing import Gallery, Layout, Row, contact_gallery, paint, sweep_gallery
from augforge.recipe import ready_recipes
from augforge.sources import Source, SourceSpec, open_source

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "distortions.md"
RECIPES = DOCS / "recipes.md"
PICTURES = DOCS / "pictures"

# A digit with a curve, one with open ends and one with loops; small enough that a sweep fits beside a page's text.
DIGITS = (2, 4, 8)
SWEEP_SIDE = 56
SHEET = 10

# imgaug's augmenters do not declare what is typical: two for which there is nothing of ours, or only something like it.
IMGAUG: dict[str, dict[str, tuple[float, float]]] = {
    "GaussianBlur": {"sigma": (0.2, 1.5)},
    "JpegCompression": {"compression": (80, 98)},
}

INTRODUCTION = """\
<!-- Written by `make docs` from the classes in augforge/distortions: change those instead. -->

# Distortions

A recipe's steps are these, in any order:

```yaml
distort:
  - rotate: {degrees: [-15, 15]}
  - blur: {sigma: [0.2, 1.5], probability: 0.5}
```

A parameter is a number (always that), `[low, high]` (any value between them is equally likely) or a named
distribution, such as `{normal: {mean: 0, sd: 5}}`. It is drawn for each sample, and recorded with it. Every step also
takes `id`, `probability`, `for_labels` and `except_labels`. The tables say of each parameter

- **limits**: no value may lie outside of them;
- **neutral**: the value that is used where the parameter is not given, and recorded where a step is not applied;
- **typical**: a range that suits digits of 28 x 28 pixels; the examples are made of these.

The pictures show each parameter at the lowest, middle and highest value of its typical range. The other parameters of
the step are left out where they may be, else they are in their middle, as is said on the left. `augforge preview
RECIPE --sweep` draws the same of your recipe, `augforge distortions NAME` prints a distortion's text and table.
"""


# ---- The page ----


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
    return "\n".join(lines).rstrip("\n") + "\n"


def own_distortions() -> list[type[Distortion]]:
    """Return augforge's own distortions, not those of other packages; by family, then by name."""
    own = (kind for kind in registry().values() if kind.__module__.startswith("augforge.distortions."))
    return sorted(own, key=_place)


def _place(kind: type[Distortion]) -> tuple[bool, str, str]:
    return kind.open_ended, kind.__module__, kind.name


def _families() -> Iterator[tuple[str, list[type[Distortion]]]]:
    """Yield each module of distortions: what its docstring calls them, and their classes."""
    for module, kinds in itertools.groupby(own_distortions(), lambda kind: kind.__module__):
        doc = inspect.getdoc(sys.modules[module]) or ""
        yield re.split(r"[:;.\n]", doc, maxsplit=1)[0], list(kinds)


def _section(kind: type[Distortion]) -> list[str]:
    lines = [f"### {kind.name}", "", *"\n\n".join(markdown(inspect.getdoc(kind) or "")).split("\n"), ""]
    lines += [*_table(kind), ""]
    lines += ["```yaml", *(_yaml(kind.name, step) for step in examples(kind)), "```", ""]
    alt = f"{kind.name}, from its lowest to its highest typical values"
    return [*lines, f"![{alt}](pictures/{_sweep_name(kind)})"]


def summary(kind: type[Distortion]) -> str:
    """Return the first line of a distortion's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _table(kind: type[Distortion]) -> list[str]:
    if kind.open_ended:
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        return [f"It takes {', '.join(f'`{name}`' for name in required)}, and the parameters of what that names."]
    if not kind.parameters():
        return ["It takes no parameters."]
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


def examples(kind: type[Distortion]) -> list[dict[str, Any]]:
    """Return steps that have every parameter in its typical range: one, or more where some exclude each other."""
    if kind.open_ended:
        return [{"augmenter": name, **_ranges(options)} for name, options in IMGAUG.items()]
    typical = {one.name: one.typical for one in kind.parameters()}
    left, steps = typical, []
    while left or not steps:
        together = _largest(kind, {name: typical[name] for name in _required(kind)}, left)
        steps.append(_ranges(together))
        left = {name: ends for name, ends in left.items() if name not in together}
    return steps


def _largest(
    kind: type[Distortion],
    required: Mapping[str, tuple[float, float]],
    left: Mapping[str, tuple[float, float]],
) -> dict[str, tuple[float, float]]:
    """Return what is required, with as many of those left, from the first on, as go together."""
    for count in range(len(left), -1, -1):
        for chosen in itertools.combinations(left.items(), count):
            together = {**required, **dict(chosen)}
            if _is_valid(kind, together):
                return together
    raise AugforgeError(f"no parameters of {kind.name} go together in their typical ranges")


def _is_valid(kind: type[Distortion], ranges: Mapping[str, tuple[float, float]]) -> bool:
    try:
        kind.model_validate(_ranges(ranges))
    except ValueError:
        return False
    return True


def _required(kind: type[Distortion]) -> list[str]:
    return [one.name for one in kind.parameters() if one.required]


def _ranges(ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    return {name: list(ends) for name, ends in ranges.items()}


def _yaml(name: str, step: Mapping[str, Any]) -> str:
    values = (
        f"{key}: [{value[0]:g}, {value[1]:g}]" if isinstance(value, list) else f"{key}: {value}"
        for key, value in step.items()
    )
    return f"- {name}: {{{', '.join(values)}}}"


# ---- Docstrings ----


def markdown(doc: str) -> list[str]:
    """Return a docstring's paragraphs as Markdown: literal blocks fenced, the heading of its notes left out."""
    paragraphs: list[str] = []
    literal = False
    for paragraph in re.split(r"\n\s*\n", doc.strip("\n")):
        if literal and paragraph.startswith(" "):
            paragraphs.append(f"```text\n{inspect.cleandoc(paragraph)}\n```")
            continue
        heading = re.match(r"(\w[\w ]*)\n-{3,}(?:\n|$)", paragraph)
        if heading:
            paragraph = paragraph[heading.end() :]
            paragraphs += [f"**{heading[1]}**"] if heading[1] != "Notes" else []
        literal = paragraph.endswith("::")
        text = re.sub(r"(^|(?<=\s))::$|(?<=:):$", "", paragraph)
        if text:
            paragraphs.append(_paragraph(text))
    return paragraphs


def _paragraph(text: str) -> str:
    first, *others = prose(text).split("\n")
    if re.match(r"([-+*]|\d+[.)])\s", first):
        return "\n".join((first, *others))
    # What begins a line only because it was wrapped there begins no list or heading.
    others = [re.sub(r"^(\d*)([-+*#>.)])(?=\s)", r"\1\\\2", line) for line in others]
    return "\n".join((first, *others))


def prose(text: str) -> str:
    """Return text so that Markdown shows it as it is, and what is in one or two backticks as code."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(_code(part) if part.startswith("`") else _escaped(part) for part in parts)


def _code(part: str) -> str:
    return f"`{part.strip('`')}`"


def _escaped(part: str) -> str:
    # A star alone between blanks, or an underscore within a word, is nothing special.
    part = re.sub(r"(?<!\s)\*|\*(?!\s)", r"\*", part)
    part = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", part)
    return re.sub(r"<(?=[A-Za-z/!?])", r"\<", part)


# ---- Pictures ----


@dataclass(frozen=True)
class Picture:
    """A picture of the docs.

    Attributes
    ----------
    gallery : Gallery
        What it shows.
    side : int
        How far its images are enlarged, as in `Layout`.
    exact : bool
        Whether its images are the same on every machine; those that another package renders are not.
    """

    gallery: Gallery
    side: int = Layout.side
    exact: bool = True

    def words(self) -> str:
        """Return all text in the picture."""
        gallery = self.gallery
        rows = [gallery.headings, *(row.caption for row in gallery.rows)]
        return "\n".join((gallery.title, gallery.subtitle, *map(" | ".join, rows), gallery.note))

    def pixels(self) -> NDArray[np.uint8]:
        """Return the picture in gray, which halves its file; uint8 (H, W)."""
        return np.asarray(paint(self.gallery, self.side).convert("L"))

    def write(self, path: Path) -> None:
        """Write the picture, and its words beside the pixels."""
        words = PngImagePlugin.PngInfo()
        words.add_itxt("Description", self.words())
        Image.fromarray(self.pixels()).save(path, optimize=True, pnginfo=words)

    def is_at(self, path: Path) -> bool:
        """Whether a file holds this picture: the same words, and the same images.

        How letters are drawn does not count, as another Pillow may draw them otherwise.
        """
        try:
            with Image.open(path) as stored:
                words, pixels = stored.info.get("Description"), np.asarray(stored)
        except OSError:
            return False
        return words == self.words() and (not self.exact or self._images_are_in(pixels))

    def _images_are_in(self, pixels: NDArray[np.uint8]) -> bool:
        layout = Layout(self.gallery, self.side)
        left, top, _, _ = layout.box(0, 0)
        _, _, right, bottom = layout.box(len(self.gallery.rows) - 1, len(self.gallery.headings) - 1)
        # There are no letters among the images. Those on their left push them aside, if only a little.
        images = self.pixels()[top:bottom, left:right]
        return any(
            np.array_equal(pixels[top:bottom, left + aside : right + aside], images) for aside in range(-20, 21)
        )


def pictures() -> Iterator[tuple[str, Picture]]:
    """Yield every picture with its file's name."""
    source = _digits()
    for kind in own_distortions():
        yield _sweep_name(kind), Picture(sweep(kind, source), SWEEP_SIDE, exact=not kind.packages)
    for name in ready_recipes():
        forge = Forge(load_recipe(name))
        # As `augforge preview NAME --variants 10` draws it.
        gallery = contact_gallery(forge, SHEET, SHEET)
        yield _sheet_name(name), Picture(gallery, exact="imgaug" not in forge.recipe.to_yaml())


def _sweep_name(kind: type[Distortion]) -> str:
    return f"distortion-{kind.name}.png"


def _sheet_name(recipe: str) -> str:
    return f"recipe-{recipe}.png"


def _digits() -> Source:
    bundled = open_source(SourceSpec(dataset="mnist-10k"))
    chosen = [int(np.argmax(bundled.labels == digit)) for digit in DIGITS]
    labels = np.array(DIGITS, np.uint8)
    return Source.from_arrays("mnist-10k", "train", bundled.images[chosen], labels)


def sweep(kind: type[Distortion], source: Source) -> Gallery:
    """Return a distortion's sweep: a row for each parameter."""
    if kind.open_ended:
        rows = [
            _captioned(_swept(kind, {"augmenter": name, **_ranges(options)}, option, source), f"{name}.{option}")
            for name, options in IMGAUG.items()
            for option in options
        ]
    else:
        rows = [_parameter_row(kind, one, source) for one in kind.parameters()]
    levels = ("lowest", "middle", "highest")
    if not rows:
        plain = _swept(kind, {}, "", source)
        rows, levels = [Row((kind.name,), tuple(one for one in plain.images if one is not None))], (kind.name,)
    return Gallery(
        title=kind.name,
        subtitle="each parameter at the lowest, middle and highest value of its typical range",
        headings=("original", *levels) * len(source),
        rows=tuple(rows),
        image_shape=(28, 28),
        group=1 + len(levels),
        note="",
    )


def _parameter_row(kind: type[Distortion], swept: Parameter, source: Source) -> Row:
    """Return the row of one parameter, with as few others as let it have an effect."""
    others = {one.name: one for one in kind.parameters() if one.name != swept.name}
    required = [name for name in _required(kind) if name in others]
    optional = [name for name in others if name not in required]
    for more in ([], *([name] for name in optional), optional):
        given = [*required, *more]
        ranges = {name: others[name].typical for name in given} | {swept.name: swept.typical}
        if not _is_valid(kind, ranges):
            continue
        row = _swept(kind, _ranges(ranges), swept.name, source)
        if _has_effect(row):
            unit = "" if swept.unit in ("share", "factor") else f" {swept.unit}"
            return _captioned(row, swept.name, unit, *(_told(others[name]) for name in given))
    raise AugforgeError(f"{kind.name}.{swept.name} has no effect in its typical range")


def _swept(kind: type[Distortion], step: Mapping[str, Any], name: str, source: Source) -> Row:
    """Return the row of one parameter of a step, or of the step itself where it has none."""
    recipe = {"version": 1, "name": "sweep", "seed": 7, "source": "mnist-10k", "variants": 1}
    recipe["distort"] = [{kind.name: {**step, "id": "swept"}}]
    rows = sweep_gallery(Forge(parse_recipe(json.dumps(recipe)), source=source), len(source)).rows
    return next(row for row in rows if row.caption[0] == (f"swept.{name}" if name else "swept"))


def _has_effect(row: Row) -> bool:
    groups = (row.images[start + 1 : start + 4] for start in range(0, len(row.images), 4))
    return any(not np.array_equal(group[0], image) for group in groups for image in group[1:])


def _captioned(row: Row, name: str, unit: str = "", *others: str) -> Row:
    with_others = (f"with {', '.join(others)}",) if others else ()
    return replace(row, caption=(name, f"{row.caption[1]}{unit}", *with_others))


def _told(parameter: Parameter) -> str:
    low, high = parameter.typical
    return f"{parameter.name} {low:g} to {high:g}" if parameter.per_pixel else f"{parameter.name} {(low + high) / 2:g}"


# ---- Writing and checking ----


def write() -> None:
    """Write the page and all pictures, and remove pictures of what there is no more."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    made = dict(pictures())
    for name, picture in made.items():
        picture.write(PICTURES / name)
    for path in _pictures_beside(made):
        path.unlink()


def problems() -> Iterator[str]:
    """Yield what is not as `write` would write it, and the ready recipes that `recipes.md` does not show."""
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        yield f"{_shown(PAGE)} is out of date"
    made = dict(pictures())
    for name, picture in made.items():
        if not picture.is_at(PICTURES / name):
            yield f"{_shown(PICTURES / name)} is out of date"
    for path in _pictures_beside(made):
        yield f"{_shown(path)} shows what there is no more"
    yield from recipes_not_shown()


def recipes_not_shown() -> Iterator[str]:
    """Yield a line for each ready recipe whose picture is not in `recipes.md`."""
    text = RECIPES.read_text(encoding="utf-8")
    for name in ready_recipes():
        if f"](pictures/{_sheet_name(name)})" not in text:
            yield f"{_shown(RECIPES)} does not show the ready recipe {name}: no picture pictures/{_sheet_name(name)}"


def _pictures_beside(made: Mapping[str, Picture]) -> Sequence[Path]:
    return sorted(path for path in PICTURES.glob("*.png") if path.name not in made)


def _shown(path: Path) -> str:
    return path.relative_to(DOCS.parent).as_posix()


def main() -> int:
    """Write, or check: then 1 where anything is out of date."""
    parser = argparse.ArgumentParser(description="Write the docs that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; tell what is out of date")
    if not parser.parse_args().check:
        write()
        return 0
    found = list(problems())
    for problem in found:
        print(problem)
    if found:
        print("`make docs` writes the page and the pictures again")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
