"""Ours against its peers: the same folds, time, truth and scorer, in one run.

    make bench DATA=folder BUDGET=seconds [FOLDS=5] [MASKS=binary=person] [OUT=runs]
    make bench DATA=folder BUDGET=seconds LEAVE_OUT=source [ONLY="smp U-Net"]

Contestants (`field.py`) take turns, fold by fold, so that every comparison is paired and a slow
spell of the machine meets them all. Each runs in a process of its own (`contestants/`). Its time
counts from the start of its work, reading the pictures included, to the end of its budget;
importing, and predicting the test pictures, is not counted. All learn from all pictures outside the
test part; ours chooses its weights by some of them, which it does not learn from.

With LEAVE_OUT every fold is one value of that fact (a source, a site), so that the table says how
everyone does where he never was. ONLY names who takes part beside ours.

What is there is not run again, so that an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from contestants._job import Case, Job
from field import OURS, Entry, field_for
from match import Played, play
from outcome import Outcome, table, versions, write
from pixelwise import open_dataset
from pixelwise.datasets import Dataset
from pixelwise.plan import look
from pixelwise.recipe import derive
from pixelwise.types import PixelwiseError, Sample
from truth import folds_of, write_masks

_THREADS = 2


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget-s", type=float, default=60.0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--leave-out", default="", help="Folds by this fact instead.")
    parser.add_argument("--only", default="", help="Take part beside ours; by commas [all].")
    parser.add_argument("--masks", default="auto")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--peers", type=Path, help="Python that has the peers' libraries.")
    return parser.parse_args()


def run(given: argparse.Namespace, folder: Path) -> str:
    """Everyone on every fold; the table as Markdown."""
    dataset = open_dataset(given.data, given.masks)
    orientation = derive(look(dataset), str(given.data), {}).orientation
    samples = write_masks(dataset, folder / "truth")
    entries = field_for(orientation, with_peers=given.peers is not None)
    if given.only:
        wanted = {OURS.name, *given.only.split(",")}
        if unknown := wanted - {entry.name for entry in entries}:
            known = ", ".join(entry.name for entry in entries)
            raise PixelwiseError(f"Nobody is called {min(unknown)}. There are: {known}.")
        entries = tuple(entry for entry in entries if entry.name in wanted)
    folds = folds_of(samples, given.folds, given.leave_out, folder / "truth")
    played: list[list[Played | None]] = [[] for _ in entries]
    for fold, cases in enumerate(folds):
        for entry, done in zip(entries, played, strict=True):
            print(f"fold {fold + 1} of {len(folds)}: {entry.name}", flush=True)
            job = _job(entry, fold, cases, dataset, orientation, given, folder)
            done.append(play(job, str(given.peers) if entry.is_peer else sys.executable))
    outcomes = [
        Outcome(entry, tuple(fold for fold in done if fold is not None))
        for entry, done in zip(entries, played, strict=True)
        if all(done)
    ]
    if not outcomes or outcomes[0].entry != OURS:
        raise PixelwiseError("Ours did not finish, so there is nothing to compare with.")
    failed = [e.name for e, done in zip(entries, played, strict=True) if not all(done)]
    text = _report(outcomes, failed, samples, len(folds), given)
    write(outcomes, text, folder)
    return text


def _job(
    entry: Entry,
    fold: int,
    cases: tuple[Case, ...],
    dataset: Dataset,
    orientation: str,
    given: argparse.Namespace,
    folder: Path,
) -> Job:
    return Job(
        program=entry.program,
        settings=dict(entry.settings),
        fold=fold,
        budget_s=given.budget_s * entry.share,
        threads=_THREADS,
        data=str(dataset.root.resolve()),
        masks=given.masks,
        orientation=orientation,
        out=str(folder / entry.folder_name / f"fold-{fold}"),
        cases=cases,
    )


def _report(
    outcomes: Sequence[Outcome],
    failed: Sequence[str],
    samples: Sequence[Sample],
    folds: int,
    given: argparse.Namespace,
) -> str:
    """The table, and what a reader needs to know to believe it, as Markdown."""
    cut = f"leaving out one {given.leave_out} of {folds}" if given.leave_out else f"{folds} folds"
    lines = [
        f"# {given.data.resolve().name}: {len(samples)} pictures, {cut}, {given.budget_s:g} s each",
        "",
        table(outcomes, {sample.id: sample.groups for sample in samples}),
        "",
        "Intervals are 95 %, over held-out pictures, each predicted by the fold that did not see "
        "it. Memory is that of the process and its workers while it learned.",
        *[f"{name} failed and is left out." for name in failed],
        "",
        f"- {_THREADS} threads for each contestant, {os.cpu_count()} cores",
        versions(outcomes),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark and print its table."""
    given = options()
    folder = (given.out / "bench").resolve()
    try:
        print(run(given, folder))
    except PixelwiseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on after the last contestant that was done.")
        sys.exit(130)
    print(f"Table, results and curves are in {folder}.")


if __name__ == "__main__":
    main()
