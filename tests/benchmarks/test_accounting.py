from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from benchmarks.accounting import (
    core_busy_ns,
    cpu_ns,
    name,
    pss_kb,
    spent_by_name,
    spent_ns,
    tree,
    tree_cpu_ns,
)

SPIN = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"


def test_what_was_spent_is_the_difference_and_newcomers_count_whole() -> None:
    assert spent_ns({1: 100, 2: 50}, {1: 130, 3: 7}) == 37


def test_a_number_that_was_given_again_does_not_count_backwards() -> None:
    assert spent_ns({1: 100}, {1: 5}) == 0


def test_what_was_spent_is_told_by_name() -> None:
    """This process runs pytest or python."""
    own = name(os.getpid())
    assert own
    assert spent_by_name({os.getpid(): 3}, {os.getpid(): 10}) == {own: 7}
    assert not name(2**22 + 1)


def test_what_is_gone_is_left_out() -> None:
    assert cpu_ns([2**22 + 1]) == {}
    assert pss_kb([2**22 + 1]) == 0


@pytest.mark.process
def test_a_grandchild_is_counted_with_the_tree() -> None:
    shell = subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1"; true', sys.executable, SPIN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert shell.stdout is not None
        shell.stdout.readline()
        pids = tree(shell.pid)
        assert len(pids) == 2
        assert 0.2e9 <= spent_ns({}, tree_cpu_ns([shell.pid])) < 5e9
        assert pss_kb(pids) > 1000
        assert cpu_ns([shell.pid])[shell.pid] < 0.2e9
    finally:
        shell.communicate(b"\n", timeout=10)


def test_a_core_that_computes_is_busy() -> None:
    core = min(os.sched_getaffinity(0))
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        before, began = core_busy_ns(core), time.process_time()
        while time.process_time() < began + 0.1:
            pass
        assert core_busy_ns(core) - before >= 0.07e9
    finally:
        os.sched_setaffinity(0, ours)
