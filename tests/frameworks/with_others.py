"""Load with Accelerate and Fabric; save the samples of each batch."""

import os
import sys
import warnings
from itertools import islice
from pathlib import Path

import torch
from fake_digits import fake_dataset

from augforge.torch import make_loader

PART, PROCESSES, FOLDER = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
BATCH_SIZE, STEPS, EPOCHS = 8, 20, 3


def loader_of(**options):
    dataset = fake_dataset(BATCH_SIZE * STEPS * PROCESSES, 1, scale=True, fields=("image", "number"))
    return make_loader(dataset, BATCH_SIZE, **{"shuffle": True, **options})


def torchs(loader):
    return torch.utils.data.DataLoader(loader.dataset, batch_size=BATCH_SIZE, sampler=loader.sampler)


def numbers(batches):
    return [batch[1].tolist() for batch in batches]


def epochs(loader, set_epoch):
    seen = []
    for epoch in range(EPOCHS):
        set_epoch(epoch)
        seen.append(numbers(loader))
    return seen


def fabric():
    import lightning

    fabric = lightning.Fabric(
        accelerator="cpu", devices=PROCESSES, strategy="ddp" if PROCESSES > 1 else "auto"
    )
    fabric.launch()
    loader, other = loader_of(), loader_of()
    seen = {"itself": epochs(loader, loader.set_epoch)}
    list(islice(loader, 7))
    fabric.save(FOLDER / "fabric.ckpt", {"loader": loader})
    fabric.load(FOLDER / "fabric.ckpt", {"loader": other})
    seen["rest"] = numbers(other)
    try:
        fabric.setup_dataloaders(loader_of())
    except TypeError as error:
        seen["error"] = str(error)
    prepared = fabric.setup_dataloaders(torchs(loader_of()))  # it sets the epoch itself
    seen["prepared"] = epochs(prepared, lambda epoch: None)
    shared = fabric.setup_dataloaders(torchs(loader_of(rank=0, world_size=1)))
    seen["shared"] = epochs(shared, lambda epoch: None)
    return seen, fabric.global_rank


def accelerate():
    from accelerate import Accelerator, skip_first_batches

    accelerator = Accelerator(cpu=True)
    loader, other = loader_of(), loader_of()
    seen = {"itself": epochs(loader, loader.set_epoch)}
    seen["untouched"] = accelerator.prepare(loader) is loader
    seen["skipped"] = numbers(skip_first_batches(loader, 7))

    list(islice(loader, 7))
    accelerator.register_for_checkpointing(loader)
    accelerator.save_state(FOLDER / "accelerate")
    accelerator.wait_for_everyone()
    again = Accelerator(cpu=True)
    again._custom_objects.clear()
    again.register_for_checkpointing(other)
    again.load_state(FOLDER / "accelerate")
    seen["rest"] = numbers(other)

    prepared = accelerator.prepare(torchs(loader_of(rank=0, world_size=1)))
    seen["prepared"] = epochs(prepared, prepared.set_epoch)
    plain = accelerator.prepare(torch.utils.data.DataLoader(loader.dataset, BATCH_SIZE, shuffle=True))
    seen["plain"] = epochs(plain, plain.set_epoch)
    try:
        seen["twice"] = numbers(accelerator.prepare(torchs(loader_of())))
    except RuntimeError as error:
        seen["error"] = str(error)
    return seen, accelerator.process_index


def started(rank, port):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(PROCESSES)}
    os.environ |= {"MASTER_PORT": str(port)}
    main()


def main():
    warnings.simplefilter("ignore")
    found, rank = {"fabric": fabric, "accelerate": accelerate}[PART]()
    torch.save(found, FOLDER / f"{PART}-{rank}.pt")


if __name__ == "__main__":
    if PART == "accelerate" and PROCESSES > 1:
        import socket

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        torch.multiprocessing.spawn(started, (port,), nprocs=PROCESSES)
    else:
        main()
