"""JPEG and the levels that viewers give, on the wire."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tests.interop.stage import Stage
from tests.support import golden
from tests.support.client import Client
from tests.support.events import Update
from tests.support.formats import FORMATS, RGB565
from tests.support.pixelformat import Image

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, ZLIB, TIGHT, ZRLE, JPEG = 0, 6, 7, 16, 21
QUALITY, COMPRESSION = -32, -256
PSNR_DB = {0: 24, 5: 31, 9: 38}


def rectangles(client: Client) -> list[tuple[int, int]]:
    """Return (encoding, bytes) of every rectangle with pixels that has come."""
    updates = [event for event in client.events if isinstance(event, Update)]
    return [
        (one.encoding, one.wire_bytes) for update in updates for one in update.rectangles if one.encoding >= 0
    ]


@pytest.mark.parametrize("encoding", [TIGHT, JPEG])
def test_quality_orders_size_and_error(stage: Stage, encoding: int) -> None:
    picture = stage.show(golden.photo())
    sizes, errors = [], []
    for level in (0, 3, 6, 9):
        with stage.client([encoding, QUALITY + level]) as client:
            errors.append(golden.psnr(client.refresh(), picture))
            assert errors[-1] >= PSNR_DB.get(level, 24), level
            assert {number for number, _ in rectangles(client)} == {encoding}
            sizes.append(sum(size for _, size in rectangles(client)))
    assert all(a < b for a, b in itertools.pairwise(sizes)), sizes
    assert all(a < b for a, b in itertools.pairwise(errors)), errors


@pytest.mark.parametrize("name", ["rgbx", "bgrx-big", "xbgr", "32bit-max127"])
def test_jpeg_in_other_32_bit_formats(stage: Stage, name: str) -> None:
    picture = stage.show(golden.photo())
    for encoding in (TIGHT, JPEG):
        with stage.client([encoding, QUALITY + 9], FORMATS[name]) as client:
            assert golden.psnr(client.refresh(), picture) > 33


def test_nothing_is_lossy_without_a_quality_level(stage: Stage) -> None:
    stage.show(golden.photo())
    for listed in ([TIGHT], [ZRLE, JPEG], [ZLIB, QUALITY + 5], [JPEG, TIGHT], [TIGHT, JPEG, COMPRESSION + 9]):
        with stage.client(listed) as client:
            stage.check(client)
    stage.show(golden.representable(golden.photo(), RGB565))
    for listed in ([TIGHT, QUALITY + 1], [JPEG, ZRLE, QUALITY + 1]):
        with stage.client(listed, RGB565) as client:
            stage.check(client)


def test_jpeg_alone_gets_jpeg_with_or_without_a_level(stage: Stage) -> None:
    picture = stage.show(golden.photo())
    for listed in ([JPEG, RAW], [JPEG], [JPEG, RAW, QUALITY + 9]):
        with stage.client(listed) as client:
            assert golden.psnr(client.refresh(), picture) > 30
            assert JPEG in {number for number, _ in rectangles(client)}


def test_text_stays_sharp_in_tight_with_a_quality_level(stage: Stage) -> None:
    for scene in (golden.text, golden.solid, golden.checkerboard, golden.odd_pixel):
        stage.show(scene())
        with stage.client([TIGHT, QUALITY]) as client:
            stage.check(client)


@pytest.mark.parametrize(
    ("encoding", "scene"), [(ZLIB, golden.text), (ZRLE, golden.palette), (TIGHT, golden.text)]
)
def test_compression_levels_order_size(stage: Stage, encoding: int, scene: Callable[..., Image]) -> None:
    stage.show(scene(640, 480))
    sizes = []
    for level in (1, 9):
        with stage.client([encoding, COMPRESSION + level]) as client:
            stage.check(client)
            sizes.append(sum(size for _, size in rectangles(client)))
    assert sizes[1] < sizes[0], sizes


def test_a_lossy_picture_follows_changes(stage: Stage) -> None:
    base = golden.photo()
    stage.show(base)
    with stage.client([TIGHT, QUALITY + 8]) as client:
        client.refresh()
        for number in range(10):
            picture = np.roll(base, number * 13, axis=1)
            client.request()
            stage.show(picture)
            if number:
                client.wait_for(lambda viewer, picture=picture: golden.psnr(viewer.rgb(), picture) > 33)
