"""What scripts/start and scripts/test set up, and when they leave apt and pip alone.

apt, dpkg and pip are stand-ins that write down how they were called; shell, Python and .venv are real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("ln", "sh", "env", "readlink", "dirname", "cat", "sed", "ls", "sha256sum", "flock", "rm", "printf")
"""What the scripts may find on PATH, so that neither a real sudo nor a real apt-get is among them."""

PIP = """\
import pathlib, sys
root = pathlib.Path(sys.prefix).parent

def install():
    with open(root / "calls", "a") as calls:
        print("pip", sys.argv[-1], file=calls)
    program = root / ".venv/bin/mpvnc-supervisor"
    program.write_text('#!/bin/sh\\necho "started $*"\\n')
    program.chmod(0o755)
    (root / "mpvnc/kernels/_tiles.so").touch()

if __name__ == "__main__":
    install()
"""


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Repository:
    """A repository with the real scripts, an empty .venv, and stand-ins for all that reaches the network."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        shutil.copytree(ROOT / "scripts", root / "scripts")
        (root / "mpvnc/kernels").mkdir(parents=True)
        (root / "mpvnc/kernels/_tiles.py").write_text("")
        (root / "pyproject.toml").write_text("")
        self._make_venv()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or f"/usr/bin/{tool}")
        write_program(self.bin / "dpkg-query", f'[ "$3" != "$(cat {root}/missing)" ] && echo "ii "')
        write_program(self.bin / "apt-get", f'echo "apt-get $*" >>{root}/calls; : >{root}/missing')
        (root / "missing").write_text("")
        self.become(0)

    def _make_venv(self) -> None:
        path = self.root / ".venv"
        venv.EnvBuilder(symlinks=True).create(path)
        (site_packages,) = path.glob("lib/python*/site-packages")
        (site_packages / "pip.py").write_text(PIP)
        settings = path / "pyvenv.cfg"
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("command")]
        settings.write_text("\n".join([*lines, f"command = {sys.executable} -m venv {path}", ""]))

    def become(self, uid: int) -> None:
        """Be this user, as far as the scripts can tell."""
        write_program(self.bin / "id", f"echo {uid}")

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "PYTHON": sys.executable, "HOME": os.environ.get("HOME", "/")}
        command = [self.root / "scripts" / script, *arguments]
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """Take what was called since the last look."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_start_installs_and_becomes_the_server(repository: Repository) -> None:
    done = repository.run("start", "--set", "server.port=0")
    config = repository.root / "config.yaml"
    assert done.stdout == f"started start --config {config} --set server.port=0\n", done.stderr
    assert repository.calls() == ["pip ."]
    assert "WARNING: the kernels did not compile" in done.stderr


def test_the_second_start_touches_neither_apt_nor_pip(repository: Repository) -> None:
    repository.run("start")
    repository.calls()
    done = repository.run("start")
    assert (done.returncode, done.stderr) == (0, "")
    assert repository.calls() == []


def test_tests_want_more_than_start_and_start_no_more_than_tests(repository: Repository) -> None:
    repository.run("start")
    repository.run("test", "--version")
    repository.run("start")
    assert repository.calls() == ["pip .", "pip .[test]"]


def change_pyproject(repository: Repository) -> None:
    (repository.root / "pyproject.toml").write_text("# changed")


def change_kernel(repository: Repository) -> None:
    (repository.root / "mpvnc/kernels/_tiles.py").write_text("# changed")


def lose_a_compiled_kernel(repository: Repository) -> None:
    (repository.root / "mpvnc/kernels/_tiles.so").unlink()


@pytest.mark.parametrize("change", [change_pyproject, change_kernel, lose_a_compiled_kernel])
def test_a_change_is_installed(repository: Repository, change: Callable[[Repository], None]) -> None:
    repository.run("start")
    repository.calls()
    change(repository)
    repository.run("start")
    assert repository.calls() == ["pip ."]


def test_root_gets_the_missing_package(repository: Repository) -> None:
    (repository.root / "missing").write_text("gcc")
    repository.run("start")
    assert repository.calls() == [
        "apt-get --quiet update",
        "apt-get --quiet --yes --no-install-recommends install gcc",
        "pip .",
    ]


def test_others_are_told_the_command(repository: Repository) -> None:
    (repository.root / "missing").write_text("gcc")
    repository.become(1000)
    done = repository.run("start")
    assert done.returncode == 1
    assert "sudo apt-get update && sudo apt-get install --no-install-recommends gcc\n" in done.stderr
    assert repository.calls() == []


def test_a_python_that_is_none_is_refused(repository: Repository) -> None:
    program = f"PYTHON=/bin/false; export PYTHON; . {repository.root}/scripts/start"
    command = ["sh", "-c", program, str(repository.root / "scripts/start")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "PYTHON=/bin/false is no Python 3.11 or newer" in done.stderr


def test_a_program_beside_the_checkout_finds_the_package(repository: Repository) -> None:
    repository.run("start")
    (site_packages,) = (repository.root / ".venv").glob("lib/python*/site-packages")
    assert (site_packages / "mpvnc").resolve() == repository.root / "mpvnc"
