"""Run the benchmarks one after the other, and write RESULTS.md and its plots.

Each result is kept in results/NAME.json, which stays unchanged if a benchmark fails.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reporting.page import BENCHMARKS, page, read_results
from reporting.plots import draw

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, help="run only these")
    what.add_argument("--write", action="store_true", help="run nothing")
    options = parser.parse_args()
    failed = [] if options.write else run(options.only, HERE)
    write(HERE)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def run(names: Sequence[str], folder: Path) -> list[str]:
    """Run benchmarks, keep their results, and return the failed ones."""
    (folder / "results").mkdir(exist_ok=True)
    failed = []
    for name in names:
        print(f"{name} ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            measured = Path(scratch, "result.json")
            command = [sys.executable, f"benchmarks/{name}.py", "--json", str(measured)]
            done = subprocess.run(command, cwd=folder.parent, check=False)
            if done.returncode == 0 and measured.exists():
                (folder / "results" / f"{name}.json").write_bytes(measured.read_bytes())
            else:
                failed.append(name)
    return failed


def write(folder: Path) -> None:
    """Write the page, and the plots if matplotlib is installed."""
    results = read_results(folder / "results")
    (folder / "RESULTS.md").write_text(page(results), encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is None:
        print("matplotlib is not installed: wrote RESULTS.md, but no plots")
        return
    drawn = [plot for result in results.values() for plot in result["plots"]]
    for plot in drawn:
        draw(plot, folder / "results")
    for path in {*(folder / "results").glob("*.png")} - {folder / "results" / plot["file"] for plot in drawn}:
        path.unlink()


if __name__ == "__main__":
    main()
