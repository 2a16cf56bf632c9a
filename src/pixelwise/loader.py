"""From a dataset to batches. Batch t is a pure function of (seed, t).

Which pictures are in it, how each is moved and lit: all follow from the seed and the number of
the batch, so that workers, interruptions and several processes change nothing.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.augment import draw_light, draw_warp
from pixelwise.geometry import Warp
from pixelwise.recipe import Recipe
from pixelwise.tasks import Task
from pixelwise.types import Annotation, Image, PixelwiseError, Sample

# Stored pictures are so much finer than the working size, so that turning and zooming in still
# finds detail. Annotations are encoded from a grid this many times finer than the network's.
_STORE_ZOOM = 1.5
_FINER = 2


@dataclass(frozen=True)
class Batch:
    """``images`` (B, H, W, 3) uint8; ``targets`` {name: (B, C, h, w) float32}; the samples' ids."""

    ids: tuple[str, ...]
    images: Tensor
    targets: dict[str, Tensor]


@dataclass(frozen=True)
class Picture:
    """A decoded picture and its annotation, of one size."""

    id: str
    image: Image
    annotation: Annotation

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.annotation.size_hw


def shrink(sample: Sample, size_hw: tuple[int, int]) -> Picture:
    """Read a sample and shrink it to what fits the store; smaller pictures stay as they are."""
    image, annotation = sample.read_image(), sample.read_annotation()
    source_hw = annotation.size_hw
    scale = min(_STORE_ZOOM * size_hw[0] / source_hw[0], _STORE_ZOOM * size_hw[1] / source_hw[1])
    if scale >= 1:
        return Picture(sample.id, image, annotation)
    target_hw = (max(1, round(source_hw[0] * scale)), max(1, round(source_hw[1] * scale)))
    warp = Warp(
        np.diag([target_hw[1] / source_hw[1], target_hw[0] / source_hw[0], 1.0]),
        source_hw,
        target_hw,
    )
    return Picture(sample.id, warp.image(image), warp.annotation(annotation))


class Store:
    """Pictures of a dataset, decoded once and kept at the size learning needs.

    What does not fit ``limit_bytes`` is read again each time it is asked for.

    ``failures`` names the samples that could not be read; they are left out.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size_hw: tuple[int, int],
        *,
        workers: int,
        limit_bytes: int | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._size_hw = size_hw
        self.failures: list[str] = []
        per_picture = int(_STORE_ZOOM**2 * size_hw[0] * size_hw[1] * 4)
        limit = _quarter_of_memory() if limit_bytes is None else limit_bytes
        kept = samples[: limit // per_picture]
        self._kept: dict[str, Picture] = {}
        with ThreadPoolExecutor(workers) as pool:
            for done, picture in enumerate(pool.map(self._try_read, kept), start=1):
                if picture is not None:
                    self._kept[picture.id] = picture
                on_progress(done)
        rest = samples[len(kept) :]
        self._rest = {sample.id: sample for sample in rest}

    def _try_read(self, sample: Sample) -> Picture | None:
        try:
            return shrink(sample, self._size_hw)
        except PixelwiseError as error:
            self.failures.append(str(error))
            return None

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples that can be had, sorted."""
        return tuple(sorted([*self._kept, *self._rest]))

    def __getitem__(self, sample_id: str) -> Picture:
        kept = self._kept.get(sample_id)
        return kept if kept is not None else shrink(self._rest[sample_id], self._size_hw)


def _quarter_of_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError):  # Windows has no sysconf
        return 2**31


class Loader:
    """Batches of a part of a store, for one recipe and task."""

    def __init__(
        self, store: Store, ids: Sequence[str], recipe: Recipe, task: Task, stride: int
    ) -> None:
        if not ids:
            raise PixelwiseError("There is no picture to learn from. `pixelwise check` says why.")
        self._store, self._ids, self._recipe, self._task, self._stride = (
            store,
            sorted(ids),
            recipe,
            task,
            stride,
        )

    def batch(self, t: int) -> Batch:
        """Batch number t, whoever asks and whenever."""
        first = t * self._recipe.batch
        return collate(
            [self._example(position) for position in range(first, first + self._recipe.batch)]
        )

    def _example(self, position: int) -> tuple[str, Image, dict[str, NDArray[np.float32]]]:
        """The picture at a position of the endless shuffled stream, changed by chance."""
        epoch, place = divmod(position, len(self._ids))
        order = np.random.default_rng([self._recipe.seed, 0, epoch]).permutation(len(self._ids))
        picture = self._store[self._ids[order[place]]]
        rng = np.random.default_rng([self._recipe.seed, 1, position])
        warp = draw_warp(
            rng,
            Warp.fit(picture.size_hw, self._recipe.size_hw),
            orientation=self._recipe.orientation,
            strength=self._recipe.augment,
        )
        light = draw_light(rng, strength=self._recipe.augment)
        image, targets = encode(picture, warp, self._task, self._stride)
        return picture.id, light(image) if light else image, targets

    def stream(self, start: int, stop: int | None, workers: int) -> Generator[Batch]:
        """Batches ``start`` to ``stop`` (None = without end), prepared ahead by threads.

        0 workers prepare each batch when it is asked for.
        """
        numbers = count(start) if stop is None else range(start, stop)
        if workers == 0:
            yield from map(self.batch, numbers)
            return
        with ThreadPoolExecutor(workers) as pool:
            ahead: deque[Future[Batch]] = deque()
            try:
                for t in numbers:
                    ahead.append(pool.submit(self.batch, t))
                    if len(ahead) > 2 * workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def encode(
    picture: Picture, warp: Warp, task: Task, stride: int
) -> tuple[Image, dict[str, NDArray[np.float32]]]:
    """Move a picture once, and its annotation onto a finer grid, from which targets are pooled."""
    image = warp.image(picture.image)
    annotation = warp.finer(_FINER).annotation(picture.annotation)
    return image, task.encode(annotation, _FINER * stride)


def collate(examples: Sequence[tuple[str, Image, dict[str, NDArray[np.float32]]]]) -> Batch:
    """Stack examples into a batch."""
    ids, images, targets = zip(*examples, strict=True)
    return Batch(
        ids=tuple(ids),
        images=torch.from_numpy(np.stack(images)),
        targets={
            name: torch.from_numpy(np.stack([t[name] for t in targets])) for name in targets[0]
        },
    )
