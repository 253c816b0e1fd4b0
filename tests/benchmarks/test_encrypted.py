"""Viewers through TLS: of mpvnc, and of the bare sockets that they are compared with."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import plan
from benchmarks.beside import Cost, Pair, row
from benchmarks.peers import PEERS, Place
from benchmarks.processes import BenchError
from benchmarks.recording import SETTLE_S, Recording, load, record, save
from benchmarks.scenes import PROFILES, listed
from benchmarks.sharing import at_beats, share
from benchmarks.stage import Viewers, running_stage

INIT = bytes([7, 128, 4, 56]) + bytes(16) + bytes(4)
UPDATE = b"\0\0\0\1" + bytes([0, 0, 0, 0, 0, 8, 0, 8]) + bytes(4) + bytes(8 * 8 * 4)
"""One Raw rectangle of 8x8."""


def wait_for_updates(viewers: Viewers, number: int) -> int:
    """Wait for so many; return the bytes."""
    updates = size_bytes = 0
    end = time.monotonic() + 10
    while updates < number and time.monotonic() < end:
        told = viewers.mark()
        assert not told["failed"], told["failure"]
        updates, size_bytes = updates + told["updates"], size_bytes + told["bytes"]
        time.sleep(0.01)
    assert updates >= number
    return size_bytes


def test_profiles_are_there_in_clear_and_encrypted() -> None:
    assert PROFILES["zrle-tls"] == ("tls", *PROFILES["zrle"])
    assert PROFILES["zrle-wss"] == ("tls", *PROFILES["zrle-web"])
    assert listed("zrle-wss") == listed("zrle-tls") == list(PROFILES["zrle"])
    assert [job.profile for job in plan.only(["ui", "raw-tls", "bare", "3"], 1.0)] == ["raw-tls"]


def test_updates_are_sent_in_the_order_in_which_they_came_again_and_again() -> None:
    recording = Recording(b"", b"", (b"a", b"b"), (0.1, 0.3), 0.5)
    assert [recording.due(turn) for turn in range(5)] == pytest.approx([0.1, 0.3, 0.6, 0.8, 1.1])


def test_a_recording_can_be_kept(tmp_path: Path) -> None:
    recording = Recording(INIT, UPDATE, (UPDATE, b"x"), (0.1, 0.2), 0.3)
    save(recording, tmp_path / "file")
    assert load(tmp_path / "file") == recording


def test_what_comes_after_a_request_is_one_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.recording.SETTLE_S", SETTLE_S / 100)

    def serve() -> None:
        sock = listener.accept()[0]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock, suppress(OSError):
            for said, answer in ((b"RFB 003.008\n", 12), (b"\1\1", 1), (bytes(4), 1), (INIT, 20 + 8)):
                sock.sendall(said)
                sock.recv(answer, socket.MSG_WAITALL)
            while sock.recv(10, socket.MSG_WAITALL):
                sock.sendall(UPDATE[:100])
                time.sleep(0.002)
                sock.sendall(UPDATE[100:])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        recording = record(listener.getsockname()[1], ["0"], seconds=0.1)
        thread.join()
    assert recording.init == INIT and recording.picture == UPDATE
    assert set(recording.updates) == {UPDATE} and len(recording.updates) == len(recording.times_s)
    assert list(recording.times_s) == sorted(recording.times_s)


def test_nothing_to_record_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(BenchError, match="nothing to record"):
        record(port, ["0"])


@pytest.mark.process
@pytest.mark.parametrize("profile", ["raw", "raw-tls"])
def test_bare_sockets_send_what_was_recorded(tmp_path: Path, profile: str) -> None:
    recording = Recording(INIT, UPDATE, (UPDATE, UPDATE), (0.01, 0.02), 0.02)
    save(recording, Place(0, "", -1, tmp_path).recording)
    with (
        running_stage(PEERS["bare"], "typing", tmp_path) as stage,
        stage.viewers(PROFILES[profile]) as viewers,
    ):
        assert viewers.grow(3)
        viewers.mark()
        size_bytes = wait_for_updates(viewers, 30)
        assert size_bytes % len(UPDATE) == 0
        viewers.grow(1)
        wait_for_updates(viewers, 5)


@pytest.mark.process
def test_viewers_through_tls_are_sent_what_was_encoded_for_those_in_clear(tmp_path: Path) -> None:
    with (
        running_stage(PEERS["mpvnc-memory"], "video", tmp_path) as stage,
        stage.viewers(PROFILES["tight-jpeg"]) as plain,
        stage.viewers(PROFILES["tight-jpeg-tls"]) as encrypted,
        stage.viewers(PROFILES["tight-jpeg-wss"]) as browsers,
    ):
        for viewers in (plain, encrypted, browsers):
            assert viewers.grow(4)
        before = at_beats(stage)
        for viewers in (plain, encrypted, browsers):
            viewers.mark()
            wait_for_updates(viewers, 40)
        after = at_beats(stage)
        assert 0.5 < share(before, after).ratio < 1.5, "once, not three times"


def test_one_more_viewer_costs_what_many_cost_more_than_few() -> None:
    def pair(mpvnc_us: float, bare_us: float) -> Pair:
        return Pair(Cost(mpvnc_us, 30.0, 27_000), Cost(bare_us, 29.9, 26_500))

    windows = {10: [pair(2000, 500), pair(2100, 400)], 60: [pair(3000, 1500), pair(3500, 1100)]}
    assert row("video", "zrle-tls", windows) == [
        "video", "zrle-tls", "10 to 60", "27.0 : 26.5", "30.0 : 29.9", "24.0", "17.0", "1.41",
    ]  # fmt: skip
