"""Ours against StarDist at outlining objects one by one: same folds, time, threads and scorer.

    make bench-nuclei DATA=folder BUDGET=seconds [FOLDS=5] [THREADS=1] [TOGETHER=yes] [OUT=runs]

DATA holds images/NAME and labels/NAME, where every object has a number of its own and 0 is none.
Contestants (`field.NUCLEI`) take turns, fold by fold. Each runs in a process of its own
(`instances/`). Its time counts from the start of its work, reading the pictures included, to the
end of its budget; importing, and predicting the test pictures, is not counted. All learn from the
same pictures, and choose (weights, thresholds) by the same others.

With --together those of a fold run side by side, each on cores of its own: the same wall-clock time
and the same number of cores for everyone, in half the time for two. What they still share (memory,
caches, the warmth of the chip) slows both. Without, each has the machine alone, but no more cores.

What is there is not run again, so that an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contestants._job import Case, Job
from field import NUCLEI, Entry
from instances._files import read_ids
from labelled import VALIDATION, folds_of, read_folder
from match import Played, Scores, found_path, play
from matching import count
from outcome import Outcome, versions
from pixelwise.types import PixelwiseError
from standing import table, table_by_threshold, write

_TOLERATED = 0.02


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget-s", type=float, default=300.0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="For each contestant.")
    parser.add_argument("--together", action="store_true", help="A fold's contestants at once.")
    parser.add_argument("--only", default="", help="Who takes part; by commas [all].")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--peers", type=Path, help="Python that has StarDist.")
    return parser.parse_args(arguments)


def entries_for(given: argparse.Namespace) -> tuple[Entry, ...]:
    """Who takes part.

    Raises:
        PixelwiseError: a name that nobody has, or a peer without its environment.
    """
    entries = tuple(entry for entry in NUCLEI if given.peers or not entry.is_peer)
    wanted = set(filter(None, given.only.split(",")))
    if unknown := wanted - {entry.name for entry in entries}:
        known = ", ".join(entry.name for entry in entries)
        raise PixelwiseError(
            f"Nobody who can take part is called {min(unknown)}. There are: {known}. A peer needs "
            "--peers, its environment's Python."
        )
    return tuple(entry for entry in entries if not wanted or entry.name in wanted)


def run(given: argparse.Namespace, folder: Path, entries: Sequence[Entry]) -> str:
    """Everyone on every fold; the tables as Markdown."""
    cases = read_folder(given.data)
    folds = folds_of(cases, given.folds)
    jobs = [
        [_job(entry, k, fold, given, folder) for entry in entries] for k, fold in enumerate(folds)
    ]
    played: list[list[Played | None]] = []
    for number, fold in enumerate(jobs, start=1):
        print(f"fold {number} of {len(jobs)}", flush=True)
        played.append(_play_fold(fold, entries, given))
    outcomes, failed, found = [], [], {}
    for place, entry in enumerate(entries):
        own_jobs, done = [fold[place] for fold in jobs], [fold[place] for fold in played]
        if not all(done):
            failed.append(entry.name)
            continue
        outcomes.append(Outcome(entry, tuple(filter(None, done))))
        found[entry.name] = {c.id: found_path(job, c.id) for job in own_jobs for c in job.tested}
    if not outcomes:
        raise PixelwiseError(f"Nobody finished; log.txt in the folders of {folder} says why.")
    text = _report(outcomes, failed, cases, given)
    write(outcomes, text, cases, found, folder)
    return text


def _at_once(given: argparse.Namespace) -> int:
    """How many contestants run at the same time.

    Raises:
        PixelwiseError: there are not the cores for it.
    """
    there = len(_cores())
    if given.threads < 1 or given.threads > there or (given.together and 2 * given.threads > there):
        raise PixelwiseError(
            f"{there} cores are too few for {given.threads} threads for each contestant"
            f"{' and two of them at once' if given.together else ''}. Give --threads 1"
            f"{' or leave --together out' if given.together else ''}."
        )
    return there // given.threads if given.together else 1


def _cores() -> list[int]:
    """Those this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _play_fold(
    jobs: Sequence[Job], entries: Sequence[Entry], given: argparse.Namespace
) -> list[Played | None]:
    """As many jobs at the same time as asked for, each on cores of its own."""
    cores, at_once = _cores(), _at_once(given)
    done: list[Played | None] = []
    for first in range(0, len(jobs), at_once):
        now = slice(first, first + at_once)
        print(f"  {', '.join(entry.name for entry in entries[now])}", flush=True)
        pythons = [str(given.peers) if e.is_peer else sys.executable for e in entries[now]]
        lanes = [cores[k * given.threads : (k + 1) * given.threads] for k in range(at_once)]
        with ThreadPoolExecutor(at_once) as pool:
            done += pool.map(_play, jobs[now], pythons, lanes)
    return done


def _play(job: Job, python: str, cores: Sequence[int]) -> Played | None:
    return play(job, python, "instances", score_ids, cores)


def score_ids(job: Job, share: str) -> Scores:
    """Every test picture's counts from the objects a contestant wrote; see `matching`."""
    return {
        case.id: count(read_ids(case.mask), read_ids(found_path(job, case.id, share)))
        for case in job.tested
    }


def _job(
    entry: Entry, fold: int, cases: tuple[Case, ...], given: argparse.Namespace, folder: Path
) -> Job:
    return Job(
        program=entry.program,
        settings={"recipe": dict(entry.settings), "together": given.together},
        fold=fold,
        budget_s=given.budget_s * entry.share,
        threads=given.threads,
        data=str(given.data.resolve()),
        # Told, because numbers of few objects may look like classes.
        masks="ids=object",
        orientation="any",
        out=str(folder / entry.folder_name / f"fold-{fold}"),
        cases=cases,
    )


def _report(
    outcomes: Sequence[Outcome],
    failed: Sequence[str],
    cases: Sequence[Case],
    given: argparse.Namespace,
) -> str:
    """The tables, and what a reader needs to know to believe them, as Markdown."""
    return "\n".join(
        [
            f"# {given.data.resolve().name}: {len(cases)} pictures, {given.folds} folds, "
            f"{given.budget_s:g} s each",
            "",
            table(outcomes),
            "",
            "AP = TP / (TP + FP + FN), PQ = sum of IoU / (TP + FP / 2 + FN / 2), an object being "
            "right at IoU 0.5 or more. Means over held-out pictures, each predicted by the fold "
            "that did not see it, with 95 % intervals; pooled: over all objects. Seconds learned "
            "include reading the pictures and choosing thresholds, not importing libraries.",
            *[f"{name} failed and is left out." for name in failed],
            *_overdrawn(outcomes, given.budget_s),
            "",
            table_by_threshold(outcomes),
            "",
            f"- {VALIDATION:.0%} of the pictures to learn from only choose weights and thresholds",
            f"- {given.threads} of {os.cpu_count()} cores for each contestant, "
            + ("those of a fold side by side" if given.together else "one after the other"),
            versions(outcomes),
            "",
        ]
    )


def _overdrawn(outcomes: Sequence[Outcome], budget_s: float) -> list[str]:
    """A sentence for each who took more time than it had, which its numbers are better for."""
    taken = {o.entry.name: o.average("learned_s") / (budget_s * o.entry.share) for o in outcomes}
    return [
        f"{name} took {share - 1:.0%} more time than the budget."
        for name, share in taken.items()
        if share > 1 + _TOLERATED
    ]


def main() -> None:
    """Run the benchmark and print its tables."""
    given = options()
    folder = (given.out / "nuclei").resolve()
    try:
        print(run(given, folder, entries_for(given)))
    except PixelwiseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on after the last contestant that was done.")
        sys.exit(130)
    print(f"Tables, results and pictures are in {folder}.")


if __name__ == "__main__":
    main()
