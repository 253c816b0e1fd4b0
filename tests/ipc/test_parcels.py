"""Bytes behind a descriptor."""

from __future__ import annotations

import os

import pytest

from mpvnc.errors import ControlError
from mpvnc.ipc.parcels import make_parcel, read_parcel


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_a_parcel_is_read_and_closed(size: int) -> None:
    data = os.urandom(size)
    fd = make_parcel(data)
    assert read_parcel(fd, size) == data
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(fd)


def test_nobody_changes_a_parcel() -> None:
    fd = make_parcel(b"sealed")
    with pytest.raises(OSError, match="not permitted"):
        os.pwrite(fd, b"x", 0)
    with pytest.raises(OSError, match="not permitted"):
        os.ftruncate(fd, 0)
    assert read_parcel(fd, 6) == b"sealed"


def test_one_that_is_too_large_is_closed_unread() -> None:
    fd = make_parcel(b"sealed")
    with pytest.raises(ControlError, match="6 bytes, the limit is 5"):
        read_parcel(fd, 5)
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(fd)


def test_what_cannot_be_read_is_a_control_error() -> None:
    with pytest.raises(ControlError, match="cannot be read"):
        read_parcel(os.open("/", os.O_RDONLY | os.O_CLOEXEC), 1 << 20)
