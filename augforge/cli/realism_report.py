"""A report on how realistic a recipe's samples are, as text and as plain values."""

import math
from typing import TYPE_CHECKING, Any

from augforge.cli.output import format_table, pluralize

if TYPE_CHECKING:
    from augforge.realism import Extreme, PropertyReport, Report

_KEYS = ("examined", "guards", "redrawings", "properties", "far_outside", "extremes")
_EXTREMES_TOLD = 3
# More samples pulled toward the original than that are worth a word.
_MUCH = 0.1
_SOURCE, _SAMPLES = "originals: 1 %", "samples: 1 %"
_DECIMALS = 4


def report_plain(report: "Report | None") -> dict[str, object]:
    """Return a report as values for JSON; the same keys without values if there is none."""
    if report is None:
        return dict.fromkeys(_KEYS)
    return {
        "examined": {
            "samples": len(report.numbers),
            "originals": report.originals,
            "blank": _rounded(report.blank),
        },
        "guards": [
            {
                "name": guard.name,
                "limits": [limit.plain() for limit in guard.limits],
                "rejected": _rounded(guard.rejected),
            }
            for guard in report.guards
        ],
        "redrawings": [
            {"steps": list(one.steps), "redrawn": _rounded(one.redrawn), "pulled": _rounded(one.pulled)}
            for one in report.redrawings
        ],
        "properties": [_property_plain(one) for one in report.properties],
        "far_outside": [
            {
                "property": one.about.name,
                "share": _rounded(one.far),
                "cause": one.cause and one.cause.name,
                "given": one.cause and one.cause.given,
            }
            for one in report.far_outside
        ],
        "extremes": [
            {
                "number": one.number,
                "source_index": one.source_index,
                "property": one.property,
                "value": _rounded(one.value),
                "original": _rounded(one.original),
                "distance": _rounded(one.distance),
            }
            for one in report.extremes
        ],
    }


def report_text(report: "Report") -> str:
    """Return a report as text: guards, properties, what is far outside, and the most extreme samples."""
    from augforge.realism import FAR_SHARE

    if not len(report.numbers):
        return "There is no distorted sample to look at: the recipe makes no variants."
    parts = [f"{pluralize(len(report.numbers), 'sample')} next to {pluralize(report.originals, 'original')}:"]
    if report.guards:
        parts.append(_guards_text(report))
    parts.append(_properties_text(report))
    if report.blank:
        parts.append(f"{_percent(report.blank)} of the samples lost all ink.")
    if report.far_outside:
        names = ", ".join(one.about.title for one in report.far_outside)
        parts.append(
            f"Far outside of what the source shows, with more than {100 * FAR_SHARE:g} % of the samples: {names}.\n"
            "If the digits to be recognised do show it, that is fine; if not, narrow the ranges named above."
        )
    else:
        parts.append("Nothing is far outside of what the source shows.")
    if report.extremes:
        parts.append(f"Most extreme: {_extremes_text(report)}.")
    return "\n\n".join(parts)


def _guards_text(report: "Report") -> str:
    from augforge.recipe.writing import write_inline

    rows = [
        (
            guard.name,
            ", ".join(write_inline(limit.plain()) for limit in guard.limits),
            _percent(guard.rejected),
        )
        for guard in report.guards
    ]
    lines = [format_table(("guard", "limit", "samples rejected"), rows, right=("samples rejected",))]
    lines += [
        f"{_percent(one.redrawn)} drawn again ({', '.join(one.steps)}), "
        f"{_percent(one.pulled)} in the end pulled toward the original"
        for one in report.redrawings
    ]
    if any(one.pulled > _MUCH for one in report.redrawings):
        lines.append(
            "Guards and ranges do not go together: much is pulled toward the original instead of distorted. "
            "Widen the limits, or narrow the ranges."
        )
    return "\n".join(lines)


def _properties_text(report: "Report") -> str:
    heads = ("property", _SOURCE, "50 %", "99 %", _SAMPLES, "50 %", "99 %", "outside", "far", "mostly by")
    rows = [
        (
            f"{one.about.title}, {one.about.unit}".rstrip(", "),
            *(one.about.format(value) for value in one.source),
            *(one.about.format(value) for value in one.samples),
            _percent(one.outside),
            _percent(one.far),
            _cause_text(one),
        )
        for one in report.properties
    ]
    return format_table(heads, rows, right=heads[1:-1]) + (
        "\noutside: beyond 0.5 % to 99.5 % of the originals; far: so much that anyone would see it"
    )


def _cause_text(one: "PropertyReport") -> str:
    if not one.far_outside:
        return ""
    return "no single range" if one.cause is None else str(one.cause)


def _extremes_text(report: "Report") -> str:
    """Return the most extreme samples of the first few kinds."""
    first: dict[tuple[str, bool], Extreme] = {}
    for extreme in report.extremes:
        first.setdefault((extreme.property, extreme.distance > 0), extreme)
    properties = {one.about.name: one.about for one in report.properties}
    told = []
    for extreme in list(first.values())[:_EXTREMES_TOLD]:
        one = properties[extreme.property]
        told.append(
            f"sample {extreme.number} ({one.title} {one.format(extreme.value)} {one.unit}".rstrip() + ")"
        )
    return ", ".join(told)


def _property_plain(one: "PropertyReport") -> dict[str, Any]:
    return {
        "name": one.about.name,
        "doc": one.about.doc,
        "unit": one.about.unit,
        "source": [_rounded(value) for value in one.source],
        "samples": [_rounded(value) for value in one.samples],
        "interval": [_rounded(value) for value in one.interval],
        "tolerance": _rounded(one.tolerance),
        "outside": _rounded(one.outside),
        "far": _rounded(one.far),
    }


def _rounded(value: float) -> float | None:
    """Return a number as JSON can hold it; libraries differ in the last digits."""
    return None if math.isnan(value) else round(value, _DECIMALS)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
