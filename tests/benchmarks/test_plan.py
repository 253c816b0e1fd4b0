from __future__ import annotations

import pytest

from benchmarks import plan
from benchmarks.processes import BenchError


def test_words_choose_workload_profile_server_and_number() -> None:
    (job,) = plan.only(["video", "zrle", "lvs", "7"], 2.0)
    assert (job.kind, job.scene, job.profile, job.peer) == ("series", "video", "zrle", "lvs")
    assert (job.plan.numbers, job.plan.seconds, job.plan.most) == ((7,), 2.0, 0)


def test_what_is_not_named_is_as_in_the_core_set() -> None:
    jobs = plan.only(["ui", "limit"], 1.0)
    assert {job.profile for job in jobs} == set(plan.CORE_PROFILES)
    assert [job.peer for job in jobs[:2]] == ["xvnc", "mpvnc"]
    assert all(job.plan.most for job in jobs)


def test_idle_is_measured_when_it_has_rested() -> None:
    jobs = plan.only(["idle", "ui", "tight-jpeg", "mpvnc", "100"], 1.0)
    assert [(job.scene, job.plan.settle_s >= 60) for job in jobs] == [("ui", False), ("idle", True)]


def test_an_unknown_word_is_named() -> None:
    with pytest.raises(BenchError, match="vidoe"):
        plan.only(["vidoe"], 1.0)


def test_the_core_set_alternates_the_servers_and_fits_its_time() -> None:
    jobs = [job for job in plan.core(3.0) if job.kind == "series"]
    assert {(job.scene, job.profile) for job in jobs} == {
        (scene, profile) for scene in plan.CORE_SCENES for profile in plan.CORE_PROFILES
    }
    assert [job.peer for job in jobs] == ["xvnc", "mpvnc"] * 9
    assert all(job.plan.most and job.plan.numbers == (1, 50) for job in jobs)


def test_everything_contains_every_server_workload_and_the_rest_after_a_minute() -> None:
    jobs = plan.everything(3.0)
    assert {job.peer for job in jobs} == set(plan.PEERS)
    assert {job.scene for job in jobs} == set(plan.RATES)
    assert all(job.plan.settle_s == 60 for job in jobs if job.scene == "idle" and job.kind == "series")


def test_a_server_without_a_screen_of_x_gets_no_button() -> None:
    jobs = plan.only(["latency", "lvs", "mpvnc"], 1.0)
    assert [job.peer for job in jobs if job.kind == "press"] == ["mpvnc"]
