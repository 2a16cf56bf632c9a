"""Boxes of people, from a detector of the transformers library's DETR family.

Carion et al., "End-to-End Object Detection with Transformers" (ECCV 2020), and what came of it:
RT-DETR (Zhao et al., CVPR 2024), D-FINE and others. They give each object once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow

from pixelwise.model import normalise
from pixelwise.networks import MEAN, SPREAD
from pixelwise.networks._hub import Wish, cached, fetch, read_normalisation, read_table
from pixelwise.outside._pretrained import as_batch, load_pretrained
from pixelwise.types import Image, PixelwiseError

Boxes = tuple[NDArray[np.float64], NDArray[np.float32]]
"""(N, 4) xyxy in the picture's pixels and within it, and (N,) scores in [0, 1], surest first."""

DEFAULT = "PekingU/rtdetr_r50vd_coco_o365"
"""Detects COCO's 80 kinds of things; Apache-2.0."""
NONE = "none"
"""In a detector's place: every picture is of one person."""

_WISH = Wish("detector", "--detector", DEFAULT, "AutoModelForObjectDetection")
_CLASSES = {
    "rt_detr": "RTDetrForObjectDetection",
    "rt_detr_v2": "RTDetrV2ForObjectDetection",
    "d_fine": "DFineForObjectDetection",
    "conditional_detr": "ConditionalDetrForObjectDetection",
    "detr": "DetrForObjectDetection",
    "yolos": "YolosForObjectDetection",
}
# They weigh the classes against each other and against "nothing", which comes last; the others
# ask of each class by itself.
_EXCLUSIVE = ("detr", "yolos")
_PERSON = "person"
# What the transformers library's own example of ViTPose takes. A box too many costs a pose of low
# score, which can be left out later; one too few costs a person.
_THRESHOLD = 0.3


@dataclass(frozen=True)
class Detector:
    """Image (H, W, 3) uint8 RGB -> boxes of people. Stateless: one object serves many threads.

    ``person``: place of people among the classes. ``size``: how large it sees a picture, as its
    ``preprocessor_config.json`` says. ``resample``: how it is resized, in Pillow's numbers.
    """

    model: Any
    person: int
    is_exclusive: bool
    size: Mapping[str, int]
    resample: int
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    device: torch.device

    @torch.inference_mode()
    def __call__(self, image: Image) -> Boxes:
        """Find people; any size of picture."""
        seen = Pillow.fromarray(image).resize(
            _size_wh(image.shape[:2], self.size), Pillow.Resampling(self.resample)
        )
        batch = as_batch([np.array(seen)], self.device)
        # In float32: bfloat16 knows places to 1 part in 256 only.
        found = self.model(pixel_values=normalise(batch, self.mean, self.spread))
        logits = found.logits[0]
        scores = (logits.softmax(dim=-1) if self.is_exclusive else logits.sigmoid())[:, self.person]
        return _sure(found.pred_boxes[0].cpu().numpy(), scores.cpu().numpy(), image)


def whole(image: Image) -> Boxes:
    """The picture as the box of one person."""
    height, width = image.shape[:2]
    return np.array([[0.0, 0.0, width, height]]), np.ones(1, np.float32)


def load(name: str | None, *, may_ask: bool, device: torch.device) -> Callable[[Image], Boxes]:
    """A detector of people.

    Args:
        name: a folder, a name on the hub, or "none"; None for `DEFAULT`.
        may_ask: whether the hub may be asked for `DEFAULT`; else it has to be in its cache.
        device: where it shall compute.

    Raises:
        PixelwiseError: there is no such detector, or it does not know people.
    """
    if name == NONE:
        return whole
    folder = _default(may_ask) if name is None else fetch(name, wish=_WISH)[0]
    found = load_pretrained(folder, _CLASSES, _WISH, device)
    names = [label.casefold() for label in found.labels]
    if _PERSON not in names:
        raise PixelwiseError(
            f"{folder} does not know people: 'person' is not among what it detects, "
            f"{', '.join(found.labels[:5])} ... Take another detector, such as {DEFAULT}."
        )
    size, resample = _look(folder)
    mean, spread = read_normalisation(folder) or (MEAN, SPREAD)
    is_exclusive = found.said["model_type"] in _EXCLUSIVE
    person = names.index(_PERSON)
    return Detector(
        found.model, person, is_exclusive, size, resample, tuple(mean), tuple(spread), device
    )


def _default(may_ask: bool) -> Path:
    """The folder of `DEFAULT`, or a sentence that says what to give instead."""
    alone = f"or --detector {NONE} where every picture is of one person"
    if may_ask:
        try:
            return fetch(DEFAULT, wish=_WISH)[0]
        except PixelwiseError as error:
            raise PixelwiseError(f"{str(error).rstrip('.')}, {alone}.") from None
    folder = cached(DEFAULT, wish=_WISH)
    if folder is None:
        raise PixelwiseError(
            "ViTPose looks at one person at a time and has to be told where. Name a detector: "
            f"--detector {DEFAULT} (downloaded once), --detector FOLDER, {alone}."
        )
    return folder


def _look(folder: Path) -> tuple[dict[str, int], int]:
    """How large a detector sees a picture, and how that is resized."""
    path = folder / "preprocessor_config.json"
    if not path.exists():
        raise PixelwiseError(
            f"{folder} has no {path.name}, which says how large it sees a picture. Fetch it again."
        )
    said = read_table(path)
    size: Any = said.get("size")
    if isinstance(size, int):
        size = {"shortest_edge": size, "longest_edge": said.get("max_size", 10 * size)}
    try:
        resample = int(Pillow.Resampling(said.get("resample", Pillow.Resampling.BILINEAR)))
        _size_wh((32, 32), size)
    except (KeyError, TypeError, ValueError):
        raise PixelwiseError(
            f"{path} does not say how large the detector sees a picture: size is {size}, not a "
            "height and a width or a shortest_edge and a longest_edge. Fetch it again."
        ) from None
    return size, resample


def _size_wh(size_hw: tuple[int, ...], size: Mapping[str, int]) -> tuple[int, int]:
    """Width and height at which a picture is seen."""
    if "height" in size:
        return int(size["width"]), int(size["height"])
    shortest, longest = int(size["shortest_edge"]), int(size["longest_edge"])
    scale = min(shortest / min(size_hw), longest / max(size_hw))
    height, width = (max(1, round(side * scale)) for side in size_hw)
    return width, height


def _sure(places: NDArray[np.float32], scores: NDArray[np.float32], image: Image) -> Boxes:
    """Boxes (N, 4) xyxy within the picture, of those that are sure enough and not off it.

    ``places``: (N, 4) centre, width and height as shares of the picture.
    """
    height, width = image.shape[:2]
    center, half = places[:, :2].astype(np.float64), places[:, 2:].astype(np.float64) / 2
    boxes = np.hstack([center - half, center + half]) * [width, height, width, height]
    boxes = np.clip(boxes, 0, [width, height, width, height])
    is_kept = (scores >= _THRESHOLD) & (boxes[:, 2:] - boxes[:, :2] >= 1).all(axis=1)
    order = np.flatnonzero(is_kept)[np.argsort(-scores[is_kept], kind="stable")]
    return boxes[order], scores[order]
