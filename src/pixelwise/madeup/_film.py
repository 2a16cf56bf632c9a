"""Lamp, lens and sensor: from subsamples of linear light to the 8-bit picture."""

from __future__ import annotations

import numpy as np

from pixelwise.madeup._raster import Field, Rng, noise
from pixelwise.types import Image


def pool(light: Field, factor: int) -> Field:
    """The mean of each pixel's ``factor`` x ``factor`` subsamples, (H, W) or (H, W, 3)."""
    rows = sum(light[k::factor] for k in range(factor))
    assert not isinstance(rows, int)
    found = sum(rows[:, k::factor] for k in range(factor))
    pooled: Field = np.asarray(found, np.float32) * np.float32(1 / factor**2)
    return pooled


def expose(rng: Rng, pixel_rng: Rng, light: Field, variety: float) -> Image:
    """Light of a colour, uneven; blur, noise, gamma 2: (H, W, 3) uint8.

    ``pixel_rng`` feeds what depends on the number of pixels, so that everything else is the same
    at every size.
    """
    size_hw = light.shape[0], light.shape[1]
    gains = 1 + variety * np.array([rng.normal(0, 0.05), rng.normal(0, 0.02), rng.normal(0, 0.06)])
    gains *= 1 + variety * max(min(float(rng.normal(0, 0.16)), 0.35), -0.35)
    uneven = 1 + np.float32(0.08 * variety) * noise(rng, size_hw, 2)
    light = light * gains.astype(np.float32) * uneven[..., None]
    blur = float(rng.uniform(0, 0.9)) * variety
    if rng.random() < 0.6:
        light = _softened(light, np.float32(blur))
    flare = np.float32(rng.uniform(0.0, 0.02) * variety)
    image = np.sqrt(np.clip(light * (1 - flare) + flare, 0, 1))
    strength = np.float32(rng.uniform(0.002, 0.022) * variety)
    grain = pixel_rng.standard_normal((*size_hw, 3), dtype=np.float32)
    picture: Image = np.clip((image + strength * grain) * 255 + 0.5, 0, 255).astype(np.uint8)
    return picture


def _softened(light: Field, amount: np.float32) -> Field:
    """Mixed with its neighbours in the ratio 1 : 2 : 1 down and across; 0 = sharp, 1 = all."""
    padded = np.pad(light, ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    both = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) * np.float32(1 / 16)
    found: Field = light + amount * (both - light)
    return found
