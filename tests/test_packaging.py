"""What an installed mpvnc consists of: every module and role, the compiled kernels, no other package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parent.parent
SOURCES = ("mpvnc", "workers", "pyproject.toml", "README.md", "LICENSE")
ROLES = {f"mpvnc/workers/{path.name}" for path in (ROOT / "workers").glob("*.py")}
MODULES = {
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "mpvnc").rglob("*.py")
    if "workers" not in path.parts
}


def copy_sources(target: Path) -> Path:
    """Copy what the build reads, and nothing that an earlier build left behind."""
    leftovers = shutil.ignore_patterns("__pycache__", "*.so", "_*.c", "_*.html")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=leftovers)
        else:
            shutil.copy(ROOT / name, target / name)
    return target


def quick_compiler(directory: Path) -> Path:
    """Make a compiler that optimises nothing: what is in a wheel does not depend on how fast it is."""
    path = directory / "cc"
    path.write_text('#!/bin/sh\nexec cc "$@" -O0 -w\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from the sdist, with the setuptools and Cython of this environment."""
    sources = copy_sources(tmp_path_factory.mktemp("sources"))
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", target, "."]
    environment = {**os.environ, "CC": str(quick_compiler(tmp_path_factory.mktemp("compiler")))}
    done = subprocess.run(
        command, cwd=sources, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return target


@pytest.fixture(scope="module")
def wheel(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel, as an installation would."""
    target = tmp_path_factory.mktemp("installed")
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(target)
    return target


def files_of(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_the_wheel_has_every_module_and_role(wheel: Path) -> None:
    assert {"mpvnc/workers/__init__.py"} <= ROLES
    assert (MODULES | ROLES | {"mpvnc/py.typed"}) - files_of(wheel) == set()


def test_the_wheel_has_the_page_and_the_licences_of_what_it_brings(wheel: Path) -> None:
    page = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "mpvnc/web/static").rglob("*") if path.is_file()
    }
    assert {"mpvnc/web/static/index.html", "mpvnc/web/static/novnc/core/rfb.js"} <= page
    assert page - files_of(wheel) == set()
    (licences,) = wheel.glob("*.dist-info/licenses")
    assert {"LICENSE", "mpvnc/web/static/novnc/docs/LICENSE.MPL-2.0"} <= files_of(licences)


def test_the_wheel_installs_nothing_but_mpvnc(wheel: Path) -> None:
    names = {path.name for path in wheel.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"mpvnc"}


def test_the_wheel_has_the_compiled_kernels(wheel: Path) -> None:
    compiled = {path.name.split(".")[0] for path in (wheel / "mpvnc/kernels").glob("*.so")}
    assert compiled == {"_tiles", "_coding", "_moves"}


def test_the_wheel_names_its_command(wheel: Path) -> None:
    (entry_points,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "mpvnc-supervisor = mpvnc.cli:main" in entry_points.read_text()


def test_the_sdist_has_the_roles_in_the_package_alone(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = [member for member in archive if member.isfile()]
    names = {member.name.split("/", 1)[1] for member in members}
    assert (MODULES | ROLES | {"pyproject.toml", "README.md", "LICENSE"}) - names == set()
    assert {name for name in names if name.startswith("workers/")} == set()


def test_the_unpacked_wheel_runs_from_anywhere(wheel: Path, tmp_path: Path) -> None:
    program = "import mpvnc.workers as w, sys; print(w.__file__); assert 'workers' not in sys.modules"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(wheel / "mpvnc/workers/__init__.py")


def test_a_kernel_that_does_not_compile_does_not_stop_the_install(tmp_path: Path) -> None:
    sources = copy_sources(tmp_path)
    program = "from setuptools import setup; setup()"
    command = [sys.executable, "-c", program, "--quiet", "build_ext", "--inplace"]
    environment = {**os.environ, "CC": "false"}
    done = subprocess.run(
        command, cwd=sources, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert list((sources / "mpvnc/kernels").glob("*.so")) == []
