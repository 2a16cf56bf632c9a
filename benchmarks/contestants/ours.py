"""Ours: what `pixelwise train DATA --budget ...` does, with the benchmark's split."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from torch import nn

from contestants import Image, Mask, Predict
from contestants._job import Job
from contestants._watch import Watch
from pixelwise import load, open_dataset
from pixelwise.loader import Loader
from pixelwise.plan import look
from pixelwise.recipe import derive
from pixelwise.run import Run, save_weights
from pixelwise.training import Learner, read_pictures


class OutOfTimeError(Exception):
    """The budget is used up before the steps that were planned are done."""


class Ours:
    """The recipe derives itself from the data and the budget, inside the budget."""

    workers = 1

    def __init__(self, job: Job) -> None:
        self._job = job
        self._average: nn.Module | None = None

    def learn(self, watch: Watch) -> None:
        """Plan, read, learn; stop at the budget even where more steps were planned."""
        job = self._job
        dataset = open_dataset(job.data, job.masks)
        asked = {"budget_s": job.budget_s, "masks": job.masks, **job.settings}
        recipe = derive(look(dataset), job.data, asked)
        split = {case.id: {"split": case.part, "fingerprint": ""} for case in job.cases}
        self.run = Run(job.folder / "run", recipe, dataset.categories, split, "")
        self.run.write()
        self._store = read_pictures(dataset, [self.run], self.workers, print)

        def on_step(average: nn.Module) -> None:
            self._average = average
            if not watch.step(recipe.batch, self.save):
                raise OutOfTimeError

        try:
            started = watch.started
            Learner(self.run, self._store, [], self.workers, print, started, on_step).learn()
            self._average = None
        except OutOfTimeError:
            print("Stopped at the budget, before the last step that was planned.")
            if self.run.weights.exists():
                self._average = None  # the best by validation, as an interrupted run has them

    def save(self, path: Path) -> None:
        """The folder of a run: with the averaged weights of this moment, or the best at the end."""
        kept = replace(self.run, path=path)
        kept.write()
        if self._average is None:
            shutil.copy(self.run.weights, kept.weights)
        else:
            save_weights(kept.weights, self._average.state_dict())

    def predictor(self, path: Path) -> Predict:
        """As `pixelwise predict` does it."""
        predict = load(path)

        def mask(image: Image) -> Mask:
            return predict(image).labels

        return mask

    def batches(self, workers: int) -> Iterator[int]:
        """Our loader alone."""
        learner = Learner(self.run, self._store, [], workers, print, 0.0)
        ids = [case.id for case in self._job.cases if case.part == "train"]
        loader = Loader(
            self._store, ids, self.run.recipe, self.run.task(), learner.engine.average.stride
        )
        for batch in loader.stream(0, None, workers):
            yield len(batch.ids)


build = Ours
