from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import captures
from benchmarks.captures import (
    ANIMATED,
    CHANGING,
    STILL,
    WARM_UP,
    Look,
    after_step,
    looked,
    opened,
    report,
    steps_of_the_demo,
    summary,
)
from benchmarks.processes import BenchError
from benchmarks.stage import Painter

LOOKS = [Look(float(ms), 0.5, ms != 7) for ms in range(1, 21)]


def test_looks_that_publish_nothing_do_not_count_where_there_is_something_to_see() -> None:
    found = summary("x11", CHANGING, LOOKS)
    assert (found.looks, found.frames, found.p95_ms, found.cpu_ms) == (20, 19, 20.0, 0.5)
    assert found.mean_ms == pytest.approx((210 - 7) / 19)


def test_at_rest_every_look_counts() -> None:
    found = summary("mss", STILL, [Look(3.0, 1.0, False), Look(5.0, 2.0, False)])
    assert (found.looks, found.frames, found.mean_ms, found.cpu_ms) == (2, 0, 4.0, 1.5)


def test_a_backend_that_sees_no_change_has_no_figures() -> None:
    with pytest.raises(BenchError, match="x11"):
        summary("x11", CHANGING, [Look(1.0, 1.0, False)])


def test_the_table_has_a_line_for_each_backend_and_screen() -> None:
    line = report([summary("x11", STILL, [Look(0.02, 0.01, False)] * 2)]).splitlines()[-1]
    assert line == "| x11 | at rest | 2 | 0 | 0.0200 | 0.0200 | 0.0100 |"


def test_every_look_at_the_demo_finds_a_new_picture() -> None:
    with opened("demo") as source:
        looks = looked(source, 5, steps_of_the_demo())
    assert len(looks) == 5
    assert all(look.is_published and look.wall_ms > 0 for look in looks)
    assert WARM_UP >= 3


def test_a_painter_that_stands_still_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "_PATIENCE_S", 0.01)
    painter = Painter()
    try:
        with pytest.raises(BenchError, match="painter"):
            after_step(painter)()
    finally:
        painter.close()


@pytest.mark.x11
def test_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ledger.jsonl"
    assert captures.main(["--looks", "2", "--ledger", str(path)]) == 0
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["screen"] for row in rows] == [CHANGING, CHANGING, ANIMATED, STILL, STILL]
    assert [row["frames"] > 0 for row in rows] == [True, True, True, False, False]
    assert all(0 < row["mean_ms"] < 1000 and row["kind"] == "captured" for row in rows)
    printed = capsys.readouterr().out
    assert "| x11 (shared" in printed
    assert "| mss | at rest |" in printed
