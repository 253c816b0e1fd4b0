from __future__ import annotations

import pytest

from benchmarks.plan import only
from benchmarks.sharing import Beat, Share, compare, share
from benchmarks.tables import Results, report


def beat(pixels: dict[str, int], encode_us: int, steps: int, **counters: int) -> Beat:
    return Beat({"encode_us": encode_us, **counters}, pixels, steps, steps * 1000)


def test_each_worker_is_compared_with_what_was_painted_between_its_own_beats() -> None:
    before = {0: beat({"zrle": 0}, 0, 0), 1: beat({"zrle": 500}, 100, 10, rectangles_taken=5)}
    after = {
        0: beat({"zrle": 50_000, "raw": 10}, 9000, 100, rectangles_taken=7),
        1: beat({"zrle": 25_500}, 3100, 60, rectangles_taken=5, waits_in_vain=2),
    }
    assert share(before, after) == Share(ratio=1.0, encode_us=90 + 60, taken=7, vain_waits=2)


def test_medians_stand_side_by_side_in_a_table() -> None:
    one = [Share(1.0, 1000, 0, 0)]
    many = [Share(ratio, 1200, 10, 1) for ratio in (1.01, 9.0, 1.02)]
    results = Results()
    results.add(compare("mpvnc", "video", "zrle", 100, 2, one=one, many=many))
    row = "| video | zrle | mpvnc | 100 | 2 : 1 | 1.020 : 1.000 | 1.20 : 1.00 | 1.20 | 30 | 3 |"
    assert row in report(results)


@pytest.mark.parametrize(
    "words, expected",
    [
        ("sharing", (3, "video", 100)),
        ("sharing,full,zrle,20", (1, "full", 20)),
        ("sharing,scroll", (3, "scroll", 100)),
    ],
)
def test_it_is_asked_for_by_name(words: str, expected: tuple[int, str, int]) -> None:
    jobs = only(words.split(","), 3.0)
    assert (len(jobs), jobs[0].scene, jobs[0].viewers) == expected
    assert {(job.kind, job.peer) for job in jobs} == {("sharing", "mpvnc")}
