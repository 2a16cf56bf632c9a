"""Semantic segmentations as files: a mask, an overlay, on request probabilities."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pil

from pixelwise.draw import fit_numbers, outline, write_png
from pixelwise.files import atomic
from pixelwise.outputs import Output, Picture
from pixelwise.outputs._files import shrunk, write_overlay
from pixelwise.types import Category, Image, Semantic

SHARED: tuple[str, ...] = ()


def files(name: str, *, probs: bool) -> tuple[str, ...]:
    """What is written about the picture with this name."""
    more = (f"{name}_probs.png",) if probs else ()
    return f"{name}_mask.png", f"{name}_overlay.jpg", *more


@dataclass(frozen=True)
class SemanticOutput:
    """Masks go to ``folder``; with ``probs`` probabilities too."""

    folder: Path
    probs: bool

    def write(self, picture: Picture, image: Image, result: Semantic) -> dict[str, Any]:
        """``NAME_mask.png``, ``NAME_overlay.jpg`` and ``NAME_probs.png``."""
        stem = self.folder / picture.name
        with atomic(stem.with_name(f"{stem.name}_mask.png")) as path:
            _mask(result).save(path, format="PNG")
        write_overlay(stem.with_name(f"{stem.name}_overlay.jpg"), draw(shrunk(image), result))
        if self.probs:
            share = _foreground(result) if len(result.categories) == 2 else result.confidence
            probs = np.rint(share * 65535).astype(np.uint16)
            write_png(stem.with_name(f"{stem.name}_probs.png"), probs)
        return _line(picture.name, result)


def build(
    folder: Path, categories: tuple[Category, ...], *, probs: bool
) -> AbstractContextManager[Output]:
    """Every file is about one picture: nothing is left to do in the end."""
    return nullcontext(SemanticOutput(folder, probs))


def draw(image: Image, result: Semantic) -> Image:
    """The borders of each category's regions, on the picture at any size."""
    return outline(image, fit_numbers(result.labels, image), result.categories)


def _foreground(result: Semantic) -> Any:
    """(H, W) float32: the foreground's probability, of two categories."""
    return np.where(result.labels == 1, result.confidence, 1 - result.confidence)


def _mask(result: Semantic) -> Pil.Image:
    if len(result.categories) == 2:
        return Pil.fromarray(result.labels * np.uint8(255))
    mask = Pil.fromarray(result.labels, mode="P")
    mask.putpalette([value for category in result.categories for value in category.color])
    return mask


def _line(name: str, result: Semantic) -> dict[str, Any]:
    """What was found in one picture, as it is written to ``predictions.jsonl``."""
    height, width = result.labels.shape
    found = [
        _region(result, index, category)
        for index, category in enumerate(result.categories)
        if index > 0 or len(result.categories) > 2
    ]
    return {
        "mask": f"{name}_mask.png",
        "size_hw": [height, width],
        "mean_confidence": round(float(result.confidence.mean()), 4),
        "categories": [region for region in found if region["area_px"] > 0],
    }


def _region(result: Semantic, index: int, category: Category) -> dict[str, Any]:
    """Area in px, box xyxy and centroid xy in px, mean confidence of one category's pixels."""
    mask = (result.labels == index).astype(np.uint8)
    moments = cv2.moments(mask, binaryImage=True)
    area = int(moments["m00"])
    if area == 0:
        return {"name": category.name, "area_px": 0}
    left, top, width, height = cv2.boundingRect(mask)
    centroid = [moments["m10"] / area + 0.5, moments["m01"] / area + 0.5]
    return {
        "name": category.name,
        "area_px": area,
        "area_share": round(area / mask.size, 6),
        "box_xyxy": [left, top, left + width, top + height],
        "centroid_xy": [round(value, 2) for value in centroid],
        "mean_confidence": round(float(cv2.mean(result.confidence, mask)[0]), 4),
    }
