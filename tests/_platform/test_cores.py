"""CPU quotas of control groups, read from fake folders."""

import os
from pathlib import Path

import pytest

from augforge._platform import cores
from augforge._platform.cores import cpu_quota

V2 = "31 23 0:27 {group} {point} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "33 25 0:30 {group} {point} rw,nosuid shared:15 - cgroup cgroup rw,{controllers}\n"


class System:
    """Write the files of a process and of mounted hierarchies."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.root = folder / "proc", folder / "root"
        self.proc.mkdir()

    def has(self, groups: str, mounts: str) -> None:
        (self.proc / "cgroup").write_text(groups)
        (self.proc / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts)

    def limits(self, folder: str, text: str) -> None:
        path = self.root / folder / "cpu.max"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def limits_v1(self, folder: str, quota: int, period: int = 100_000) -> None:
        path = self.root / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (path / "cpu.cfs_period_us").write_text(f"{period}\n")

    def quota(self) -> float | None:
        return cpu_quota(self.proc, self.root)


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


class TestVersion2:
    def test_a_container_sees_its_own_group_as_the_root(self, system: System) -> None:
        system.has("0::/\n", V2.format(group="/", point="/sys/fs/cgroup"))
        system.limits("sys/fs/cgroup", "150000 100000\n")
        assert system.quota() == 1.5

    def test_max_is_no_quota(self, system: System) -> None:
        system.has("0::/\n", V2.format(group="/", point="/sys/fs/cgroup"))
        system.limits("sys/fs/cgroup", "max 100000\n")
        assert system.quota() is None

    @pytest.mark.parametrize(
        ("inner", "outer", "quota"),
        [
            ("400000 100000", "100000 50000", 2),
            ("50000 100000", "300000 100000", 0.5),
            ("max 100000", "7 10", 0.7),
        ],
    )
    def test_the_smallest_quota_of_nested_groups_binds(
        self, system: System, inner: str, outer: str, quota: float
    ) -> None:
        system.has("0::/slice/pod/container\n", V2.format(group="/", point="/sys/fs/cgroup"))
        system.limits("sys/fs/cgroup/slice/pod/container", inner)
        system.limits("sys/fs/cgroup/slice", outer)
        system.limits("sys/fs/cgroup/slice/other", "1000 100000")
        assert system.quota() == quota

    def test_a_mount_that_shows_only_a_part_of_the_hierarchy(self, system: System) -> None:
        system.has("0::/docker/abc/job\n", V2.format(group="/docker/abc", point="/sys/fs/cgroup"))
        system.limits("sys/fs/cgroup/job", "max 100000")
        system.limits("sys/fs/cgroup", "200000 100000")
        assert system.quota() == 2

    @pytest.mark.parametrize("path", ["/../elsewhere", "/docker/abc"])
    def test_a_group_outside_what_is_mounted(self, system: System, path: str) -> None:
        system.has(f"0::{path}\n", V2.format(group="/other", point="/sys/fs/cgroup"))
        system.limits("sys/fs/cgroup", "100000 100000")
        system.limits("sys/fs/elsewhere", "1000 100000")
        assert system.quota() == 1

    def test_a_mount_point_with_a_space(self, system: System) -> None:
        system.has("0::/\n", V2.format(group="/", point="/my\\040groups"))
        system.limits("my groups", "100000 100000")
        assert system.quota() == 1


class TestVersion1:
    MOUNT = V1.format(group="/", point="/sys/fs/cgroup/cpu,cpuacct", controllers="cpu,cpuacct")

    def test_the_quota_of_the_cpu_controller(self, system: System) -> None:
        system.has("5:cpuset:/\n4:cpu,cpuacct:/pod/container\n", self.MOUNT)
        system.limits_v1("sys/fs/cgroup/cpu,cpuacct/pod/container", 250_000)
        assert system.quota() == 2.5

    def test_minus_one_is_no_quota(self, system: System) -> None:
        system.has("4:cpu,cpuacct:/\n", self.MOUNT)
        system.limits_v1("sys/fs/cgroup/cpu,cpuacct", -1)
        assert system.quota() is None

    def test_the_smallest_quota_of_nested_groups_binds(self, system: System) -> None:
        system.has("4:cpu,cpuacct:/pod/container\n", self.MOUNT)
        system.limits_v1("sys/fs/cgroup/cpu,cpuacct/pod/container", -1)
        system.limits_v1("sys/fs/cgroup/cpu,cpuacct/pod", 50_000, 25_000)
        assert system.quota() == 2

    def test_other_controllers_do_not_count(self, system: System) -> None:
        other = V1.format(group="/", point="/sys/fs/cgroup/cpuset", controllers="cpuset")
        system.has("5:cpuset:/\n", other)
        system.limits_v1("sys/fs/cgroup/cpuset", 100_000)
        assert system.quota() is None

    def test_beside_version_2(self, system: System) -> None:
        both = self.MOUNT + V2.format(group="/", point="/sys/fs/cgroup/unified")
        system.has("4:cpu,cpuacct:/a\n0::/b\n", both)
        system.limits_v1("sys/fs/cgroup/cpu,cpuacct/a", 300_000)
        system.limits("sys/fs/cgroup/unified/b", "200000 100000")
        assert system.quota() == 2


@pytest.mark.parametrize(
    "text", ["", "\n", "nonsense", "a b c", "0 100000", "100000 0", "-5 10", "1e5 100000"]
)
def test_a_file_that_cannot_be_read_as_a_quota_is_none(system: System, text: str) -> None:
    system.has("0::/\n", V2.format(group="/", point="/sys/fs/cgroup") + "short line\n - \n")
    system.limits("sys/fs/cgroup", text)
    assert system.quota() is None


def test_without_proc_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "missing", tmp_path) is None


@pytest.mark.parametrize(
    ("quota", "affinity", "workers"), [(None, 8, 8), (0.2, 8, 1), (1.5, 8, 2), (2.0, 8, 2), (9.0, 8, 8)]
)
def test_quota_and_affinity_both_count(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, affinity: int, workers: int
) -> None:
    monkeypatch.setattr(cores, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    assert cores.usable_cores() == workers
