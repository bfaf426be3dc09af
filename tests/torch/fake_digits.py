"""A data set without files, computed from sample numbers."""

import numpy as np

from augforge.torch.samples import DatasetInfo, SampleDataset

COLUMNS = ("rotate.degrees", "scale.factor", "shift.x")


class FakeReader:
    def __init__(self, about: DatasetInfo) -> None:
        self.about = about
        self.shapes = []

    def read_each(self, numbers, fields):
        self.shapes.append(numbers.shape)
        for row in numbers:
            yield self.read(row, fields)

    def read(self, numbers, fields):
        variant, source_index = np.divmod(numbers, max(1, self.about.originals))
        height, width = self.about.image_shape
        pixels = numbers[:, None] * 7 + np.arange(height * width)
        values = {
            "image": (pixels % 256).astype(np.uint8).reshape(-1, height, width),
            "label": (source_index % 10).astype(np.uint8),
            "number": numbers.astype(np.int64),
            "source_index": source_index.astype(np.uint32),
            "variant": variant.astype(np.uint16),
            "parameters": (numbers[:, None] + np.arange(3) / 8).astype(np.float32),
        }
        return {field: values[field] for field in fields}


class ReadOnlyReader(FakeReader):
    def read(self, numbers, fields):
        arrays = super().read(numbers, fields)
        for array in arrays.values():
            array.flags.writeable = False
        return arrays


def fake_dataset(
    originals=10,
    variants=5,
    *,
    labelled=True,
    image_shape=(3, 2),
    reader=FakeReader,
    digest="d" * 64,
    **options,
) -> SampleDataset:
    about = DatasetInfo(
        samples=originals * variants,
        originals=originals,
        labelled=labelled,
        columns=COLUMNS,
        image_shape=image_shape,
        class_names=tuple("0123456789") if labelled else (),
        pixel_digest=digest,
    )
    return SampleDataset(reader(about), about, **options)
