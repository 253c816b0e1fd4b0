"""Several viewers at once: they see the same, and nothing moves when nothing changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.interop.stage import Stage
from tests.support import golden, processes
from tests.support.formats import BGRX, FORMATS, RGB565
from tests.support.pixelformat import PixelFormat

pytestmark = [pytest.mark.interop, pytest.mark.timeout(90)]
RAW, HEXTILE, ZLIB, TIGHT, ZRLE, CURSOR, FENCE, CONTINUOUS = 0, 5, 6, 7, 16, -239, -312, -313
VIEWERS: list[tuple[list[int], PixelFormat]] = [
    ([RAW], BGRX), ([ZLIB], RGB565), ([ZRLE], BGRX), ([TIGHT], FORMATS["rgbx-big"])
]  # fmt: skip
FRAMES = [golden.representable(golden.golden(160, 100) ^ np.uint32(n * 0x081018), RGB565) for n in range(16)]


def watch(stage: Stage, listed: list[int], fmt: PixelFormat, updates: int) -> int:
    """Be a viewer for so many updates; return how many different frames it has seen, whole ones only."""
    seen = set()
    with stage.client(listed, fmt) as client:
        client.refresh()
        for _ in range(updates):
            client.request()
            client.wait_update()
            shown = client.viewer.rgb()
            number = next((n for n, frame in enumerate(FRAMES) if np.array_equal(frame, shown)), None)
            assert number is not None, "a frame that was never shown, or parts of several"
            seen.add(number)
    return len(seen)


def test_four_formats_and_encodings_of_an_animation(stage: Stage) -> None:
    stage.show(FRAMES[0])
    done = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        watching = [pool.submit(watch, stage, *viewer, 25) for viewer in VIEWERS]
        try:
            number = 0
            while not all(one.done() for one in watching):
                number += 1
                stage.show(FRAMES[number % len(FRAMES)])
                done.wait(0.03)
        finally:
            done.set()
        assert all(one.result() > 3 for one in watching)


def test_a_picture_that_stands_still_costs_nothing(stage: Stage) -> None:
    stage.show(golden.text())
    listed = [ZRLE, CURSOR, FENCE, CONTINUOUS]
    clients = [stage.client(listed) for _ in range(4)]
    try:
        for client in clients:
            client.wait_for(lambda viewer: viewer.ledger.continuous_known)
            client.refresh()
        for client in clients[:2]:
            client.viewer.enable_continuous_updates(True)
            client.flush()
        for client in clients[2:]:
            client.request()
        for client in clients:
            client.listen(0.3)
        received = [client.bytes_received for client in clients]
        workers = stage.server.children_of_role("encoder")
        before = [processes.cpu_seconds(pid) for pid in workers]
        assert [event for client in clients for event in client.listen(0.5)] == []
        assert [client.bytes_received for client in clients] == received
        assert sum(map(processes.cpu_seconds, workers)) - sum(before) < 0.2
        stage.show(golden.golden())
        for client in clients:
            client.wait_for(lambda viewer: np.array_equal(viewer.rgb(), stage.picture))
    finally:
        for client in clients:
            client.close()
