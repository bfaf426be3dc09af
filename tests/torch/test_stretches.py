"""Loader workers have a bounded number of bytes in flight.

TestStretches in test_loading.py tests how much is read at a time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fake_digits import fake_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from augforge.torch import make_loader
from augforge.torch.stretches import _BYTES_IN_FLIGHT

WORKERS = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create", "ignore:This process .* is multi-threaded:DeprecationWarning"
)
ALL = ("image", "label", "number", "source_index", "variant", "parameters")


@given(
    st.sets(st.sampled_from(ALL), min_size=1),
    st.booleans(),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
@settings(deadline=None)
def test_the_bytes_of_a_sample_are_those_of_its_tensors(fields, scale, image_shape):
    dataset = fake_dataset(fields=tuple(fields), scale=scale, image_shape=image_shape)
    assert dataset.sample_bytes * 3 == sum(values.nbytes for values in dataset[:3])


@WORKERS
@given(
    st.sets(st.sampled_from(ALL), min_size=1),
    st.booleans(),
    st.sampled_from([(28, 28), (280, 280), (1000, 700)]),
    st.integers(1, 3000),
    st.integers(1, 16),
    st.none() | st.integers(1, 8),
)
@settings(deadline=None)
def test_all_in_flight_are_bounded(fields, scale, image_shape, batch_size, workers, prefetch_factor):
    dataset = fake_dataset(100, 1000, fields=tuple(fields), scale=scale, image_shape=image_shape)
    loader = make_loader(dataset, batch_size, num_workers=workers, prefetch_factor=prefetch_factor)
    stretch = loader._reader.choose_stretch(loader._sharing.share)
    in_flight = workers * (prefetch_factor or 2) + 2
    sent = stretch.batches * stretch.samples * loader.dataset.sample_bytes
    assert sent * in_flight <= _BYTES_IN_FLIGHT or (stretch.batches, stretch.samples) == (1, 1)
    assert stretch.samples == batch_size or stretch.batches == 1


@WORKERS
@pytest.mark.parametrize("fields", ["image", ("image", "parameters", "number")])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_that_are_sent_in_pieces_are_the_same(fields, drop_last):
    dataset = fake_dataset(10, 11, fields=fields, image_shape=(300, 200), scale=True)
    options = {"shuffle": True, "drop_last": drop_last}
    loader = make_loader(dataset, 40, num_workers=2, prefetch_factor=4, **options)
    assert loader._reader.choose_stretch(loader._sharing.share).samples < 40
    for _ in range(2):
        for one, other in zip(loader, make_loader(dataset, 40, **options), strict=True):
            pairs = [(one, other)] if fields == "image" else zip(one, other, strict=True)
            assert all(values.equal(expected) for values, expected in pairs)


@WORKERS
def test_fewer_batches_are_prefetched_that_a_transform_makes_as_a_whole():
    def prefetched(batch_size, **options):
        dataset = fake_dataset(image_shape=(280, 280), transform=torch.negative)
        loader = make_loader(dataset, batch_size, num_workers=2, **options)
        return loader._reader._torch.prefetch_factor

    assert prefetched(16) == 2
    assert prefetched(256) == 1
    assert prefetched(256, prefetch_factor=3) == 3


NO_NAMESPACE = (
    shutil.which("unshare") is None
    or os.geteuid() != 0
    or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0
)
LOADING = """
import itertools, sys, time
sys.path[:0] = sys.argv[1:]
import fake_digits
from augforge.torch import make_loader

fake_digits.COLUMNS = tuple(f"step.{number}" for number in range(200))
fields = ("image", "label", "number", "parameters")

def load(samples, image_shape, batch_size, **options):
    dataset = fake_digits.fake_dataset(16, samples // 16, image_shape=image_shape, fields=fields)
    return make_loader(dataset, batch_size, scale=True, multiprocessing_context="fork", **options)

for options in (
    {"samples": 65536, "image_shape": (28, 28), "batch_size": 256, "num_workers": 2},
    {"samples": 65536, "image_shape": (28, 28), "batch_size": 2048, "num_workers": 4},
    {"samples": 256, "image_shape": (280, 280), "batch_size": 64, "num_workers": 2, "prefetch_factor": 8},
):
    training, validation = load(**options), load(**options)
    for step, _ in enumerate(itertools.islice(zip(training, validation, strict=True), 16)):
        if step == 0:
            time.sleep(1)  # as training does, while workers prefetch
    print(options, flush=True)
print("all")
"""


TRANSFORMING = """
import sys
sys.path[:0] = sys.argv[1:]
import fake_digits
from augforge.torch import make_loader

def enlarge(images):
    return {"views": [images.float().repeat(1, 9, 1, 1), "name"]}

dataset = fake_digits.fake_dataset(16, 256, image_shape=(280, 280), transform=enlarge)
print(next(iter(make_loader(dataset, 64, num_workers=1, multiprocessing_context="fork"))))
"""


def in_a_container(code):
    """Run code with 64 MB of /dev/shm, Docker's default."""
    mounted = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c", code, *paths]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


in_a_namespace = pytest.mark.skipif(NO_NAMESPACE, reason="needs root and a mount namespace of its own")


@pytest.mark.slow("loads wide and large batches")
@in_a_namespace
def test_training_and_validation_fit_into_a_containers_shared_memory():
    """Test wide parameters, large images and large float32 batches."""
    done = in_a_container(LOADING)
    assert done.stdout.endswith("all\n"), done.stdout + done.stderr


@in_a_namespace
def test_a_transformed_batch_that_does_not_fit_is_an_error_and_no_endless_wait():
    done = in_a_container(TRANSFORMING)
    assert (
        "a loader worker has 172.3 MiB to send, and /dev/shm has 64.0 MiB left: lower batch_size"
        in done.stderr
    )
