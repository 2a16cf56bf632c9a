"""The PH2 data set's own files: folders of bitmaps and a table with its legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from pixelwise.madeup._look import DIAGNOSES, Look
from pixelwise.types import Image

_HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | "
    "Dots/Globules | Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
_LEGEND = """
Legends:

Histological Diagnosis: empty, nothing was cut out of a made-up picture

Clinical Diagnosis:
	0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.

Asymmetry:
	0 - Fully Symmetric; 1 - Asymmetric in One Axis; 2 - Fully Asymmetric.

Pigment Network:
	AT - Atypical; T - Typical.

Dots/Globules:
	A - Absent; AT - Atypical; T - Typical.

Streaks, Regression Areas, Blue-Whitish Veil:
	A - Absent; P - Present.

Colors:
	1 - White; 2 - Red; 3 - Light-Brown; 4 - Dark-Brown; 5 - Blue-Gray; 6 - Black.
"""


def case_name(number: int) -> str:
    """The name of case ``number``, counted from 1: IMD001, IMD002 and so on."""
    return f"IMD{number:03d}"


def write_case(root: Path, name: str, image: Image, mask: NDArray[np.bool_]) -> None:
    """Write one case's picture, 24-bit BMP, and its mask, 1-bit BMP."""
    case = root / "PH2 Dataset images" / name
    for kind, pixels in (("Dermoscopic_Image", image), ("lesion", mask)):
        folder = case / f"{name}_{kind}"
        folder.mkdir(parents=True)
        stem = name if kind == "Dermoscopic_Image" else folder.name
        Pillow.fromarray(pixels).save(folder / f"{stem}.bmp")


def write_table(root: Path, looks: Sequence[Look]) -> None:
    """Write PH2_dataset.txt: one row for each look in order, the legend below."""
    rows = [_row(case_name(number), look) for number, look in enumerate(looks, 1)]
    text = "\n".join([_HEADER, *rows, _LEGEND])
    (root / "PH2_dataset.txt").write_text(text, encoding="utf-8")


def _row(name: str, look: Look) -> str:
    signs = (look.has_streaks, look.has_regression, look.has_veil)
    streaks, regression, veil = ("P" if sign else "A" for sign in signs)
    colours = "  ".join(str(colour + 1) for colour in sorted(look.colours))
    return (
        f"|| {name} || {'':22} || {DIAGNOSES.index(look.diagnosis):18} || {look.asymmetry:8}  | "
        f"{look.network:>14}  | {look.dots:>12}  | {streaks:>6}  | {regression:>15}  | "
        f"{veil:>16}  || {colours:>16} ||"
    )
