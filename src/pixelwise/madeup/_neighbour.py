"""A second mole at the picture's edge: the outline asked for is the one in the middle."""

from __future__ import annotations

import numpy as np

from pixelwise.madeup._canvas import Canvas, Field, Rng
from pixelwise.madeup._lesion import paint_lesion
from pixelwise.madeup._look import Look
from pixelwise.madeup._shape import Shape, outline

_PLAIN = Look("common nevus", 0, "T", "A", False, False, False, (2,))


def add_neighbour(rng: Rng, canvas: Canvas, shape: Shape, absorption: Field) -> None:
    """Paint one near an edge, in place; it goes where it leaves the lesion alone, or nowhere."""
    tall, wide = canvas.extent_hw
    angle, out = rng.uniform(0, 2 * np.pi), rng.uniform(0.65, 1.05)
    centre = out * np.cos(angle) * wide / 2, out * np.sin(angle) * tall / 2
    area = rng.uniform(0.004, 0.06)
    other = outline(rng, canvas, _PLAIN, area, centre)
    # Both fade out beyond their outlines; a fifth of a radius keeps them apart.
    if (other.depth + shape.depth > -0.2 * (other.radius + shape.radius)).any():
        return
    absorption += paint_lesion(rng, canvas, _PLAIN, other, variety=1.0)
