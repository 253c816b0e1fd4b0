"""The bytes of small updates as the specification has them."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from tests.interop.stage import Stage, read_exactly
from tests.support import golden
from tests.support.pixelformat import Image

pytestmark = [pytest.mark.interop, pytest.mark.timeout(30)]
RAW, RRE, HEXTILE, ZLIB, TIGHT, ZRLE, JPEG = 0, 2, 5, 6, 7, 16, 21
RED = 0xFF0000


def payload(stage: Stage, picture: Image, *encodings: int, size: int) -> bytes:
    """Return so many bytes behind the header of the only rectangle, which has the first encoding."""
    stage.show(picture)
    height, width = picture.shape
    with stage.dial() as sock:
        sock.sendall(b"RFB 003.008\n\1\1")
        read_exactly(sock, 12)
        read_exactly(sock, read_exactly(sock, 1)[0] + 4 + 24 + len("stage"))
        sock.sendall(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))
        sock.sendall(struct.pack(">BB4H", 3, 0, 0, 0, width, height))
        header = read_exactly(sock, 4 + 12)
        assert header == struct.pack(">xxH4Hi", 1, 0, 0, width, height, encodings[0])
        return read_exactly(sock, size)


def rows(*pixels: int, height: int = 1) -> Image:
    return np.tile(np.array(pixels, np.uint32), (height, 1))


def test_tight_fill(stage: Stage) -> None:
    assert payload(stage, golden.solid(8, 8, RED), TIGHT, size=4).hex() == "80ff0000"


def test_tight_two_colours(stage: Stage) -> None:
    picture = np.array([[RED] * 8, [0xFF] * 8], np.uint32)
    data = payload(stage, picture, TIGHT, size=11)
    assert data[:3].hex() == "500101"
    colours = [data[3:6].hex(), data[6:9].hex()]
    assert sorted(colours) == ["0000ff", "ff0000"]
    assert data[9:].hex() == ("00ff" if colours[0] == "ff0000" else "ff00")


def test_tight_three_colours(stage: Stage) -> None:
    """Three pixels: a palette costs more than the nine bytes themselves; both are right."""
    data = payload(stage, rows(RED, 0xFF00, 0xFF), TIGHT, size=10)
    assert data[0] & 0xF0 in (0x00, 0x60)
    if data[0] & 0xF0 == 0:
        assert data[1:].hex() == "ff000000ff000000ff"
    else:
        assert data[1:3].hex() == "0102"


@pytest.mark.parametrize("scene", ["noise", "palette", "text", "photo"])
def test_tight_resets_the_stream_that_it_uses(stage: Stage, scene: str) -> None:
    control = payload(stage, golden.SCENES[scene](64, 64), TIGHT, size=1)[0]
    assert control & 0x80 == 0
    stream = control >> 4 & 3
    assert control >> stream & 1


def test_zrle_solid(stage: Stage) -> None:
    picture = golden.solid(8, 8, RED)
    (length,) = struct.unpack(">I", payload(stage, picture, ZRLE, size=4))
    data = payload(stage, picture, ZRLE, size=4 + length)[4:]
    assert data[:2] == b"\x78\x01"
    assert zlib.decompressobj().decompress(data).hex() == "010000ff"


def test_rre_hextile_and_raw_solids(stage: Stage) -> None:
    picture = golden.solid(8, 8, RED)
    assert payload(stage, picture, RRE, size=8).hex() == "00000000" + "0000ff00"
    assert payload(stage, picture, HEXTILE, size=5).hex() == "02" + "0000ff00"
    assert payload(stage, picture, RAW, size=256).hex() == "0000ff00" * 64


def test_jpeg_begins_as_an_image(stage: Stage) -> None:
    picture = golden.photo(64, 64)
    data = payload(stage, picture, JPEG, RAW, size=2)
    assert data.hex() == "ffd8"
    head = payload(stage, picture, TIGHT, -23, size=3)
    assert head[0] == 0x90
