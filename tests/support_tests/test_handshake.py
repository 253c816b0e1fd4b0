"""The viewer's handshake, byte for byte."""

from __future__ import annotations

import pytest

from tests.support.errors import ProtocolViolation, Refused
from tests.support.formats import BGRX
from tests.support.handshake import HandshakeChoices, vnc_response
from tests.support.viewer import Viewer
from tests.support_tests.session import BANNER, CHALLENGE, server_init


@pytest.mark.parametrize(
    ("password", "response"),
    [
        ("password", "b866924125c8eebb9debc1db61c538e2"),
        ("secret", "ee22539f33a5983ec12f9c2edbc995dd"),
        ("verylongpassword12345", "510e4600a803c96fe8bf0cdbbc82e99d"),
        ("verylong", "510e4600a803c96fe8bf0cdbbc82e99d"),
        ("", "491e890de9ace932838a49792f2213f3"),
    ],
)
def test_vnc_response(password: str, response: str) -> None:
    assert vnc_response(password, CHALLENGE).hex() == response


OK = bytes(4)
RESPONSE = vnc_response("secret", CHALLENGE)
SESSIONS = {
    "3.8 none": ((3, 8), None, b"\x01\x01" + OK, b"RFB 003.008\n\x01\x01"),
    "3.889 none": ((3, 889), None, b"\x01\x01" + OK, b"RFB 003.889\n\x01\x01"),
    "3.7 none": ((3, 7), None, b"\x01\x01", b"RFB 003.007\n\x01\x01"),
    "3.3 none": ((3, 3), None, b"\0\0\0\x01", b"RFB 003.003\n\x01"),
    "3.5 none": ((3, 5), None, b"\0\0\0\x01", b"RFB 003.005\n\x01"),
    "3.8 auth": ((3, 8), "secret", b"\x01\x02" + CHALLENGE + OK, b"RFB 003.008\n\x02" + RESPONSE + b"\x01"),
    "3.7 auth": ((3, 7), "secret", b"\x01\x02" + CHALLENGE + OK, b"RFB 003.007\n\x02" + RESPONSE + b"\x01"),
    "3.3 auth": ((3, 3), "secret", b"\0\0\0\x02" + CHALLENGE + OK, b"RFB 003.003\n" + RESPONSE + b"\x01"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_sessions(session: tuple[tuple[int, int], str | None, bytes, bytes], whole: bool) -> None:
    version, password, from_server, from_client = session
    viewer = Viewer(HandshakeChoices(version=version, password=password))
    data = BANNER + from_server + server_init(320, 200, "Bildschirm ä€")
    for piece in [data] if whole else [data[i : i + 1] for i in range(len(data))]:
        viewer.feed(piece)
    assert viewer.ready and viewer.data_to_send() == from_client
    assert (viewer.width, viewer.height, viewer.name, viewer.format) == (320, 200, "Bildschirm ä€", BGRX)


@pytest.mark.parametrize(
    ("version", "from_server", "reason"),
    [
        ((3, 8), b"\0\0\0\0\x03Why", "Why"),
        ((3, 7), b"\0\0\0\0\x03Why", "Why"),
        ((3, 3), b"\0\0\0\0\0\0\0\x03Why", "Why"),
        ((3, 8), b"\x01\x01\0\0\0\x01\0\0\0\x03Why", "Why"),
        ((3, 7), b"\x01\x02" + CHALLENGE + b"\0\0\0\x01", "^$"),
        ((3, 8), b"\x01\x13", "security types"),
    ],
)
def test_refusals(version: tuple[int, int], from_server: bytes, reason: str) -> None:
    password = "wrong" if CHALLENGE in from_server else None
    viewer = Viewer(HandshakeChoices(version=version, password=password))
    with pytest.raises(Refused, match=reason):
        viewer.feed(BANNER + from_server)


@pytest.mark.parametrize(
    "data",
    [
        b"RFB 3.8\n\0\0\0\0",
        BANNER + b"\x01\x01\0\0\0\x07",
        BANNER + b"\x01\x01" + OK + server_init(0, 5),
        BANNER + b"\0\xff\xff\xff\xff",
    ],
)
def test_violations(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        Viewer().feed(data)
