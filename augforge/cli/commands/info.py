"""``augforge info``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from augforge.cli.exits import ExitCode
from augforge.cli.options import NamedPath, json_option
from augforge.cli.output import (
    display_path,
    format_bytes,
    format_pairs,
    format_table,
    pluralize,
    print_err,
    print_json,
    print_out,
)

if TYPE_CHECKING:
    from augforge.format.models import Manifest

_MOST_SHARDS = 10


@click.command("info", short_help="Say what is in a data set.")
@click.argument("dataset", metavar="DATASET", type=NamedPath())
@json_option
def command(dataset: Path, as_json: bool) -> ExitCode:
    """Say what is in a data set: counts, classes, recipe, hashes, sizes.

    DATASET is the folder that a build made. Nothing but its manifest is read; shards that are missing or cut short
    are named, and the exit code is then 1.
    """
    from augforge.format.commit_records import read_manifest
    from augforge.reading import find_damaged_shards

    folder = dataset.absolute()
    manifest = read_manifest(folder)
    if as_json:
        print_json({"folder": str(folder), "bytes": _bytes(manifest), **manifest.to_dict()})
    else:
        print_out(_text(folder, manifest))
    problems = list(find_damaged_shards(Path(display_path(folder)), manifest))
    for problem in problems[:_MOST_SHARDS]:
        print_err(f"damaged: {problem}")
    if len(problems) > _MOST_SHARDS:
        print_err(f"and {pluralize(len(problems) - _MOST_SHARDS, 'shard')} more")
    return ExitCode.FOUND if problems else ExitCode.OK


def _text(folder: Path, manifest: "Manifest") -> str:
    parts = [format_pairs(_pairs(folder, manifest)), _shards_text(manifest)]
    if manifest.labelled:
        parts.insert(1, _classes_text(manifest))
    return "\n\n".join(parts)


def _bytes(manifest: "Manifest") -> int:
    return sum(shard.bytes for shard in manifest.shards)


def _pairs(folder: Path, manifest: "Manifest") -> list[tuple[str, object]]:
    height, width = manifest.image_shape
    columns = f"{len(manifest.columns)}: {', '.join(manifest.columns)}" if manifest.columns else "none"
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    return [
        ("data set", display_path(folder)),
        ("recipe", f"{manifest.name}, seed {manifest.seed}"),
        (
            "samples",
            f"{manifest.samples:,} of {height} x {width} pixels, from {manifest.originals:,} originals",
        ),
        ("labels", f"{len(manifest.class_names)} classes" if manifest.labelled else "none"),
        ("columns", columns),
        ("pixels", f"mean {manifest.mean:.3f}, standard deviation {manifest.sd:.3f} (of 255)"),
        (
            "guard",
            ", ".join(
                (
                    f"{manifest.guard.redrawn:,} drawn again",
                    f"{manifest.guard.pulled:,} pulled to the identity",
                    *(f"{name} rejected {count:,}" for name, count in manifest.guard.rejected.items()),
                )
            ),
        ),
        ("size", f"{format_bytes(_bytes(manifest))} in {pluralize(len(manifest.shards), 'shard')}"),
        ("compression", manifest.compression),
        ("content hash", manifest.content_hash),
        ("pixel digest", f"{manifest.pixel_digest} (pixel version {manifest.pixel_version})"),
        ("source digest", manifest.source_digest),
        ("recipe hash", manifest.recipe_hash),
        ("made with", f"{versions}; {manifest.processor_family}"),
        ("format", manifest.format_version),
        ("sameness", manifest.sameness),
    ]


def _classes_text(manifest: "Manifest") -> str:
    rows = [
        (name, f"{count:,}", f"{count / manifest.samples:.2%}")
        for name, count in zip(manifest.class_names, manifest.class_counts, strict=True)
    ]
    return format_table(("class", "samples", "share"), rows, right=("samples", "share"))


def _shards_text(manifest: "Manifest") -> str:
    rows = [
        (shard.file, f"{shard.first_sample:,}", f"{shard.samples:,}", f"{shard.bytes:,}", shard.hash[:16])
        for shard in manifest.shards[:_MOST_SHARDS]
    ]
    heads = ("shard", "first sample", "samples", "bytes", "hash")
    more = len(manifest.shards) - _MOST_SHARDS
    rest = f"\nand {pluralize(more, 'shard')} more; --json lists all" if more > 0 else ""
    return format_table(heads, rows, right=("first sample", "samples", "bytes")) + rest
