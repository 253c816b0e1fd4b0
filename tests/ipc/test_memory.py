from __future__ import annotations

import os

import pytest

from mpvnc.ipc.memory import descriptor_path, sealed_memory


@pytest.mark.parametrize("data", [b"", b"a secret", bytes(1_000_000)])
def test_it_holds_what_was_put_in_and_nothing_else_ever(data):
    fd = sealed_memory("test", data)
    try:
        for _ in range(2):
            with open(descriptor_path(fd), "rb") as file:
                assert file.read() == data
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, len(data) + 1)
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)
