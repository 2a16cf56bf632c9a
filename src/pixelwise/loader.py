"""From a dataset to batches. Batch t is a pure function of (seed, t).

Which pictures are in it, how each is moved and lit: all follow from the seed and the number of
the batch, so that workers, interruptions and several processes change nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelwise.augment import draw_light, draw_warp
from pixelwise.geometry import Warp
from pixelwise.madeup.nevi import sample_nevi
from pixelwise.recipe import Recipe
from pixelwise.store import ZOOM, Picture, Store
from pixelwise.tasks import Task
from pixelwise.types import Annotation, Image, PixelwiseError, Sample

# Annotations are encoded from a grid so many times finer than the maps, but no more than so many
# times finer than the picture.
_FINER_THAN_MAPS, _FINER = 4, 2
# Neither the built-in model's seed nor one that a person is likely to draw with.
_MADE_UP_SEED = 20_261_126
# Drawing takes some 25 ms each, and many pictures of one's own need no company.
_MOST_MADE_UP = 300


@dataclass(frozen=True)
class Batch:
    """``images`` (B, H, W, 3) uint8; ``targets`` {name: (B, C, h, w) float32}; the samples' ids."""

    ids: tuple[str, ...]
    images: Tensor
    targets: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Look:
    """A picture, or a window of it, as the network sees it: what results are measured on.

    ``image``: (H, W, 3) uint8 at working size. ``warp``: from what ``truth`` describes to it.
    """

    image: Image
    warp: Warp
    truth: Annotation


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
        picture = self._readable(order, place)
        rng = np.random.default_rng([self._recipe.seed, 1, position])
        warp = draw_warp(
            rng,
            self._view(rng, picture),
            orientation=self._recipe.orientation,
            strength=self._recipe.augment,
        )
        light = draw_light(rng, strength=self._recipe.augment)
        image, targets = encode(picture, warp, self._task, self._stride)
        return picture.id, light(image) if light else image, targets

    def _view(self, rng: np.random.Generator, picture: Picture) -> Warp:
        """The whole picture, or a window of it anywhere."""
        if self._recipe.tile_px is None:
            return Warp.fit(picture.size_hw, self._recipe.size_hw)
        scale = window_scale(picture, self._recipe)
        spans = [span(*sides, scale) for sides in _sides(picture, self._recipe)]
        y, x = (float(rng.uniform(*each)) for each in spans)
        return Warp.window(picture.size_hw, self._recipe.size_hw, scale, (x, y))

    def _readable(self, order: NDArray[np.int64], place: int) -> Picture:
        """The picture at a place of the order or, where it cannot be read, the next that can.

        Only pictures beyond what is read before the start can turn out unreadable here.
        """
        for step in range(len(order)):
            sample_id = self._ids[order[(place + step) % len(order)]]
            try:
                return self._store[sample_id]
            except PixelwiseError as error:
                self._store.leave_out(str(error))
        raise PixelwiseError("No picture can be read any more. Is the folder still there?")

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


def made_up(recipe: Recipe, num_learned: int) -> list[Sample]:
    """The made-up nevi that a recipe puts beside so many pictures to learn from; of most, none."""
    count = min(_MOST_MADE_UP, round(recipe.made_up * num_learned))
    side_px = round(ZOOM * max(recipe.size_hw))
    return list(sample_nevi(count, _MADE_UP_SEED + recipe.seed, long_side_px=side_px))


def window_scale(picture: Picture, recipe: Recipe) -> float:
    """Working pixels along the side of a stored picture's, where it is seen through windows."""
    assert recipe.tile_px is not None
    return max(recipe.size_hw) / recipe.tile_px / picture.scale


def span(length_px: int, side_px: int, scale: float) -> tuple[float, float]:
    """Where along an axis a window's middle may lie, so that it does not look out of the picture.

    Args:
        length_px: of the picture. side_px: of the working size. scale: see `window_scale`.
    """
    half = side_px / scale / 2
    return (half, length_px - half) if length_px > 2 * half else (length_px / 2, length_px / 2)


def views(picture: Picture, recipe: Recipe, at_most: int) -> list[Warp]:
    """The whole picture, or up to ``at_most`` windows spread over it: the same ones every time."""
    if recipe.tile_px is None:
        return [Warp.fit(picture.size_hw, recipe.size_hw)]
    scale = window_scale(picture, recipe)
    middles = []
    for length, side in _sides(picture, recipe):
        low, high = span(length, side, scale)
        middles.append(np.linspace(low, high, 1 + int(np.ceil((high - low) * scale / side))))
    places = [(float(x), float(y)) for y in middles[0] for x in middles[1]]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), at_most)).astype(int))
    return [Warp.window(picture.size_hw, recipe.size_hw, scale, places[place]) for place in chosen]


def looks(picture: Picture, recipe: Recipe, at_most: int) -> list[Look]:
    """What `views` shows of a picture; a window's annotation is moved with it."""
    found = []
    for warp in views(picture, recipe, at_most):
        image, truth = warp.image(picture.image), picture.annotation
        if recipe.tile_px is not None:
            warp, truth = Warp.fit(recipe.size_hw, recipe.size_hw), warp.annotation(truth)
        found.append(Look(image, warp, truth))
    return found


def _sides(picture: Picture, recipe: Recipe) -> Iterable[tuple[int, int]]:
    """(length of the picture, side of the working size) along y, then x."""
    return zip(picture.size_hw, recipe.size_hw, strict=True)


def encode(
    picture: Picture, warp: Warp, task: Task, stride: int
) -> tuple[Image, dict[str, NDArray[np.float32]]]:
    """Move a picture once, and its annotation onto a finer grid, from which targets are pooled."""
    image = warp.image(picture.image)
    finer = min(_FINER, max(1, _FINER_THAN_MAPS // stride))
    annotation = warp.finer(finer).annotation(picture.annotation)
    return image, task.encode(annotation, finer * stride)


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
