"""Measure the memory of a process tree through /proc (Linux only).

private   memory without a file behind it: heaps, arrays, stacks (their PSS of anonymous pages)
PSS       the same and mapped files (libraries, compiled kernels, shards while they are hashed), shared pages
          counted once
peak RSS  sum of the kernel's records of each process's largest resident memory, file pages included: never too
          small, and too large if the processes had their peaks at different times

None of them includes the page cache, in which written files wait for the disk: the system frees it when it needs
memory.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EVERY_SECONDS = 0.05


@dataclass
class Watched:
    """Time, memory and output of a program.

    Attributes
    ----------
    seconds
        Duration of the program.
    private, pss, rss
        Peaks of the whole tree, in MB (10 ** 6 bytes).
    processes
        Largest number of processes in the tree.
    private_at
        Samples of private memory: seconds since the start, MB.
    output
        Its standard output.
    """

    seconds: float = 0.0
    private: float = 0.0
    pss: float = 0.0
    rss: float = 0.0
    processes: int = 0
    private_at: list[tuple[float, float]] = field(default_factory=list)
    output: str = ""


def require_linux() -> None:
    """Exit if memory cannot be measured."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("this benchmark reads /proc/PID/smaps_rollup, which only Linux has")


def watch(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Watched:
    """Run a program and sample its memory twenty times per second.

    Raises
    ------
    SystemExit
        If it fails.
    """
    seen = Watched()
    peak_rss: dict[int, float] = {}
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        while process.poll() is None:
            tree = family(process.pid)
            now = [memory(pid, "smaps_rollup") for pid in tree]
            private = sum(sizes.get("Pss_Anon", 0.0) for sizes in now)
            seen.private_at.append((time.perf_counter() - start, private))
            seen.private = max(seen.private, private)
            seen.pss = max(seen.pss, sum(sizes.get("Pss", 0.0) for sizes in now))
            for pid in tree:
                peak_rss[pid] = max(peak_rss.get(pid, 0.0), memory(pid, "status").get("VmHWM", 0.0))
            seen.processes = max(seen.processes, len(tree))
            time.sleep(EVERY_SECONDS)
        seen.seconds = time.perf_counter() - start
        seen.output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command[:3])} ...")
    seen.rss = sum(peak_rss.values())
    return seen


def family(pid: int) -> list[int]:
    """List a process and its descendants."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in threads for c in (t / "children").read_text().split()]
    except OSError:  # the process has just ended
        return []
    return [pid, *(below for child in children for below in family(child))]


def memory(pid: int | str, record: str) -> dict[str, float]:
    """Read the sizes of a record of /proc, in MB (10 ** 6 bytes)."""
    try:
        lines = Path(f"/proc/{pid}/{record}").read_text().splitlines()
    except OSError:  # the process has just ended
        return {}
    sizes = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(kilobytes) * 1024 / 1e6 for name, kilobytes, _ in sizes}
