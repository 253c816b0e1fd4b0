"""Frame segments among strangers: a process that attaches by name, a /dev/shm that is too small, namesakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.conftest import Serve
from tests.process.stage import SMALL_AND_QUICK, child_of, segments, status_of, wait_replaced
from tests.process.watch import Watcher
from tests.support.client import Client
from tests.support.servers import LOOPBACK_PORT_0, environment, running_supervisor
from tests.support.waits import eventually, time_factor

pytestmark = pytest.mark.process

ATTACH = """
import sys
from multiprocessing.shared_memory import SharedMemory
segment = SharedMemory(sys.argv[1])
assert len(segment.buf) > 320 * 240 * 4 * 3
segment.close()
"""


def test_a_stranger_that_attaches_and_exits_disturbs_nobody(
    serve: Serve, watch: Callable[[Client], Watcher]
) -> None:
    """On Python 3.11 and 3.12 the stranger's resource tracker unlinks the name as it exits."""
    server = serve()
    watcher = watch(server.connect())
    (name,) = segments(server)
    stranger = [sys.executable, "-c", ATTACH, name]
    subprocess.run(stranger, check=True, timeout=20 * time_factor(), capture_output=True)
    if sys.version_info < (3, 13):
        eventually(lambda: not Path("/dev/shm", name).exists(), what="the stranger's tracker")
    watcher.wait_for_more(10)
    for role in ("encoder", "capture"):
        child = child_of(server, role)
        os.kill(child["pid"], 9)
        wait_replaced(server, child)
        with server.connect() as late:
            assert late.refresh().any()
    assert server.stop() == 0
    assert "Traceback" not in server.log and "leaked" not in server.log


def test_a_dev_shm_that_is_too_small_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    settings = [*SMALL_AND_QUICK, *LOOPBACK_PORT_0, "source.width=1920", "source.height=1080"]
    start = [sys.executable, "-m", "mpvnc", "start"]
    start += [word for setting in settings for word in ("--set", setting)]
    mount = 'mount -t tmpfs -o size=4m tmpfs /dev/shm && exec "$@"'
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    done = subprocess.run(
        [*alone, "sh", "-c", mount, "sh", *start],
        env=environment(tmp_path / "run"), capture_output=True, text=True, timeout=20 * time_factor(),
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if "/dev/shm has 4.0 MB free" in line]
    assert (
        lines and "three frames of 1920x1080 need 23.8 MB" in lines[0] and "docker run --shm-size" in lines[0]
    )
    assert "giving up" in done.stderr and "Traceback" not in done.stderr


def test_namesakes_in_other_runtime_directories_do_not_meet(serve: Serve, tmp_path: Path) -> None:
    first = serve()
    (tmp_path / "other").mkdir()
    with running_supervisor(tmp_path / "other", *SMALL_AND_QUICK) as second:
        assert segments(first).isdisjoint(segments(second))
        for server in (first, second):
            assert status_of(server)["instance"] == "default"
            with server.connect() as client:
                assert client.refresh().any()
