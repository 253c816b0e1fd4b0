from __future__ import annotations

import os
import select
import signal

from mpvnc.supervisor.signals import WATCHED, SignalPipe


def test_signals_arrive_in_order_as_readable_bytes_and_everything_is_restored():
    before = [signal.getsignal(number) for number in WATCHED]
    pipe = SignalPipe()
    try:
        assert pipe.read() == []
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert select.select([pipe], [], [], 1)[0]
        assert pipe.read() == [signal.SIGHUP, signal.SIGTERM, signal.SIGINT]
        assert pipe.read() == []
    finally:
        pipe.close()
    assert [signal.getsignal(number) for number in WATCHED] == before
