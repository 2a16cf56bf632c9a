"""From pictures to results: the only way, whole or in tiles, one or many.

from pixelwise import load
result = load("runs/mine")(image)      # image (H, W, 3) uint8 RGB -> Semantic
result = load()(image)                 # the built-in model, which outlines nevi
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixelwise import device as devices
from pixelwise import runtimes
from pixelwise.builtin import serving
from pixelwise.formats import Images, Runner
from pixelwise.geometry import Warp
from pixelwise.model import Model, normalise
from pixelwise.recipe import Recipe
from pixelwise.run import Run, load_model, open_run
from pixelwise.tasks import Task
from pixelwise.tiles import Tiles, predict_tiles
from pixelwise.types import Category, Image, PixelwiseError

# Every mirror image that could as well have been taken: see LOG.md for what it gains.
_MIRRORS: dict[str, Sequence[tuple[int, ...]]] = {
    "upright": [(), (-1,)],
    "any": [(), (-1,), (-2,), (-2, -1)],
}


@dataclass(frozen=True)
class Predictor:
    """A run, ready to predict. Stateless: one object serves many threads.

    ``models``: one, or the folds of a cross-validation, whose maps are averaged. ``flips``: also
    look at mirror images, left-right and, where no side is up, upside down. ``tile_px``: side of
    the tiles that a picture larger than them is cut into, in its own pixels; None = every picture
    as a whole. A run that learned through windows sees every picture at their scale, smaller ones
    too. ``runners``: the same models, exported, in another runtime; where there are any, they look
    in the models' place. ``runtime``: its name.
    """

    recipe: Recipe
    categories: tuple[Category, ...]
    task: Task
    models: tuple[Model, ...]
    device: torch.device
    flips: bool = True
    tile_px: int | None = None
    runners: tuple[Runner, ...] = ()
    runtime: str = "torch"

    def __call__(self, image: Image, *, probs: bool = False) -> Any:
        """Predict one picture.

        Args:
            image: (H, W, 3) uint8 RGB, any size.
            probs: whether the result carries the probabilities of every category.

        Raises:
            PixelwiseError: not such an array.
        """
        return self.batch([image], probs=probs)[0]

    def batch(self, images: Sequence[Image], *, probs: bool = False) -> list[Any]:
        """Predict pictures of any sizes together; the same results as one by one."""
        for image in images:
            check_image(image)
        if self.tile_px is not None and any(self._needs_tiles(image) for image in images):
            return [self._one(image, probs) for image in images]
        warps = [Warp.fit(_size(image), self.recipe.size_hw) for image in images]
        maps = self._maps([warp.image(image) for warp, image in zip(warps, images, strict=True)])
        return [
            self.task.decode({name: m[i] for name, m in maps.items()}, warp, probs=probs)
            for i, warp in enumerate(warps)
        ]

    @property
    def _mirrors(self) -> Sequence[tuple[int, ...]]:
        """The axes of (B, C, H, W) along which the picture is mirrored, a view each."""
        return _MIRRORS[self.recipe.orientation] if self.flips else [()]

    @torch.inference_mode()
    def _maps(self, images: Sequence[Image]) -> dict[str, NDArray[np.float32]]:
        """Maps (B, C, h, w) of pictures at working size, averaged over models and mirror images."""
        batch = np.stack(images)
        views = self._exported_views(batch) if self.runners else self._views(batch)
        return {name: _mean([view[name] for view in views]) for name in views[0]}

    def _views(self, images: Images) -> list[dict[str, Tensor]]:
        """The maps of every model and mirror image, mirrored back."""
        batch = normalise(torch.from_numpy(images).to(self.device))
        with devices.autocast(self.device):
            return [
                self.task.flipped(model(torch.flip(batch, dims=axes)), axes)
                for model in self.models
                for axes in self._mirrors
            ]

    def _exported_views(self, images: Images) -> list[dict[str, Tensor]]:
        """The same of the exported models, which take pictures as they are."""
        views = []
        for axes in self._mirrors:
            # From axes of (B, C, H, W), counted from the end, to those of (B, H, W, 3).
            mirrored = np.ascontiguousarray(np.flip(images, tuple(axis - 1 for axis in axes)))
            for runner in self.runners:
                maps = {name: torch.from_numpy(m) for name, m in runner(mirrored).items()}
                views.append(self.task.flipped(maps, axes))
        return views

    def _needs_tiles(self, image: Image) -> bool:
        """Whether a picture is larger than a tile, or its scale may not change."""
        assert self.tile_px is not None
        return self.recipe.tile_px is not None or max(_size(image)) > self.tile_px

    def _one(self, image: Image, probs: bool) -> Any:
        """One picture, in tiles where it is larger than one."""
        assert self.tile_px is not None
        if not self._needs_tiles(image):
            return replace(self, tile_px=None).batch([image], probs=probs)[0]
        scale = max(self.recipe.size_hw) / self.tile_px
        tiles = Tiles(_size(image), self.recipe.size_hw, scale, self.models[0].stride)
        channels = dict(self.task.maps)
        maps = predict_tiles(image, tiles, channels, self._maps, self.recipe.batch)
        return self.task.decode(maps, tiles.whole, probs=probs)


def load(
    run: str | Path | Run | None = None,
    *,
    task: str | None = None,
    flips: bool = True,
    tile_px: int | None = None,
    device: str = "auto",
    runtime: str = "torch",
    num_pictures: int = 1,
) -> Predictor:
    """Load a run for predicting; of a cross-validation, all folds as one ensemble.

    Args:
        run: folder of a run, one that is open, or the name of a built-in model ("nevi",
            "people"); None for the built-in nevi model.
        task: what the built-in model is to do: "semantic" alone. A run knows its own.
        flips: also look at mirror images and average; a little better, and slower by as much.
        tile_px: cut pictures with a longer side than this into tiles with this long a side; None
            as the run learned.
        device: "auto", "cpu", "cuda" or "mps".
        runtime: what computes the maps: "torch", "onnx", "openvino", or "auto", the fastest on this
            machine; see `runtimes`. The results are the same.
        num_pictures: about how many are coming; for many, "auto" exports the run by itself.

    Raises:
        PixelwiseError: no run, or a damaged one; a task without a built-in model, or beside a run;
            ``tile_px`` too small; a runtime that is not installed.
    """
    if tile_px is not None and tile_px < 32:
        raise PixelwiseError(f"Tiles of {tile_px} pixels are too small; give at least 32.")
    if run is not None and task is not None:
        raise PixelwiseError("A run knows its task. Leave out the task, or the run.")
    run = run if isinstance(run, Run) else open_run(serving(task) if run is None else run)
    place = runtimes.place_for(runtime, device)
    models = tuple(_ready(load_model(part), place) for part in run.folds or (run,))
    predictor = Predictor(
        run.recipe,
        run.categories,
        run.task(),
        models,
        place,
        flips,
        tile_px or run.recipe.tile_px,
    )
    num_looks = num_pictures * len(models) * len(predictor._mirrors)
    chosen = runtimes.choose(run, models, runtime, place, num_looks)
    return replace(predictor, runners=chosen.runners, runtime=chosen.name)


def _ready(model: Model, device: torch.device) -> Model:
    return model.to(device, memory_format=torch.channels_last).requires_grad_(False)  # type: ignore[call-overload,no-any-return]


def check_image(image: Image) -> None:
    """Refuse what is no picture.

    Raises:
        PixelwiseError: not (H, W, 3) uint8, or empty.
    """
    if not (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and image.size
    ):
        found = f"{getattr(image, 'shape', '')} {getattr(image, 'dtype', type(image).__name__)}"
        raise PixelwiseError(f"A picture is (H, W, 3) uint8 RGB, not {found}.")


def _size(image: Image) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _mean(views: Sequence[Tensor]) -> NDArray[np.float32]:
    mean = (
        torch.stack([view.float() for view in views]).mean(dim=0)
        if len(views) > 1
        else views[0].float()
    )
    values: NDArray[np.float32] = mean.cpu().numpy()
    return values
