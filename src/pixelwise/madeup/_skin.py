"""Skin around the lesion, as absorption: minus the natural logarithm of linear light.

Pigments add in this space, as in the Beer-Lambert law, so a brown that darkens stays brown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._canvas import (
    Canvas,
    Field,
    Rng,
    blank,
    disc,
    fractal,
    honeycomb,
    noise,
    opacity,
    ramp,
)

# Absorption of one unit in red, green and blue; the proportions are those between skin and
# pigmented spots (melanin) or reddened skin (blood) in dermoscopy.
MELANIN = np.array([0.30, 0.68, 1.0], np.float32)
BLOOD = np.array([0.06, 0.72, 0.60], np.float32)
_BARE = np.array([0.20, 0.30, 0.30], np.float32)


def skin_tone(rng: Rng) -> tuple[float, float]:
    """Amounts of melanin and blood. Three in ten skins are Fitzpatrick IV to VI."""
    is_dark = rng.random() < 0.3
    melanin = rng.uniform(0.45, 2.3) if is_dark else 0.6 * rng.beta(1.5, 3.0)
    return melanin, 0.5 * rng.beta(1.2, 2.5)


def paint_skin(rng: Rng, canvas: Canvas, tone: tuple[float, float]) -> Field:
    """(H, W, 3) absorption of skin without a lesion: tone, texture, redness, freckles, vessels."""
    melanin = np.full((canvas.height, canvas.width), tone[0], np.float32)
    melanin += _mottling(rng, canvas)
    blood = np.full_like(melanin, tone[1])
    blood += rng.uniform(0.01, 0.06) * fractal(rng, canvas, rng.uniform(2, 12), 4, 0.75)
    if rng.random() < 0.25:
        blood += _flush(rng, canvas)
    if rng.random() < 0.35:
        blood += _vessels(rng, canvas)
    if rng.random() < 0.3:
        melanin += _freckles(rng, canvas)
    if rng.random() < 0.2:
        melanin += _follicles(rng, canvas)
    painted: Field = blood[..., None] * BLOOD
    painted += melanin[..., None] * MELANIN
    painted += _BARE
    painted += _relief(rng, canvas)[..., None]
    return painted


def _mottling(rng: Rng, canvas: Canvas) -> Field:
    broad = rng.uniform(0.01, 0.07) * fractal(rng, canvas, rng.uniform(1, 4), 2)
    fine = rng.uniform(0.005, 0.08) * fractal(rng, canvas, rng.uniform(4, 24), 3, 0.7)
    mottled: Field = broad + fine
    return mottled


def _relief(rng: Rng, canvas: Canvas) -> Field:
    """Lines and grain of the surface: they shade every colour alike."""
    grain = noise(rng, canvas, rng.uniform(90, 220))
    relief: Field = rng.uniform(0.005, 0.05) * grain
    if rng.random() < 0.4:
        lines = honeycomb(rng, canvas, rng.uniform(20, 60), rng.uniform(0.4, 0.9))
        relief += rng.uniform(-0.06, 0.10) * ramp(lines, 0.5, 1.0)
    return relief


def _flush(rng: Rng, canvas: Canvas) -> Field:
    """Blotches of redness that are not the lesion."""
    patch = ramp(fractal(rng, canvas, rng.uniform(2, 7), 5, 0.75), rng.uniform(-0.5, 0.8), 2.8)
    flush: Field = rng.uniform(0.15, 0.6) * patch
    return flush


def _vessels(rng: Rng, canvas: Canvas) -> Field:
    """Fine branching red lines: the zero crossings of noise, where other noise lets them show."""
    wander = fractal(rng, canvas, rng.uniform(4, 14), 3, 0.6)
    width = rng.uniform(0.03, 0.10)
    shown = ramp(noise(rng, canvas, rng.uniform(2, 6)), rng.uniform(-0.5, 0.8), 1.8)
    lines: Field = np.exp(-((wander / width) ** 2)) * shown
    return lines * np.float32(rng.uniform(0.1, 0.8))


def _freckles(rng: Rng, canvas: Canvas) -> Field:
    """Brown spots that are not the lesion, from sun-specks to age spots."""
    cells = rng.choice([rng.uniform(5, 12), rng.uniform(12, 40)])
    field = fractal(rng, canvas, cells, 4, 0.7)
    threshold = rng.uniform(0.7, 2.0)
    freckles: Field = rng.uniform(0.15, 0.7) * ramp(field, threshold, threshold + 1.4)
    return freckles


def _follicles(rng: Rng, canvas: Canvas) -> Field:
    """Pores: small discs, darker or paler than the skin, scattered evenly."""
    layer = blank(canvas)
    radius = rng.uniform(0.002, 0.010)
    for centre in _scattered(rng, canvas, rng.uniform(6, 16)):
        disc(layer, canvas, centre, radius * rng.uniform(0.6, 1.4))
    follicles: Field = opacity(layer) * np.float32(rng.choice([-1, 1]) * rng.uniform(0.06, 0.3))
    return follicles


def _scattered(rng: Rng, canvas: Canvas, cells: float) -> NDArray[np.float64]:
    """(N, 2) points (x, y): a grid of ``cells`` per long side, shaken."""
    tall, wide = canvas.extent_hw
    rows, columns = max(round(cells * tall), 1), max(round(cells * wide), 1)
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    points = np.stack([(x.ravel() + 0.5) / columns, (y.ravel() + 0.5) / rows], 1) - 0.5
    points *= [wide, tall]
    return points + rng.normal(0, 0.3 / cells, points.shape)
