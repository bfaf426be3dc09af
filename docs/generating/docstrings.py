"""Docstrings as Markdown."""

import re
import textwrap


def markdown(doc: str) -> list[str]:
    """Return a docstring's paragraphs as Markdown: literal blocks fenced, the heading of its notes left out."""
    paragraphs: list[str] = []
    literal = False
    # A blank line within a literal block, before a line that is indented, does not end it.
    for paragraph in re.split(r"(?<=::)\n\s*\n(?= )|\n\s*\n(?=\S)", doc.strip("\n")):
        if literal and paragraph.startswith(" "):
            paragraphs.append(f"```text\n{textwrap.dedent(paragraph)}\n```")
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
