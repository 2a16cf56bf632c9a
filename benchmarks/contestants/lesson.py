"""The lesson's networks, learning as the lesson has it.

Without augmentation, 256 x 256, batches of 32, Adam at 1e-3 throughout, binary cross-entropy, the
last weights, not averaged. Every picture is read once, before the first step.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from contestants import Image
from contestants._job import Case, Job
from contestants._plain import SIZE, Batches, Plain
from pixelwise.find import find

_BATCH = 32


class Shuffled:
    """Everything in memory; every iteration is an epoch in a new order."""

    def __init__(self, cases: tuple[Case, ...]) -> None:
        with ThreadPoolExecutor(2) as pool:
            images, masks = zip(*pool.map(_read, cases), strict=True)
        self._images, self._masks = torch.stack(images), torch.stack(masks)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for part in torch.randperm(len(self._images)).split(_BATCH):
            yield self._images[part], self._masks[part]


def prepare(image: Image) -> Tensor:
    """(H, W, 3) uint8 -> (3, SIZE, SIZE) float32 in [0, 1]."""
    small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1).float() / 255


def _read(case: Case) -> tuple[Tensor, Tensor]:
    image = cv2.imread(case.image, cv2.IMREAD_COLOR)[..., ::-1]
    mask = cv2.imread(case.mask, cv2.IMREAD_GRAYSCALE)
    small = cv2.resize(mask, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    return prepare(image), torch.from_numpy(small)[None].gt(0).float()


def build(job: Job) -> Plain:
    """The network that ``settings["network"]`` names, with a head of one channel."""
    network = find("networks", job.settings["network"]).build()
    data: list[Batches] = []

    def load(workers: int) -> Batches:
        # Read when learning asks for it first, then kept.
        if not data:
            data.append(Shuffled(job.learned_from))
        return data[0]

    return Plain(
        network=nn.Sequential(network, nn.Conv2d(network.features, 1, 1)),
        loss=binary_cross_entropy_with_logits,
        load=load,
        prepare=prepare,
        rate=lambda share: 1e-3,
        workers=0,
    )
