import pickle

import numpy as np
import pytest
import torch
from fake_digits import ReadOnlyReader, fake_dataset
from torch.utils.data import DataLoader

from augforge.errors import DatasetError
from augforge.forge import FIELDS


def test_a_sample_is_an_image_and_a_label():
    image, label = fake_dataset()[13]
    assert image.dtype == torch.uint8
    assert image.shape == (1, 3, 2)
    assert image.flatten().tolist() == [91, 92, 93, 94, 95, 96]
    assert type(label) is int
    assert label == 3


def test_negative_indices_count_from_the_end():
    dataset = fake_dataset()
    assert dataset[-1][0].equal(dataset[49][0])
    assert dataset[-50][0].equal(dataset[0][0])


@pytest.mark.parametrize("index", [50, -51, 10**30])
def test_outside_is_an_index_error(index):
    with pytest.raises(
        IndexError, match=f"index {index} is outside a data set of 50 samples; allowed: -50 to 49"
    ):
        fake_dataset()[index]
    with pytest.raises(IndexError, match="it is empty"):
        fake_dataset(originals=0)[index]


@pytest.mark.parametrize("index", [4, np.int64(4), torch.tensor(4), np.array(4)])
def test_any_integer_is_an_index(index):
    assert fake_dataset()[index][1] == 4


def test_iterates_like_a_list():
    assert [label for _, label in fake_dataset(originals=3, variants=2)] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    "indices",
    [
        [3, 1, 4, 1, -1],
        (3, 1, 4, 1, -1),
        np.array([3, 1, 4, 1, 49], np.uint8),
        torch.tensor([3, 1, 4, 1, -1]),
    ],
)
def test_many_indices_give_a_batch(indices):
    images, labels = fake_dataset()[indices]
    assert images.shape == (5, 1, 3, 2)
    assert labels.dtype == torch.int64
    assert labels.tolist() == [3, 1, 4, 1, 9]
    assert images[4].equal(fake_dataset()[49][0])


def test_a_slice_gives_a_batch():
    assert fake_dataset(fields="number")[10:20:3].tolist() == [10, 13, 16, 19]
    assert fake_dataset()[60:][0].shape == (0, 1, 3, 2)


def test_none_gives_an_empty_batch():
    assert fake_dataset()[[]][0].shape == (0, 1, 3, 2)


@pytest.mark.parametrize(
    "index", [1.5, [1.5], "3", [[1]], [True, False], True, np.True_, torch.tensor(True), None]
)
def test_what_is_no_index(index):
    with pytest.raises(TypeError, match="an index is an integer"):
        fake_dataset()[index]


def test_all_fields_in_any_order():
    number, parameters, variant, source_index, image, label = fake_dataset(
        fields=("number", "parameters", "variant", "source_index", "image", "label")
    )[27]
    assert (number, variant, source_index, label) == (27, 2, 7, 7)
    assert {type(value) for value in (number, variant, source_index, label)} == {int}
    assert parameters.tolist() == [27.0, 27.125, 27.25]
    assert image.shape == (1, 3, 2)


def test_all_fields_of_a_batch():
    batch = fake_dataset(fields=FIELDS)[[27, 3]]
    kinds = [(tensor.dtype, tuple(tensor.shape)) for tensor in batch]
    assert kinds == [
        (torch.uint8, (2, 1, 3, 2)),
        (torch.int64, (2,)),
        (torch.int64, (2,)),
        (torch.int64, (2,)),
        (torch.int64, (2,)),
        (torch.float32, (2, 3)),
    ]


def test_one_field_is_a_tuple_of_one_or_bare():
    assert fake_dataset(fields=["label"])[3] == (3,)
    assert fake_dataset(fields="label")[3] == 3
    assert fake_dataset(fields="label")[[3, 4]].tolist() == [3, 4]


def test_an_unlabelled_set_gives_images():
    dataset = fake_dataset(labelled=False)
    assert dataset[0].shape == (1, 3, 2)
    assert dataset[:5].shape == (5, 1, 3, 2)
    with pytest.raises(DatasetError, match="the data set has no labels"):
        fake_dataset(labelled=False, fields=("image", "label"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("lable", "no field is named 'lable'. Did you mean .label.. Allowed: image, label, "),
        (("image", 3), "no field is named 3"),
        ((), "fields is empty"),
    ],
)
def test_unknown_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        fake_dataset(fields=fields)


def test_scale_gives_zero_to_one():
    dataset = fake_dataset(scale=True, image_shape=(16, 16))
    image = dataset[0][0]
    assert image.dtype == torch.float32
    assert (image.min(), image.max()) == (0, 1)
    assert dataset[[0, 1]][0][0].equal(image)


def test_transform_sees_scaled_images_alone():
    seen = []

    def transform(images):
        seen.append((images.dtype, tuple(images.shape)))
        return images * 2

    dataset = fake_dataset(scale=True, transform=transform)
    image, label = dataset[1]
    assert image.equal(fake_dataset(scale=True)[1][0] * 2)
    assert label == 1
    assert dataset[[0, 1]][0][1].equal(image)
    assert seen == [(torch.float32, (1, 3, 2)), (torch.float32, (2, 1, 3, 2))]


def test_options_can_be_changed():
    dataset = fake_dataset()
    other = dataset.with_options(fields="image", scale=True, transform=torch.negative)
    assert other[3].equal(-(dataset[3][0] / 255))
    assert len(dataset[3]) == 2


def test_read_only_arrays_are_copied():
    images, _ = fake_dataset(reader=ReadOnlyReader)[[0, 1]]
    images += 1


def test_torchs_own_loader_works_too():
    dataset = fake_dataset(fields=FIELDS)
    batches = list(DataLoader(dataset, batch_size=8))
    assert len(batches) == 7
    for found, expected in zip(batches[2], dataset[16:24], strict=True):
        assert found.equal(expected)
    one_by_one = next(iter(DataLoader(dataset, batch_size=None)))
    assert one_by_one[1] == 0


def test_pickles():
    dataset = pickle.loads(pickle.dumps(fake_dataset(scale=True).of_originals(np.array([2, 5]))))
    assert dataset[0][1] == 2
    assert len(dataset) == 10


class TestOfOriginals:
    def test_is_variants_of_them_in_turn(self):
        side = fake_dataset(fields=("source_index", "variant")).of_originals(np.array([7, 2, 2]))
        assert list(side) == [(2, 0), (7, 0), (2, 1), (7, 1), (2, 2), (7, 2), (2, 3), (7, 3), (2, 4), (7, 4)]
        assert side.originals.tolist() == [2, 7]

    def test_of_a_side(self):
        side = fake_dataset(fields="source_index").of_originals(np.arange(5)).of_originals(np.array([4]))
        assert list(side) == [4] * 5

    def test_foreign_ones_are_refused(self):
        with pytest.raises(ValueError, match="original 10 is not among the 10 of this data set"):
            fake_dataset().of_originals(np.array([3, 10]))

    def test_half_a_variant_is_refused(self):
        dataset = fake_dataset()
        dataset.about = dataset.about.__class__(**{**vars(dataset.about), "samples": 47})
        with pytest.raises(
            DatasetError, match="47 samples are not a whole number of variants of 10 originals"
        ):
            dataset.of_originals(np.array([3]))


def test_identity_is_of_samples_not_of_options():
    dataset = fake_dataset()
    assert dataset.identity == fake_dataset(scale=True, fields="image").identity
    others = [
        fake_dataset(digest="e" * 64),
        fake_dataset(variants=6),
        dataset.of_originals(np.arange(5)),
        dataset.of_originals(np.arange(5, 10)),
    ]
    assert len({dataset.identity, *(other.identity for other in others)}) == 5
