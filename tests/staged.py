"""Runs whose predictions are made up: all of an evaluation but the network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pixelwise import evaluation
from pixelwise.held_out import Chosen
from pixelwise.recipe import Recipe
from pixelwise.run import Run
from pixelwise.types import Sample


def stage(monkeypatch, tmp_path: Path, *, num, size_hw, categories, metric, truth, predict):
    """A function that makes a run of a name, measured on ``num`` pictures.

    ``metric()`` is an empty one; ``truth(n)`` the annotation of picture n; ``predict(name, n)``
    what the run of that name finds there.
    """
    samples = tuple(
        Sample(
            id=f"p<{n}>",
            files=(),
            read_image=lambda n=n: np.full((*size_hw, 3), n, np.uint8),
            read_annotation=lambda n=n: truth(n),
            groups={"diagnosis": "ab"[n % 2]},
        )
        for n in range(num)
    )

    def choose(run, *_):
        runs = {sample.id: run for sample in samples}
        prints = {sample.id: "x" for sample in samples}
        return Chosen(samples, runs, "the test part", True, run.path, run.path, prints)

    def load(folder, **_):
        return lambda image: predict(folder.name, int(image[0, 0, 0]))

    def build(name: str) -> Run:
        run = Run(tmp_path / name, Recipe(data=str(tmp_path)), categories, {}, "abc")
        run.write()
        return run

    monkeypatch.setattr(Run, "task", lambda self: SimpleNamespace(metric=metric))
    monkeypatch.setattr(evaluation, "load", load)
    monkeypatch.setattr(evaluation, "choose", choose)
    return build
