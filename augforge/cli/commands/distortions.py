"""The command ``augforge distortions``."""

import inspect
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.options import json_option
from augforge.cli.output import format_table, print_err, print_json, print_out
from augforge.errors import AugforgeError, join_names

if TYPE_CHECKING:
    from augforge.distortions import Distortion, Parameter

_HEADS = ("parameter", "meaning", "unit", "limits", "neutral", "typical", "required")


@click.command("distortions", short_help="List the distortions and their parameters.")
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the distortions and their parameters; with NAME, explain one."""
    from augforge.distortions import registry
    from augforge.distortions.catalog import broken, find, names
    from augforge.distortions.synonyms import step_meant

    if name is not None and name not in names():
        raise AugforgeError(
            f"unknown distortion '{name}'.{step_meant(name, names())} Distortions: {join_names(names())}"
        )
    chosen = registry() if name is None else {name: find(name)}
    failed = broken() if name is None else {}
    if as_json:
        print_json({"distortions": [_to_dict(kind) for kind in chosen.values()], "broken": failed})
        return
    print_out("\n\n".join(_format(kind, whole=name is not None) for kind in chosen.values()))
    print_err(
        "\nEvery step also takes id, probability, for_labels and except_labels. "
        "A value is a number, [low, high] or a named distribution"
    )
    for problem in failed.values():
        print_err(f"\nbroken: {problem}")


def _to_dict(kind: "type[Distortion]") -> dict[str, Any]:
    from augforge.distortions.catalog import origin, packages_of

    return {
        "name": kind.name,
        "doc": _summarize(kind),
        "parameters": [_parameter_to_dict(parameter) for parameter in kind.parameters()],
        "other_parameters": _describe_others(kind),
        "origin": origin(kind) or "augforge",
        "packages": list(packages_of(kind)),
    }


def _parameter_to_dict(parameter: "Parameter") -> dict[str, Any]:
    return {
        "name": parameter.name,
        "doc": parameter.doc,
        "unit": parameter.unit,
        "low": parameter.low,
        "high": parameter.high,
        "neutral": parameter.neutral,
        "typical": list(parameter.typical),
        "required": parameter.required,
        "per_pixel": parameter.per_pixel,
    }


def _format(kind: "type[Distortion]", *, whole: bool) -> str:
    from augforge.distortions.catalog import origin

    doc = inspect.getdoc(kind) or "" if whole else _summarize(kind)
    package = origin(kind)
    head = f"{kind.name}{f' (of the package {package})' if package else ''}: {doc}"
    if not kind.parameters():
        return f"{head}\n{_describe_others(kind) or 'takes no parameters'}"
    rows = [
        (
            parameter.name,
            parameter.doc,
            parameter.unit,
            f"{parameter.low:g} to {parameter.high:g}",
            f"{parameter.neutral:g}",
            "{:g} to {:g}".format(*parameter.typical),
            "yes" if parameter.required else "no",
        )
        for parameter in kind.parameters()
    ]
    return f"{head}\n{format_table(_HEADS, rows)}"


def _summarize(kind: "type[Distortion]") -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _describe_others(kind: "type[Distortion]") -> str:
    """Describe undeclared parameters; empty if there are none."""
    if not kind.open_ended:
        return ""
    required = [name for name, field in kind.model_fields.items() if field.is_required()]
    return f"takes {join_names(required)}, and further parameters that depend on it"
