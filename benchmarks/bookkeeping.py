"""Time a build without its samples: planning, assigning tasks and assembling receipts.

scale.py runs it in a subprocess: ``python bookkeeping.py RECIPE FOLDER VARIANTS [SCHEDULER]``. Instead of
`make_shard`, tasks run `receipt_at_once`, which writes an empty file of the shard's size and a valid receipt,
without waiting for the disk. It prints the seconds and private memory of its process as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

from watching import memory

from augforge.building.tasks import BuildJob
from augforge.format.layout import ShardSpec, shard_bytes
from augforge.format.models import Receipt


def receipt_at_once(order: BuildJob, spec: ShardSpec) -> Receipt:
    """Replace `augforge.building.tasks.make_shard` on a worker."""
    from augforge.format.checksummed_json import dump_checksummed

    size, offsets = shard_bytes(spec), {}
    for array in reversed(spec.arrays):  # the last one at the file's end, the others before it
        offsets[array.name] = size - sum(other.nbytes for other in spec.arrays[spec.arrays.index(array) :])
    receipt = Receipt.of(
        spec,
        bytes=size,
        hash="0" * 64,
        offsets=offsets,
        leaves=("0" * 64,) * spec.leaf_count,
        class_counts=(spec.samples, *[0] * (spec.layout.classes - 1)),
        pixel_sum=0,
        pixel_square_sum=0,
        guard={"redrawn": 0, "pulled": 0},
    )
    shard = Path(order.folder, "shards", spec.file_name)
    shard.parent.mkdir(exist_ok=True)
    shard.touch()
    os.truncate(shard, size)
    path = Path(order.folder, "receipts", spec.receipt_name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(dump_checksummed(receipt.to_dict()))
    return receipt


def now() -> dict[str, float]:
    """Measure clock, processor time and private memory (MB) of this process."""
    return {
        "s": time.perf_counter(),
        "cpu_s": time.process_time(),
        "private_mb": memory("self", "smaps_rollup").get("Pss_Anon", 0.0),
    }


def between(first: dict[str, float], last: dict[str, float]) -> dict[str, float]:
    """Return the times between two moments, and the memory at the end."""
    passed = {name: last[name] - first[name] for name in ("s", "cpu_s")}
    return {**passed, "private_mb": last["private_mb"]}


def main(recipe_path: str, folder: str, variants: str, scheduler: str | None = None) -> None:
    import bookkeeping  # the name by which workers import it

    from augforge import load_recipe
    from augforge.building import Progress, plan_build, tasks
    from augforge.building.job import carry_out
    from augforge.building.plan import BuildPlan

    tasks.make_shard = bookkeeping.receipt_at_once
    BuildPlan.check_space = lambda *_: None  # type: ignore[method-assign]  # the files stay empty
    recipe = load_recipe(recipe_path, [f"variants={variants}"])
    moments = {"start": now()}
    plan = plan_build(recipe, folder)
    moments["planned"] = now()
    shards = len(plan.shards)

    def heard(progress: Progress) -> None:
        if progress.shards in (0, shards // 10, shards):
            moments.setdefault(f"{progress.shards} shards", now())

    carry_out(plan, workers=2, scheduler=scheduler, on_progress=heard)
    moments["complete"] = now()
    Path(folder, "manifest.json").unlink()
    moments["incomplete"] = now()
    if plan_build(recipe, folder).shards_to_make:
        raise SystemExit("a resumed build would not find the existing shards")
    moments["planned again"] = now()
    begun, done = moments["0 shards"], moments[f"{shards} shards"]
    told = {
        "plan": between(moments["start"], moments["planned"]),
        "tasks": between(begun, done),
        "first_tenth": between(begun, moments[f"{shards // 10} shards"]),
        "manifest": between(done, moments["complete"]),
        "plan_again": between(moments["incomplete"], moments["planned again"]),
    }
    print(json.dumps({"samples": plan.samples, "shards": shards, **told}))


if __name__ == "__main__":
    main(*sys.argv[1:])
