"""The page of results says what the benchmarks' JSON files say, and no more."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

sys.path.append(str(BENCHMARKS))
page = importlib.import_module("reporting.page")
plots = importlib.import_module("reporting.plots")
targets = importlib.import_module("reporting.targets")
run = importlib.import_module("run")


def result(figures=None, **machine):
    return {
        "machine": {"date": "2026-01-02", "load": "0.1", "cores": "2", **machine},
        "command": "python benchmarks/load.py",
        "sections": [
            {"title": "One", "text": "A text.", "head": ["a", "b"], "rows": [["x|y", 1]], "notes": "A note."}
        ],
        "figures": figures or {},
        "plots": [{"file": "one.png", "title": "A plot", "unit": "m", "bars": [["augforge", 1.0]]}],
    }


def told(what: str, **figures) -> list[str]:
    """Return the cells of the line that begins so, after what it is about."""
    rows = targets.target_rows({key.replace("__", "."): value for key, value in figures.items()})
    (row,) = (row for row in rows if row[0].startswith(what))
    return list(row[1:])


def test_the_page_is_what_the_results_say() -> None:
    results = page.read_results(BENCHMARKS / "results")
    if not results:
        pytest.skip("nothing was measured yet")
    written = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    assert written == page.page(results), "python benchmarks/run.py --write"


def test_the_plots_are_there() -> None:
    results = page.read_results(BENCHMARKS / "results")
    expected = {plot["file"] for each in results.values() for plot in each["plots"]}
    assert {path.name for path in (BENCHMARKS / "results").glob("*.png")} == expected


class TestTargets:
    WHOLE, BUILD = "whole job, `plain`", "build 8,100,000 images"

    @pytest.mark.parametrize(
        ("ratio", "measured", "verdict"),
        [
            (60.0, "60.0 x", "met"),
            (123.4, "123 x", "met"),
            (45.0, "45.0 x", "**missed by 25.0 %**"),
            (59.99, "60.0 x", "**missed by 0.017 %**"),
        ],
    )
    def test_at_least(self, ratio: float, measured: str, verdict: str) -> None:
        assert told(self.WHOLE, whole_job__plain__ratio=ratio) == [">= 60 x", measured, verdict]

    @pytest.mark.parametrize(
        ("seconds", "measured", "verdict"),
        [(1.999, "2.00 s", "met"), (3.0, "3.00 s", "**missed by 50.0 %**")],
    )
    def test_at_most(self, seconds: float, measured: str, verdict: str) -> None:
        assert told("`augforge build` of 1,000", startup__build_1000_s=seconds) == [
            "< 2 s",
            measured,
            verdict,
        ]

    def test_what_was_not_measured_is_not_left_out(self) -> None:
        rows = targets.target_rows({})
        assert len(rows) == len(targets.TARGETS)
        assert {(measured, verdict) for _, _, measured, verdict in rows} == {("not measured", "")}

    @pytest.mark.parametrize(
        ("forges", "disk", "verdict"),
        [(0.85, 0.2, "met"), (0.4, 0.95, "met"), (0.4, 0.81, "**missed by 10.0 %**")],
    )
    def test_one_of_two_bounds_is_enough(self, forges: float, disk: float, verdict: str) -> None:
        _, measured, said = told(self.BUILD, scale__of_two_forges=forges, scale__of_disk=disk)
        assert (measured, said) == (f"{forges:.2f} x two forges; {disk:.2f} x the disk", verdict)

    def test_a_bound_that_was_not_measured_may_have_been_kept(self) -> None:
        _, measured, verdict = told(self.BUILD, scale__of_two_forges=0.5)
        assert (measured, verdict) == ("0.50 x two forges; not measured (x the disk)", "")

    def test_memory_is_the_highest_and_growth_that_of_the_largest_build(self) -> None:
        peaks = {"scale__peak_pss_mb__100000": 300, "scale__peak_pss_mb__1000000": 420}
        peaks["scale__peak_pss_mb__10000000"] = 330
        assert told("peak memory of a build", **peaks)[1:] == ["420 MB", "met"]
        assert told("peak memory, of the largest", **peaks)[1:] == ["1.10 x", "met"]

    def test_the_fastest_other_is_named(self) -> None:
        figures = {"distort__plain__against_best_other": 9.0, "distort__plain__best_other": "a|b"}
        what = "distort, affine maps, pixels and gray levels (`plain.yaml`), one thread, against the fastest"
        assert told(what, **figures)[1:] == ["9.00 x (a|b)", "met"]
        figures["distort__plain__without_guard__against_best_other"] = 11
        assert told(what, **figures)[1:] == ["9.00 x (a|b; without its guard 11.0 x)", "met"]


class TestPage:
    def test_every_section_with_its_command_and_plots(self) -> None:
        text = page.page({"load": result()})
        _, _, after = text.partition("## load.py\n")
        assert after == (
            "\n`python benchmarks/load.py`\n\n![A plot, in m](results/one.png)\n\n### One\n\nA text.\n\n"
            "| a    | b |\n| ---- | - |\n| x\\|y | 1 |\n\nA note.\n"
        )

    def test_machines_that_differ_are_told_apart(self) -> None:
        text = page.page({"write": result(torch="1"), "load": result(torch="2")})
        assert "| cores   | 2                   |" in text
        assert "| torch   | 1 (write); 2 (load) |" in text

    def test_benchmarks_that_were_not_run_are_named(self) -> None:
        assert "| scale     | not run" in page.page({"load": result()})


BROKEN = "raise SystemExit(3)"
WORKING = """
import sys
open(sys.argv[sys.argv.index("--json") + 1], "w").write('{"new": true}')
"""


def test_a_benchmark_that_fails_is_named_and_every_other_kept(tmp_path: Path, capfd) -> None:
    folder = tmp_path / "benchmarks"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "write.json").write_text("old")
    for name, script in (("write", BROKEN), ("load", WORKING), ("scale", "")):
        (folder / f"{name}.py").write_text(script)
    assert run.run(["write", "load", "scale"], folder) == ["write", "scale"]
    kept = {path.name: path.read_text() for path in (folder / "results").iterdir()}
    assert kept == {"write.json": "old", "load.json": '{"new": true}'}


def test_without_matplotlib_only_the_page_is_written(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "load.json").write_text(json.dumps(result()))
    (tmp_path / "results" / "old.png").touch()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    run.write(tmp_path)
    assert (tmp_path / "RESULTS.md").read_text(encoding="utf-8") == page.page({"load": result()})
    assert (tmp_path / "results" / "old.png").exists()
    assert "no plots" in capsys.readouterr().out


class TestPlots:
    def test_what_is_compared_comes_in_order_of_size(self) -> None:
        assert plots.sort_bars([("b", 1), ("augforge", 3), ("c", 2)]) == [("augforge", 3), ("c", 2), ("b", 1)]

    def test_what_is_not_compared_comes_as_given(self) -> None:
        assert plots.sort_bars([("10^5", 1), ("10^6", 3)]) == [("10^5", 1), ("10^6", 3)]

    @pytest.mark.parametrize(("values", "expected"), [((1, 100), False), ((1, 101), True)])
    def test_axes_are_logarithmic_beyond_two_decades(self, values: tuple[int, int], expected: bool) -> None:
        assert plots.logarithmic(values) is expected
