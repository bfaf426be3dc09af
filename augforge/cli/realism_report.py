"""Format the report on how realistic a recipe's samples are."""

import math
from typing import TYPE_CHECKING, Any

from augforge.cli.output import format_table, pluralize

if TYPE_CHECKING:
    from augforge.realism import Extreme, PropertyReport, Report

_KEYS = ("examined", "guards", "redrawings", "properties", "far_outside", "extremes")
_MOST_EXTREMES = 3
# Warn if a larger share of samples is pulled toward the originals.
_MUCH_PULLED = 0.1
_SOURCE, _SAMPLES = "originals: 1 %", "samples: 1 %"
_DECIMALS = 4


def report_to_dict(report: "Report | None") -> dict[str, object]:
    """Convert a report to JSON values; without one, every value is None."""
    if report is None:
        return dict.fromkeys(_KEYS)
    return {
        "examined": {
            "samples": len(report.numbers),
            "originals": report.originals,
            "blank": _round(report.blank),
        },
        "guards": [
            {
                "name": guard.name,
                "limits": [limit.plain() for limit in guard.limits],
                "rejected": _round(guard.rejected),
            }
            for guard in report.guards
        ],
        "redrawings": [
            {"steps": list(one.steps), "redrawn": _round(one.redrawn), "pulled": _round(one.pulled)}
            for one in report.redrawings
        ],
        "properties": [_property_to_dict(one) for one in report.properties],
        "far_outside": [
            {
                "property": one.about.name,
                "share": _round(one.far),
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
                "value": _round(one.value),
                "original": _round(one.original),
                "distance": _round(one.distance),
            }
            for one in report.extremes
        ],
    }


def format_report(report: "Report") -> str:
    """Format a report: guards, properties, far outliers, extreme samples."""
    from augforge.realism import FAR_SHARE

    if not len(report.numbers):
        return "No distorted samples: the recipe makes no variants."
    originals = pluralize(report.originals, "original")
    parts = [f"{pluralize(len(report.numbers), 'sample')} compared with {originals}:"]
    if report.guards:
        parts.append(_format_guards(report))
    parts.append(_format_properties(report))
    if report.blank:
        parts.append(f"{_format_percent(report.blank)} of the samples lost all ink.")
    if report.far_outside:
        names = ", ".join(one.about.title for one in report.far_outside)
        parts.append(
            f"Far outside of the originals' range, for more than {100 * FAR_SHARE:g} % of the samples: {names}.\n"
            "That is fine if the digits to be recognized vary as much; otherwise narrow the ranges named above."
        )
    else:
        parts.append("Nothing is far outside of the originals' range.")
    if report.extremes:
        parts.append(f"Most extreme: {_format_extremes(report)}.")
    return "\n\n".join(parts)


def _format_guards(report: "Report") -> str:
    from augforge.recipe.writing import write_inline

    rows = [
        (
            guard.name,
            ", ".join(write_inline(limit.plain()) for limit in guard.limits),
            _format_percent(guard.rejected),
        )
        for guard in report.guards
    ]
    lines = [format_table(("guard", "limit", "samples rejected"), rows, right=("samples rejected",))]
    lines += [
        f"{_format_percent(one.redrawn)} drawn again ({', '.join(one.steps)}), "
        f"{_format_percent(one.pulled)} finally pulled toward the original"
        for one in report.redrawings
    ]
    if any(one.pulled > _MUCH_PULLED for one in report.redrawings):
        lines.append(
            "Guards and ranges conflict: many samples are pulled toward their originals instead of distorted. "
            "Widen the limits, or narrow the ranges."
        )
    return "\n".join(lines)


def _format_properties(report: "Report") -> str:
    heads = ("property", _SOURCE, "50 %", "99 %", _SAMPLES, "50 %", "99 %", "outside", "far", "main cause")
    rows = [
        (
            f"{one.about.title}, {one.about.unit}".rstrip(", "),
            *(one.about.format(value) for value in one.source),
            *(one.about.format(value) for value in one.samples),
            _format_percent(one.outside),
            _format_percent(one.far),
            _format_cause(one),
        )
        for one in report.properties
    ]
    return format_table(heads, rows, right=heads[1:-1]) + (
        "\noutside: beyond the middle 99 % of the originals; far: so much that it is plain to see"
    )


def _format_cause(one: "PropertyReport") -> str:
    if not one.far_outside:
        return ""
    return "no single range" if one.cause is None else str(one.cause)


def _format_extremes(report: "Report") -> str:
    """Format the most extreme sample of the first few kinds."""
    first: dict[tuple[str, bool], Extreme] = {}
    for extreme in report.extremes:
        first.setdefault((extreme.property, extreme.distance > 0), extreme)
    properties = {one.about.name: one.about for one in report.properties}
    texts = []
    for extreme in list(first.values())[:_MOST_EXTREMES]:
        one = properties[extreme.property]
        texts.append(
            f"sample {extreme.number} ({one.title} {one.format(extreme.value)} {one.unit}".rstrip() + ")"
        )
    return ", ".join(texts)


def _property_to_dict(one: "PropertyReport") -> dict[str, Any]:
    return {
        "name": one.about.name,
        "doc": one.about.doc,
        "unit": one.about.unit,
        "source": [_round(value) for value in one.source],
        "samples": [_round(value) for value in one.samples],
        "interval": [_round(value) for value in one.interval],
        "tolerance": _round(one.tolerance),
        "outside": _round(one.outside),
        "far": _round(one.far),
    }


def _round(value: float) -> float | None:
    """Round to the digits that all libraries agree on; NaN becomes None."""
    return None if math.isnan(value) else round(value, _DECIMALS)


def _format_percent(share: float) -> str:
    return f"{100 * share:.1f} %"
