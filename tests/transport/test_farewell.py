"""Farewells are what RFC 6455 section 7.4.1 lets a server say."""

import pytest
from websockets.frames import Close, CloseCode

from mpvnc.transport.farewell import ENDED, FAULTY, LEAVING, barred


@pytest.mark.parametrize(
    ("farewell", "code"),
    [
        (ENDED, CloseCode.NORMAL_CLOSURE),
        (LEAVING, CloseCode.GOING_AWAY),
        (FAULTY, CloseCode.INTERNAL_ERROR),
        (barred("enough"), CloseCode.POLICY_VIOLATION),
    ],
)
def test_a_farewell_can_be_said(farewell, code):
    Close(*farewell).check()
    assert farewell.code == code
    assert farewell.reason in ("", "enough")
