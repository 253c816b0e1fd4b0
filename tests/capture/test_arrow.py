from mpvnc.capture.arrow import ARROW


def test_the_arrow_is_a_cursor() -> None:
    assert len(ARROW.pixels) == ARROW.width * ARROW.height * 4
    assert ARROW.pixels[:4] == b"\0\0\0\xff"
    assert ARROW.pixels[4:8] == bytes(4)
