"""When the next update of continuous updates may start."""

from __future__ import annotations

import struct

from mpvnc.session.pacing import Pacer


def answered(fence: bytes) -> bytes:
    """Return the payload of a fence request, as a client sends it back."""
    kind, flags, length = struct.unpack_from(">B3xIB", fence)
    assert (kind, flags, length) == (248, 1 << 31 | 1, 4)
    return fence[9:]


def test_with_fences_one_update_is_on_its_way():
    pacer = Pacer()
    pacer.has_fences = True
    assert pacer.may_start(0)
    first, second = pacer.sent(1000), pacer.sent(1000)
    assert not pacer.may_start(0)
    pacer.fence_answered(answered(first))
    assert not pacer.may_start(0)
    pacer.fence_answered(answered(second))
    assert pacer.may_start(10**9), "the fence counts, not the kernel"


def test_answers_that_were_not_asked_for_change_nothing():
    pacer = Pacer()
    pacer.has_fences = True
    sent = [pacer.sent(1) for _ in range(3)]
    for payload in (b"", b"\0" * 3, b"\0" * 8, struct.pack(">I", 4), struct.pack(">I", 2**32 - 1)):
        pacer.fence_answered(payload)
        assert not pacer.may_start(0)
    pacer.fence_answered(answered(sent[2]))
    pacer.fence_answered(answered(sent[0]))
    assert pacer.may_start(0), "an answer that comes again takes nothing back"


def test_the_numbers_wrap():
    pacer = Pacer()
    pacer.has_fences = True
    pacer._sent = pacer._acknowledged = 2**32 - 1
    fence = pacer.sent(1)
    assert answered(fence) == bytes(4) and not pacer.may_start(0)
    pacer.fence_answered(answered(fence))
    assert pacer.may_start(0)


def test_without_fences_the_kernel_counts():
    pacer = Pacer()
    assert pacer.sent(5000) == b""
    assert pacer.may_start(0) and pacer.may_start(4999)
    assert not pacer.may_start(5000)
