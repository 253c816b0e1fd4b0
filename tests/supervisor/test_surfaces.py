"""The table of surfaces, with a crew that only listens."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mpvnc.errors import ControlError, PublishError
from mpvnc.metrics import Counter
from mpvnc.supervisor.policy import ENCODER, Child
from mpvnc.supervisor.surfaces import Surface, Surfaces
from tests.support.server import segments


class Crew:
    """Keeps what encoders and consumer are told."""

    def __init__(self) -> None:
        self.encoders = [Child(ENCODER, 0), Child(ENCODER, 1)]
        self.consumer = Child("animator", 3)
        self.all: list[dict] = []
        self.told: dict[Child, list[dict]] = {child: [] for child in (*self.encoders, self.consumer)}
        self.fds: list[int] = []

    def broadcast(self, message, fds=()):
        self.all.append(message)
        self.fds.append(len(fds))

    def send(self, child, message, fds=()):
        self.told[child].append(message)

    def overviews(self):
        return [(one["names"], one["first"]) for one in self.all if one["type"] == "surfaces"]


@pytest.fixture
def crew() -> Crew:
    return Crew()


@pytest.fixture
def surfaces(crew: Crew) -> Iterator[Surfaces]:
    instance = f"test-surfaces-{os.getpid()}"
    made = Surfaces(instance, crew, "", 3)
    yield made
    made.close()
    assert not segments(instance)


def enter(surfaces: Surfaces, name: str, *, draws: bool = True, **more) -> Surface:
    surface = surfaces.enter(name, name.title(), 42, **{"view_only": False, **more})
    if draws:
        draw(surfaces, surface)
    return surface


def draw(surfaces: Surfaces, surface: Surface) -> None:
    answers: list[dict] = []
    size = {"type": "allocate", "width": 64, "height": 32}
    surfaces.said(surface, size, lambda message, fds: answers.append(message))
    published = {"type": "published", "generation": answers[0]["generation"]}
    surfaces.said(surface, published, lambda message, fds: None)


def test_the_first_that_has_a_picture_is_first(surfaces: Surfaces, crew: Crew) -> None:
    late = enter(surfaces, "late", draws=False)
    enter(surfaces, "early")
    assert crew.overviews() == [(["late"], ""), (["late", "early"], ""), (["late", "early"], "early")]
    assert surfaces.source.source.name == "Early"
    draw(surfaces, late)
    assert surfaces.first is late, "the oldest, as soon as it has a picture"


def test_encoders_hear_which_surface_it_is_and_get_its_pages(surfaces: Surfaces, crew: Crew) -> None:
    enter(surfaces, "left")
    surface = enter(surfaces, "right", view_only=True)
    segment = next(
        i for i, one in enumerate(crew.all) if one["type"] == "segment" and one["surface"] == "right"
    )
    assert crew.all[segment]["number"] == surface.number == 2
    assert crew.all[segment]["generation"] == 2, "generations are counted over all surfaces"
    assert crew.fds[segment] == 3
    sources = [one for one in crew.all if one["type"] == "source" and one["surface"] == "right"]
    assert all(one["view_only"] and one["name"] == "Right" for one in sources)
    surfaces.welcome_encoder(crew.encoders[1])
    told = [(one["type"], one.get("surface")) for one in crew.told[crew.encoders[1]]]
    assert told == [
        ("surfaces", None), ("source", None),
        ("segment", "left"), ("source", "left"), ("segment", "right"), ("source", "right"),
    ]  # fmt: skip


def test_a_program_that_comes_back_has_its_surface_again(surfaces: Surfaces, crew: Crew) -> None:
    left, right = enter(surfaces, "left"), enter(surfaces, "right")
    with pytest.raises(PublishError, match="another program publishes left here already"):
        enter(surfaces, "left")
    surfaces.leave(left)
    assert surfaces.first is left and not left.writers.source.is_up and right.writers.source.is_up
    assert left.writers.generation is not None
    assert enter(surfaces, "left") is left
    assert (left.number, left.writers.source.is_up, surfaces.first) == (1, True, left)
    assert [one["surface"] for one in crew.told[crew.consumer]] == [1, 2]


def test_who_closes_a_surface_gives_its_rank_away(surfaces: Surfaces, crew: Crew) -> None:
    left, right = enter(surfaces, "left"), enter(surfaces, "right")
    surfaces.withdraw(left)
    assert crew.overviews()[-1] == (["right", "left"], "right")
    surfaces.leave(left)
    assert surfaces.first is right and [one.name for one in surfaces] == ["right", "left"]
    enter(surfaces, "left")
    assert surfaces.first is right
    surfaces.withdraw(right)
    surfaces.withdraw(left)
    assert surfaces.first is not None, "better an old picture than none"


@pytest.mark.parametrize(
    ("closes", "told"), [(True, ("INFO", "it was closed")), (False, ("WARNING", "the publisher went"))]
)
def test_only_a_program_that_closes_nothing_is_worth_a_warning(
    surfaces: Surfaces, caplog: pytest.LogCaptureFixture, closes: bool, told: tuple[str, str]
) -> None:
    caplog.set_level("INFO")
    left = enter(surfaces, "left")
    if closes:
        surfaces.withdraw(left)
    surfaces.leave(left)
    level, reason = told
    assert (caplog.records[-1].levelname, caplog.messages[-1]) == (level, f"surface left is down: {reason}")


def test_one_that_never_drew_leaves_nothing(surfaces: Surfaces, crew: Crew) -> None:
    surfaces.leave(enter(surfaces, "left", draws=False))
    assert list(surfaces) == [] and crew.overviews()[-1] == ([], "")
    assert [one["type"] for one in crew.told[crew.consumer]] == ["surface", "surface_gone"]


def test_a_place_is_taken_only_from_who_is_gone_and_not_looked_at(surfaces: Surfaces, crew: Crew) -> None:
    left, middle, right = (enter(surfaces, name) for name in ("left", "middle", "right"))
    with pytest.raises(PublishError, match=r"3 surfaces .* source\.max_surfaces"):
        enter(surfaces, "more")
    left.page.slot(1).set(Counter.CLIENTS, 1)
    surfaces.leave(left)
    with pytest.raises(PublishError, match="3 surfaces"):
        enter(surfaces, "more")
    surfaces.leave(middle)
    more = enter(surfaces, "more")
    assert [one.name for one in surfaces] == ["left", "right", "more"]
    assert more.number == 4 and right.pid == 42
    assert {"type": "surface_gone", "surface": middle.number} in crew.told[crew.consumer]
    surfaces.encoder_ended(1)
    assert left.viewers == 0


def test_a_new_consumer_hears_of_all(surfaces: Surfaces, crew: Crew) -> None:
    enter(surfaces, "left")
    enter(surfaces, "right")
    crew.told[crew.consumer].clear()
    surfaces.welcome_consumer()
    assert [one["surface"] for one in crew.told[crew.consumer]] == [1, 2]


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 49, None, 7])
def test_what_is_no_name(surfaces: Surfaces, name: object) -> None:
    with pytest.raises(PublishError, match="no name of a surface"):
        surfaces.enter(name, "", 42, view_only=False)


def test_a_wrong_message_is_an_error_and_an_unknown_one_none_of_ours(surfaces: Surfaces) -> None:
    surface = enter(surfaces, "left")
    with pytest.raises(ControlError):
        surfaces.said(surface, {"type": "published", "generation": 9}, lambda message, fds: None)
    assert not surfaces.said(surface, {"type": "tea"}, lambda message, fds: None)


def test_a_configured_name_is_for_all(surfaces: Surfaces, crew: Crew) -> None:
    enter(surfaces, "left")
    surfaces.rename("Stage")
    assert enter(surfaces, "right").writers.source.name == "Stage"
    assert {one["name"] for one in crew.all if one["type"] == "source"} >= {"Left", "Stage"}
