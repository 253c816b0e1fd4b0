from __future__ import annotations

import logging
import os
import re
import tempfile
import weakref

import pytest

from mpvnc import log
from tests.support.waits import eventually


@pytest.fixture
def restore():
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], level, logging.raiseExceptions = before
    root.setLevel(level)


def written(level="INFO", *, say):
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        running = log.start_log("encoder", level, fd=file.fileno())
        say(logging.getLogger("mpvnc.test"))
        running.close()
        file.seek(0)
        return file.read()


def test_a_line_has_time_level_role_client_and_message(restore):
    text = written(say=lambda logger: log.for_client(logger, 7).info("came from %s", "here"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} INFO encoder\[\d+\] 7 came from here\n", text)


def test_a_record_without_client(restore):
    assert " - hello\n" in written(say=lambda logger: logger.warning("hello"))


def test_levels_differ(restore):
    say = lambda logger: logger.debug("detail")  # noqa: E731
    assert written("DEBUG", say=say) and not written("INFO", say=say)


def test_an_unknown_level_warns_and_counts_as_info(restore):
    text = written("LOUD", say=lambda logger: (logger.debug("x"), logger.info("kept")))
    assert "'LOUD'" in text and "kept" in text and " x\n" not in text


def test_a_peer_cannot_forge_lines(restore):
    text = written(say=lambda logger: logger.info("name %s", "a\n2026 ERROR\x1b[2J"))
    assert text.count("\n") == 1 and "\x1b" not in text


def test_a_traceback_follows_its_line(restore):
    def say(logger):
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("it failed")

    assert "ValueError: broken" in written(say=say)


def test_a_file_receives_the_records(restore, tmp_path):
    running = log.start_log("capture", "INFO", str(tmp_path / "log"))
    logging.getLogger("x").info("one")
    running.close()
    assert "capture" in (tmp_path / "log").read_text()


def test_the_lock_that_a_handler_must_have_locks_nothing(tmp_path):
    with open(tmp_path / "log", "wb") as file:
        handler = log.DescriptorHandler(file.fileno(), owned=False)
        with handler.lock, handler.lock:  # as Handler.handle has it since Python 3.13
            handler.acquire()
        handler.handle(logging.makeLogRecord({"msg": "written"}))
    assert (tmp_path / "log").read_text() == "written\n"


def test_a_stuck_sink_blocks_nobody_and_what_is_dropped_is_counted(restore):
    reading, writing = os.pipe()
    running = log.start_log("encoder", "INFO", fd=writing)
    line = "x" * 1000
    for number in range(log.QUEUE_LIMIT + 500):
        logging.getLogger("x").info("%d %s", number, line)
    running.close(0.1)
    logging.shutdown([weakref.ref(running._sink)])
    assert running.dropped >= 100
    os.close(reading)
    eventually(running._handler.queue.empty)
    running.close()
    os.close(writing)
