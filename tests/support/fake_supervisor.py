"""Runs a real supervisor with fake roles in a process of its own.

`python fake_supervisor.py MODES ARGUMENT...`: MODES is JSON, role to mode of tests/support/fake_role.py; the
arguments are those of `mpvnc-supervisor`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mpvnc import cli
from mpvnc.supervisor import main

MODES = json.loads(sys.argv[1])


def command(role):
    return [sys.executable, str(Path(__file__).with_name("fake_role.py")), role, MODES.get(role, "good")]


if __name__ == "__main__":
    setup = main.Setup
    cli.Setup = lambda *told, **more: setup(*told, command=command, **more)
    sys.exit(cli.main(sys.argv[2:]))
