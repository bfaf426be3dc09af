"""Run the parts of the stress command, and write their figures into docs/reliability.md.

A part is a module here with ``run(cases, scratch)``, which gives an `Outcome` for each kind of fault. ``--cases``
scales what every part does; figures are written only from a whole run with all cases.
"""

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.stress.outcome import Outcome

PARTS: tuple[str, ...] = (
    "kills",
    "refusals",
    "flips",
    "fuzzing",
    "drawings",
    "clusters",
    "environments",
    "sameness",
)
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.stress", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="run these, and write nothing"
    )
    parser.add_argument(
        "--cases",
        type=float,
        default=1.0,
        help="share of all cases, such as 0.01; below 1 nothing is written",
    )
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    for name in options.only:
        part = importlib.import_module(f"tests.stress.{name}")
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="stress-") as scratch:
            found: Sequence[Outcome] = part.run(options.cases, Path(scratch))
        for outcome in found:
            print(f"{name}: {outcome.fault}: {outcome.tried:,} tried, {outcome.lost} lost", flush=True)
            for failure in outcome.failures[:10]:
                print(f"    {failure}", flush=True)
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
        outcomes += found
    if options.cases >= 1 and tuple(options.only) == PARTS:
        PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), outcomes), encoding="utf-8")
    if any(outcome.lost for outcome in outcomes):
        sys.exit(1)


def with_figures(page: str, outcomes: Sequence[Outcome]) -> str:
    """Return the page with its table of figures replaced."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    rows = [
        f"| {one.fault} | {one.promise} | {one.tried:,} | {one.tried - one.lost:,} | {one.lost:,} |"
        for one in outcomes
    ]
    table = ["| fault | promise | tried | survived | lost |", "|---|---|---|---|---|", *rows]
    return head + BEGIN + "\n" + "\n".join(table) + "\n" + END + tail


if __name__ == "__main__":
    main()
