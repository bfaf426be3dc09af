"""The page of results: all of it comes from the JSON files that the benchmarks write."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measuring import table

from reporting.targets import target_rows

BENCHMARKS = ("distort", "write", "load", "whole_job", "scale", "startup")
"""In the order in which they are run and shown."""
OF_ONE_RUN = ("date", "load")
"""What is said of each run; the rest of what is known of a machine hardly differs."""

Results = Mapping[str, Mapping[str, Any]]

HEAD = """\
<!-- Written by `python benchmarks/run.py --write` from results/*.json: change those, or benchmarks/reporting. -->
# Results

`make bench` measures all of this again and writes this page. How it is measured, and what single benchmarks can be
asked: [README.md](README.md). What was tried to get there, and what was measured by hand: [NOTES.md](NOTES.md).
"""


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what is there of the benchmarks' results, in their order."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }


def page(results: Results) -> str:
    """Return the page, in Markdown."""
    figures = {key: value for result in results.values() for key, value in result["figures"].items()}
    parts = [
        HEAD.rstrip(),
        table(("what", "target", "measured", "met or missed"), target_rows(figures)),
        "## Where it was measured",
        *_machines(results),
    ]
    for name, result in results.items():
        parts += _benchmark(name, result)
    return "\n\n".join(parts) + "\n"


def _machines(results: Results) -> Iterator[str]:
    machines = {name: result["machine"] for name, result in results.items()}
    keys = dict.fromkeys(key for machine in machines.values() for key in machine if key not in OF_ONE_RUN)
    facts = []
    for key in keys:
        names: dict[str, list[str]] = {}
        for name, machine in machines.items():
            names.setdefault(machine.get(key, "unknown"), []).append(name)
        single = len(names) == 1
        facts.append(
            (key, "; ".join(value if single else f"{value} ({', '.join(by)})" for value, by in names.items()))
        )
    yield table(("machine", ""), facts)
    runs = [
        (
            name,
            *(machines[name].get(key, "") for key in OF_ONE_RUN),
            f"`{results[name]['command']}`",
        )
        if name in results
        else (name, "not run", "", "")
        for name in BENCHMARKS
    ]
    yield table(("benchmark", "date", "load at its end", "command"), runs)


def _benchmark(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}.py"
    yield f"`{result['command']}`"
    for plot in result["plots"]:
        yield f"![{plot['title']}, in {plot['unit']}](results/{plot['file']})"
    for section in result["sections"]:
        cells = table(section["head"], section["rows"]) if section["rows"] else ""
        parts = (f"### {section['title']}", section["text"], cells, section["notes"])
        yield from (part.strip() for part in parts if part)
