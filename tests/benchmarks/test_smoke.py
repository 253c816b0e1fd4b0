"""The benchmark itself, end to end, for a few seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.peers import PEERS
from benchmarks.processes import BenchError, program
from benchmarks.scenes import PROFILES, RATES
from benchmarks.stage import Viewers, running_stage

pytestmark = pytest.mark.process


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_mpvnc_and_a_peer_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = tmp_path / "ledger.jsonl"
    words = [
        "--only",
        "ui,tight-lossless,1,3",
        "--secs",
        "0.5",
        "--out",
        str(tmp_path),
        "--ledger",
        str(ledger),
    ]
    assert main(words) == 0
    theirs, ours = rows(ledger)
    assert (theirs["peer"], ours["peer"]) == ("xvnc", "mpvnc")
    windows = ours["windows"]
    assert isinstance(windows, list)
    assert [window["viewers"] for window in windows] == [1, 3]
    assert all(window["cpu_ms"] > 0 and window["bytes"] > 0 and window["frames"] > 0 for window in windows)
    # Encoders tell their counts now and then: a short window may see none.
    assert sum(window["counters"].get("encodes", 0) for window in windows) > 0
    assert "### ui (20 changes/s)" in capsys.readouterr().out
    assert (tmp_path / "ui-tight-lossless.png").exists()


def test_the_time_of_a_change_comes_back(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    words = [
        "--only",
        "latency,mpvnc,typing,1",
        "--secs",
        "3",
        "--out",
        str(tmp_path),
        "--ledger",
        str(ledger),
    ]
    assert main(words) == 0
    for row in rows(ledger):
        p50, samples = row["p50_ms"], row["samples"]
        assert isinstance(p50, float)
        assert isinstance(samples, int)
        assert 0 < p50 < 1000
        assert samples > 3


def test_viewers_follow_every_encoding(tmp_path: Path) -> None:
    """Raw, RRE, Hextile, Zlib, Tight, ZRLE, JPEG: both with and without a quality level."""
    with running_stage(PEERS["mpvnc-memory"], "video", tmp_path) as stage:
        for profile in [
            (encoding, *q) for encoding in ("0", "2", "5", "6", "7", "16", "21") for q in ((), ("-23",))
        ]:
            with stage.viewers(profile) as viewers:
                assert viewers.grow(2), profile
                follow(viewers)


def follow(viewers: Viewers) -> None:
    updates, end = 0, time.monotonic() + 10
    while updates < 6 and time.monotonic() < end:
        told = viewers.mark()
        assert not told["failed"], told["failure"]
        updates += told["updates"]
    assert updates >= 6


def test_a_missing_peer_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("benchmarks.__main__.program", lambda name: name)
    monkeypatch.setattr("benchmarks.ledger.commit", str)
    assert main(["--only", "ui,zrle,x11vnc,1"]) == 1
    assert "x11vnc: install x11vnc xvfb" in capsys.readouterr().out


def test_a_program_that_does_not_compile_names_its_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("benchmarks.processes.BUILD", tmp_path)
    monkeypatch.setitem(
        __import__("benchmarks.processes").processes._PROGRAMS, "lvs", (["lvs.c"], ["-lnowhere"], "a-package")
    )
    with pytest.raises(BenchError, match="a-package"):
        program("lvs")


def test_the_names_are_those_of_the_painter() -> None:
    source = (Path(__file__).parents[2] / "benchmarks" / "scenes.c").read_text()
    for scene, rate in RATES.items():
        assert f'{{"{scene}", {rate:.0f},' in source
    assert "probe-time" in PROFILES
