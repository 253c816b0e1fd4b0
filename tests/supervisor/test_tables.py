from __future__ import annotations

import pytest

from mpvnc.supervisor.tables import clients_table, count, duration, size, status_text

STATUS = {
    "type": "status", "version": "1", "instance": "stage", "state": "ready", "uptime_s": 61.2,
    "listeners": ["vnc://127.0.0.1:5900", "unix:/x"],
    "source": {"kind": "x11", "state": "down", "reason": "no display", "backend": "", "name": "n", "frame": 7,
               "generation": 2, "width": 640, "height": 480},
    "input": {"backend": "xtest"},
    "clients": {"authenticated": 3, "unauthenticated": 1, "refused": 0, "queued": 2, "max_connections": 0},
    "auth_failures": 5, "bytes_sent": 12_345_678, "bytes_received": 11, "kernels": "compiled",
    "updates_sent": 1500, "frames_skipped": 4, "encodes": 20, "cache_hits": 30, "cache_misses": 19,
    "bytes_encoded": 1000, "pixels_encoded": 2_000_000, "rectangles_taken": 0, "waits_in_vain": 0,
    "children": [
        {"role": "encoder", "slot": 0, "pid": 77, "state": "ready", "restarts": 4,
         "counters": {"clients": 3, "bytes_sent": 12_345_678, "sessions": 9}, "rates": {"bytes_sent": 2500.0}},
        {"role": "capture", "slot": 1, "pid": None, "state": "backoff", "restarts": 0, "counters": {},
         "rates": {}},
    ],
}  # fmt: skip

CLIENT = {
    "client": 12, "address": "10.0.0.7", "worker": 1, "since": 0.0, "is_in": True, "view_only": True,
    "class": "tight q6 c1", "fps": 29.97, "bytes_out": 12_345, "rtt_ms": 0.25, "frames_skipped": 3,
    "rung": 4, "every": 2, "limited_by": "network",
}  # fmt: skip
SILENT = {"client": 5, "address": "local", "worker": 0, "is_in": False, "view_only": False}


def test_the_status_says_everything():
    lines = status_text(STATUS).splitlines()
    assert lines[0] == "stage: ready, up 61 s, mpvnc 1"
    assert lines[1].split() == ["listening", "on", "vnc://127.0.0.1:5900", "unix:/x"]
    assert "x11 down: no display, backend -, 640x480, frame 7" in lines[2]
    assert "3 of any number, 1 not logged in, 2 queued, 5 wrong passwords" in lines[3]
    assert "12.3 MB out, 11 B in, 1.5 k updates, 4 frames skipped" in lines[4]
    assert "20 rectangles, 1.0 kB, 2.0 M pixels; 30 hits, 19 misses; kernels compiled" in lines[5]
    assert lines[7].split(maxsplit=5) == [
        "encoder", "0", "77", "ready", "4", "3 clients, 12.3 MB sent (2.5 kB/s)",
    ]  # fmt: skip
    assert lines[8].split() == ["capture", "1", "-", "backoff", "0"]


def test_what_workers_take_from_one_another_is_told_where_they_do():
    shared = {**STATUS, "rectangles_taken": 1200, "waits_in_vain": 3}
    assert "shared        1.2 k rectangles taken from another worker, 3 waits in vain" in status_text(shared)
    assert "shared" not in status_text(STATUS)


def test_surfaces_if_there_are_any():
    drawn = {
        "surface": "stage", "state": "down", "name": "My stage", "frame": 9, "generation": 1, "width": 64,
        "height": 32, "viewers": 2, "pid": 0,
    }  # fmt: skip
    awaited = {"surface": "other", "state": "awaited"}
    lines = status_text({**STATUS, "surfaces": [drawn, awaited]}).splitlines()
    assert lines[6].split() == ["SURFACE", "STATE", "SIZE", "FRAME", "VIEWERS", "PID", "NAME"]
    assert lines[7].split(maxsplit=6) == ["stage", "down", "64x32", "9", "2", "-", "My stage"]
    assert lines[8].split() == ["other", "awaited", *"-" * 5]
    assert lines[9] == "" and lines[10].split()[0] == "ROLE"


def test_clients_of_surfaces():
    head, known, silent = clients_table([{**CLIENT, "surface": "stage"}, SILENT]).splitlines()
    assert [line.split()[-1] for line in (head, known, silent)] == ["SURFACE", "stage", "-"]


def test_one_is_no_plural():
    child = {**STATUS["children"][0], "counters": {"clients": 1, "cache_hits": 1}}
    assert status_text({**STATUS, "children": [child]}).endswith("1 client, 1 hit")


def test_the_clients():
    head, known, silent = clients_table([CLIENT, SILENT]).splitlines()
    assert head.split()[:3] == ["ID", "ADDRESS", "WORKER"]
    for part in ("12  10.0.0.7", "view-only", "tight q6 c1", "30.0", "12.3 kB", "0.2 ms", "4 (1/2)  network"):
        assert part in known
    assert silent.split() == ["5", "local", "0", "-", "not", "in", *["-"] * 7]
    assert known.index("10.0.0.7") == silent.index("local") == head.index("ADDRESS")


def test_no_clients():
    assert clients_table([]) == "no clients"


@pytest.mark.parametrize(("number", "text"), [
    (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"), (3e18, "3000.0 PB"),
])  # fmt: skip
def test_sizes(number, text):
    assert size(number) == text


def test_counts_and_durations():
    assert [count(number) for number in (7, 0.5, 12_345)] == ["7", "0.5", "12.3 k"]
    times = [duration(seconds) for seconds in (5.4, 119, 3600, 2 * 3600 + 300, 50 * 3600)]
    assert times == ["5 s", "119 s", "60 min", "2 h 05 min", "2 d 2 h"]
