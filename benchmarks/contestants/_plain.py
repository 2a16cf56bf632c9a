"""The plain loop of the networks that are not ours: no tricks, the last weights are the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from contestants import Image, Mask, Predict
from contestants._watch import Watch

SIZE = 256
"""Pictures are squeezed to SIZE x SIZE, as the lesson and the peers' own examples do."""

Batches = Iterable[tuple[Tensor, Tensor]]
"""Pictures (B, 3, SIZE, SIZE) and masks (B, 1, SIZE, SIZE), 0 or 1; both float32."""


@dataclass
class Plain:
    """A network, and how its makers would have it learn.

    ``load``: number of workers -> one epoch of batches each time it is iterated. ``prepare``: a
    picture in memory -> (3, SIZE, SIZE) float32, as the loader gives it but unchanged by chance.
    ``rate``: share of the budget gone -> learning rate.
    """

    network: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    load: Callable[[int], Batches]
    prepare: Callable[[Image], Tensor]
    rate: Callable[[float], float]
    workers: int

    def __post_init__(self) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network.to(self._device)

    def learn(self, watch: Watch) -> None:
        """Adam on the batches, epoch after epoch, until the time is up."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.rate(0.0))
        self.network.train()
        for images, masks in _endless(self.load(self.workers)):
            logits = self.network(images.to(self._device))
            optimizer.zero_grad()
            self.loss(logits, masks.to(self._device)).backward()
            optimizer.step()
            if not watch.step(len(images), self.save):
                return
            optimizer.param_groups[0]["lr"] = self.rate(watch.elapsed_s / watch.budget_s)

    def save(self, path: Path) -> None:
        """The weights."""
        torch.save(self.network.state_dict(), path)

    def predictor(self, path: Path) -> Predict:
        """See `Contestant`; takes the file away, because five of them for each fold add up."""
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self.network.eval()
        path.unlink()
        return self._predict

    @torch.inference_mode()
    def _predict(self, image: Image) -> Mask:
        """Logits brought to the picture's own size, then the threshold: better than the reverse."""
        logits = self.network(self.prepare(image)[None].to(self._device))[0, 0].cpu().numpy()
        own = cv2.resize(logits, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return (own > 0).astype(np.uint8)

    def batches(self, workers: int) -> Iterator[int]:
        """See `Contestant`."""
        for images, _ in _endless(self.load(workers)):
            yield len(images)


def _endless(batches: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield from batches


def one_thread(worker: int) -> None:
    """OpenCV in a worker keeps to its own core: the workers are the parallel part."""
    cv2.setNumThreads(0)
