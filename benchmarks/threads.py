"""How a build scales from one worker to two: threads for plain recipes, processes for imgaug's steps.

Every build is whole: starting workers, making, hashing and fsyncing shards, writing the manifest. Compiling is
warmed up beforehand. The forge's own rate in one thread, in the same run, is what two workers could at best
double.
"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import measuring


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder for the data sets (1 GB); default: temporary")
    parser.add_argument("--variants", type=int, default=120, help="of each of 8,000 digits, plain recipe")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--no-imgaug", action="store_true", help="leave out the slow recipe with imgaug's steps"
    )
    options = parser.parse_args()

    import augforge

    recipes = {"realistic, threads": augforge.load_recipe("realistic", [f"variants={options.variants}"])}
    if not options.no_imgaug:
        recipes["with-imgaug, processes"] = augforge.load_recipe("with-imgaug", ["variants=10"])

    lines, figures = [], {}
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-threads-") as scratch:
        for name, recipe in recipes.items():
            forge = augforge.Forge(recipe)
            hashes: set[str] = set()

            def build(workers: int, recipe: Any = recipe, hashes: set[str] = hashes) -> None:
                folder = Path(scratch, "set")
                hashes.add(augforge.build(recipe, folder, workers=workers).content_hash)
                shutil.rmtree(folder)

            things = {
                f"{name}: 1 worker": lambda build=build: build(1),
                f"{name}: 2 workers": lambda build=build: build(2),
            }
            timings = measuring.side_by_side(things, options.repeats)
            if len(hashes) != 1:
                raise SystemExit(f"{name}: builds differ: {hashes}")
            alone = forge_rate(forge)
            one, two = (len(forge) / t.median for t in timings.values())
            lines.append((f"{name}: forge alone, 1 thread", "", f"{alone:,.0f}", "", ""))
            for (thing, t), rate in zip(timings.items(), (one, two), strict=True):
                lines.append(
                    (thing, f"{t.median:.2f}", f"{rate:,.0f}", f"{t.spread:.0%}", f"{rate / one:.2f}")
                )
            figures[f"threads.{recipe.name}.speed_up"] = two / one
    head = ("build", "seconds", "samples/s", "spread", "speed-up")
    section = measuring.Section("Build: one worker and two", "", head, lines)
    measuring.report(options, sections=[section], figures=figures)


def forge_rate(forge: Any, seconds: float = 2.0) -> float:
    """Return samples per second of making alone, leaf by leaf as a build does, nothing written."""
    start, made = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        first = made % (len(forge) - 1024)
        forge.make(range(first, first + 1024))
        made += 1024
    return made / passed


if __name__ == "__main__":
    main()
