"""Where the lesion is: an implicit shape, cut at the level that gives the wanted area."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._canvas import Canvas, Field, Rng, noise
from pixelwise.madeup._look import Look

# Area of the lesion over area of the picture, at these quantiles: wider than what dermatologists
# outlined in public dermoscopy (median 0.18), so that neither end is new to a network.
_AREA_AT = (0.0, 0.02, 0.10, 0.25, 0.50, 0.75, 0.90, 0.97, 1.0)
_AREA = (0.004, 0.01, 0.03, 0.075, 0.18, 0.33, 0.45, 0.66, 0.92)


@dataclass(frozen=True)
class Shape:
    """``depth`` (H, W) float32: signed distance to the outline in long sides, positive inside.

    ``radius``: of a disc of the same area, in long sides. ``centre_xy`` in long sides from the
    picture's centre.
    """

    depth: Field
    radius: float
    centre_xy: tuple[float, float]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool, True on the lesion."""
        inside: NDArray[np.bool_] = self.depth > 0
        return inside


def draw_shape(rng: Rng, canvas: Canvas, look: Look) -> Shape:
    """A lesion's outline, mostly near the picture's centre."""
    area = float(np.interp(rng.random(), _AREA_AT, _AREA))
    tall, wide = canvas.extent_hw
    spread = (0.035 if rng.random() < 0.8 else 0.10) * (1 - 0.5 * np.sqrt(area))
    centre = (rng.normal(0, spread) * wide, rng.normal(0, spread) * tall)
    return outline(rng, canvas, look, area, centre)


def outline(
    rng: Rng, canvas: Canvas, look: Look, area: float, centre: tuple[float, float]
) -> Shape:
    """Ellipses flowed together, bent on four scales, holes filled.

    ``area`` is the share of the picture covered; ``centre`` (x, y) in long sides from the middle.
    """
    tall, wide = canvas.extent_hw
    radius = float(np.sqrt(area * tall * wide / np.pi))
    distance = _distance(rng, canvas, look, centre, radius)
    level = float(np.quantile(distance[::2, ::2], area))
    return Shape(_depth(canvas, distance <= level, radius), radius, centre)


def _distance(
    rng: Rng, canvas: Canvas, look: Look, centre_xy: tuple[float, float], radius: float
) -> Field:
    """(H, W) distance to the lesion's parts in radii, with bent coordinates."""
    y, x = canvas.grid()
    # What nearly fills the picture takes its shape, as people frame it that way.
    squeeze = np.float32((canvas.extent_hw[1] / canvas.extent_hw[0]) ** min(radius, 0.4))
    x, y = (x - centre_xy[0]) / radius / squeeze, (y - centre_xy[1]) / radius * squeeze
    rough = rng.uniform(0.3, 1.0) + 0.25 * look.asymmetry
    for cells, bend in ((0.6, 0.12), (1.6, 0.06), (5.0, 0.022), (14.0, 0.012)):
        if (amount := bend * rough * rng.uniform(0, 1.6)) > 0.004:
            x = x + np.float32(amount) * noise(rng, canvas, cells / radius)
            y = y + np.float32(amount) * noise(rng, canvas, cells / radius)
    axes = rng.beta(6.0, 2.2), rng.uniform(0, np.pi)
    parts = [_ellipse(x, y, 0.0, 0.0, *axes)]
    for _ in range(_num_extra(rng, look)):
        parts.append(_bump(rng, x, y))
    # The soft minimum of Quilez, "smooth minimum": parts flow into one another.
    sharp = np.float32(rng.uniform(4, 14))
    total: Field = np.sum([np.exp(-sharp * part) for part in parts], axis=0)
    merged: Field = -np.log(total + np.float32(1e-30)) / sharp
    return merged


def _num_extra(rng: Rng, look: Look) -> int:
    return (
        int(rng.integers(0, 2 + look.asymmetry))
        if rng.random() < 0.35 + 0.2 * look.asymmetry
        else 0
    )


def _bump(rng: Rng, x: Field, y: Field) -> Field:
    """A smaller ellipse at or beyond the first one's border."""
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.85)
    size = rng.uniform(0.3, 0.8)
    axes = rng.uniform(0.5, 1.0), rng.uniform(0, np.pi)
    at = away * np.cos(angle), away * np.sin(angle)
    return _ellipse(x, y, at[0], at[1], *axes) + np.float32(1 - size)


def _ellipse(x: Field, y: Field, x0: float, y0: float, ratio: float, turn: float) -> Field:
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    dx, dy = x - np.float32(x0), y - np.float32(y0)
    ratio = max(ratio, 0.25)
    u = (cos * dx + sin * dy) * np.float32(np.sqrt(ratio))
    v = (cos * dy - sin * dx) * np.float32(1 / np.sqrt(ratio))
    norm: Field = np.sqrt(u * u + v * v)
    return norm


def _depth(canvas: Canvas, inside: NDArray[np.bool_], radius: float) -> Field:
    """Signed distance after filling holes and dropping crumbs under a hundredth of the area."""
    found, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    smallest = 0.01 * np.pi * (radius * canvas.scale) ** 2
    largest = max(found, key=cv2.contourArea)
    kept = [each for each in found if each is largest or cv2.contourArea(each) > smallest]
    filled = np.zeros(inside.shape, np.uint8)
    cv2.drawContours(filled, kept, -1, 1, cv2.FILLED)
    # The outline runs between pixels: half a pixel from the centres on both sides.
    within = cv2.distanceTransform(filled, cv2.DIST_L2, 5) - np.float32(0.5)
    beyond = cv2.distanceTransform(1 - filled, cv2.DIST_L2, 5) - np.float32(0.5)
    signed = np.where(filled > 0, within, -beyond) / np.float32(canvas.scale)
    return signed.astype(np.float32)
