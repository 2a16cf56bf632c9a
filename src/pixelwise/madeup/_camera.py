"""Lamp, lens and sensor: from linear light to the 8-bit picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pixelwise.madeup._canvas import Canvas, Field, Rng, noise, ramp
from pixelwise.types import Image


def photograph(
    rng: Rng, pixel_rng: Rng, canvas: Canvas, light: Field, melanin: float
) -> tuple[Image, NDArray[np.bool_]]:
    """The picture, (H, W, 3) uint8 RGB, and where it shows skin at all, (H, W) bool.

    ``pixel_rng`` feeds what depends on the number of pixels (noise), so that everything drawn
    from ``rng`` is the same at every size.
    """
    _illuminate(rng, canvas, light, melanin)
    window = _window(rng, canvas)
    light *= window[..., None]
    _focus(rng, canvas, light)
    # Flare: no lens renders black as zero.
    np.clip(light + np.float32(rng.uniform(0.0003, 0.007)), 0, 1, out=light)
    image = _develop(rng, light)
    _sensor_noise(rng, pixel_rng, image)
    picture = _compress(rng, np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8))
    return _frame(rng, canvas, picture, window > 0.5)


def _illuminate(rng: Rng, canvas: Canvas, light: Field, melanin: float) -> None:
    """Exposure, colour of the light, and its falling off towards the corners or to one side."""
    y, x = canvas.grid()
    # Cameras open up for dark skin, though not all the way.
    exposure = rng.normal(-0.12, 0.22) + rng.uniform(0.2, 0.7) * max(melanin - 0.4, 0) * 0.6
    cast = rng.normal(0, 0.42 if rng.random() < 0.25 else 0.17)
    green = rng.normal(0.04, 0.06)
    gains = np.exp(
        np.array([exposure - 0.1 * cast, exposure + 0.35 * cast + green, exposure + cast])
    )
    log_light = -rng.uniform(0.0, 1.0) * (x * x + y * y)
    angle = rng.uniform(0, 2 * np.pi)
    log_light = log_light + rng.normal(0, 0.18) * (np.cos(angle) * x + np.sin(angle) * y)
    log_light = log_light + rng.uniform(0, 0.05) * noise(rng, canvas, 2)
    light *= np.exp(log_light.astype(np.float32))[..., None] * gains.astype(np.float32)
    # The colour of the light is not the same everywhere either.
    hue = np.float32(rng.uniform(0, 0.1)) * noise(rng, canvas, rng.uniform(1, 3))
    light[..., 2] *= np.exp(hue)
    light[..., 1] *= np.exp(np.float32(0.4) * hue)


def _window(rng: Rng, canvas: Canvas) -> Field:
    """(H, W) in [0, 1]: the field of view. Whole, with dark corners, or a round one in black."""
    tall, wide = canvas.extent_hw
    kind = rng.random()
    if kind < 0.62:
        return np.ones((canvas.height, canvas.width), np.float32)
    y, x = canvas.grid()
    corner = float(np.hypot(tall, wide)) / 2
    radius = rng.uniform(0.82, 1.02) * corner
    if kind > 0.93:
        radius = rng.uniform(0.85, 1.1) * tall / 2
    at = rng.normal(0, 0.015, 2)
    away = np.hypot(x - np.float32(at[0]), y - np.float32(at[1]))
    soft = rng.choice([0.006, 0.05, 0.15], p=[0.4, 0.35, 0.25])
    dark = rng.choice([0.0, rng.uniform(0.0, 0.1)])
    seen: Field = 1 - (1 - np.float32(dark)) * ramp(away, radius - soft, radius + soft)
    return seen


def _focus(rng: Rng, canvas: Canvas, light: Field) -> None:
    """A little out of focus, or sharpened by the camera, in place."""
    blur = rng.uniform(0.0, 0.0025) * canvas.scale
    kind = rng.random()
    if kind < 0.55 and blur > 0.3:
        cv2.GaussianBlur(light, (0, 0), blur, dst=light)
    elif kind > 0.8:
        soft = cv2.GaussianBlur(light, (0, 0), max(0.002 * canvas.scale, 0.5))
        light += np.float32(rng.uniform(0.2, 0.8)) * (light - soft)


def _develop(rng: Rng, light: Field) -> Field:
    """Linear light to display values: gamma, contrast, saturation."""
    gamma = 1 / 2.2 * rng.lognormal(0, 0.06)
    image: Field = np.asarray(cv2.pow(light, gamma), np.float32)
    saturation = np.float32(rng.lognormal(0, 0.12))
    grey = image.mean(2, keepdims=True)
    image -= grey
    image *= saturation
    image += grey
    contrast = np.float32(rng.normal(1.0, 0.06))
    image -= np.float32(0.6)
    image *= contrast
    image += np.float32(0.6)
    return image


def _sensor_noise(rng: Rng, pixel_rng: Rng, image: Field) -> None:
    strength = np.float32(rng.uniform(0.0, 0.014) if rng.random() < 0.5 else 0.002)
    image += strength * pixel_rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None]


def _compress(rng: Rng, image: Image) -> Image:
    """Half of the pictures have been JPEG files before."""
    quality, is_used = int(rng.integers(55, 97)), rng.random() < 0.5
    if not is_used:
        return image
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert read is not None
    return read.astype(np.uint8)


def _frame(
    rng: Rng, canvas: Canvas, image: Image, seen: NDArray[np.bool_]
) -> tuple[Image, NDArray[np.bool_]]:
    """A thin dark line around the picture, or black bars above and below."""
    kind, share = rng.random(), rng.uniform(0.01, 0.08)
    thick = 0
    if kind < 0.12:
        thick = max(round(0.002 * canvas.scale), 1)
        image[:, :thick] = image[:, -thick:] = 20
        image[:thick] = image[-thick:] = 20
    elif kind < 0.16:
        thick = max(round(share * canvas.height), 1)
        image[:thick] = image[-thick:] = 0
        seen[:thick] = seen[-thick:] = False
    return image, seen
