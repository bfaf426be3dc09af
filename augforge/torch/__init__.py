"""Train with PyTorch from a data set, built or not.

>>> from augforge.torch import ShardDataset, make_loader, split_by_source
>>> training, validation = split_by_source(ShardDataset("out/realistic"), 0.9)
>>> loader = make_loader(training, batch_size=256, shuffle=True, seed=0)
>>> for images, labels in loader: ...                   # uint8 (256, 1, H, W), int64 (256,)

Only this package imports torch. It adds no randomness to samples: the data set determines their content, and
(seed, epoch, position) alone determine their order.
"""

import importlib.util

if importlib.util.find_spec("torch") is None:
    raise ModuleNotFoundError(
        "augforge.torch needs PyTorch, which is not installed: pip install 'augforge[torch]'", name="torch"
    )

from augforge.torch.datasets import ForgeDataset, ShardDataset, split_by_source
from augforge.torch.loading import Loader, make_loader
from augforge.torch.samples import SampleDataset

__all__ = ["ForgeDataset", "Loader", "SampleDataset", "ShardDataset", "make_loader", "split_by_source"]
