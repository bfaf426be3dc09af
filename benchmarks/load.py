"""Loading shuffled batches of 256 in this process from built shards, one thread, next to what memory allows.

The limits read the very same samples in the same shuffled order from plain arrays in memory, images and labels,
and do nothing else. The order is computed beforehand for them, within the measured time for augforge.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import measuring
import numpy as np


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder for the data set (0.4 GB); default: temporary")
    parser.add_argument("--variants", type=int, default=60, help="of each of 8,000 digits")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=9, help="epochs measured")
    options = parser.parse_args()
    measuring.one_thread()

    import torch

    import augforge
    from augforge.torch import ShardDataset, make_loader

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-load-") as folder:
        recipe = augforge.load_recipe("realistic", [f"variants={options.variants}"])
        augforge.build(recipe, folder)
        dataset = ShardDataset(folder)
        loader = make_loader(dataset, batch_size=options.batch_size, shuffle=True, seed=0, num_workers=0)

        samples = len(dataset)
        rows = np.ascontiguousarray(
            torch.cat([dataset.batch(part)[0] for part in np.array_split(np.arange(samples), 64)]).numpy()
        ).reshape(samples, -1)
        labels = augforge.ShardReader(folder).read(np.arange(samples), ("label",))["label"].astype(np.int64)
        order = np.random.default_rng(0).permutation(samples)
        batches = [order[i : i + options.batch_size] for i in range(0, samples, options.batch_size)]
        torch_rows, torch_labels = torch.from_numpy(rows), torch.from_numpy(labels)
        torch_batches = [torch.from_numpy(batch) for batch in batches]

        def through(batches: Callable[[], Iterable[object]]) -> Callable[[], None]:
            def run() -> None:
                for _ in batches():
                    pass

            return run

        things = {
            "augforge make_loader": through(lambda: loader),
            "limit: numpy.take": through(lambda: ((rows.take(b, axis=0), labels.take(b)) for b in batches)),
            "limit: torch.index_select": through(
                lambda: (
                    (torch_rows.index_select(0, b), torch_labels.index_select(0, b)) for b in torch_batches
                )
            ),
        }
        check_same(loader, rows, labels)
        timings = measuring.side_by_side(things, options.repeats)

    rates = {name: samples / t.median for name, t in timings.items()}
    limit = rates["limit: torch.index_select"]
    lines = [
        (
            name,
            f"{rates[name]:,.0f}",
            f"{options.batch_size / rates[name] * 1e6:.0f}",
            f"{t.spread:.0%}",
            f"{rates[name] / limit:.2f}",
        )
        for name, t in timings.items()
    ]
    head = (
        "one thread, shuffled",
        "samples/s",
        f"us/batch of {options.batch_size}",
        "spread",
        "of index_select",
    )
    section = measuring.Section("Load", f"{samples:,} samples.", head, lines)
    figures = {"load.rate": rates["augforge make_loader"], "load.limit": limit}
    measuring.report(options, sections=[section], figures=figures)


def check_same(loader: Iterable[tuple[object, object]], rows: np.ndarray, labels: np.ndarray) -> None:
    """Refuse an epoch that is not all samples once: compare sums over all pixels and labels."""
    pixels = label_sum = 0
    for images, batch_labels in loader:
        pixels += int(images.sum())  # type: ignore[attr-defined]
        label_sum += int(batch_labels.sum())  # type: ignore[attr-defined]
    if (pixels, label_sum) != (int(rows.sum(dtype=np.int64)), int(labels.sum())):
        raise SystemExit("the loader's epoch is not the data set")


if __name__ == "__main__":
    main()
