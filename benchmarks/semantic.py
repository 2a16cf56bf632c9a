"""Our default recipe against the lesson's networks: the same folds, time and scorer, in one run.

    make bench DATA=folder BUDGET=60s

Contestants take turns, fold by fold, so that every comparison is paired and a slow spell of the
machine meets them all. The lesson's networks learn as the lesson has it: without augmentation,
256 x 256, batches of 32, learning rate 1e-3, binary cross-entropy, the last weights not averaged.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from pixelwise import evaluate, open_dataset, open_run
from pixelwise.datasets import Dataset
from pixelwise.plan import look, plan
from pixelwise.recipe import derive
from pixelwise.run import Run
from pixelwise.statistics import mean, paired_difference
from pixelwise.training import Learner, read_pictures

_LESSON: dict[str, Any] = {
    "size_hw": (256, 256),
    "batch": 32,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "average": 0.0,
    "augment": 0.0,
    "loss": {"cross_entropy": 1.0},
}
CONTESTANTS: dict[str, dict[str, Any]] = {
    "ours": {},
    "lesson SegNet": {"network": "lesson_segnet", **_LESSON},
    "lesson U-Net": {"network": "lesson_unet", **_LESSON},
}


def begin(dataset: Dataset, data: Path, out: Path, **asked: Any) -> tuple[Run, ...]:
    """The folds of one contestant, planned but not learned; the same folds for all."""
    recipe = derive(look(dataset), str(data.resolve()), asked)
    return plan(dataset, recipe, out, lambda _: None)


def learn(dataset: Dataset, run: Run) -> None:
    """Learn one fold within its budget, reading the pictures included."""
    started = time.monotonic()
    store = read_pictures(dataset, [run], 2, print)
    Learner(run, store, [], 1, lambda _: None, started).learn()


def scores(out: Path) -> np.ndarray:
    """Each picture's Jaccard by the fold that did not see it, in the order of their ids."""
    metric = evaluate(out).metric
    order = np.argsort(metric.ids)
    return metric.per_picture()["jaccard"][order]


def table(out: Path, names: Sequence[str]) -> Table:
    """Every contestant's mean Jaccard and speed, and how far ahead ours is."""
    rows = Table("contestant", "mean Jaccard", "ours ahead by", "pictures/s in learning", "steps")
    ours = scores(out / names[0])
    for name in names:
        theirs = scores(out / name)
        folds = open_run(out / name).folds
        speed = np.mean([fold.history[-1]["pictures_per_s"] for fold in folds])
        steps = np.mean([fold.history[-1]["step"] for fold in folds])
        ahead = "" if name == names[0] else paired_difference(ours, theirs).words()
        rows.add_row(name, mean(theirs).words(), ahead, f"{speed:.1f}", f"{steps:.0f}")
    return rows


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget-s", type=float, default=60.0)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--masks", default="auto")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    dataset = open_dataset(given.data, given.masks)
    shared = {"budget_s": given.budget_s, "folds": given.folds, "masks": given.masks}
    runs = {
        name: begin(dataset, given.data, given.out / name, **shared, **asked)
        for name, asked in CONTESTANTS.items()
    }
    for fold in range(given.folds):
        for name, folds in runs.items():
            print(f"fold {fold + 1} of {given.folds}: {name}", flush=True)
            learn(dataset, folds[fold])
    Console().print(table(given.out, list(CONTESTANTS)))


if __name__ == "__main__":
    main()
