"""Processor cores available to this process, by affinity and cgroup quotas.

A container's CPU limit is a quota of its control group (cgroup), not an affinity. All cores of the host stay
visible, and the kernel stops the process for the rest of each period once the quota is spent. Groups nest, and
every ancestor's quota applies. Outside Linux, or with /proc hidden, affinity or the number of cores counts.
``/proc/self/cgroup`` names the groups of a process, ``/proc/self/mountinfo`` the mount points of their
hierarchies::

    version 2   0::/pod/container             .../pod/container/cpu.max     "150000 100000" or "max 100000"
    version 1   4:cpu,cpuacct:/pod/container  .../cpu.cfs_quota_us          150000, or -1 for none
                                              .../cpu.cfs_period_us         100000
"""

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_PROC = Path("/proc/self")
_V1_CONTROLLER = "cpu"


def usable_cores() -> int:
    """Count the cores that affinity and CPU quota allow.

    Returns
    -------
    int
        At least 1. A quota of 1.5 cores counts as 2: one worker would leave a third of it unused.
    """
    quota = cpu_quota()
    allowed = _cores_by_affinity()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _cores_by_affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(proc: Path = _PROC, root: Path = Path("/")) -> float | None:
    """Read the CPU quota of this process's control groups.

    Parameters
    ----------
    proc : Path
        The folder with the files ``cgroup`` and ``mountinfo`` of a process.
    root : Path
        The folder below which the mount points lie.

    Returns
    -------
    float or None
        Smallest quota of any group or ancestor, in cores; None without a quota.
    """
    try:
        groups = (proc / "cgroup").read_text()
        mounts = list(_parse_mounts((proc / "mountinfo").read_text()))
    except (OSError, ValueError):  # not Linux, or /proc hidden
        return None
    quotas = [
        quota
        for group in _parse_groups(groups)
        for mount in mounts
        if mount.version == group.version
        for folder in _find_folders(group, mount, root)
        if (quota := _read_quota(folder, group.version)) is not None
    ]
    return min(quotas, default=None)


@dataclass(frozen=True)
class _Group:
    """A control group that can have a CPU quota."""

    version: int
    path: str


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy, with `group` at its mount point."""

    version: int
    group: str
    point: str


def _parse_groups(text: str) -> Iterator[_Group]:
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield _Group(2, path)
        elif _V1_CONTROLLER in controllers.split(","):
            yield _Group(1, path)


def _parse_mounts(text: str) -> Iterator[_Mount]:
    for line in text.splitlines():
        # ... ROOT MOUNT-POINT OPTIONS TAGS... - TYPE SOURCE SUPER-OPTIONS
        before, separator, after = line.partition(" - ")
        own, described = before.split(" "), after.split(" ")
        if not separator or len(own) < 5 or len(described) < 3:
            continue
        kind, options = described[0], described[2].split(",")
        if kind == "cgroup2":
            yield _Mount(2, _unescape(own[3]), _unescape(own[4]))
        elif kind == "cgroup" and _V1_CONTROLLER in options:
            yield _Mount(1, _unescape(own[3]), _unescape(own[4]))


def _unescape(text: str) -> str:
    """Decode the octal escapes of ``mountinfo``, such as those of spaces."""
    return re.sub(r"\\([0-7]{3})", lambda escape: chr(int(escape[1], 8)), text)


def _find_folders(group: _Group, mount: _Mount, root: Path) -> Iterator[Path]:
    """Yield the folders of a group and its visible ancestors, innermost first."""
    top = root / mount.point.lstrip("/")
    try:
        below = PurePosixPath(group.path).relative_to(mount.group)
    except ValueError:  # seen from another namespace: only the mount point is known
        below = PurePosixPath()
    if ".." in below.parts:
        below = PurePosixPath()
    for part in (below, *below.parents) if below.parts else (below,):
        yield top / part


def _read_quota(folder: Path, version: int) -> float | None:
    try:
        if version == 2:
            words = (folder / "cpu.max").read_text().split()
        else:
            words = [(folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period")]
        quota, period = (int(word) for word in words)
    except (OSError, ValueError):  # the root group has no such file; "max" is no number
        return None
    return quota / period if quota > 0 and period > 0 else None
