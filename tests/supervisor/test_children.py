from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from mpvnc.supervisor import children
from mpvnc.supervisor.children import child_environment, role_command, start_process

ROOT = str(Path(__file__).resolve().parents[2])


def test_the_command_of_a_role():
    assert role_command("encoder") == [sys.executable, "-P", "-m", "mpvnc.workers.encoder"]


def test_the_environment_has_no_secrets_and_finds_this_package():
    made = child_environment(
        {
            "MPVNC_PASSWORD": "x",
            "MPVNC_VIEW_ONLY_PASSWORD": "y",
            "A": "b",
            "PYTHONPATH": f"/p{os.pathsep}{ROOT}",
        }
    )
    assert made == {"A": "b", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}/p"}


def test_an_installed_package_needs_no_path(monkeypatch):
    monkeypatch.setattr(children, "_ROOT", Path("/usr/lib/python3/site-packages"))
    assert child_environment({"OPENBLAS_NUM_THREADS": "4"}) == {"OPENBLAS_NUM_THREADS": "4"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("signal.pause()", "SIGKILL"),
        ("sys.exit(signal.SIGINT in signal.pthread_sigmask(0, []))", "exit code 1"),
        ("sys.exit(len(os.listdir('/proc/self/fd')) - 5)", "exit code 0"),
    ],
)
def test_how_a_process_ended(code, end):
    process = start_process([sys.executable, "-c", f"import os, signal, sys; {code}"], os.environ)
    if "pause" in code:
        process.signal(signal.SIGKILL)
    assert process.reap() == end
    process.control.close()


def test_a_command_that_is_not_there_leaves_nothing_open():
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError):
        start_process(["/nowhere/python"], os.environ)
    assert os.listdir("/proc/self/fd") == before
