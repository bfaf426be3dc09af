"""``augforge verify``."""

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


def _number(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Return how many samples are to be proved; 0 for all, None for no option."""
    if value is None or value == _ALL:
        return None if value is None else 0
    if not (value.isascii() and value.isdecimal()) or len(value) > _MOST_DIGITS or int(value) < 1:
        raise click.BadParameter(f"needed is a number from 1 on, or '{_ALL}'; got '{value[:40]}'")
    return int(value)


@click.command("verify", short_help="Say whether a data set is intact, or repair it.")
@click.argument("dataset", metavar="DATASET", type=NamedPath())
@click.option(
    "--prove",
    "wanted",
    metavar="N",
    callback=_number,
    help="Make N random samples again from recipe and source, or 'all', and compare them to the bit.",
)
@click.option(
    "--repair", "repairs", is_flag=True, help="Make what is damaged or missing again, and prove it."
)
@click.option(
    "--source",
    metavar="PATH",
    type=NamedPath(),
    help="Where the originals are now, for --prove and --repair; by default where the recipe says.",
)
@json_option
def command(dataset: Path, wanted: int | None, repairs: bool, source: Path | None, as_json: bool) -> ExitCode:
    """Say whether a data set is intact.

    DATASET is the folder that a build made. Every byte of it is looked at; whatever is damaged, missing, stale or
    foreign is named, and the exit code is then 1.
    """
    if source is not None and wanted is None and not repairs:
        raise click.UsageError("--source goes with --prove or --repair")
    from augforge.integrity import repair, verify

    told: list[str] = []
    outcome = None
    if repairs:
        try:
            with announce_compiling(), show_progress("repairing") as on_progress:
                done = repair(dataset, source, on_progress)
            outcome = _Outcome(done.after, done)
        except (AugforgeError, OSError) as error:
            if not os.path.lexists(dataset):
                raise
            told.append(f"not repaired: {error}")
    if outcome is None:
        with show_progress("verifying") as on_progress:
            outcome = _Outcome(verify(dataset, on_progress))
    if wanted is not None:
        outcome = _proved(outcome, wanted, source, told)
    if as_json:
        print_json({**outcome.plain(), "told": told})
    else:
        print_out(outcome.text())
    for text in told:
        print_err(text)
    return ExitCode.OK if outcome.sound and not told else ExitCode.FOUND


@dataclass(frozen=True)
class _Outcome:
    """What was found, what was repaired, and how many samples were proved."""

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

    def plain(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
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

    def text(self) -> str:
        """Return the same for people."""
        lines = []
        if self.repaired:
            lines += [f"made again: shards/{name}" for name in self.repaired.made]
            lines += [f"removed: {name}" for name in self.repaired.removed]
            lines += [f"written anew: {name}" for name in self.repaired.rewritten]
        lines += [str(defect) for defect in self.defects]
        if self.proved is not None:
            lines.append(f"proved: {pluralize(self.proved, 'sample')} made again, the same to the bit")
        folder = display_path(self.found.folder)
        if self.sound and self.found.manifest:
            lines.append(f"sound: {folder}, {_size_text(self.found.manifest)}")
            lines.append(f"content hash: {self.found.manifest.content_hash}")
        else:
            lines.append(f"not sound: {folder}, {pluralize(len(self.defects), 'defect')}")
        return "\n".join(map(to_one_line, lines))


def _size_text(manifest: "Manifest") -> str:
    size = sum(shard.bytes for shard in manifest.shards)
    shards = pluralize(len(manifest.shards), "shard")
    return f"{pluralize(manifest.samples, 'sample')} in {shards}, {format_bytes(size)}"


def _proved(outcome: _Outcome, wanted: int, source: Path | None, told: list[str]) -> _Outcome:
    import numpy as np

    from augforge.integrity import prove

    manifest = outcome.found.manifest
    if manifest is None or outcome.found.damaged_shards:
        told.append("not proved: the set is damaged or not complete; --repair mends it")
        return outcome
    numbers: range | np.ndarray[Any, Any] = range(manifest.samples)
    if wanted and wanted < manifest.samples:
        numbers = np.random.default_rng().choice(manifest.samples, wanted, replace=False)
    try:
        with announce_compiling(), show_progress("proving") as on_progress:
            disproved = prove(outcome.found.folder, numbers, source, on_progress)
    except AugforgeError as error:
        told.append(f"not proved: {error}")
        return outcome
    if disproved:
        return _Outcome(outcome.found, outcome.repaired, disproved)
    return _Outcome(outcome.found, outcome.repaired, proved=len(numbers))
