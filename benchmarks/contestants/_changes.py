"""How strongly the peers change pictures by chance: what our recipe draws, in numbers.

From `pixelwise.augment` at strength 0.5; ours draws skin at 1 when it begins with the built-in
weights, and so changes pictures more, not less. The peers' libraries draw evenly where ours
draws normally, so that a range here is about 1.7 standard deviations there.
"""

from __future__ import annotations

SCALE = (0.86, 1.16)
SHEAR_DEG = 4.0
SHIFT = 0.05
UPRIGHT_TURN_DEG = 5.0
BRIGHTNESS = 0.11
CONTRAST = 0.13
SATURATION = 0.17
GAMMA = (0.84, 1.19)
FALLOFF = (0.01, 0.1)
BLUR_PX = (0.3, 1.2)
BLUR_PROBABILITY = 0.1


def turn_deg(orientation: str) -> float:
    """How far a picture is turned either way: all the way where no side is up."""
    return 180.0 if orientation == "any" else UPRIGHT_TURN_DEG
