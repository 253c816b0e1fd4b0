import os
from pathlib import Path

import pytest
import xcffib

from mpvnc.capture.xconnection import XConnection, describe, x_errors
from mpvnc.errors import CaptureError
from tests.support.xserver import xvfb


@pytest.mark.x11
def test_what_the_screen_is(screen: str) -> None:
    connection = XConnection(screen)
    assert connection.depth == 24
    assert connection.root_size() == (1000, 700)
    assert connection.has_extension("MIT-SHM") and not connection.has_extension("NO-SUCH")
    connection.fence()
    assert list(connection.events()) == []
    connection.close()


@pytest.mark.x11
@pytest.mark.parametrize("depth", [8, 16])
def test_other_depths_are_refused_with_what_was_found(depth: int, tmp_path: Path) -> None:
    with xvfb(tmp_path, 320, 200, depth) as display:
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(CaptureError, match=f"depth {depth}, {depth} bits"):
            XConnection(display)
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_display_that_is_not_there() -> None:
    with pytest.raises(CaptureError, match="cannot connect to display ':9876'"):
        XConnection(":9876")


@pytest.mark.x11
def test_a_failed_request_is_named(screen: str) -> None:
    connection = XConnection(screen)
    with (
        pytest.raises(CaptureError, match=r"looking: WindowError \(request 3\.0, value 0\)"),
        x_errors("looking"),
    ):
        connection.xcb.core.GetWindowAttributes(0).reply()
    connection.close()


def test_what_is_no_error_of_x_passes() -> None:
    with pytest.raises(KeyError), x_errors("looking"):
        raise KeyError
    assert describe(IndexError("99")) == "IndexError 99"
    assert describe(xcffib.ConnectionException(1)) == "the connection is lost"
