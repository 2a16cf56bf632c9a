"""Chance, for learning: a motion and a change of light drawn from a random generator.

Nothing here depends on the pictures; the same generator state gives the same change.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.geometry import Warp, rotation, scaling, shear, translation
from pixelwise.types import Image


@dataclass(frozen=True)
class Light:
    """A change of colour: out = table[channel][mix @ in], then blur and a falloff of light.

    ``table``: (256, 3) uint8, one curve per channel. ``mix``: (3, 3) float32 colour matrix.
    ``blur_px``: standard deviation. ``falloff_xy``: relative change of brightness from the middle
    to the edge along x and y.
    """

    table: NDArray[np.uint8]
    mix: NDArray[np.float32]
    blur_px: float
    falloff_xy: tuple[float, float]

    def __call__(self, image: Image) -> Image:
        """Change the light of a picture; (H, W, 3) uint8 in and out."""
        changed = cv2.LUT(cv2.transform(image, self.mix), self.table[:, None, :])
        if self.blur_px > 0:
            changed = cv2.GaussianBlur(changed, (0, 0), self.blur_px)
        if any(self.falloff_xy):
            changed = _falloff(changed, self.falloff_xy)  # type: ignore[arg-type]
        return changed  # type: ignore[return-value]


def _falloff(image: Image, falloff_xy: tuple[float, float]) -> Image:
    height, width = image.shape[:2]
    along_x = falloff_xy[0] * np.linspace(-1, 1, width, dtype=np.float32)
    along_y = falloff_xy[1] * np.linspace(-1, 1, height, dtype=np.float32)
    gain = 1 + along_y[:, None] + along_x[None, :]
    return cv2.multiply(image, cv2.merge([gain] * 3), dtype=cv2.CV_8U)  # type: ignore[return-value]


def draw_warp(rng: np.random.Generator, fit: Warp, *, orientation: str, strength: float) -> Warp:
    """Draw a motion of the whole picture about its middle, on top of the fit to working size.

    Args:
        rng: where the chance comes from.
        fit: the way from the stored picture to the working size.
        orientation: "any" turns and flips freely (skin, cells: no side is up); "upright" turns by
            a few degrees and flips left and right (people, streets).
        strength: 0 = none, 1 = the usual amount.
    """
    if strength <= 0:
        return fit
    turn_deg = rng.uniform(-180, 180) if orientation == "any" else rng.normal(0, 6 * strength)
    flip_x = -1.0 if rng.random() < 0.5 else 1.0
    flip_y = -1.0 if orientation == "any" and rng.random() < 0.5 else 1.0
    zoom = float(np.exp(rng.uniform(-0.3, 0.3) * strength))
    stretch = float(np.exp(rng.uniform(-0.1, 0.1) * strength))
    slant_deg = rng.uniform(-8, 8) * strength
    height, width = fit.target_hw
    shift = rng.uniform(-0.1, 0.1, size=2) * strength * (width, height)
    to_middle, from_middle = (
        translation(-width / 2, -height / 2),
        translation(width / 2, height / 2),
    )
    middle = scaling(flip_x * zoom * stretch, flip_y * zoom / stretch) @ shear(slant_deg)
    return fit.then(translation(*shift) @ from_middle @ rotation(turn_deg) @ middle @ to_middle)


def draw_light(rng: np.random.Generator, *, strength: float) -> Light | None:
    """Draw a change of light: white balance, contrast, gamma, saturation, blur, falloff."""
    if strength <= 0:
        return None
    gain = np.exp(rng.normal(0, 0.12 * strength) + rng.normal(0, 0.06 * strength, size=3))
    contrast = float(np.exp(rng.normal(0, 0.15 * strength)))
    gamma = float(np.exp(rng.normal(0, 0.2 * strength)))
    ramp = np.linspace(0, 1, 256)[:, None] ** gamma
    curve = ((ramp - 0.5) * contrast + 0.5) * gain
    saturation = float(np.exp(rng.normal(0, 0.2 * strength)))
    mix = saturation * np.eye(3) + (1 - saturation) * np.full((3, 3), 1 / 3)
    falloff = rng.normal(0, 0.12 * strength, size=2) if rng.random() < 0.5 else (0.0, 0.0)
    return Light(
        table=np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8),
        mix=mix.astype(np.float32),
        blur_px=float(rng.uniform(0.3, 1.2)) if rng.random() < 0.2 * strength else 0.0,
        falloff_xy=(float(falloff[0]), float(falloff[1])),
    )
