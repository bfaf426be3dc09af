"""The command ``augforge verify``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.exits import ExitCode
from augforge.cli.options import NamedPath, json_option
from augforge.cli.output import (
    display_path,
    format_bytes,
    pluralize,
    print_err,
    print_json,
    print_out,
    to_one_line,
)
from augforge.cli.progress import announce_compiling, show_progress
from augforge.errors import AugforgeError

if TYPE_CHECKING:
    from augforge.format.models import Manifest
    from augforge.integrity import Defect, Repair, Verification

_ALL = "all"
_MOST_DIGITS = 18


def _parse_number(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Parse the number of samples to prove: 0 for all, None for no option."""
    if value is None or value == _ALL:
        return None if value is None else 0
    if not (value.isascii() and value.isdecimal()) or len(value) > _MOST_DIGITS or int(value) < 1:
        raise click.BadParameter(f"must be a number of at least 1, or '{_ALL}', got '{value[:40]}'")
    return int(value)


@click.command("verify", short_help="Verify every byte of a data set, or repair it.")
@click.argument("dataset", metavar="DATASET", type=NamedPath())
@click.option(
    "--prove",
    "wanted",
    metavar="N",
    callback=_parse_number,
    help="Make N random samples (or 'all') again from recipe and source, and compare every bit.",
)
@click.option(
    "--repair", "repairs", is_flag=True, help="Make damaged and missing files again, and verify them."
)
@click.option(
    "--source",
    metavar="PATH",
    type=NamedPath(),
    help="Path of the originals for --prove and --repair; by default that of the recipe.",
)
@json_option
def command(dataset: Path, wanted: int | None, repairs: bool, source: Path | None, as_json: bool) -> ExitCode:
    """Verify every byte of a data set.

    DATASET is the folder of a data set. If files are damaged, missing, stale or foreign, they are listed, and the
    exit code is 1.
    """
    if source is not None and wanted is None and not repairs:
        raise click.UsageError("--source goes with --prove or --repair")
    from augforge.integrity import repair, verify

    notes: list[str] = []
    outcome = None
    if repairs:
        try:
            with announce_compiling(), show_progress("repairing") as on_progress:
                done = repair(dataset, source, on_progress)
            outcome = _Outcome(done.after, done)
        except (AugforgeError, OSError) as error:
            if not os.path.lexists(dataset):
                raise
            notes.append(f"not repaired: {error}")
    if outcome is None:
        with show_progress("verifying") as on_progress:
            outcome = _Outcome(verify(dataset, on_progress))
    if wanted is not None:
        outcome = _prove(outcome, wanted, source, notes)
    if as_json:
        print_json({**outcome.to_dict(), "told": notes})
    else:
        print_out(outcome.format())
    for text in notes:
        print_err(text)
    return ExitCode.OK if outcome.sound and not notes else ExitCode.FOUND


@dataclass(frozen=True)
class _Outcome:
    """Verification, repair and number of proved samples."""

    found: "Verification"
    repaired: "Repair | None" = None
    disproved: tuple["Defect", ...] = ()
    proved: int | None = None

    @property
    def defects(self) -> tuple["Defect", ...]:
        return (*self.found.defects, *self.disproved)

    @property
    def sound(self) -> bool:
        return not self.defects

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON values."""
        manifest = self.found.manifest
        return {
            "folder": str(self.found.folder),
            "sound": self.sound,
            "defects": [
                {"kind": str(one.kind), "file": one.file, "what": one.what, "shard": one.shard}
                for one in self.defects
            ],
            "shards": len(self.found.specs),
            "samples": manifest.samples if manifest else None,
            "content_hash": manifest.content_hash if manifest else None,
            "proved": self.proved,
            "made": list(self.repaired.made) if self.repaired else [],
            "removed": list(self.repaired.removed) if self.repaired else [],
            "rewritten": list(self.repaired.rewritten) if self.repaired else [],
        }

    def format(self) -> str:
        """Format the result."""
        lines = []
        if self.repaired:
            lines += [f"made again: shards/{name}" for name in self.repaired.made]
            lines += [f"removed: {name}" for name in self.repaired.removed]
            lines += [f"rewritten: {name}" for name in self.repaired.rewritten]
        lines += [str(defect) for defect in self.defects]
        if self.proved is not None:
            lines.append(f"proved: {pluralize(self.proved, 'sample')} made again, bit-identical")
        folder = display_path(self.found.folder)
        if self.sound and self.found.manifest:
            lines.append(f"sound: {folder}, {_format_size(self.found.manifest)}")
            lines.append(f"content hash: {self.found.manifest.content_hash}")
        else:
            lines.append(f"not sound: {folder}, {pluralize(len(self.defects), 'defect')}")
        return "\n".join(map(to_one_line, lines))


def _format_size(manifest: "Manifest") -> str:
    shards = pluralize(len(manifest.shards), "shard")
    return f"{pluralize(manifest.samples, 'sample')} in {shards}, {format_bytes(manifest.total_bytes)}"


def _prove(outcome: _Outcome, wanted: int, source: Path | None, notes: list[str]) -> _Outcome:
    import numpy as np

    from augforge.integrity import prove

    manifest = outcome.found.manifest
    if manifest is None or outcome.found.damaged_shards:
        notes.append("not proved: the set is damaged or incomplete; run --repair first")
        return outcome
    numbers: range | np.ndarray[Any, Any] = range(manifest.samples)
    if wanted and wanted < manifest.samples:
        numbers = np.random.default_rng().choice(manifest.samples, wanted, replace=False)
    try:
        with announce_compiling(), show_progress("proving") as on_progress:
            disproved = prove(outcome.found.folder, numbers, source, on_progress)
    except AugforgeError as error:
        notes.append(f"not proved: {error}")
        return outcome
    if disproved:
        return _Outcome(outcome.found, outcome.repaired, disproved)
    return _Outcome(outcome.found, outcome.repaired, proved=len(numbers))
