import pytest

from mpvnc.errors import ProtocolError
from mpvnc.rfb.handshake import BANNER, parse_version


def test_banner():
    assert bytes.fromhex("52464220 3030332e 3030380a") == BANNER


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        (b"RFB 003.003\n", (3, 3)),
        (b"RFB 003.004\n", (3, 3)),
        (b"RFB 003.005\n", (3, 3)),
        (b"RFB 003.006\n", (3, 3)),
        (b"RFB 003.007\n", (3, 7)),
        (b"RFB 003.008\n", (3, 8)),
        (b"RFB 003.009\n", (3, 8)),
        (b"RFB 003.889\n", (3, 8)),
        (b"RFB 004.000\n", (3, 8)),
        (b"RFB 004.001\n", (3, 8)),
        (b"RFB 999.999\n", (3, 8)),
    ],
)
def test_versions(said, spoken):
    assert parse_version(said) == spoken


@pytest.mark.parametrize("said", [b"RFB 002.000\n", b"RFB 000.000\n", b"RFB 003.002\n"])
def test_versions_that_are_too_old(said):
    with pytest.raises(ProtocolError, match="not supported"):
        parse_version(said)


@pytest.mark.parametrize(
    "said",
    [
        b"NOTVRB 1.0\n\n", b"GET / HTTP/1", b"RFB 003.008\r", b"RFB 3.8\n\n\n\n\n", b"RFB +03.008\n",
        b"rfb 003.008\n", b"RFB 003,008\n", bytes(12), b"RFB 00\xb2.008\n",
    ],
)  # fmt: skip
def test_garbage_is_no_version_and_is_shown_in_hex(said):
    with pytest.raises(ProtocolError, match=said.hex(" ")):
        parse_version(said)
