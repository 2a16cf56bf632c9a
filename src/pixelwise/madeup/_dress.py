"""What made-up people wear, and what things are covered with: colours and patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixelwise.madeup._raster import Bits, Field, Rgb, Rng, linear, tone

_SKINS = (
    (246, 208, 178),
    (232, 184, 148),
    (206, 152, 112),
    (172, 118, 80),
    (128, 82, 54),
    (86, 54, 38),
)
_HAIRS = (
    (24, 20, 20),
    (52, 36, 26),
    (96, 62, 34),
    (150, 104, 56),
    (206, 170, 108),
    (150, 150, 150),
    (142, 60, 28),
)
# Common colours of cloth; walls and things take theirs from the same list, so that colour alone
# does not tell a person from a wall.
CLOTHS = (
    (38, 40, 48),
    (236, 236, 232),
    (140, 142, 148),
    (36, 54, 104),
    (70, 110, 178),
    (150, 190, 222),
    (170, 40, 44),
    (222, 96, 60),
    (236, 190, 70),
    (60, 112, 70),
    (130, 156, 92),
    (116, 74, 126),
    (216, 140, 162),
    (128, 92, 66),
    (196, 172, 138),
    (44, 132, 136),
)
PATTERNS = ("plain", "hoops", "stripes", "checks", "dots", "block")


@dataclass(frozen=True)
class Fabric:
    """Two colours of linear light, one pattern of `PATTERNS`, its period in body heights."""

    first: Rgb
    second: Rgb
    pattern: str = "plain"
    period: float = 0.06

    def light(self, along: Field, across: Field) -> Field:
        """(h, w, 3), or (1, 1, 3) where it is plain.

        ``along`` is in body heights, ``across`` runs from -1 to 1.
        """
        if self.pattern == "plain":
            return tone(self.first)[None, None]
        is_second = _pattern(self.pattern, along / np.float32(self.period), across)
        first, second = tone(self.first), tone(self.second)
        return np.where(is_second[..., None], second, first)


def _pattern(kind: str, along: Field, across: Field) -> Bits:
    if kind == "block":
        return np.asarray((along > 0.9) & (along < 2.2))
    hoops: Bits = along - np.floor(along) < 0.5
    if kind == "hoops":
        return hoops
    aside = across * np.float32(2.5)
    stripes: Bits = aside - np.floor(aside) < 0.5
    if kind == "stripes":
        return stripes
    if kind == "checks":
        return np.asarray(hoops ^ stripes)
    u, v = along - np.floor(along) - np.float32(0.5), aside - np.floor(aside) - np.float32(0.5)
    return np.asarray(u * u + v * v < np.float32(0.09))


@dataclass(frozen=True)
class Dress:
    """Skin, hair and clothes of one person.

    ``sleeve``, ``leg``: share of the arm and of the leg that is covered. ``hair_line``: how far
    hair comes down on the head, -2 = bald. ``hair_length``: in head radii, 0 = short.
    """

    skin: Rgb
    hair: Rgb
    shirt: Fabric
    trousers: Fabric
    shoes: Fabric
    sleeve: float
    leg: float
    hair_line: float
    hair_length: float
    has_skirt: bool
    has_cap: bool
    has_bag: bool

    @property
    def skin_fabric(self) -> Fabric:
        """Skin, as what covers a limb."""
        return Fabric(self.skin, self.skin)


def draw_dress(rng: Rng, variety: float) -> Dress:
    """Random clothes; without variety they are plain."""
    has_skirt = rng.random() < 0.22
    is_short = rng.random() < 0.3
    is_long_haired, is_bald = rng.random() < 0.4, rng.random() < 0.07
    return Dress(
        skin=shade_of(rng, _SKINS, 0.08),
        hair=shade_of(rng, _HAIRS, 0.15),
        shirt=draw_fabric(rng, variety),
        trousers=draw_fabric(rng, 0.35 * variety),
        shoes=draw_fabric(rng, 0.0),
        sleeve=float(rng.choice([0.05, 0.3, 0.45, 1.0], p=[0.12, 0.33, 0.1, 0.45])),
        leg=0.0 if has_skirt else float(rng.choice([0.32, 0.46])) if is_short else 1.0,
        hair_line=-2.0 if is_bald else float(rng.uniform(0.0, 0.3)),
        hair_length=float(rng.uniform(1.1, 2.6)) if is_long_haired and not is_bald else 0.0,
        has_skirt=has_skirt,
        has_cap=rng.random() < 0.18 * variety,
        has_bag=rng.random() < 0.22 * variety,
    )


def draw_fabric(rng: Rng, variety: float, period: float = 0.06) -> Fabric:
    """Two different colours and, more often with more variety, a pattern."""
    one, two = rng.choice(len(CLOTHS), 2, replace=False)
    pattern = PATTERNS[int(rng.integers(1, len(PATTERNS)))]
    is_plain = rng.random() > 0.55 * variety
    size = period * float(rng.uniform(0.6, 1.6))
    first, second = (shade_of(rng, (CLOTHS[k],), 0.18) for k in (int(one), int(two)))
    return Fabric(first, second, "plain" if is_plain else pattern, size)


def shade_of(rng: Rng, colors: tuple[tuple[int, int, int], ...], spread: float) -> Rgb:
    """One of the display colours as linear light, a little lighter or darker."""
    red, green, blue = colors[int(rng.integers(len(colors)))]
    gain = 1 + spread * float(rng.uniform(-1, 1))
    shifts = [1 + 0.3 * spread * float(rng.uniform(-1, 1)) for _ in range(3)]
    lit = (min(v * gain * s, 255.0) for v, s in zip((red, green, blue), shifts, strict=True))
    return linear(*lit)
