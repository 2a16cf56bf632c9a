"""StarDist with its own defaults, after its authors' notebook for training in 2-d.

Schmidt et al., "Cell Detection with Star-convex Polygons" (MICCAI 2018), as in
`examples/2D/2_training.ipynb` of the library: 32 rays on a grid of 2 x 2, their U-Net, batches of
four patches of 256 x 256, Adam at 3e-4 that is halved where the validation loss stands still,
each channel of each picture normalised from its percentiles 1 to 99.8, holes in the labels filled,
random flips and quarter turns, intensities scaled and shifted, noise. The weights that validated
best are kept, and both thresholds chosen on the validation pictures, all of it within the budget.

Pictures are RGB, so there are three channels instead of the notebook's one. A picture smaller than
a patch is mirrored outwards, and nothing is learned from what was added.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from csbdeep.utils import normalize
from numpy.typing import NDArray
from stardist import fill_label_holes
from stardist.models import Config2D, StarDist2D

from contestants._job import Case, Job
from instances import Clock, Ids, Image, Learned
from instances._files import read_ids, read_image

Floats = NDArray[np.float32]
Pair = tuple[Floats, Ids]

_PATCH, _BATCH = 256, 4
_UNKNOWN = -1
# Choosing thresholds predicts every validation picture and tries some thirty pairs of thresholds.
# For as many pixels as a batch has, predicting takes 0.4 of a training step (measured: 10.2 s of
# CPU for 7.5 batches' worth, at 3.5 s a step), and a network that knows nuclei finds few of them.
_CHOOSING_STEPS = 0.75
# Where that was too little, it may overdraw the budget by so much of it; the table says how long
# it took.
_OVERDRAFT = 0.1


def prepare(image: Image) -> Floats:
    """(H, W, 3) uint8 -> (H, W, 3) float32, most of it from 0 to 1."""
    scaled: Floats = normalize(image, 1, 99.8, axis=(0, 1))
    return scaled


def read(case: Case) -> Pair:
    """A picture and its objects, prepared."""
    return prepare(read_image(case.image)), fill_label_holes(read_ids(case.mask))


def fill_patch(pair: Pair) -> Pair:
    """Mirror a picture that is smaller than a patch outwards; what is added teaches nothing."""
    image, ids = pair
    rows, columns = (max(0, _PATCH - side) for side in ids.shape)
    if not rows and not columns:
        return pair
    grown = np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="symmetric")
    return grown, np.pad(ids, ((0, rows), (0, columns)), constant_values=_UNKNOWN)


class Augmenter:
    """The notebook's changes by chance, from one generator."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)

    def __call__(self, image: Floats, ids: Ids) -> Pair:
        """A flip and a quarter turn, another brightness and contrast, some noise."""
        turns = int(self._chance.integers(4))
        image, ids = np.rot90(image, turns), np.rot90(ids, turns)
        if self._chance.random() < 0.5:
            image, ids = image[:, ::-1], ids[:, ::-1]
        image = image * self._chance.uniform(0.6, 2) + self._chance.uniform(-0.2, 0.2)
        deviation = 0.02 * self._chance.random()
        return image + self._chance.normal(0, deviation, image.shape), ids


class Stop(keras.callbacks.Callback):
    """Ends the training when what is left of the budget is needed to choose the thresholds.

    ``batches``: how many batches' worth of pixels there are to choose by.
    """

    def __init__(self, clock: Clock, batches: float) -> None:
        super().__init__()
        self._clock, self._batches = clock, batches
        self._ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """A step is done."""
        self._ends.append(time.monotonic())
        reserve_s = _CHOOSING_STEPS * self._batches * (self.seconds_per_step or 0.0)
        if self._clock.left_s <= reserve_s:
            self.model.stop_training = True

    @property
    def num_steps(self) -> int:
        """How many steps were taken."""
        return len(self._ends)

    @property
    def seconds_per_step(self) -> float | None:
        """The median from the end of one step to the next; None below two."""
        durations = np.diff(self._ends).tolist()
        return statistics.median(durations) if durations else None


class OutOfTimeError(Exception):
    """Choosing thresholds overdraws the budget by more than it may."""


class Bounded(StarDist2D):
    """Finds no more objects once a deadline has passed.

    A network that has learned next to nothing finds an object at every pixel, and choosing
    thresholds for it takes longer than the whole budget.
    """

    deadline = float("inf")

    def _instances_from_prediction(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() > self.deadline:
            raise OutOfTimeError
        return super()._instances_from_prediction(*args, **kwargs)


class StarDist:
    """Learns, then chooses its thresholds."""

    def __init__(self, job: Job) -> None:
        self._job = job
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(job.threads)

    def learn(self, clock: Clock) -> Learned:
        """See `Contestant`."""
        keras.utils.set_random_seed(0)
        train, val = (
            [read(case) for case in self._job.cases if case.part == part]
            for part in ("train", "val")
        )
        self._model = self._build()
        stop = Stop(clock, sum(ids.size for _, ids in val) / (_BATCH * _PATCH**2))
        self._train(train, val, stop)
        facts = {"trained_s": clock.elapsed_s, "thresholds": self._choose(val, clock)}
        return Learned(stop.num_steps, stop.seconds_per_step, facts)

    def _choose(self, val: Sequence[Pair], clock: Clock) -> dict[str, float] | None:
        """The best thresholds on the validation pictures; None where its own defaults must do."""
        images, ids = zip(*val, strict=True)
        self._model.deadline = clock.started + (1 + _OVERDRAFT) * clock.budget_s
        try:
            found = self._model.optimize_thresholds(images, ids, optimize_kwargs={"verbose": 0})
        except OutOfTimeError:
            print("No time was left to choose thresholds: the defaults are used.")
            found = None
        self._model.deadline = float("inf")
        return found

    def _build(self) -> Bounded:
        config = Config2D(
            n_rays=32,
            grid=(2, 2),
            n_channel_in=3,
            train_patch_size=(_PATCH, _PATCH),
            train_batch_size=_BATCH,
            train_learning_rate=3e-4,
            train_tensorboard=False,
        )
        return Bounded(config, name="model", basedir=str(self._job.folder))

    def _train(self, train: Sequence[Pair], val: Sequence[Pair], stop: Stop) -> None:
        """Until the callback stops it; then the weights that validated best are loaded."""
        images, ids = zip(*map(fill_patch, train), strict=True)
        validation = tuple(zip(*map(fill_patch, val), strict=True))
        self._model.prepare_for_training()
        self._model.callbacks.append(stop)
        # As many epochs as the budget has room for: the callback ends it.
        self._model.train(
            images,
            ids,
            validation_data=validation,
            augmenter=Augmenter(0),
            seed=0,
            epochs=1_000_000,
        )

    def predict(self, image: Image) -> Ids:
        """See `Contestant`."""
        ids, _ = self._model.predict_instances(prepare(image))
        return np.asarray(ids, np.int32)


build = StarDist
