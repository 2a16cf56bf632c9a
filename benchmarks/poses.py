"""Ours against a plain heatmap regression at finding joints: same pictures, time and scorer.

    make bench-poses DATA=folder [BUDGET=480] [OUT=runs]

DATA is any folder with joints in which every picture shows one person (LSP). A permutation by the
seed says which pictures test; the others are learned from. Both contestants have the same network
(a U-Net of the recipe's shape), working size, threads and time, which counts from reading the first
picture to the last step; they take turns.

The plain one regresses a Gaussian for each joint, as Tompson et al. ("Joint training of a
convolutional network and a graphical model", NIPS 2014) and the first stage of many since do: mean
squared error, Adam at 1e-3, no fields, no augmentation, no averaged weights, no built-in weights to
begin with; a joint is where its map is highest. Ours is what `pixelwise train DATA --task pose`
does; of the people it finds the surest alone is measured, because the plain one can find only one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from pixelwise import load
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.evaluation import score
from pixelwise.files import write_text
from pixelwise.geometry import Warp
from pixelwise.joints import skeleton_of
from pixelwise.metrics import Score
from pixelwise.metrics.poses import PoseMetric
from pixelwise.model import normalise
from pixelwise.networks import unet
from pixelwise.plan import look
from pixelwise.recipe import Recipe, derive
from pixelwise.run import Run
from pixelwise.statistics import paired_difference
from pixelwise.tables import scores_of
from pixelwise.training import Learner, read_pictures
from pixelwise.types import Annotation, Image, PixelwiseError, Poses, Sample

Predict = Callable[[Image], Poses]

_VALIDATION = 0.15
_SHOWN = ("pck_20", "pck_10", "pckh_50", "joints_found", "joint_error_px", "oks_ap50")
_BATCH = 8
_SIGMA_PX = 2.0


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--budget-s", type=float, default=480.0)
    parser.add_argument("--test", type=int, default=100, help="How many pictures test.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/poses"))
    return parser.parse_args(arguments)


def parts_of(dataset: Dataset, num_test: int, seed: int) -> dict[str, str]:
    """Sample id -> "train", "val" or "test".

    Raises:
        PixelwiseError: too few pictures.
    """
    ids = [dataset[index].id for index in range(len(dataset))]
    if len(ids) < num_test + 10:
        raise PixelwiseError(
            f"{dataset.root} has {len(ids)} pictures: too few for {num_test} to test with."
        )
    order = np.random.default_rng(seed).permutation(len(ids))
    num_val = round(_VALIDATION * (len(ids) - num_test))
    part = ["test"] * num_test + ["val"] * num_val + ["train"] * len(ids)
    return {ids[place]: name for place, name in zip(order, part, strict=False)}


# --- ours ----------------------------------------------------------------------------------------


def ours(dataset: Dataset, recipe: Recipe, parts: dict[str, str], folder: Path) -> Predict:
    """Learn as `pixelwise train` does, with this split."""
    started = time.monotonic()
    split = {name: {"split": part, "fingerprint": ""} for name, part in parts.items()}
    run = Run(folder / "ours", recipe, dataset.categories, split, "")
    run.write()
    store = read_pictures(dataset, [run], 1, print)
    Learner(run, store, [], 1, print, started).learn()
    predictor = load(run.path)

    def surest(image: Image) -> Poses:
        found: Poses = predictor(image)
        return Poses(found.keypoints[:1], found.scores[:1], found.categories, found.size_hw)

    return surest


# --- the plain one -------------------------------------------------------------------------------


class Plain:
    """See the module."""

    def __init__(self, dataset: Dataset, recipe: Recipe) -> None:
        self._categories = dataset.categories
        self._num_joints = len(skeleton_of(dataset.categories)[1].joints)
        self._size_hw = recipe.size_hw
        network = unet.build(recipe.width, recipe.depth, recipe.stride)
        self._stride = network.stride
        self._model = nn.Sequential(network, nn.Conv2d(network.features, self._num_joints, 1))

    def learn(self, samples: Sequence[Sample], budget_s: float) -> int:
        """Learn until the time is up; the number of steps."""
        started, steps = time.monotonic(), 0
        data = [self._prepare(sample) for sample in samples]
        optimizer = torch.optim.Adam(self._model.parameters(), lr=1e-3)
        self._model.train()
        for chosen in _batches(len(data)):
            images = normalise(torch.from_numpy(np.stack([data[i][0] for i in chosen])))
            heat = torch.from_numpy(np.stack([data[i][1] for i in chosen]))
            optimizer.zero_grad()
            F.mse_loss(self._model(images), heat).backward()
            optimizer.step()
            steps += 1
            if time.monotonic() - started > budget_s:
                break
        self._model.eval()
        return steps

    def _prepare(self, sample: Sample) -> tuple[Image, NDArray[np.float32]]:
        image = sample.read_image()
        warp = Warp.fit((image.shape[0], image.shape[1]), self._size_hw)
        return warp.image(image), self._heat(warp.annotation(sample.read_annotation()))

    def _heat(self, annotation: Annotation) -> NDArray[np.float32]:
        """(K, h, w) a Gaussian at each known joint."""
        height, width = (side // self._stride for side in self._size_hw)
        heat = np.zeros((self._num_joints, height, width), np.float32)
        assert annotation.keypoints is not None
        y, x = np.ogrid[0.5:height, 0.5:width]
        for joint, (at_x, at_y, seen) in enumerate(annotation.keypoints[0]):
            if seen:
                square = (x - at_x / self._stride) ** 2 + (y - at_y / self._stride) ** 2
                heat[joint] = np.exp(-square / (2 * _SIGMA_PX**2))
        return heat

    @torch.inference_mode()
    def predict(self, image: Image) -> Poses:
        """Every joint where its map is highest."""
        size_hw = image.shape[0], image.shape[1]
        warp = Warp.fit(size_hw, self._size_hw)
        maps = self._model(normalise(torch.from_numpy(warp.image(image)[None])))[0].numpy()
        place = maps.reshape(len(maps), -1).argmax(axis=1)
        y, x = np.unravel_index(place, maps.shape[1:])
        xy = warp.inverse().points(np.stack([x + 0.5, y + 0.5], axis=1) * self._stride)
        height = np.clip(maps.reshape(len(maps), -1).max(axis=1), 1e-3, 1)
        keypoints = np.hstack([xy, height[:, None]])[None].astype(np.float32)
        score = np.array([height.mean()], np.float32)
        return Poses(keypoints, score, self._categories, size_hw)


def _batches(count: int) -> Iterator[NDArray[np.int64]]:
    """Endless batches, every epoch in a new order."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(count)
        yield from np.split(order, range(_BATCH, count, _BATCH))


# --- the table -----------------------------------------------------------------------------------


def measure(samples: Sequence[Sample], predict: Predict, dataset: Dataset) -> PoseMetric:
    """The metric of everything that tests."""
    metric = PoseMetric(dataset.categories)
    score(samples, lambda sample: predict, metric)
    return metric


def table(metrics: dict[str, PoseMetric]) -> str:
    """Everyone, and by how much ours is ahead, as Markdown."""
    scores = {name: {s.name: s for s in scores_of(m)} for name, m in metrics.items()}
    shown = [name for name in _SHOWN if name in next(iter(scores.values()))]
    labels = [next(iter(scores.values()))[name].measure.label for name in shown]
    lines = [f"| contestant | {' | '.join(labels)} |", "|---" * (1 + len(shown)) + "|"]
    for name, found in scores.items():
        lines.append(f"| {name} | {' | '.join(_value(found[each]) for each in shown)} |")
    if len(metrics) == 2:
        one, other = (metric.per_picture() for metric in metrics.values())
        ahead = [
            paired_difference(one[each], other[each]).words()
            if each in one and not np.isnan(one[each] + other[each]).all()
            else ""
            for each in shown
        ]
        lines.append(f"| difference, picture by picture | {' | '.join(ahead)} |")
    return "\n".join(lines)


def _value(score: Score) -> str:
    return (score.pooled or score.mean).words()


def run(given: argparse.Namespace) -> str:
    """Both contestants, one after the other; the table."""
    dataset = open_dataset(given.data)
    samples = {dataset[index].id: dataset[index] for index in range(len(dataset))}
    parts = parts_of(dataset, given.test, given.seed)
    tested = [samples[name] for name in sorted(parts) if parts[name] == "test"]
    learned = [samples[name] for name in sorted(parts) if parts[name] != "test"]
    asked = {"budget_s": given.budget_s, "task": "pose", "seed": given.seed}
    recipe = derive(look(dataset), str(given.data.resolve()), asked)
    torch.manual_seed(given.seed)
    plain = Plain(dataset, recipe)
    steps = plain.learn(learned, given.budget_s)
    metrics = {"plain": measure(tested, plain.predict, dataset)}
    print(f"plain: {steps} steps", flush=True)
    metrics = {
        "ours": measure(tested, ours(dataset, recipe, parts, given.out), dataset),
        **metrics,
    }
    text = (
        f"{len(learned)} pictures of {given.data.resolve().name} learned from, {len(tested)} "
        f"measured, {given.budget_s:g} s each, at {recipe.size_hw[1]} x {recipe.size_hw[0]}; 95 % "
        f"intervals over pictures.\n\n{table(metrics)}\n"
    )
    results = {
        name: [asdict(each) for each in scores_of(metric)] for name, metric in metrics.items()
    }
    write_text(given.out / "table.md", text)
    write_text(given.out / "results.json", json.dumps(results, indent=1) + "\n")
    return text


def main() -> None:
    """Run the benchmark and print its table."""
    try:
        print(run(options()))
    except PixelwiseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
