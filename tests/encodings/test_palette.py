import pytest

from mpvnc.encodings.palette import MAX_COLOURS, tight_limit


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("area", [12, 64, 100, 300, 1000, 65536])
def test_a_palette_at_the_limit_is_no_longer_than_the_pixels(area: int, size: int) -> None:
    def with_palette(colours: int) -> int:
        return colours * size + area

    limit = tight_limit(area, size)
    assert limit == MAX_COLOURS or with_palette(limit + 1) > area * size
    assert limit == 4 or with_palette(limit) <= area * size


def test_a_few_colours_are_always_listed() -> None:
    assert tight_limit(1, 3) == tight_limit(5, 4) == 4


def test_pixels_of_a_byte_gain_from_two_colours_only() -> None:
    assert tight_limit(65536, 1) == 2
