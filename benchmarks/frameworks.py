"""The same run in PyTorch and in TensorFlow: is one of them better, and do they predict alike?

    python benchmarks/frameworks.py DATA --steps 600 --out runs/frameworks

Two runs learn from the same folder with the same recipe, seed and number of steps, and are measured
on the same held-out pictures, as `pixelwise train`, `evaluate` and `compare` do it. Then each run
is measured in the other framework too: the same weights must give the same numbers. Started again
it goes on where it was. Needs ``pip install "pixelwise[tensorflow]"``.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from pixelwise.comparison import Comparison, compare, render
from pixelwise.evaluation import evaluate, score
from pixelwise.held_out import choose
from pixelwise.keras import load as load_twin
from pixelwise.metrics import Metric
from pixelwise.predictor import load
from pixelwise.run import Run
from pixelwise.training import train

FRAMEWORKS = ("torch", "tensorflow")
console = Console(highlight=False)


class Twin:
    """A run's model in Keras, called as its PyTorch model is."""

    def __init__(self, run: Run) -> None:
        self._model = load_twin(run)

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, H, W) normalised -> {map name: (B, C, h, w)}."""
        maps = self._model(images.permute(0, 2, 3, 1).numpy(), training=False)
        return {name: torch.tensor(np.moveaxis(np.array(m), -1, 1)) for name, m in maps.items()}


def measured(run: Run, framework: str) -> Metric:
    """The run on its held-out pictures, looked at by its model in a framework."""
    chosen = choose(run, None, None, run.recipe.masks)
    predictor: Any = load(run, device="cpu")
    if framework == "tensorflow":
        predictor = replace(predictor, models=(Twin(run),))
    return score(chosen.samples, lambda sample: predictor, run.task().metric()).metric


def carried_over(run: Run) -> tuple[str, float]:
    """The measure that changes most, of any picture, when the other framework predicts."""
    own, other = (measured(run, framework).per_picture() for framework in FRAMEWORKS)
    changes = {name: float(np.nanmax(np.abs(own[name] - other[name]))) for name in own}
    return max(changes.items(), key=lambda each: each[1])


def are_alike(comparison: Comparison) -> bool:
    """Whether each mean of the headline measure lies within the other's interval."""
    first = comparison.differences[0]
    return all(
        one.low is not None and one.high is not None and one.low <= other.value <= one.high
        for one, other in ((first.a, first.b), (first.b, first.a))
    )


def learned(folder: Path, data: Path, asked: dict[str, Any]) -> Run:
    """The run in a folder, learned and evaluated; its speed is printed."""
    run = train(data, out=folder, **asked)
    evaluate(run.path)
    speeds = [line["pictures_per_s"] for line in run.history]
    console.print(f"{folder.name}: {statistics.median(speeds):.1f} pictures/s")
    return run


def main() -> None:
    """Learn twice, measure four times, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--size", type=int, help="long side the networks see, in pixels")
    parser.add_argument("--network", default="unet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--masks", default="auto")
    parser.add_argument("--out", type=Path, default=Path("runs/frameworks"))
    given = parser.parse_args()
    asked = {name: getattr(given, name) for name in ("steps", "size", "network", "seed", "masks")}
    runs = {
        framework: learned(given.out / framework, given.data, {**asked, "framework": framework})
        for framework in FRAMEWORKS
    }
    comparison = compare(*(run.path for run in runs.values()), seed=given.seed)
    console.print(render(comparison))
    verdict = "within" if are_alike(comparison) else "NOT within"
    console.print(f"Each mean lies {verdict} the other's 95 % interval.")
    for framework, run in runs.items():
        name, change = carried_over(run)
        console.print(
            f"The run of {framework} in the other framework: no measure of any picture changes by "
            f"more than {change:.1e} ({name})."
        )


if __name__ == "__main__":
    main()
