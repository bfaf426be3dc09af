"""How long `augforge --help` takes, next to a Python that only imports click."""

import os
import subprocess
import sys
from pathlib import Path

import measuring


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=21)
    options = parser.parse_args()
    commands = {
        "augforge --help": [str(Path(sys.executable).parent / "augforge"), "--help"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }

    def runner(command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "100"})

    timings = measuring.side_by_side(
        {name: lambda command=command: runner(command) for name, command in commands.items()},
        options.repeats,
        warm_up=2,
    )
    ours, click, _ = timings.values()
    rows = [(name, f"{t.median * 1000:.0f}", f"{t.spread:.0%}") for name, t in timings.items()]
    over_click = ours.median - click.median
    notes = f"augforge --help takes {over_click * 1000:.0f} ms more than importing click."
    section = measuring.Section("Start", "", ("command", "ms", "spread"), rows, notes)
    measuring.report(options, sections=[section], figures={"start.over_click": over_click})


if __name__ == "__main__":
    main()
