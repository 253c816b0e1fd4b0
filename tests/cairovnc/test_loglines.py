from __future__ import annotations

import logging

from mpvnc import log
from mpvnc.cairovnc.loglines import Said, said


def line(level: int, message: str, client: int | None = None) -> str:
    record = logging.LogRecord("x", level, "", 1, message, None, None)
    if client is not None:
        record.client = client
    return log.LineFormatter("encoder").format(record)


def test_lines_are_as_the_log_writes_them():
    assert said(line(logging.INFO, "a b joined", 7)) == Said("a b joined", 7, is_quiet=True)
    assert said(line(logging.WARNING, "something is wrong")) == Said("something is wrong")
    assert said('  File "x.py", line 1, in y') == Said('  File "x.py", line 1, in y')


def test_who_has_left_is_known():
    assert said(line(logging.INFO, "127.0.0.1 left: closed by the viewer", 7)).has_left
    assert not said(line(logging.INFO, "127.0.0.1 joined", 7)).has_left
    assert not said(line(logging.INFO, "nobody left: all there")).has_left
