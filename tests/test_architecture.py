"""The house rules that a machine can hold: layers, a light supervisor, one name and one test per module."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpvnc.constants import ClientMessage, Encoding, SecurityType, ServerMessage

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"

NUMPY_FREE = ("supervisor", "ipc.control", "config", "log", "metrics", "cli", "frames.store", "frames.layout")
"""What the supervisor's process loads, under mpvnc; of a package, all its modules."""

TESTED_ELSEWHERE = {
    "mpvnc/capture/base.py": "tests/capture/test_x11.py",
    "mpvnc/constants.py": "tests/rfb/test_writers.py",
    "mpvnc/errors.py": "tests/rfb/test_connection.py",
    "mpvnc/inject/base.py": "tests/inject/test_dispatch.py",
    "mpvnc/rfb/events.py": "tests/rfb/test_messages.py",
    "mpvnc/transport/stream.py": "tests/transport/test_plain.py",
    "mpvnc/workers/site.py": "tests/workers/test_lobby.py",
    "mpvnc/rfb/keysym_names.py": "tests/rfb/test_keysyms.py",
    "mpvnc/workers/settings.py": "tests/workers/test_encoder.py",
    "mpvnc/workers/show.py": "tests/workers/test_encoder.py",
}
"""Modules of names and values alone, and parts of another module, with the test that would notice a fault."""

COVERAGE = ROOT / "docs" / "protocol-coverage.md"


def modules() -> Iterator[Path]:
    """Yield every module, under its one name: the roles as mpvnc/workers/*.py."""
    for directory, _, names in os.walk(ROOT / "mpvnc", followlinks=True):
        for name in sorted(names):
            if name.endswith(".py"):
                yield (Path(directory) / name).relative_to(ROOT)


def dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts).removesuffix(".__init__")


def run_python(program: str) -> str:
    """Run a program in a Python of its own, started as the supervisor starts its children."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        command, cwd="/", env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_contracts_hold() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 2 kept, 0 broken." in done.stdout


@pytest.mark.parametrize("name", NUMPY_FREE)
def test_the_supervisor_loads_no_numpy(name: str) -> None:
    wanted = f"mpvnc.{name}"
    loaded = [dotted(m) for m in modules() if f"{dotted(m)}.".startswith(f"{wanted}.")]
    assert loaded, f"{wanted} does not exist"
    imports = "; ".join(f"import {module}" for module in loaded)
    print_loaded = "print([m for m in sys.modules if m.partition('.')[0] in ('numpy', 'cairo', 'zmq')])"
    assert run_python(f"import sys; {imports}; {print_loaded}").strip() == "[]"


def imported_names(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }


def test_nothing_imports_workers_by_its_bare_name() -> None:
    sources = [ROOT / module for module in modules()] + list(TESTS.rglob("*.py"))
    guilty = [p for p in sources for name in imported_names(p) if name.partition(".")[0] == "workers"]
    assert guilty == []


def test_the_decoders_of_the_tests_are_strangers_to_the_encodings() -> None:
    decoders = list((TESTS / "support" / "decoders").glob("*.py"))
    assert decoders, "tests/support/decoders is missing"
    guilty = [p for p in decoders for name in imported_names(p) if name.partition(".")[0] == "mpvnc"]
    assert guilty == []


def test_the_roles_are_loaded_under_one_name() -> None:
    roles = "; ".join(f"import {dotted(m)}" for m in modules() if "workers" in m.parts)
    print_names = "print(sorted(m for m in sys.modules if m.partition('.')[0] == 'workers'))"
    assert run_python(f"import sys; {roles}; {print_names}").strip() == "[]"


def candidates_for(module: Path) -> list[Path]:
    """Find the tests of a module: tests/rfb/test_state.py, test_state_*.py for mpvnc/rfb/state.py.

    A compiled kernel, its numpy twin and the chooser of the two share the chooser's test.
    """
    if str(module) in TESTED_ELSEWHERE:
        return [ROOT / TESTED_ELSEWHERE[str(module)]]
    name = module.stem
    if module.parent.name == "kernels":
        name = name.removeprefix("_").removesuffix("_numpy")
    directory = TESTS / module.parent.relative_to("mpvnc")
    return [directory / f"test_{name}.py", *directory.glob(f"test_{name}_*.py")]


@pytest.mark.parametrize(
    "module", [m for m in modules() if m.stem not in ("__init__", "__main__")], ids=dotted
)
def test_each_module_has_its_test(module: Path) -> None:
    paths = [path for path in candidates_for(module) if path.is_file()]
    assert paths, f"{candidates_for(module)[0].relative_to(ROOT)} is missing"
    assert any(re.search(r"^\s*(async )?def test_", path.read_text(), re.MULTILINE) for path in paths)


def coverage_paths() -> list[str]:
    return sorted(set(re.findall(r"`((?:mpvnc|workers|tests)/[\w./-]+)`", COVERAGE.read_text())))


@pytest.mark.parametrize("path", coverage_paths())
def test_what_the_coverage_table_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def documented_numbers(*headings: str) -> set[int]:
    """Collect the numbers in the tables under these headings; `-32 .. -23` stands for all ten."""
    sections = re.split(r"^## ", COVERAGE.read_text(), flags=re.MULTILINE)
    text = "".join(section for section in sections if section.partition("\n")[0] in headings)
    rows = re.findall(r"^\| [^|]+ \| (-?\d+)(?: \.\. (-?\d+))? \|", text, re.MULTILINE)
    return {number for low, high in rows for number in range(int(low), int(high or low) + 1)}


@pytest.mark.parametrize(
    ("numbers", "headings"),
    [
        (set(SecurityType) - {SecurityType.INVALID}, ["Security types"]),
        (set(ClientMessage), ["Client messages"]),
        (set(ServerMessage), ["Server messages"]),
        (set(Encoding), ["Encodings", "Pseudo-encodings"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
def test_the_coverage_table_has_a_row_for_every_number(numbers: set[int], headings: list[str]) -> None:
    assert numbers - documented_numbers(*headings) == set()


@pytest.mark.parametrize("program", ["tests.soak.soak", "tests.interop.idle", "benchmarks.__main__"])
def test_programs_that_are_run_by_hand_can_be_loaded(program: str) -> None:
    assert callable(importlib.import_module(program).main)
