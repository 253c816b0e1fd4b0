"""The command line of the benchmark: `scripts/bench`, or `python -m benchmarks`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import plan as plans
from benchmarks.figures import Latency, Series, Sharing, Stall
from benchmarks.ledger import LEDGER, Ledger, machine, versions
from benchmarks.measure import run_latency, run_series, run_stall
from benchmarks.peers import PEERS, Place
from benchmarks.plan import Job
from benchmarks.plots import draw_all
from benchmarks.processes import BUILD, BenchError, program
from benchmarks.recording import record, save
from benchmarks.scenes import PROFILES, RATES, listed
from benchmarks.sharing import compare, run_workers
from benchmarks.stage import running_stage
from benchmarks.tables import Results, report


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure mpvnc and its peers side by side."
    )
    parser.add_argument(
        "--all", action="store_true", help="every workload, profile, server and number of viewers"
    )
    shown = [profile for profile in PROFILES if not profile.startswith("probe")]
    parser.add_argument(
        "--only",
        metavar="WORD,...",
        help=f"workloads ({', '.join(RATES)}), profiles ({', '.join(shown)}), servers ({', '.join(PEERS)}), "
        "numbers of viewers, and limit, latency, stall, sharing",
    )
    parser.add_argument("--secs", type=float, default=3.0, help="how long a point takes (3)")
    parser.add_argument("--workers", type=int, default=1, help="encoder processes of mpvnc (1)")
    parser.add_argument("--out", type=Path, default=BUILD, help="where the pictures go (build/bench)")
    parser.add_argument("--ledger", type=Path, help="append rows to this file (default: benchmarks/ledger.jsonl, "
                        "with --only: none)")  # fmt: skip
    return parser.parse_args(argv)


def choose(arguments: argparse.Namespace) -> list[Job]:
    """Return what is to be measured."""
    if arguments.only:
        return plans.only(arguments.only.split(","), arguments.secs)
    return plans.everything(arguments.secs) if arguments.all else plans.core(arguments.secs)


def run_job(job: Job, workers: int) -> Series | Latency | Stall | Sharing:
    """Start what a job needs, measure, end it. Raises: BenchError."""
    if job.kind == "sharing":
        return run_sharing(job, max(workers, 2))
    flags = {"time": ["mark", "jitter"], "press": ["press"]}.get(job.kind, [])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpvnc-bench-")))
        if PEERS[job.peer].replays:
            make_recording(job, directory)
        stage = stack.enter_context(
            running_stage(PEERS[job.peer], job.scene, directory, flags=flags, workers=workers)
        )
        if job.kind == "series":
            return run_series(stage, job.scene, job.profile, job.plan)
        if job.kind == "stall":
            return run_stall(stage, job.scene, job.profile, job.viewers, job.plan.seconds)
        return run_latency(stage, job.scene, job.kind, job.profile, job.viewers, seconds=job.plan.seconds)


def make_recording(job: Job, directory: Path) -> None:
    """Record what mpvnc sends for a server that sends it again. Raises: BenchError."""
    (directory / "mpvnc").mkdir()
    with running_stage(PEERS["mpvnc-memory"], job.scene, directory / "mpvnc") as stage:
        recording = record(stage.place.port, listed(job.profile))
    save(recording, Place(0, "", -1, directory).recording)


def run_sharing(job: Job, workers: int) -> Sharing:
    """Measure one worker, then so many. Raises: BenchError."""
    shares = []
    for number in (1, workers):
        with (
            tempfile.TemporaryDirectory(prefix="mpvnc-bench-") as directory,
            running_stage(PEERS[job.peer], job.scene, Path(directory), workers=number) as stage,
        ):
            shares.append(run_workers(stage, job.profile, job.viewers, job.plan.seconds))
    one, many = shares
    return compare(job.peer, job.scene, job.profile, job.viewers, workers, one=one, many=many)


def run(jobs: Sequence[Job], ledger: Ledger, workers: int) -> Results:
    """Do the jobs one after another; what fails is noted and does not end the run."""
    results = Results()
    known_versions = versions([(peer.name, peer.package) for peer in PEERS.values()])
    missing = {peer: PEERS[peer].missing() for peer in dict.fromkeys(job.peer for job in jobs)}
    results.failures += [f"{peer}: install {packages}" for peer, packages in missing.items() if packages]
    todo = [job for job in jobs if not missing[job.peer]]
    for position, job in enumerate(todo, 1):
        began = time.monotonic()
        say(f"[{position}/{len(todo)}] {job.kind} {job.scene} {job.profile} {job.peer}", end=" ")
        try:
            measured = run_job(job, workers)
        except BenchError as error:
            results.failures.append(f"{job.kind} {job.scene} {job.profile} {job.peer}: {error}")
            say(f"FAILED: {error}")
            continue
        results.add(measured)
        say(f"{time.monotonic() - began:.0f} s, row {ledger.note(measured, known_versions)}")
    return results


def say(text: str, end: str = "\n") -> None:
    """Report progress on stderr; stdout has the tables alone."""
    print(text, end=end, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 if something could not be measured."""
    arguments = read_arguments(sys.argv[1:] if argv is None else argv)
    try:
        jobs = choose(arguments)
        program("painter")
        program("viewers")
    except BenchError as error:
        say(f"scripts/bench: {error}")
        return 2
    path = arguments.ledger or (None if arguments.only else LEDGER)
    ledger = Ledger(path)
    results = run(jobs, ledger, arguments.workers)
    arguments.out.mkdir(parents=True, exist_ok=True)
    pictures = draw_all(results.series, arguments.out)
    print(f"# mpvnc and its peers, run {ledger.run}\n\n{machine()}\n\n{report(results)}")
    for picture in pictures:
        print(f"\n![{picture.stem}]({picture})")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
