"""Training from a data set with PyTorch, built or not.

>>> from augforge.torch import ShardDataset, make_loader, split_by_source
>>> training, validation = split_by_source(ShardDataset("out/realistic"), 0.9)
>>> loader = make_loader(training, batch_size=256, shuffle=True, seed=0)
>>> for images, labels in loader: ...                   # uint8 (256, 1, H, W), int64 (256,)

This package is the only place with torch. It adds no randomness to a sample: what a batch holds follows from
the data set, and which samples it holds from (seed, epoch, position) alone.
"""

import importlib.util

if importlib.util.find_spec("torch") is None:
    raise ModuleNotFoundError(
        "augforge.torch needs PyTorch, which is not installed: pip install 'augforge[torch]'", name="torch"
    )

from augforge.torch.datasets import ForgeDataset, ShardDataset
from augforge.torch.loading import Loader, make_loader
from augforge.torch.samples import SampleDataset
from augforge.torch.splitting import split_by_source

__all__ = ["ForgeDataset", "Loader", "SampleDataset", "ShardDataset", "make_loader", "split_by_source"]
