from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoders
from benchmarks.encoders import Encoded, encoded_bytes, median_ms, numpy_kernels, report, ways
from mpvnc.constants import Encoding
from mpvnc.encodings import wire_class
from mpvnc.encodings.wire import PIXEL_ENCODINGS
from mpvnc.kernels import coding, coding_numpy
from mpvnc.pixels import NATIVE


def test_every_encoding_and_every_bucket_is_measured_once() -> None:
    classes = [wire_class(NATIVE, way.listed) for way in ways()]
    assert {wire.encoding for wire in classes} == PIXEL_ENCODINGS
    assert len(set(classes)) == len(classes)
    for encoding in (Encoding.ZLIB, Encoding.ZRLE, Encoding.TIGHT):
        lossless = [wire for wire in classes if wire.encoding is encoding and wire.quality is None]
        assert [wire.compression for wire in lossless] == [0, 1, 2]


def test_raw_has_four_bytes_a_pixel_and_a_header_for_each_piece() -> None:
    """1920x1080 is 31.6 pieces of at most 64 Ki pixels."""
    picture = np.zeros((1080, 1920), np.uint32)
    assert encoded_bytes(picture, wire_class(NATIVE, [Encoding.RAW])) == picture.nbytes + 12 * 32


def test_the_median_is_of_the_runs_after_the_first() -> None:
    runs: list[int] = []

    def run() -> int:
        runs.append(0)
        return len(runs)

    cpu_ms, last = median_ms(run, 3)
    assert (last, len(runs)) == (4, 4)
    assert 0 <= cpu_ms < 100


def test_the_kernels_of_numpy_are_used_for_a_while() -> None:
    before = coding.zrle
    with numpy_kernels():
        assert coding.zrle is coding_numpy.zrle
        assert bool(coding.COMPILED) == coding.COMPILED
    assert coding.zrle is before


def test_the_table_has_a_line_for_each_way_and_compares_with_raw() -> None:
    found = [
        Encoded("mpvnc", picture, "8x8", "numpy", way, ms, size)
        for picture, way, ms, size in (
            ("a", "Raw", 1.0, 4000), ("a", "ZRLE", 2.5, 100), ("b", "Raw", 1.0, 4000), ("b", "ZRLE", 0.05, 3000),
        )
    ]  # fmt: skip
    head, _, raw, zrle = report(found).splitlines()
    assert head == "| encoding | a ms | a kB | a x | b ms | b kB | b x |"
    assert raw == "| Raw | 1.00 | 4.0 | 1.0 | 1.00 | 4.0 | 1.0 |"
    assert zrle == "| ZRLE | 2.50 | 0.1 | 40.0 | 0.0500 | 3.0 | 1.3 |"


@pytest.mark.parametrize("options", [[], ["--numpy"]])
def test_the_program(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ledger.jsonl"
    assert encoders.main(["--size", "72x54", "--repeats", "1", "--ledger", str(path), *options]) == 0
    printed = capsys.readouterr().out
    assert ("numpy kernels" in printed) == (bool(options) or not coding.COMPILED)
    assert all(f"| {way.name} |" in printed for way in ways())
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3 * len(ways())
    assert {row["kind"] for row in rows} == {"encoded"}
    sizes = {(row["picture"], row["way"]): row["bytes"] for row in rows}
    assert sizes["interface", "ZRLE, compress 2"] < sizes["interface", "Raw"] / 3
    assert sizes["photograph", "Tight, quality 1"] < sizes["photograph", "Tight, quality 9"]
