"""Ours: what `pixelwise train` and `pixelwise predict` do, with the benchmark's split."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from contestants._job import Job
from instances import Clock, Ids, Image, Learned
from pixelwise import load, train


class Ours:
    """The recipe derives itself from the data and the budget, inside the budget."""

    def __init__(self, job: Job) -> None:
        self._job = job
        torch.set_num_threads(job.threads)

    def learn(self, clock: Clock) -> Learned:
        """See `Contestant`. The budget is told, and kept by the recipe's own plan."""
        folder = self._lay_out()
        job = self._job
        asked = {"budget_s": clock.left_s, "masks": job.masks, **job.settings.get("recipe", {})}
        run = train(folder, out=job.folder / "run", **asked)
        self._predict = load(run.path)
        steps, last = run.recipe.steps, run.history[-1]
        speed = last["pictures_per_s"]
        seconds = run.recipe.batch / speed if speed else None
        return Learned(int(last["step"]), seconds, {"planned_steps": steps, "last": dict(last)})

    def _lay_out(self) -> Path:
        """Copy what is learned from and what is chosen by into a folder that names the two."""
        folder = self._job.folder / "data"
        for case in self._job.learned_from:
            for kind, source in (("images", case.image), ("labels", case.mask)):
                target = folder / case.part / kind / f"{case.id}{Path(source).suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        return folder

    def predict(self, image: Image) -> Ids:
        """See `Contestant`."""
        return self._predict(image).id_map


build = Ours
