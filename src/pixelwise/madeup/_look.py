"""What a lesion looks like, in the words of the PH2 table, given what it is.

The proportions follow Mendonca et al., "PH2 - a dermoscopic image database for research and
benchmarking" (EMBC 2013): 40 % common nevi, 40 % atypical nevi, 20 % melanomas. The chances below
are of the order found in that table; they tie the looks to the diagnosis, no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixelwise.madeup._canvas import Rng

DIAGNOSES = ("common nevus", "atypical nevus", "melanoma")
COLOURS = ("white", "red", "light brown", "dark brown", "blue-grey", "black")

_BLOCK = (0, 0, 1, 1, 2)
# One entry per diagnosis.
_ASYMMETRY = ((0.85, 0.12, 0.03), (0.55, 0.30, 0.15), (0.10, 0.20, 0.70))
_NETWORK = (("T", 0.85), ("T", 0.35), ("AT", 0.9))
_DOTS = ((0.65, 0.30, 0.05), (0.40, 0.30, 0.30), (0.35, 0.10, 0.55))
_STREAKS = (0.01, 0.08, 0.45)
_REGRESSION = (0.02, 0.08, 0.45)
_VEIL = (0.0, 0.08, 0.60)
_NUM_COLOURS = ((0.55, 0.42, 0.03, 0.0), (0.25, 0.50, 0.20, 0.05), (0.05, 0.25, 0.40, 0.30))


@dataclass(frozen=True)
class Look:
    """One row of the PH2 table.

    ``asymmetry`` 0 none, 1 along one axis, 2 along both. ``network`` "T" typical, "AT" atypical.
    ``dots`` "A" absent, "T", "AT". ``colours`` are indices into `COLOURS`.
    """

    diagnosis: str
    asymmetry: int
    network: str
    dots: str
    has_streaks: bool
    has_regression: bool
    has_veil: bool
    colours: tuple[int, ...]


def draw_look(seed: int, index: int) -> Look:
    """The look of picture ``index``: any five in a row from a multiple of five hold 2, 2 and 1."""
    block = np.random.default_rng(np.random.SeedSequence([seed, index // 5, 5]))
    kind = int(block.permutation(_BLOCK)[index % 5])
    rng = np.random.default_rng(np.random.SeedSequence([seed, index, 1]))
    usual, chance = _NETWORK[kind]
    other = "AT" if usual == "T" else "T"
    has_regression = bool(rng.random() < _REGRESSION[kind])
    has_veil = bool(rng.random() < _VEIL[kind])
    return Look(
        diagnosis=DIAGNOSES[kind],
        asymmetry=int(rng.choice(3, p=_ASYMMETRY[kind])),
        network=usual if rng.random() < chance else other,
        dots=("A", "T", "AT")[int(rng.choice(3, p=_DOTS[kind]))],
        has_streaks=bool(rng.random() < _STREAKS[kind]),
        has_regression=has_regression,
        has_veil=has_veil,
        colours=_draw_colours(rng, kind, has_regression, has_veil),
    )


def _draw_colours(rng: Rng, kind: int, has_regression: bool, has_veil: bool) -> tuple[int, ...]:
    """The main colour first, then others without repetition."""
    count = 1 + int(rng.choice(4, p=_NUM_COLOURS[kind]))
    main = int(rng.choice([2, 3, 1, 5], p=[0.48, 0.40, 0.06, 0.06]))
    chances = np.array([0.04, 0.10, 0.35, 0.35, 0.05, 0.11])
    chances[main] = 0
    others = rng.choice(6, count - 1, replace=False, p=chances / chances.sum())
    forced = [0] * has_regression + [4] * has_veil
    return tuple(dict.fromkeys([main, *forced, *(int(other) for other in others)]))
