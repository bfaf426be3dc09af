"""Convert docstrings to Markdown."""

import re
import textwrap


def markdown(doc: str) -> list[str]:
    """Convert a docstring to Markdown paragraphs, without the heading of its notes."""
    paragraphs: list[str] = []
    literal = False
    # A blank line before an indented line does not end a literal block.
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
    # Wrapping may put these signs first in a line: escape them, so that they begin no list or heading.
    others = [re.sub(r"^(\d*)([-+*#>.)])(?=\s)", r"\1\\\2", line) for line in others]
    return "\n".join((first, *others))


def prose(text: str) -> str:
    """Escape text for Markdown, and turn single and double backticks into code."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    return "".join(_code(part) if part.startswith("`") else _escaped(part) for part in parts)


def _code(part: str) -> str:
    return f"`{part.strip('`')}`"


def _escaped(part: str) -> str:
    # Markdown ignores a star between blanks and an underscore within a word.
    part = re.sub(r"(?<!\s)\*|\*(?!\s)", r"\*", part)
    part = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", part)
    return re.sub(r"<(?=[A-Za-z/!?])", r"\<", part)
