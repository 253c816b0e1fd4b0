"""Viewers that do anything in any order: whatever they did, they end up with exactly the picture.

The strict viewer raises at the first byte that the specification does not allow there.
"""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest

from tests.interop.stage import Stage
from tests.support import golden
from tests.support.client import Client
from tests.support.formats import BGRX, FORMATS, RGB565
from tests.support.pixelformat import Image

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, RRE, HEXTILE, ZLIB, TIGHT, ZRLE = 0, 2, 5, 6, 7, 16
CURSOR, LAST_RECT, FENCE, CONTINUOUS = -239, -224, -312, -313
DESKTOP_SIZE, NAME, EXTENDED_SIZE = -223, -307, -308
FORMAT_CHOICES = (BGRX, RGB565, FORMATS["rgbx-big"], FORMATS["rgb565-big"])
STEPS = 60


class Whim:
    """One viewer with a will of its own."""

    def __init__(self, stage: Stage, seed: int):
        self.random = random.Random(seed)
        self.extras = [FENCE, CONTINUOUS, EXTENDED_SIZE, NAME]
        self.client: Client = stage.client([ZRLE, *self.extras])
        self.client.wait_for(lambda viewer: viewer.ledger.fence_known and viewer.ledger.continuous_known)

    def step(self) -> None:
        """Do something."""
        choice = self.random.choice
        choice((self.ask, self.ask, self.ask_part, self.listen, self.listen, self.reencode, self.reformat,
                self.toggle, self.fence, self.point))()  # fmt: skip

    def ask(self) -> None:
        self.client.request(self.random.random() < 0.8)

    def ask_part(self) -> None:
        x, y = self.random.randrange(320), self.random.randrange(200)
        self.client.request(
            self.random.random() < 0.5, (x, y, self.random.randrange(200), self.random.randrange(99))
        )

    def listen(self) -> None:
        self.client.listen(0.01)

    def reencode(self) -> None:
        pixels = self.random.sample((RAW, RRE, HEXTILE, ZLIB, TIGHT, ZRLE), 2)
        extras = [CURSOR, LAST_RECT] if self.random.random() < 0.5 else []
        self.client.set_encodings([*pixels, *extras, *self.extras])

    def reformat(self) -> None:
        self.client.set_pixel_format(self.random.choice(FORMAT_CHOICES))

    def toggle(self) -> None:
        self.client.viewer.enable_continuous_updates(self.random.random() < 0.6)
        self.client.flush()

    def fence(self) -> None:
        self.client.viewer.send_fence(self.random.randrange(4))
        self.client.flush()

    def point(self) -> None:
        self.client.send_pointer(
            self.random.randrange(2), self.random.randrange(320), self.random.randrange(200)
        )

    def settle(self, picture: Image) -> None:
        """Request until the picture is there; nothing may have been lost on the way."""
        client = self.client
        # Incremental requests are ignored during continuous updates, which know an old size perhaps.
        client.viewer.enable_continuous_updates(False)
        client.flush()
        client.listen(0.05)
        for _ in range(20):
            client.request()
            with suppress(TimeoutError):
                client.wait_for(lambda viewer: np.array_equal(viewer.rgb(), picture), 0.5)
                return
        wrong = np.argwhere(client.viewer.rgb() != picture)
        raise AssertionError(f"{len(wrong)} pixels differ, within {wrong.min(0)} to {wrong.max(0)}")


def scene(rng: random.Random, before: Image) -> Image:
    """Return the next picture, in colours that all formats carry exactly: a new one, or a small change."""
    if rng.random() < 0.2:
        name = rng.choice(("golden", "noise", "text", "palette"))
        size = rng.choice(((320, 200), (320, 200), (200, 130), (400, 260)))
        return golden.representable(golden.SCENES[name](*size), RGB565)
    picture = before.copy()
    for _ in range(rng.randrange(1, 4)):
        y, x = rng.randrange(picture.shape[0]), rng.randrange(picture.shape[1])
        picture[y : y + rng.randrange(1, 60), x : x + rng.randrange(1, 90)] = rng.choice(
            (0, 0xFFFFFF, 0xFF0000)
        )
    return picture


@pytest.mark.parametrize("seed", range(3))
def test_anything_in_any_order(stage: Stage, seed: int) -> None:
    rng = random.Random(seed)
    stage.show(golden.representable(golden.golden(), RGB565))
    whims = [Whim(stage, seed * 10 + number) for number in range(3)]
    try:
        for _ in range(STEPS):
            if rng.random() < 0.3:
                stage.show(scene(rng, stage.picture))
            for whim in whims:
                whim.step()
        for whim in whims:
            whim.settle(stage.picture)
    finally:
        for whim in whims:
            whim.client.close()
