"""The state of a data set's folder, as planning and repairing see it."""

import errno
import os
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest

from augforge.building import folder_state
from augforge.building.folder_state import FolderState, read_folder
from augforge.errors import DatasetError
from augforge.format.checksummed_json import dump_checksummed, read_checksummed
from augforge.format.publishing import publish
from augforge.writing.shard_plan import ShardPlan
from augforge.writing.shard_writer import write_shard
from tests.datasets import FakeMaker, refuse_to_open


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def plan(folder: Path) -> ShardPlan:
    maker = FakeMaker()
    plan: ShardPlan = maker.plan(3000)
    for spec in plan:
        write_shard(folder, spec, maker)
    return plan


def published(folder: Path, plan: ShardPlan) -> set[int]:
    return set(read_folder(folder).find_published(plan)[1])


def rewrite(path: Path, **changes: Any) -> None:
    publish(path, dump_checksummed({**read_checksummed(path)[0], **changes}))


def test_published_shards_are_found_by_one_look_at_the_folder(folder: Path, plan: ShardPlan) -> None:
    state = read_folder(folder)
    (folder / "receipts" / "00001.json").unlink()
    assert state.find_published(plan)[1] == {0, 1, 2}  # no property reads the disk
    assert published(folder, plan) == {0, 2}
    with pytest.raises(FrozenInstanceError):
        state.receipts = {}  # type: ignore[misc]


def test_records_of_one_set_share_their_layout(folder: Path, plan: ShardPlan) -> None:
    records = read_folder(folder).receipts.values()
    assert len({id(record.spec.layout) for record in records}) == 1
    assert [record.spec for record in records] == list(plan)


@pytest.mark.parametrize(
    "change",
    [
        {"pixel_digest": "ef" * 32},
        {"first_sample": 5},
        {"samples": 1023},
        {"columns": ("a",)},
        {"compression": "gzip"},
        {"image_shape": (5, 4)},
        {"classes": 0},
        {"stem": "other"},
    ],
)
def test_a_shard_of_another_kind_does_not_count(
    folder: Path, plan: ShardPlan, change: dict[str, Any]
) -> None:
    of_shard = {name: value for name, value in change.items() if hasattr(plan[0], name)}
    of_layout = {name: value for name, value in change.items() if name not in of_shard}
    spec = replace(plan[0], layout=replace(plan[0].layout, **of_layout), **of_shard)
    state = read_folder(folder)
    assert (state.has_shard(plan[0]), state.has_shard(spec)) == (True, False)


def test_a_missing_receipt_a_missing_shard_or_a_wrong_size_does_not_count(
    folder: Path, plan: ShardPlan
) -> None:
    (folder / "receipts" / "00000.json").unlink()
    (folder / "shards" / "tiny-00001.h5").unlink()
    os.truncate(folder / "shards" / "tiny-00002.h5", 5000)
    assert published(folder, plan) == set()


def test_a_link_in_place_of_a_shard_does_not_count(folder: Path, plan: ShardPlan) -> None:
    shard = folder / "shards" / "tiny-00001.h5"
    shard.rename(folder / "elsewhere.h5")
    shard.symlink_to(folder / "elsewhere.h5")
    assert published(folder, plan) == {0, 2}


def test_a_damaged_receipt_does_not_count(folder: Path, plan: ShardPlan) -> None:
    path = folder / "receipts" / "00001.json"
    path.write_bytes(path.read_bytes().replace(b"1024", b"1025"))
    assert published(folder, plan) == {0, 2}


def test_an_invalid_receipt_with_a_right_checksum_does_not_count(folder: Path, plan: ShardPlan) -> None:
    rewrite(folder / "receipts" / "00000.json", pixel_sum=1 << 60)
    assert published(folder, plan) == {1, 2}


@pytest.mark.parametrize("name", ["shards/tiny-00000.h5", "manifest.json"])
def test_a_file_that_may_not_be_read_is_not_taken_for_missing(
    folder: Path, plan: ShardPlan, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (folder / "manifest.json").touch()
    real_open, real_entries = os.open, os.scandir

    def refuse(path: Any) -> PermissionError:
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def open_or_refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path) == str(folder / name):
            raise refuse(path)
        return real_open(path, *arguments, **options)

    def entries(path: Any) -> list[Any]:
        if str(path) == str((folder / name).parent) and name.endswith(".h5"):
            raise refuse(path)
        return list(real_entries(path))

    monkeypatch.setattr(os, "open", open_or_refuse)
    monkeypatch.setattr(folder_state.os, "scandir", entries)
    with pytest.raises(DatasetError, match=r"cannot be read: Permission denied$"):
        read_folder(folder)


def test_a_receipt_that_may_not_be_read_matters_only_to_plans_with_its_shard(
    folder: Path, plan: ShardPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_open(folder / "receipts" / "00002.json", monkeypatch)
    state = read_folder(folder)
    assert set(state.receipts) == {"00000.json", "00001.json"}
    with pytest.raises(DatasetError, match=r"00002\.json cannot be read: Permission denied$"):
        state.find_published(plan)
    assert state.find_published(FakeMaker().plan(2048))[1] == {0, 1}


def test_a_path_that_cannot_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"x cannot be read: File name too long$"):
        read_folder(tmp_path / ("x" * 300))


def test_a_folder_that_is_missing_is_empty(tmp_path: Path) -> None:
    state = read_folder(tmp_path / "none")
    assert (state.is_empty, state.is_ours, state.has_manifest, state.moving_in) == (True, False, False, None)
    assert isinstance(state.replacement, FolderState)
    assert state.current is state
