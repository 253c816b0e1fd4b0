"""A Python program that starts the server from a configuration file, and stops it again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import environment
from tests.support.waits import time_factor

pytestmark = pytest.mark.process

PROGRAM = """
import sys, threading, time
from mpvnc.cli import main

def stop():
    while main(["stop"]) != 0:
        time.sleep(0.1)

threading.Thread(target=stop, daemon=True).start()
sys.exit(main(["start", "--config", sys.argv[1]]))
"""


def test_a_program_starts_and_stops_it(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("server: {port: 0, workers: 1}\nsource: {kind: demo, width: 64, height: 48}\n")
    (tmp_path / "run").mkdir(mode=0o700)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(config)],
        env=environment(tmp_path / "run"), capture_output=True, text=True, timeout=30 * time_factor(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "capture 1" in done.stderr and "ended: exit code 0" in done.stderr
