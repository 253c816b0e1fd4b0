"""Every pixel of every lossless encoding in every format."""

from __future__ import annotations

import numpy as np
import pytest

from tests.interop.stage import CURSOR, LAST_RECT, Stage
from tests.support import golden
from tests.support.client import Client
from tests.support.events import EndOfContinuousUpdates, Update
from tests.support.formats import BGRX, FORMATS, RGB332, RGB565
from tests.support.pixelformat import Image, PixelFormat

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]

RAW, RRE, HEXTILE, ZLIB, TIGHT, ZRLE, JPEG = 0, 2, 5, 6, 7, 16, 21
LOSSLESS = (RAW, RRE, HEXTILE, ZLIB, TIGHT, ZRLE)
FENCE, CONTINUOUS = -312, -313
SCENES = ("golden", "solid", "odd_pixel", "checkerboard", "noise", "palette", "text")
BYTES_OF_A_RECTANGLE = 12


def encodings_seen(client: Client) -> set[int]:
    seen = [event.encodings for event in client.events if isinstance(event, Update)]
    return set().union(*seen) - {CURSOR}


def eight_colours(picture: Image) -> Image:
    """Return the picture in colours that every format carries exactly: each channel 0 or 255."""
    return (picture >> np.uint32(7) & np.uint32(0x010101)) * np.uint32(255)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_encoding(stage: Stage, name: str) -> None:
    """One connection per encoding sees all scenes, so its streams go on over rectangles of every kind."""
    fmt = FORMATS[name]
    pictures = [golden.representable(golden.SCENES[scene](150, 110), fmt) for scene in SCENES]
    for picture in pictures:
        stage.show(picture)
        for encoding in LOSSLESS:
            with stage.client([encoding, LAST_RECT], fmt) as client:
                stage.check(client)
                assert encodings_seen(client) <= {encoding, RAW}
                assert encoding in encodings_seen(client) or encoding == RRE


@pytest.mark.parametrize("encoding", LOSSLESS)
@pytest.mark.parametrize("fmt", [BGRX, RGB565, RGB332], ids=["32", "16", "8"])
def test_one_connection_over_many_scenes(stage: Stage, fmt: PixelFormat, encoding: int) -> None:
    with stage.client([encoding], fmt) as client:
        for scene in (*SCENES, "noise", "text", "solid", "noise", "golden"):
            stage.show(golden.representable(golden.SCENES[scene](), fmt))
            stage.check(client)


@pytest.mark.parametrize("encoding", [ZLIB, ZRLE, TIGHT])
def test_two_hundred_updates_through_one_inflater(stage: Stage, encoding: int) -> None:
    scenes = [golden.noise(96, 80), golden.text(96, 80), golden.solid(96, 80), golden.palette(96, 80)]
    stage.show(scenes[-1])
    with stage.client([encoding]) as client:
        client.refresh()
        for number in range(200):
            client.request()
            picture = stage.show(scenes[number % 4])
            client.wait_for(lambda viewer, picture=picture: np.array_equal(viewer.rgb(), picture))


@pytest.mark.parametrize("encoding", [ZRLE, ZLIB, TIGHT, HEXTILE])
def test_formats_change_under_persistent_streams(stage: Stage, encoding: int) -> None:
    stage.show(eight_colours(golden.text()))
    with stage.client([encoding]) as client:
        for fmt in (BGRX, RGB565, BGRX, RGB332, FORMATS["rgb565-big"], FORMATS["rgbx"], BGRX):
            client.set_pixel_format(fmt)
            stage.check(client)


def raw_bytes(stage: Stage, picture: Image, fmt: PixelFormat) -> bytes:
    """Return the pixels as a Raw client of that format gets them."""
    stage.show(picture)
    with stage.client([RAW], fmt) as client:
        client.refresh()
        return client.viewer.format.wire(client.viewer.framebuffer)


def test_values_on_the_wire(stage: Stage) -> None:
    """Vectors 5.5: values that differ between the seeds' rounding rules are left out."""
    mixed = np.full((16, 16), 0x332211, np.uint32)
    assert raw_bytes(stage, mixed, RGB565)[:2].hex() == "0231"
    assert raw_bytes(stage, mixed, FORMATS["rgb565-big"])[:2].hex() == "3102"
    two = np.tile(np.array([0xFF0000, 0x00FF00], np.uint32), (16, 8))
    assert raw_bytes(stage, two, FORMATS["rgb222"])[:2].hex() == "300c"
    white = np.full((16, 16), 0xFFFFFF, np.uint32)
    for fmt in FORMATS.values():
        value = raw_bytes(stage, white, fmt)[: fmt.pixel_bytes]
        assert int.from_bytes(value, "big" if fmt.big_endian else "little") == fmt.mask


def test_raw_is_as_long_as_its_pixels(stage: Stage) -> None:
    for fmt in (BGRX, RGB565, RGB332):
        with stage.client([RAW], fmt) as client:
            client.request(incremental=False)
            for rectangle in client.wait_update().rectangles:
                assert rectangle.wire_bytes == BYTES_OF_A_RECTANGLE + rectangle.rect.area * fmt.pixel_bytes


def wire_bytes(stage: Stage, picture: Image, *encodings: int) -> int:
    stage.show(picture)
    with stage.client(encodings) as client:
        client.refresh()
        updates = [event for event in client.events if isinstance(event, Update)]
    return sum(rectangle.wire_bytes for update in updates for rectangle in update.rectangles)


def test_hextile_is_short_for_a_solid_and_never_much_longer_than_raw(stage: Stage) -> None:
    assert wire_bytes(stage, golden.solid(64, 64), HEXTILE) < 64
    noise = golden.noise(400, 300)
    tiles = (400 // 16 + 2) * (300 // 16 + 2) * 2
    assert wire_bytes(stage, noise, HEXTILE) <= wire_bytes(stage, noise, RAW) + tiles


def test_a_noisy_rre_is_valid_and_no_longer_than_raw(stage: Stage) -> None:
    picture = stage.show(golden.noise(400, 300))
    with stage.client([RRE]) as client:
        assert np.array_equal(client.refresh(), picture)
    assert wire_bytes(stage, picture, RRE) <= wire_bytes(stage, picture, RAW)


def test_an_odd_pixel_is_no_fill(stage: Stage) -> None:
    """Fills, and a single odd pixel among 65,536."""
    picture = golden.solid(256, 256)
    picture[200, 100] ^= 1
    stage.show(picture)
    for encoding in LOSSLESS:
        with stage.client([encoding]) as client:
            assert np.array_equal(client.refresh(), picture)


@pytest.mark.parametrize("listed", [[1, TIGHT], [1, ZRLE], [ZLIB]], ids=["tight", "zrle", "zlib"])
def test_a_4k_noise_is_split_and_exact(stage: Stage, listed: list[int]) -> None:
    picture = stage.show(golden.noise(3840, 2160))
    with stage.client(listed) as client:
        assert np.array_equal(client.refresh(timeout_s=40), picture)
        rects = [rect for event in client.events if isinstance(event, Update) for rect in event.pixel_rects]
    assert max(rect.width for rect in rects) <= 2048


def test_the_next_usable_encoding_is_taken(stage: Stage) -> None:
    for fmt, listed, expected in (
        (RGB565, [JPEG, ZLIB, RAW], ZLIB), (RGB332, [JPEG, ZRLE], ZRLE), (BGRX, [50, JPEG, HEXTILE], HEXTILE)
    ):  # fmt: skip
        picture = stage.show(golden.representable(golden.text(), fmt))
        with stage.client(listed, fmt) as client:
            assert np.array_equal(client.refresh(), picture)
            assert encodings_seen(client) == {expected}


def test_a_caret_costs_two_tiles_at_most(stage: Stage) -> None:
    with stage.client([ZRLE]) as client:
        client.refresh()
        client.request()
        picture = stage.picture.copy()
        picture[100:116, 101:103] ^= 0xFFFFFF
        stage.show(picture)
        update = client.wait_update()
        assert np.array_equal(client.viewer.rgb(), picture)
        assert sum(rect.area for rect in update.pixel_rects) <= 2 * 64 * 64


@pytest.mark.parametrize("width", [320, 640, 1024, 1366, 1920])
def test_random_pixels_never_get_lost(stage: Stage, width: int) -> None:
    """200 rounds in each of five widths; two viewers in step, of which the second sleeps now and then."""
    height = 130
    picture = stage.show(golden.noise(width, height)).copy()
    rng = np.random.default_rng(width)
    with stage.client([ZRLE]) as client, stage.client([HEXTILE]) as sleeper:
        client.refresh()
        sleeper.refresh()
        for number in range(200):
            for _ in range(rng.integers(1, 3)):
                picture[rng.integers(height), rng.integers(width)] ^= rng.integers(1, 1 << 24)
            client.request()
            stage.show(picture)
            client.wait_for(lambda viewer: np.array_equal(viewer.rgb(), picture))
            if number % 10 == 9:
                sleeper.request()
                sleeper.wait_for(lambda viewer: np.array_equal(viewer.rgb(), picture))


def test_fences_are_answered_in_order(stage: Stage) -> None:
    with stage.client([ZRLE, FENCE]) as client:
        client.wait_for(lambda viewer: viewer.ledger.fence_known)
        payloads = [client.viewer.send_fence(flags) for flags in (1, 2, 3, 0)]
        client.flush()
        client.wait_for(lambda viewer: len(viewer.fence_responses) == 4)
        assert [answer.payload for answer in client.viewer.fence_responses] == payloads
        client.viewer.send_fence(7, bytes(64))
        client.flush()
        client.wait_for(lambda viewer: len(viewer.fence_responses) == 5)
        assert np.array_equal(client.refresh(), stage.picture)


def test_continuous_updates(stage: Stage) -> None:
    with stage.client([ZRLE, FENCE, CONTINUOUS]) as client:
        client.wait_for(lambda viewer: viewer.ledger.continuous_known)
        client.refresh()
        client.viewer.enable_continuous_updates(True)
        client.flush()
        for number in range(20):
            picture = stage.show(golden.golden() ^ np.uint32(number * 0x050505))
            client.wait_for(lambda viewer, picture=picture: np.array_equal(viewer.rgb(), picture))
        client.viewer.enable_continuous_updates(False)
        client.flush()
        client.wait_event(EndOfContinuousUpdates)
        client.viewer.ledger.forget_requests()
        stage.show(golden.text())
        assert client.listen(0.3) == []
        assert np.array_equal(client.refresh(), stage.picture)


def test_formats_change_behind_a_fence_under_continuous_updates(stage: Stage) -> None:
    pictures = [golden.representable(golden.golden(96, 80) ^ np.uint32(n << 3), RGB565) for n in range(12)]
    stage.show(pictures[-1])
    with stage.client([ZRLE, FENCE, CONTINUOUS]) as client:
        client.wait_for(lambda viewer: viewer.ledger.fence_known and viewer.ledger.continuous_known)
        client.viewer.enable_continuous_updates(True)
        for number, picture in enumerate(pictures):
            stage.show(picture)
            fmt = (RGB565, BGRX, FORMATS["rgb565-big"], FORMATS["rgbx-big"])[number % 4]
            client.set_pixel_format(fmt)
            client.wait_for(lambda viewer, fmt=fmt: viewer.format == fmt)
            stage.check(client)
