from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from mpvnc.config import Clients
from mpvnc.errors import ConfigError
from mpvnc.supervisor.descriptors import raise_limit


@pytest.fixture
def limits(monkeypatch):
    state = {"now": (1024, 4096)}

    def setrlimit(_which, wanted):
        if wanted[1] > state["now"][1]:
            raise ValueError("not allowed to raise maximum limit")
        state["now"] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _which: state["now"])
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    return state


def test_the_limit_is_raised_to_the_need(limits):
    need = raise_limit(Clients(max_connections=1000, max_unauthenticated=512))
    assert 1000 + 512 < need <= 4096
    assert limits["now"] == (need, 4096)


def test_a_sufficient_limit_is_left(limits):
    assert raise_limit(Clients(max_connections=10, max_unauthenticated=10)) == 1024


def test_a_need_beyond_the_hard_limit_is_refused(limits):
    with pytest.raises(ConfigError, match=r"needs \d+ open files, the limit is 4096"):
        raise_limit(Clients(max_connections=5000))


def test_any_number_takes_what_there_is(limits):
    assert raise_limit(Clients(max_connections=0)) == 4096


PROGRAM = """
import os, sys
from mpvnc.supervisor.descriptors import open_standard_streams
open_standard_streams()
print("lost", file=sys.stderr)
assert sys.stdin.read() == ""
assert os.open("/dev/zero", os.O_RDONLY) > 2
assert all(os.get_inheritable(fd) for fd in range(3))
print("here")
"""


@pytest.mark.parametrize("closed", ["0<&- 2>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_what_it_was_started_without_is_opened_to_nowhere(closed):
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, PROGRAM]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (b"" if "1>" in closed else b"here\n")
