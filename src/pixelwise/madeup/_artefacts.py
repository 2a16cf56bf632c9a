"""What lies between skin and lens: hair, ink, rulers, stickers, bubbles, glints.

Every function changes ``light``, (H, W, 3) float32 linear light, in place.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._canvas import (
    Canvas,
    Field,
    Points,
    Rng,
    blank,
    curve,
    disc,
    noise,
    opacity,
    ramp,
    stroke,
)
from pixelwise.madeup._shape import Shape

_INK = np.array([1.5, 2.2, 0.7], np.float32)
# Linear light of the stickers and cloths seen beside lesions.
_STICKERS = (
    (0.08, 0.55, 0.60),
    (0.02, 0.25, 0.62),
    (0.80, 0.30, 0.02),
    (0.80, 0.68, 0.03),
    (0.03, 0.35, 0.10),
    (0.72, 0.03, 0.30),
    (0.55, 0.04, 0.04),
    (0.75, 0.75, 0.72),
)


def add_artefacts(rng: Rng, canvas: Canvas, light: Field, shape: Shape, variety: float) -> None:
    """A random few of them; half of all pictures have hair, most of the rest are rare.

    ``variety`` scales the chance of each.
    """
    chances: tuple[tuple[float, Callable[[Rng, Canvas, Field, Shape], None]], ...] = (
        (0.30, _ink),
        (0.48, _hair),
        (0.05, _stubble),
        (0.22, _sticker),
        (0.08, _cloth),
        (0.24, _ruler),
        (0.07, _edge_ticks),
        (0.18, _plate_rim),
        (0.14, _bubbles),
        (0.16, _glints),
        (0.07, _lamps),
    )
    for chance, add in chances:
        if rng.random() < chance * variety:
            add(rng, canvas, light, shape)


def _blend(light: Field, alpha: Field, colour: NDArray[np.float32] | tuple[float, ...]) -> None:
    light += alpha[..., None] * (np.asarray(colour, np.float32) - light)


def _anywhere(rng: Rng, canvas: Canvas) -> tuple[float, float]:
    tall, wide = canvas.extent_hw
    return rng.uniform(-0.5, 0.5) * wide, rng.uniform(-0.5, 0.5) * tall


def _hair(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Curved hairs, mostly running one way; a few to a thicket; dark, brown or fair."""
    count = int(np.interp(rng.random(), (0, 0.5, 0.85, 1), (2, 8, 25, 80)))
    main, scatter = rng.uniform(0, np.pi), rng.choice([0.25, 0.8, 3.0])
    width = rng.uniform(0.0012, 0.0055) * (0.7 if count > 25 else 1.0)
    layer = blank(canvas)
    for _ in range(count):
        path = _hair_path(rng, canvas, rng.normal(main, scatter))
        stroke(layer, canvas, path, width * rng.uniform(0.6, 1.3), rng.uniform(0.6, 1.0))
    dark = np.array([0.030, 0.018, 0.012], np.float32) * np.float32(rng.uniform(0.3, 3.5))
    fair = np.array([0.60, 0.47, 0.33], np.float32) * np.float32(rng.uniform(0.4, 1.2))
    brown = np.array([0.17, 0.08, 0.03], np.float32) * np.float32(rng.uniform(0.5, 1.5))
    colour = (dark, brown, fair)[int(rng.choice(3, p=[0.6, 0.28, 0.12]))]
    _blend(light, opacity(layer) * np.float32(rng.uniform(0.5, 0.97)), colour)


def _hair_path(rng: Rng, canvas: Canvas, angle: float) -> Points:
    middle = np.array(_anywhere(rng, canvas)) * 1.2
    along = np.array([np.cos(angle), np.sin(angle)])
    half = along * rng.uniform(0.08, 0.6)
    bend = np.array([-along[1], along[0]]) * rng.normal(0, 0.2)
    return curve(middle - half, middle + bend, middle + half)


def _stubble(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Shaved hair: short straight strokes."""
    layer, main = blank(canvas), rng.uniform(0, 2 * np.pi)
    length, width = rng.uniform(0.008, 0.03), rng.uniform(0.002, 0.006)
    for _ in range(int(rng.integers(15, 90))):
        start, angle = np.array(_anywhere(rng, canvas)), rng.normal(main, 0.4)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        stroke(layer, canvas, curve(start, (start + end) / 2, end), width)
    _blend(light, opacity(layer) * np.float32(0.85), (0.03, 0.02, 0.02))


def _ink(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Gentian violet or blue pen: a ring around the lesion, crosses beside it, or scribbles."""
    layer = blank(canvas)
    kinds = (_ink_ring, _ink_marks, _ink_scribble, _ink_blots)
    kinds[int(rng.choice(4, p=[0.2, 0.25, 0.25, 0.3]))](rng, canvas, layer, shape)
    patchy = ramp(noise(rng, canvas, rng.uniform(20, 90)), rng.uniform(-2.5, 0.0), 1.0)
    blurred = cv2.GaussianBlur(layer, (0, 0), max(rng.uniform(0.0005, 0.003) * canvas.scale, 0.3))
    amount = opacity(blurred.astype(np.uint8)) * patchy * np.float32(rng.uniform(0.3, 1.6))
    light *= np.exp(-amount[..., None] * (_INK + rng.normal(0, 0.3, 3).astype(np.float32)))


def _ink_ring(rng: Rng, canvas: Canvas, layer: NDArray[np.uint8], shape: Shape) -> None:
    radius, width = shape.radius * rng.uniform(1.2, 2.0) + 0.06, rng.uniform(0.004, 0.03)
    start, sweep = rng.uniform(0, 2 * np.pi), rng.uniform(2.0, 2 * np.pi)
    angle = start + np.linspace(0, sweep, 60)
    wobble = radius * (1 + 0.05 * np.sin(3 * angle + start))
    path = np.stack([wobble * np.cos(angle), wobble * np.sin(angle)], 1) + shape.centre_xy
    stroke(layer, canvas, path.astype(np.float32), width)


def _ink_marks(rng: Rng, canvas: Canvas, layer: NDArray[np.uint8], shape: Shape) -> None:
    """Crosses or stars just outside the lesion."""
    away, turn = shape.radius + rng.uniform(0.06, 0.16), rng.uniform(0, 2 * np.pi)
    size, width = rng.uniform(0.015, 0.045), rng.uniform(0.003, 0.010)
    for angle in turn + np.arange(int(rng.integers(1, 5))) * np.pi / 2 + rng.normal(0, 0.2):
        at = np.array(shape.centre_xy) + away * np.array([np.cos(angle), np.sin(angle)])
        for _ in range(int(rng.integers(2, 7))):
            arm, skew = rng.uniform(0, np.pi), rng.normal(0, 0.008, 2)
            reach = size * np.array([np.cos(arm), np.sin(arm)])
            stroke(layer, canvas, curve(at - reach + skew, at, at + reach + skew), width)


def _ink_scribble(rng: Rng, canvas: Canvas, layer: NDArray[np.uint8], shape: Shape) -> None:
    """Hatching or a written letter or two, away from the middle."""
    angle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.002, 0.008)
    away = shape.radius + rng.uniform(0.1, 0.3)
    at = np.array(shape.centre_xy) + away * np.array([np.cos(angle), np.sin(angle)])
    lean, length = rng.uniform(0, np.pi), rng.uniform(0.05, 0.18)
    reach = length / 2 * np.array([np.cos(lean), np.sin(lean)])
    for line in range(int(rng.integers(2, 9))):
        shift = line * 0.014 * np.array([-np.sin(lean), np.cos(lean)]) + rng.normal(0, 0.006, 2)
        bend = at + shift + rng.normal(0, 0.02, 2)
        stroke(layer, canvas, curve(at + shift - reach, bend, at + shift + reach), width)


def _ink_blots(rng: Rng, canvas: Canvas, layer: NDArray[np.uint8], shape: Shape) -> None:
    """Feathery patches of many short strokes around the lesion, up to its border."""
    turn = rng.uniform(0, 2 * np.pi)
    for angle in turn + np.arange(int(rng.integers(1, 5))) * rng.uniform(1.2, 2.2):
        away = shape.radius * rng.uniform(1.0, 1.3) + rng.uniform(0.02, 0.2)
        at = np.array(shape.centre_xy) + away * np.array([np.cos(angle), np.sin(angle)])
        size, width = rng.uniform(0.02, 0.09), rng.uniform(0.002, 0.010)
        for _ in range(int(rng.integers(5, 25))):
            arm, middle = rng.uniform(0, np.pi), at + rng.normal(0, 0.4 * size, 2)
            reach = size * rng.uniform(0.2, 0.7) * np.array([np.cos(arm), np.sin(arm)])
            bend = middle + rng.normal(0, 0.1 * size, 2)
            stroke(layer, canvas, curve(middle - reach, bend, middle + reach), width)


def _sticker(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Coloured paper discs reaching in from the edge, never over the lesion."""
    tall, wide = canvas.extent_hw
    for _ in range(int(rng.integers(1, 3))):
        angle, radius = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.45)
        out = rng.uniform(0.75, 1.4)
        at = out * wide / 2 * np.cos(angle), out * tall / 2 * np.sin(angle)
        layer = blank(canvas)
        disc(layer, canvas, at, radius)
        if ((layer > 0) & (shape.depth > -0.01)).any():
            continue
        first, second = rng.choice(len(_STICKERS), 2, replace=False)
        _blend(light, opacity(layer), _paper(rng, canvas, first))
        if rng.random() < 0.3:
            inner = blank(canvas)
            disc(inner, canvas, at, radius * rng.uniform(0.4, 0.7))
            _blend(light, opacity(inner), _paper(rng, canvas, second))


def _paper(rng: Rng, canvas: Canvas, colour: int) -> Field:
    grain = 1 + np.float32(0.06) * noise(rng, canvas, 120)
    shade = np.asarray(_STICKERS[colour], np.float32) * np.float32(rng.uniform(0.6, 1.1))
    paper: Field = grain[..., None] * shade
    return paper


def _cloth(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """A corner or an edge that is not skin: cloth, glove, table, a shadow."""
    y, x = canvas.grid()
    angle = rng.uniform(0, 2 * np.pi)
    side = (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)
    side = side + np.float32(0.02) * noise(rng, canvas, 3)
    start = rng.uniform(0.28, 0.52)
    alpha = ramp(side, start, start + rng.choice([0.004, 0.03]))
    alpha *= shape.depth < -0.01
    colour = np.array(_STICKERS[int(rng.integers(len(_STICKERS)))]) * rng.uniform(0.05, 0.9)
    weave = np.exp(np.float32(0.2) * noise(rng, canvas, rng.uniform(40, 150)))
    _blend(light, alpha, (weave[..., None] * colour).astype(np.float32))


def _ruler(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """A scale with ticks and sometimes "mm", straight or slanting, mostly near an edge."""
    layer = blank(canvas)
    tilt = rng.choice([0.0, rng.normal(0, 0.25), rng.uniform(-1.6, 1.6)])
    along = np.array([np.cos(tilt), np.sin(tilt)])
    up = np.array([along[1], -along[0]])
    length, steps = rng.uniform(0.25, 0.5), int(rng.integers(8, 32))
    side = rng.choice([-1, 1]) * rng.uniform(0.26, 0.46) * canvas.extent_hw[0] * 1.1
    start = np.array([rng.uniform(-0.3, 0.3), side]) - along * length / 2
    width, tick = rng.uniform(0.0012, 0.003), rng.uniform(0.008, 0.022)
    stroke(layer, canvas, curve(start, start + along * length / 2, start + along * length), width)
    for step in range(steps + 1):
        foot = start + along * length * step / steps
        top = foot + up * tick * (1.6 if step % 5 == 0 else 1.0)
        stroke(layer, canvas, np.array([foot, top], np.float32), width)
    if rng.random() < 0.5:
        at = canvas.pixels((start - along * 0.02 + up * 0.03).astype(np.float32)[None])[0] // 16
        size, weight = 0.0011 * canvas.scale, max(round(0.003 * canvas.scale), 1)
        where = int(at[0]), int(at[1])
        cv2.putText(layer, "mm", where, cv2.FONT_HERSHEY_SIMPLEX, size, 255, weight, cv2.LINE_AA)
    dark = float(rng.uniform(0.005, 0.12))
    _blend(light, opacity(layer) * np.float32(rng.uniform(0.4, 0.95)), (dark, dark, dark))


def _edge_ticks(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """The ticks of a dermoscope's own scale, along one edge."""
    layer, angle = blank(canvas), rng.uniform(0, np.pi)
    tall, wide = canvas.extent_hw
    start = np.array([rng.choice([-1, 1]) * wide * 0.48, rng.choice([-1, 1]) * tall * 0.40])
    step = -np.sign(start) * np.array([rng.uniform(0, 0.05), rng.uniform(0, 0.05)])
    reach = rng.uniform(0.01, 0.03) * np.array([np.cos(angle), np.sin(angle)])
    width = rng.uniform(0.002, 0.008)
    for tick in range(int(rng.integers(4, 20))):
        foot = start + step * tick
        stroke(layer, canvas, np.array([foot - reach, foot + reach], np.float32), width)
    _blend(light, opacity(layer) * np.float32(0.9), (0.01, 0.01, 0.01))


def _plate_rim(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """The rim of the contact plate: pale and dark arcs near the corners."""
    radius = rng.uniform(0.46, 0.60)
    at = rng.normal(0, 0.04, 2)
    for _ in range(int(rng.integers(1, 4))):
        layer = blank(canvas)
        disc(layer, canvas, at, radius + rng.uniform(0, 0.02), rng.uniform(0.002, 0.02))
        layer = cv2.GaussianBlur(layer, (0, 0), max(0.002 * canvas.scale, 0.3)).astype(np.uint8)
        tone = float(rng.choice([0.02, 0.8]))
        _blend(light, opacity(layer) * np.float32(rng.uniform(0.1, 0.45)), (tone, tone, tone))


def _bubbles(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Air in the gel: rings that catch light, the inside a little darker or brighter."""
    rims, insides = blank(canvas), blank(canvas)
    for _ in range(int(rng.integers(1, 14))):
        at, radius = _anywhere(rng, canvas), 0.004 * rng.pareto(1.5) + 0.004
        disc(rims, canvas, at, min(radius, 0.12), rng.uniform(0.0012, 0.004))
        disc(insides, canvas, at, min(radius, 0.12))
    light *= 1 + (opacity(insides) * np.float32(rng.normal(0, 0.08)))[..., None]
    _blend(light, opacity(rims) * np.float32(rng.uniform(0.15, 0.6)), (0.95, 0.95, 0.95))


def _glints(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """Small mirror reflections on dry skin or scales, where a slow noise lets them be."""
    fine = noise(rng, canvas, rng.uniform(60, 200))
    where = ramp(noise(rng, canvas, rng.uniform(2, 8)), 0.5, 2.0)
    alpha = ramp(fine, 1.6, 2.6) * where * np.float32(rng.uniform(0.3, 1.0))
    _blend(light, alpha, (1.0, 1.0, 1.0))


def _lamps(rng: Rng, canvas: Canvas, light: Field, shape: Shape) -> None:
    """The dermoscope's lamps mirrored at both sides."""
    layer = blank(canvas)
    wide, height = canvas.extent_hw[1], rng.uniform(-0.1, 0.1)
    for side in (-1, 1):
        for _ in range(int(rng.integers(1, 4))):
            at = side * wide * rng.uniform(0.46, 0.52), height + rng.normal(0, 0.04)
            disc(layer, canvas, at, rng.uniform(0.015, 0.05))
    soft = cv2.GaussianBlur(layer, (0, 0), max(0.012 * canvas.scale, 0.5)).astype(np.uint8)
    light += opacity(soft)[..., None] * np.float32(1.2)
