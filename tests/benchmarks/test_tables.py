from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from benchmarks.figures import Latency, Series, Window, as_row
from benchmarks.ledger import Ledger
from benchmarks.plots import draw_all
from benchmarks.tables import Results, number, report


def window(viewers: int, cost_ms: float, *, rate: float = 30.0, others_ms: float = 0.0) -> Window:
    """A window of 2 seconds of `video` in which a painted frame cost so much CPU."""
    frames = rate * 2 * viewers
    return Window(
        viewers=viewers, reading=viewers, seconds=2.0, painted=60, frames=frames, updates=int(frames),
        bytes=int(frames * 20_000), cpu_ms=cost_ms * 60, xvfb_ms=0.0, load_ms=frames * 0.01, others_ms=others_ms,
        pss_kb=1000 + 50 * viewers, least=60, most=60, stalled=0, counters={"encodes": 60},
    )  # fmt: skip


OURS = Series(
    "mpvnc", "video", "zrle", [window(1, 5.01), window(100, 6.0), window(900, 20.0, rate=20)], 100, planned=2
)
THEIRS = Series("xvnc", "video", "zrle", [window(1, 11.0), window(100, 30.0, rate=3.0)], 1, planned=2)


def test_only_points_where_everybody_was_served_are_fitted() -> None:
    assert OURS.fit == pytest.approx((5.0, 0.01))
    assert OURS.limit_by_fit == 2833
    assert THEIRS.fit is None
    assert OURS.pss_kb_each == pytest.approx(50)


def test_a_contended_machine_gives_a_rough_fit() -> None:
    crowded = [window(1, 4.0), window(50, 4.0, rate=15, others_ms=900)]
    rough = Series("mpvnc", "video", "zrle", crowded)
    assert rough.is_rough
    assert rough.fit == pytest.approx((4 - 4 / 49, 4 / 49))
    assert not OURS.is_rough


def test_a_server_that_is_full_by_itself_gives_none() -> None:
    full = [window(1, 4.0), window(50, 33.0, rate=15, others_ms=900)]
    assert Series("mpvnc", "video", "zrle", full).fit is None


def test_a_point_that_others_disturbed_is_marked() -> None:
    assert not window(1, 1.0).is_contended
    assert window(1, 1.0, others_ms=300).is_contended


def test_the_report_says_what_was_measured() -> None:
    text = report(
        Results(
            [THEIRS, OURS],
            [Latency("xvnc", "video", "time", 1, "zrle", 9.3, 9.4, 9.6, 100, 0)],
            [],
            ["lvs: gone"],
        )
    )
    assert "| zrle | mpvnc | 5.00 | 0.0100 | 5.01 | 0.0600 | 20.0 | 100 | 2833 | 50 |  | 0.0100 |" in text
    assert "| zrle | xvnc |  |  | 11.00 | 3.00s |" in text
    assert "| video | zrle | 0.46 | 300.0 | 1.00 | 100 : 1 |" in text
    assert "| time | video | xvnc | 1 zrle | 9.30 | 9.40 | 9.60 | 100 | 0 |" in text
    assert "- lvs: gone" in text


def test_a_series_of_several_numbers_shows_how_everything_grows() -> None:
    growing = [
        dataclasses.replace(
            window(n, 5.0), by_process_ms={"encoder": 200.0, "capture": 100.0, "injector": 0.5}
        )
        for n in (1, 2, 4)
    ]
    series = Series("mpvnc", "video", "zrle", [*growing, window(900, 20.0)], 900, planned=3)
    text = report(Results([series, OURS]))
    head = "| profile | server | viewers | frames/s of all | frames/s each | MB/s of all | CPU, % of a core |"
    assert head in text
    line = "| zrle | mpvnc | 4 | 120 | 30.0 | 2.4 | 15.0 | capture 5.0, encoder 10.0 | 1.2 |"
    assert line in text
    assert "| zrle | mpvnc | 900 |" not in text
    assert head not in report(Results([OURS, THEIRS]))


def test_small_numbers_keep_digits_that_mean_something() -> None:
    assert [number(value) for value in (None, 0.0, 0.0123, 1.234)] == ["", "0.00", "0.0123", "1.23"]


def test_a_row_of_the_ledger_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    names = [ledger.note(series, {"xvnc": "package 1.0"}) for series in (OURS, THEIRS)]
    ours, theirs = map(json.loads, path.read_text().splitlines())
    assert [ours["row"], theirs["row"]] == names
    assert (ours["b_ms"], ours["limit"], theirs["version"]) == (0.01, 100, "package 1.0")
    assert ours["windows"][0]["counters"] == {"encodes": 60}
    assert ours["machine"]
    assert ours["commit"] or not shutil.which("git")


def test_a_row_names_every_field() -> None:
    assert set(as_row(OURS.windows[0])) == {field.name for field in dataclasses.fields(Window)}


def test_each_scene_and_profile_gets_a_picture(tmp_path: Path) -> None:
    (path,) = draw_all([OURS, THEIRS], tmp_path)
    assert path.name == "video-zrle.png"
    assert path.read_bytes().startswith(b"\x89PNG")
