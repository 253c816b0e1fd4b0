"""What README tells the reader to type: the publishing program runs as it stands, the settings are accepted."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mpvnc import config
from tests.support import processes
from tests.support.client import connect
from tests.support.peers import accepts, free_port
from tests.support.servers import environment
from tests.support.waits import eventually

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DRAW = """
def draw(context):
    context.set_source_rgb(0.2, 0.4, 0.6)
    context.paint()
"""


def the_program() -> str:
    """Return the one block of Python."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return program


@pytest.mark.process
def test_the_publishing_program_is_seen_by_a_viewer_who_knows_the_password(tmp_path: Path) -> None:
    port, runtime_dir = free_port(), tmp_path / "run"
    program = tmp_path / "program.py"
    program.write_text(DRAW + the_program().replace("port=5902", f"port={port}"))
    log = tmp_path / "log"
    process = processes.start([sys.executable, str(program)], log=log, env=environment(runtime_dir))
    try:
        eventually(lambda: process.poll() is not None or accepts(port), 20, what="the program's port")
        assert process.returncode is None, log.read_text()
        with connect(port=port, password="secret") as client:
            eventually(lambda: (client.refresh() == 0x336699).all())
            assert (client.viewer.width, client.viewer.height) == (1280, 720)
    finally:
        processes.stop(process, number=signal.SIGINT)
    assert "KeyboardInterrupt" in log.read_text()
    eventually(lambda: not processes.with_variable("MPVNC_RUNTIME_DIR", str(runtime_dir)))


def commands() -> list[str]:
    """Return the indented lines, which are commands of a shell."""
    return re.findall(r"^    (\S.*)$", README.replace(the_program(), ""), re.MULTILINE)


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("scripts/")])
def test_the_scripts_exist_and_accept_the_settings(command: str, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("secret\n")
    passwords.chmod(0o600)
    script, *arguments = shlex.split(command.replace("/path/to/passwords", str(passwords)))
    assert (ROOT / script).is_file()
    assert arguments[::2] == ["--set"] * (len(arguments) // 2)
    config.load(ROOT / "config.yaml", arguments[1::2])


def test_the_subcommands_that_are_named_exist() -> None:
    (named,) = re.findall(r"is the same program: (.*?)\.\n", README, re.DOTALL)
    for subcommand in re.findall(r"`([\w-]+)`", named):
        done = subprocess.run(
            [sys.executable, "-m", "mpvnc", *([] if subcommand.startswith("--") else [subcommand]), "--help"],
            cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)
def test_links_lead_somewhere(page: str | Path) -> None:
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / page).parent / link).exists(), link
