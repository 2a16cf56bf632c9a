"""The scores that choose the best weights, on pictures nothing is learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pixelwise import device as devices
from pixelwise.loader import Look, looks
from pixelwise.model import normalise
from pixelwise.recipe import Recipe
from pixelwise.run import Run
from pixelwise.store import Store
from pixelwise.tasks import Task
from pixelwise.types import IGNORE

_AT_MOST = 128
# Telling things apart takes as long again as finding their classes, and 80 scenes took a tenth of
# the time for learning.
_AT_MOST_OF_THINGS = 48
# Of the planned validations, those whose scores are still of weights by chance.
_FIRST_SHARE = 0.25
# Of one picture that is seen through windows.
_WINDOWS = 4


class Validation:
    """The validation pictures at working size, moved there once, and their annotations.

    Of a large part an even sample of 128 pictures (of things one by one 48) is looked at, so that
    validating stays a small share of learning.
    """

    def __init__(self, store: Store, ids: Sequence[str], recipe: Recipe, task: Task) -> None:
        at_most = _AT_MOST if recipe.task == "semantic" else _AT_MOST_OF_THINGS
        chosen = np.linspace(0, len(ids) - 1, min(len(ids), at_most)).astype(int)
        each = max(1, min(_WINDOWS, at_most // max(1, len(chosen))))
        self._looks: list[Look] = []
        for index in chosen:
            self._looks += looks(store[ids[int(index)]], recipe, each)
        self._task, self._batch = task, recipe.batch

    @torch.inference_mode()
    def scores(self, model: nn.Module, device: torch.device) -> NDArray[np.float64]:
        """(N,) the task's headline score of each picture."""
        scores: list[float] = []
        for first in range(0, len(self._looks), self._batch):
            part = self._looks[first : first + self._batch]
            images = np.stack([look.image for look in part])
            batch = normalise(torch.from_numpy(images).to(device))
            with devices.autocast(device):
                maps = {name: m.float().cpu().numpy() for name, m in model(batch).items()}
            for i, look in enumerate(part):
                result = self._task.decode({name: m[i] for name, m in maps.items()}, look.warp)
                scores.append(self._task.score(look.truth, result))
        return np.array(scores)


def is_as_good(scores: NDArray[np.float64], best: Sequence[float]) -> bool:
    """Whether scores are no more than one standard error of the difference below the best.

    Of weights that the validation pictures cannot tell apart the latest have learned most and are
    averaged best; the highest of twenty noisy means is a matter of chance. After the rule of one
    standard error of Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.

    Args:
        scores: (N,) of each validation picture now.
        best: (N,) when their mean was highest; empty before the first validation.
    """
    if not len(best):
        return True
    lost = np.array(best) - scores
    error = lost.std(ddof=1) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
    return bool(lost.mean() <= error)


def has_plateaued(scores: Sequence[float], kept: int, planned: int, patience: int) -> bool:
    """Whether the score has risen and no longer does, so that training may stop.

    The first scores say little: weights by chance may score better than those that learn their
    first. So nothing is decided while the best validation is one of the first quarter, nor while
    the score rises again, however far it is below the best. Going on costs time and no accuracy:
    the best weights are kept. See LOG.md for what the rule does on simulated scores.

    Args:
        scores: mean of each validation so far.
        kept: which of them, from 1, the kept weights are of; 0 where there are none.
        planned: how many validations there will be if training does not stop.
        patience: validations to wait; 0 = never stop.
    """
    waited = len(scores) - kept
    if not 0 < patience <= waited or kept <= _FIRST_SHARE * planned:
        return False
    half = max(1, waited // 2)
    earlier, later = scores[-2 * half : -half], scores[-half:]
    return not len(earlier) or bool(np.mean(later) <= np.mean(earlier))


def class_weights(store: Store, ids: Sequence[str], run: Run) -> NDArray[np.float32]:
    """(C,) weights by the inverse square root of each class's share of pixels, with mean 1.

    The square root keeps a class of a few pixels from drowning the others (as in word
    embeddings, Mikolov et al. 2013, and long-tailed recognition, Mahajan et al. 2018).
    """
    counts = np.zeros(len(run.categories))
    for name in ids:
        labels = store[name].annotation.semantic
        counts += np.bincount(labels[labels != IGNORE], minlength=len(counts))[: len(counts)]
    weights = 1 / np.sqrt(np.maximum(counts, 1) / counts.sum())
    weights[counts == 0] = 0
    weights *= np.count_nonzero(counts) / weights.sum()
    return np.asarray(weights, np.float32)
