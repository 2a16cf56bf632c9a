"""Runs with weights by chance, for what depends on no learning."""

from pathlib import Path

import torch

from discs import CATEGORIES
from pixelwise.recipe import Recipe
from pixelwise.run import Run, build_model, save_weights
from pixelwise.status import Status
from posed import PEOPLE
from segments import NUCLEI, SCENE

TASKS = {"semantic": CATEGORIES, "instance": NUCLEI, "panoptic": SCENE, "pose": PEOPLE}
_LOSSES = {"pose": {"joint": 1.0, "limb": 1.0}}


def write_run(path: Path, task: str = "semantic", seed: int = 0, **lines: object) -> Run:
    """A run whose heads are not as faint as they begin, so that its maps differ from each other."""
    asked = {"loss": _LOSSES[task]} if task in _LOSSES else {}
    small = {"data": "", "size_hw": (64, 96), "width": 4, "depth": 2}
    recipe = Recipe(task=task, **{**small, **asked, **lines})
    run = Run(path, recipe, TASKS[task], {}, "")
    run.write()
    Status("finished").write(path)
    torch.manual_seed(seed)
    model = build_model(recipe, run.task())
    for head in model.heads.values():
        for weight in head.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    save_weights(run.weights, model.state_dict())
    return run
