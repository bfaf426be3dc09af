"""Train with Lightning and save the samples of each batch.

It is a program, since Lightning starts it again for each rank.
"""

import logging
import sys
import warnings
from pathlib import Path

import lightning
import torch
from fake_digits import fake_dataset
from lightning.pytorch.callbacks import ModelCheckpoint

from augforge.torch import make_loader

PART, PROCESSES, FOLDER = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
BATCH_SIZE, STEPS, EPOCHS = 8, 50, 3
SAMPLES = BATCH_SIZE * STEPS * PROCESSES


class Recorder(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen = []

    def training_step(self, batch, _):
        images, numbers = batch
        self.seen.append((self.current_epoch, self.global_step, numbers.tolist()))
        return self.layer(images.flatten(1).mean(1, keepdim=True)).mean()

    def validation_step(self, batch, _):
        self.seen.append(("validation", self.current_epoch, batch[1].tolist()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def loader_of(**options):
    return make_loader(
        fake_dataset(SAMPLES, 1, scale=True, fields=("image", "number")), BATCH_SIZE, **options
    )


def fit(loader, *, checkpoint=None, validation=None, **options):
    model = Recorder()
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=PROCESSES,
        strategy="ddp" if PROCESSES > 1 else "auto",
        max_epochs=EPOCHS,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=FOLDER,
        **{"enable_checkpointing": False, **options},
    )
    trainer.fit(model, loader, validation, ckpt_path=checkpoint)
    return model.seen, trainer.global_rank


def resuming(**options):
    """Train three epochs; resume from the middle of two and from an end."""
    keep = ModelCheckpoint(FOLDER, "{step}", every_n_train_steps=10, save_top_k=-1)
    seen = {"whole": fit(loader_of(**options), callbacks=[keep], enable_checkpointing=True)[0]}
    for step in (20, 50, 70):
        seen[step], rank = fit(loader_of(**options), checkpoint=FOLDER / f"step={step}.ckpt")
    return seen, rank


def epoch_ends():
    """Resume from checkpoints saved between two epochs."""
    keep = ModelCheckpoint(FOLDER, "{epoch}", every_n_epochs=1, save_top_k=-1, save_on_train_epoch_end=True)
    seen = {"whole": fit(loader_of(shuffle=True), callbacks=[keep], enable_checkpointing=True)[0]}
    for epoch in (0, 1):
        checkpoint = FOLDER / f"epoch={epoch}.ckpt"
        seen[(epoch + 1) * STEPS], rank = fit(loader_of(shuffle=True), checkpoint=checkpoint)
    return seen, rank


def validating():
    return fit(loader_of(shuffle=True), validation=loader_of())


def plain():
    """Train with torch's loaders over our data set and over the loader's sampler."""
    seen = {}
    for name in ("shuffle", "sampler"):
        loader = loader_of(shuffle=True)
        options = {"shuffle": True} if name == "shuffle" else {"sampler": loader.sampler}
        own = torch.utils.data.DataLoader(loader.dataset, batch_size=BATCH_SIZE, **options)
        seen[name], rank = fit(own)
    return seen, rank


def overfitting():
    seen = fit(loader_of(), limit_train_batches=5)[0]
    try:
        fit(loader_of(), overfit_batches=5)
    except ValueError as error:
        return {"limited": seen, "error": str(error)}, 0


PARTS = {
    "resumed": lambda: resuming(shuffle=True),
    "window": lambda: resuming(shuffle="window", window=64, num_workers=1, persistent_workers=True),
    "ends": epoch_ends,
    "validating": validating,
    "plain": plain,
    "overfitting": overfitting,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    found, rank = PARTS[PART]()
    torch.save(found, FOLDER / f"{PART}-{rank}.pt")
