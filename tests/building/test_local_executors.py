"""Builds of this machine: what listens, who gets in, what workers import, what they leave behind."""

import asyncio
import contextlib
import gc
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from distributed import Security
from distributed.core import rpc

import augforge
from augforge._platform.loopback import LOOPBACK
from augforge.building import build, local_executors, progress
from augforge.errors import BuildError
from augforge.recipe import Recipe
from tests.building.conftest import IMGAUG, TEXT, until

MakeRecipe = Callable[..., Recipe]

Sockets = dict[tuple[int, int], str]  # by process and port

KINDS = {"threads": "", "processes": IMGAUG}
WITH_SLOW_PROCESSES = [
    "threads",
    pytest.param("processes", marks=pytest.mark.slow("a program with worker processes")),
]


def sockets_of(program: int) -> Sockets:
    """Return the addresses on which a process and all below it wait for others."""
    found = {}
    process = psutil.Process(program)
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            for socket in one.net_connections("inet"):
                if socket.status == psutil.CONN_LISTEN or (socket.laddr and not socket.raddr):
                    found[one.pid, socket.laddr.port] = socket.laddr.ip
    return found


@contextlib.contextmanager
def long_build(
    folder: Path, kind: str, *command: str, **options: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a build that does not end by itself soon, and stop it."""
    # With more variants, threads would be processes.
    recipe = TEXT.format(variants=1000, shard_size=65_536, compression="none", more=KINDS[kind])
    (folder / "r.yaml").write_text(recipe)
    words = [*(command or (sys.executable, "-m", "augforge")), "build", "r.yaml", "--workers", "2", "--quiet"]
    with (folder / "told.txt").open("w") as told:
        process = subprocess.Popen(words, cwd=folder, stdout=told, stderr=told, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(120)
        finally:
            process.kill()
            process.wait()


def is_at_work(folder: Path) -> bool:
    return bool(list(folder.glob("out/small/shards/*")))


async def gets_in(address: str, security: Security) -> bool:
    """Tell whether a node of Dask answers."""
    node = rpc(address, connection_args=security.get_connection_args("client"), timeout=2)
    try:
        return bool(await asyncio.wait_for(node.identity(), 4))
    except Exception:
        return False
    finally:
        await node.close_rpc()


async def entered(ports: set[int]) -> list[str]:
    """Return the ports on which somebody who knows nothing gets in, without TLS and with any certificate."""
    attempts = {
        f"{scheme}://{LOOPBACK}:{port}": security
        for port in ports
        for scheme, security in (("tcp", Security()), ("tls", Security.temporary()))
    }
    answers = await asyncio.gather(*(gets_in(*attempt) for attempt in attempts.items()))
    return [address for address, answered in zip(attempts, answers, strict=True) if answered]


class TestSockets:
    @pytest.mark.parametrize("kind", KINDS)
    def test_nothing_listens_outside_loopback_and_nobody_gets_in(self, tmp_path: Path, kind: str) -> None:
        seen: Sockets = {}
        with long_build(tmp_path, kind) as process:
            end = time.monotonic() + 300
            while not is_at_work(tmp_path):
                assert process.poll() is None, (tmp_path / "told.txt").read_text()
                assert time.monotonic() < end
                seen.update(sockets_of(process.pid))
                time.sleep(0.02)
            time.sleep(0.5)
            open_now = sockets_of(process.pid)
            seen.update(open_now)
            assert asyncio.run(entered({port for _, port in open_now})) == []
            assert process.poll() is None
        assert set(seen.values()) <= {LOOPBACK}
        # A scheduler, two nannies and two workers.
        assert len(open_now) == (5 if kind == "processes" else 0)

    def test_who_has_the_key_gets_in(self) -> None:
        """The test above is not blind."""
        with local_executors.start_processes(1) as place:
            address = place.client.scheduler.address
            assert asyncio.run(gets_in(address, place.client.security))

    def test_dask_settings_for_a_cluster_do_not_matter(
        self, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import dask

        there = {"require-encryption": True, "tls.ca-file": "/missing", "tls.client.cert": "/missing"}
        with dask.config.set({f"distributed.comm.{name}": value for name, value in there.items()}):
            for kind, more in KINDS.items():
                build(recipe(more=more), tmp_path / kind)


class TestKeys:
    def test_only_this_user_can_read_them(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            with local_executors._scratch_folder() as folder:
                security = local_executors.temporary_security(folder)
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
                files = {security.tls_ca_file, security.tls_client_key}
                assert {stat.S_IMODE(os.stat(file).st_mode) for file in files} == {0o600}
                assert len(files) == 2
            assert not folder.exists()
        finally:
            os.umask(before)

    def test_two_builds_do_not_share_them(self, tmp_path: Path) -> None:
        keys = set()
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            keys.add(Path(local_executors.temporary_security(tmp_path / name).tls_client_key).read_text())
        assert len(keys) == 2

    def test_they_are_in_no_command_and_no_environment(self) -> None:
        with local_executors.start_processes(1) as place:
            key = Path(place.client.security.tls_client_key).read_text().splitlines()[1]
            processes = psutil.Process().children(recursive=True)
            assert len(processes) >= 2
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    assert key not in " ".join([*process.cmdline(), *process.environ().values()])


class TestTraces:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_build_leaves_no_folders_behind(
        self, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        for name in ("temporary", "here"):
            (tmp_path / name).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
        monkeypatch.chdir(tmp_path / "here")
        path = list(sys.path)
        build(recipe(more=KINDS[kind]), tmp_path / "set")
        assert [*(tmp_path / "temporary").iterdir(), *(tmp_path / "here").iterdir()] == []
        assert sys.path == path

    @pytest.mark.parametrize("kind", WITH_SLOW_PROCESSES)
    def test_ctrl_c_leaves_neither_folders_nor_processes(self, tmp_path: Path, kind: str) -> None:
        (tmp_path / "temporary").mkdir()
        environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
        with long_build(tmp_path, kind, env=environment) as process:
            until(lambda: is_at_work(tmp_path), 300)
            below = psutil.Process(process.pid).children(recursive=True)
        assert (tmp_path / "told.txt").read_text().startswith("interrupted: ")
        assert list((tmp_path / "temporary").iterdir()) == []
        assert not psutil.wait_procs(below, 5)[1]

    @pytest.mark.parametrize("kind", WITH_SLOW_PROCESSES)
    def test_a_machine_without_network_gets_no_warning(self, tmp_path: Path, kind: str) -> None:
        alone = ("unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
        if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
            pytest.skip("this machine lets no program have a network of its own")
        text = TEXT.format(variants=1, shard_size=1024, compression="none", more=KINDS[kind])
        (tmp_path / "r.yaml").write_text(text)
        command = [*alone, sys.executable, "-m", "augforge", "build", "r.yaml", "--workers", "2", "--quiet"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @pytest.mark.parametrize("place", [local_executors.start_threads, local_executors.start_processes])
    def test_futures_of_dask_that_nobody_awaits_are_not_printed(
        self, place: Callable[[int], contextlib.AbstractContextManager], caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(loop: asyncio.AbstractEventLoop) -> None:
            loop.create_future().set_exception(OSError("of nobody"))

        with place(1) as made:
            made.client.loop.add_callback(fail, made.client.loop.asyncio_loop)
            made.client.submit(int).result()
            gc.collect()
        gc.collect()
        assert "never retrieved" not in caplog.text
        asyncio_loop = asyncio.new_event_loop()
        fail(asyncio_loop)
        gc.collect()
        asyncio_loop.close()
        assert "never retrieved" in caplog.text
        assert logging.getLogger("asyncio").isEnabledFor(logging.ERROR)


class TestImports:
    """Of worker processes: what the client imports, but Python's own modules are Python's."""

    @pytest.mark.slow("a program with worker processes")
    def test_the_users_files_do_not_replace_pythons(self, tmp_path: Path) -> None:
        for name in ("random", "queue", "secrets", "select"):
            (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
        text = TEXT.format(variants=1, shard_size=1024, compression="none", more=IMGAUG)
        (tmp_path / "r.yaml").write_text(text)
        augforge_command = Path(sys.executable).with_name("augforge")
        command = [sys.executable, augforge_command] if augforge_command.exists() else []
        command = command or [sys.executable, "-P", "-m", "augforge"]
        done = subprocess.run(
            [*command, "build", "r.yaml", "--workers", "2", "--quiet"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_augforge_need_not_be_installed(self, tmp_path: Path) -> None:
        """Workers import it from where the client does, which only the client's `sys.path` names."""
        home = tmp_path / "checkout"
        home.mkdir()
        (home / "augforge").symlink_to(Path(augforge.__file__).parent)
        code = (
            f"import sys; sys.path.insert(0, {str(home)!r})\n"
            "from augforge.building import local_executors\n"
            "with local_executors.start_processes(1) as place:\n"
            "    (found,) = place.client.run(lambda: __import__('augforge').__file__).values()\n"
            "print(found)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{home}/augforge/__init__.py\n", "")


class TestErrors:
    def test_worker_processes_that_do_not_start_say_first_what_is_wrong(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "sitecustomize.py").touch()
        (tmp_path / "broken.py").write_text("raise KeyError('the cause')")
        monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "['broken']")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(BuildError) as caught, local_executors.start_processes(2):
            pass
        assert str(caught.value) == "the worker processes ended with exit status 1: KeyError: 'the cause'"

    @pytest.mark.slow("starts worker processes again and again")
    def test_a_shard_that_kills_workers_is_told_with_how_they_died(
        self, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "deadly.py").write_text(
            "import os, signal\nfrom augforge.building import tasks\n"
            "tasks.write_shard = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)\n"
        )
        monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
        monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "['deadly']")
        monkeypatch.syspath_prepend(tmp_path)
        import dask

        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 0}),
            pytest.raises(BuildError) as caught,
        ):
            build(recipe(more=IMGAUG, shard_size=65_536), tmp_path / "set", workers=1)
        assert "Worker process " in str(caught.value)
        assert str(caught.value).endswith(" was killed by signal 11")


class TestTimeLeft:
    def test_it_is_estimated_from_after_compiling(self) -> None:
        clock = SimpleNamespace(now=0.0)
        seen: list[progress.Progress] = []
        plan = SimpleNamespace(kept=(), kept_samples=100, samples=1100, shards=[None])
        tracker = progress.ProgressTracker(plan, seen.append, lambda: clock.now)  # type: ignore[arg-type]

        def at(now: float, done: int | str) -> progress.Progress:
            clock.now = now
            tracker.on_event((0.0, (0, done)))
            return seen[-1]

        compiling = at(1, "compiling")
        assert (compiling.compiling, compiling.seconds_left) == (True, None)
        first = at(20, 100)
        assert (first.compiling, first.made, first.seconds_left) == (False, 100, None)
        later = at(22, 300)
        assert (later.rate, later.seconds_left, later.seconds) == (100.0, 7.0, 22.0)

    @pytest.mark.slow("compiles without kept kernels")
    @pytest.mark.parametrize("kind", KINDS)
    def test_compiling_is_announced_if_it_is_done(self, tmp_path: Path, kind: str) -> None:
        noise = "  - pixel_noise: {fraction: [0, 0.05], value: [128, 255]}\n"
        head, _, _ = TEXT.partition("  - rotate")
        text = head.format(variants=1, shard_size=1024, compression="none") + noise + KINDS[kind]
        (tmp_path / "r.yaml").write_text(text)
        command = [sys.executable, "-m", "augforge", "build", "r.yaml", "--workers", "2", "--overwrite"]

        def told() -> str:
            done = subprocess.run(
                command,
                cwd=tmp_path,
                env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
                capture_output=True,
                text=True,
                check=True,
                timeout=300,
            )
            assert done.stdout == ""
            return done.stderr

        assert told().count("compiling kernels (once)\n") == 1
        assert "compiling" not in told()


@pytest.mark.parametrize("error", [PermissionError, ProcessLookupError])
def test_a_group_that_cannot_be_signalled_is_no_error(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    """As on macOS, where the leader is a zombie, or everywhere, where it is gone."""

    def refuse(_group: int, _number: int) -> None:
        raise error

    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr("os.killpg", refuse)
    local_executors._kill_group(program)
    if error is ProcessLookupError:
        program.kill()
    assert program.wait(20) == -signal.SIGKILL
    local_executors._kill_group(program)  # nor where it has ended
