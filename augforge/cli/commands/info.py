"""The command ``augforge info``."""

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


@click.command("info", short_help="Describe a data set.")
@click.argument("dataset", metavar="DATASET", type=NamedPath())
@json_option
def command(dataset: Path, as_json: bool) -> ExitCode:
    """Describe a data set: counts, classes, recipe, hashes and sizes.

    DATASET is the folder of a data set. Only its manifest is read. If shards are missing or truncated, they are
    listed, and the exit code is 1.
    """
    from augforge.format.commit_records import read_manifest
    from augforge.reading import find_damaged_shards

    folder = dataset.absolute()
    manifest = read_manifest(folder)
    if as_json:
        print_json({"folder": str(folder), "bytes": manifest.total_bytes, **manifest.to_dict()})
    else:
        print_out(_format(folder, manifest))
    problems = list(find_damaged_shards(Path(display_path(folder)), manifest))
    for problem in problems[:_MOST_SHARDS]:
        print_err(f"damaged: {problem}")
    if len(problems) > _MOST_SHARDS:
        print_err(f"and {pluralize(len(problems) - _MOST_SHARDS, 'more shard')}")
    return ExitCode.FOUND if problems else ExitCode.OK


def _format(folder: Path, manifest: "Manifest") -> str:
    parts = [_format_facts(folder, manifest), _format_shards(manifest)]
    if manifest.labelled:
        parts.insert(1, _format_classes(manifest))
    return "\n\n".join(parts)


def _format_facts(folder: Path, manifest: "Manifest") -> str:
    height, width = manifest.image_shape
    columns = f"{len(manifest.columns)}: {', '.join(manifest.columns)}" if manifest.columns else "none"
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    guard = [
        f"{manifest.guard.redrawn:,} drawn again",
        f"{manifest.guard.pulled:,} pulled toward the original",
    ]
    guard += [f"{name} rejected {count:,}" for name, count in manifest.guard.rejected.items()]
    shards = pluralize(len(manifest.shards), "shard")
    return format_pairs(
        [
            ("data set", display_path(folder)),
            ("recipe", f"{manifest.name}, seed {manifest.seed}"),
            (
                "samples",
                f"{manifest.samples:,} of {height} x {width} pixels, from {manifest.originals:,} originals",
            ),
            ("labels", f"{len(manifest.class_names)} classes" if manifest.labelled else "none"),
            ("columns", columns),
            ("pixels", f"mean {manifest.mean:.3f}, standard deviation {manifest.sd:.3f} (of 255)"),
            ("guard", ", ".join(guard)),
            ("size", f"{format_bytes(manifest.total_bytes)} in {shards}"),
            ("compression", manifest.compression),
            ("content hash", manifest.content_hash),
            ("pixel digest", f"{manifest.pixel_digest} (pixel version {manifest.pixel_version})"),
            ("source digest", manifest.source_digest),
            ("recipe hash", manifest.recipe_hash),
            ("made with", f"{versions}; {manifest.processor_family}"),
            ("format", manifest.format_version),
            ("sameness", manifest.sameness),
        ]
    )


def _format_classes(manifest: "Manifest") -> str:
    rows = [
        (name, f"{count:,}", f"{count / manifest.samples:.2%}")
        for name, count in zip(manifest.class_names, manifest.class_counts, strict=True)
    ]
    return format_table(("class", "samples", "share"), rows, right=("samples", "share"))


def _format_shards(manifest: "Manifest") -> str:
    rows = [
        (shard.file, f"{shard.first_sample:,}", f"{shard.samples:,}", f"{shard.bytes:,}", shard.hash[:16])
        for shard in manifest.shards[:_MOST_SHARDS]
    ]
    heads = ("shard", "first sample", "samples", "bytes", "hash")
    more = len(manifest.shards) - _MOST_SHARDS
    rest = f"\nand {pluralize(more, 'more shard')}; --json lists all" if more > 0 else ""
    return format_table(heads, rows, right=("first sample", "samples", "bytes")) + rest
