from collections.abc import Iterator

import pytest

from mpvnc.capture.xconnection import XConnection
from mpvnc.capture.xdamage import Damage
from mpvnc.errors import CaptureError
from mpvnc.geometry import Rect
from tests.support.drawing import Painter

pytestmark = pytest.mark.x11
SCREEN = Rect(0, 0, 1000, 700)


@pytest.fixture
def painter(screen: str) -> Iterator[Painter]:
    painter = Painter(screen)
    yield painter
    painter.close()


@pytest.fixture
def connection(screen: str, painter: Painter) -> Iterator[XConnection]:
    connection = XConnection(screen)
    yield connection
    connection.close()


@pytest.fixture
def damage(connection: XConnection) -> Damage:
    """A damage object whose first cycle, which has the whole screen, is over."""
    damage = Damage(connection)
    assert noticed(connection, damage) == 1
    assert damage.take(SCREEN) == [SCREEN]
    return damage


def noticed(connection: XConnection, damage: Damage) -> int:
    connection.fence()
    return sum(damage.notice(event) for event in connection.events())


def test_the_areas_of_a_cycle_and_one_notice(
    connection: XConnection, damage: Damage, painter: Painter
) -> None:
    painter.fill(Rect(10, 20, 30, 40), 0x112233)
    painter.fill(Rect(500, 600, 7, 5), 0x112233)
    assert noticed(connection, damage) == 1
    assert damage.pending
    assert set(damage.take(SCREEN)) == {Rect(10, 20, 30, 40), Rect(500, 600, 7, 5)}
    assert not damage.pending
    painter.fill(Rect(10, 20, 1, 1), 0x445566)
    assert noticed(connection, damage) == 1
    assert damage.take(SCREEN) == [Rect(10, 20, 1, 1)]
    assert damage.take(SCREEN) == []


def test_what_lies_outside_is_cut(damage: Damage, painter: Painter) -> None:
    painter.fill(Rect(90, 90, 20, 20), 0x112233)
    painter.fill(Rect(200, 200, 20, 20), 0x112233)
    assert damage.take(Rect(0, 0, 100, 100)) == [Rect(90, 90, 10, 10)]


def test_finely_scattered_areas_are_one(damage: Damage, painter: Painter) -> None:
    for n in range(100):
        painter.fill(Rect(5 * n, 3 * n, 2, 2), 0x112233, wait=False)
    painter.wait()
    assert damage.take(SCREEN) == [Rect(0, 0, 497, 299)]


@pytest.mark.parametrize("missing", ["DAMAGE", "XFIXES"])
def test_an_extension_that_is_missing_is_named(
    connection: XConnection, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "has_extension", lambda name: name != missing)
    with pytest.raises(CaptureError, match=f"no {missing} extension"):
        Damage(connection)
