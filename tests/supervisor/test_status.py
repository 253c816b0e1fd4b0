from __future__ import annotations

from mpvnc.supervisor.status import as_text

MESSAGE = {
    "type": "status", "version": "1", "instance": "stage", "state": "ready", "uptime_s": 61.2,
    "listeners": ["vnc://127.0.0.1:5900", "unix:/x"],
    "source": {"kind": "x11", "state": "down", "reason": "no display", "backend": "", "name": "n", "frame": 7,
               "generation": 2, "width": 640, "height": 480},
    "input": {"backend": "xtest"},
    "clients": {"authenticated": 3, "unauthenticated": 1, "refused": 0, "queued": 2, "max_connections": 0},
    "auth_failures": 5, "bytes_sent": 99, "bytes_received": 11, "kernels": "compiled",
    "children": [
        {"role": "encoder", "slot": 0, "pid": 77, "state": "ready", "restarts": 4,
         "counters": {"clients": 3}},
        {"role": "capture", "slot": 1, "pid": None, "state": "backoff", "restarts": 0, "counters": {}},
    ],
}  # fmt: skip


def test_the_text_says_everything():
    lines = as_text(MESSAGE).splitlines()
    assert lines[0] == "stage: ready, up 61 s, mpvnc 1"
    assert lines[1].split() == ["listening", "on", "vnc://127.0.0.1:5900", "unix:/x"]
    assert "x11 down no display, backend -, 640x480, frame 7" in lines[2]
    assert "3 of any number, 1 not logged in, 2 queued" in lines[3]
    assert "5" in lines[4] and "99" in lines[4] and "compiled" in lines[4]
    assert lines[6].split() == ["encoder", "0", "77", "ready", "4", "clients=3"]
    assert lines[7].split() == ["capture", "1", "-", "backoff", "0"]
