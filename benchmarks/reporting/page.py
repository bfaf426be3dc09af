"""The page of results, written from the benchmarks' JSON files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measuring import table

from reporting.targets import target_rows

BENCHMARKS = ("distort", "write", "load", "whole_job", "scale", "startup")
"""The benchmarks, in the order of runs and sections."""
OF_ONE_RUN = ("date", "load")
"""Keys shown per run; the other facts of a machine hardly differ."""

Results = Mapping[str, Mapping[str, Any]]

HEAD = """\
<!-- Written by `python benchmarks/run.py --write` from results/*.json: change those, or benchmarks/reporting. -->
# Results

How fast augforge is, compared with its targets and with other libraries. `make bench` measures all of this again
and writes this page. [README.md](README.md) describes the benchmarks, [NOTES.md](NOTES.md) what was tried and
measured by hand.
"""


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the available results, in the order of `BENCHMARKS`."""
    paths = {name: folder / f"{name}.json" for name in BENCHMARKS}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()
    }


def page(results: Results) -> str:
    """Return the page in Markdown."""
    figures = {key: value for result in results.values() for key, value in result["figures"].items()}
    parts = [
        HEAD.rstrip(),
        table(("what", "target", "measured", "met or missed"), target_rows(figures)),
        "## Machine",
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
    yield table(("benchmark", "date", "load at the end", "command"), runs)


def _benchmark(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}.py"
    yield f"`{result['command']}`"
    for plot in result["plots"]:
        yield f"![{plot['title']}, in {plot['unit']}](results/{plot['file']})"
    for section in result["sections"]:
        cells = table(section["head"], section["rows"]) if section["rows"] else ""
        parts = (f"### {section['title']}", section["text"], cells, section["notes"])
        yield from (part.strip() for part in parts if part)
