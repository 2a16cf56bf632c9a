"""Penn-Fudan: 170 street photographs with 423 people, each outlined.

PNGImages/NAME.png with PedMasks/NAME_mask.png, where every value but 0 is one person; the text
files in Annotation/ are not needed.
Wang, Shi, Song, Shen: Object detection combining recognition and segmentation, 2007.
"""

from __future__ import annotations

from pathlib import Path

from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures
from pixelwise.datasets._instances import thing_categories
from pixelwise.datasets._masks import MaskMeaning
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import pair_up

_FOLDERS = {"pngimages", "pedmasks"}


def likeness(root: Path) -> float:
    """Sure when the two folders are there and no other holds pictures."""
    return 0.95 if {_last(file) for file in pictures(glimpse(root))} == _FOLDERS else 0.0


def read(root: Path, masks: str) -> Paired:
    """People as instances; with another option than "auto", as that option says.

    Raises:
        PixelwiseError: nothing pairs, or two masks fit one picture.
    """
    found = pair_up(list_files(root))
    meaning = MaskMeaning("ids", thing_categories(["person"])) if masks == "auto" else None
    return open_paired("pennfudan", root, found, masks, foreground="person", meaning=meaning)


def _last(file: str) -> str:
    return folder_of(file).rpartition("/")[2].lower()
