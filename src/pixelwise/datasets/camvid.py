"""CamVid: frames from a car, in the layout that SegNet's authors pass on.

train/NAME.png with trainannot/NAME.png, and the same for val and test; mask values 0 to 10 are
classes and 11 is void. In other forms (NAME_L.png, NAME_P.png) masks are looked at as in any
folder. Brostow, Fauqueur, Cipolla: Semantic object classes in video, 2009; the eleven classes are
those of Badrinarayanan, Kendall, Cipolla: SegNet, 2017.
"""

from __future__ import annotations

import re
from pathlib import Path

from pixelwise.datasets._files import folder_of, glimpse, list_files, pictures, stem
from pixelwise.datasets._masks import MaskMeaning
from pixelwise.datasets._mixed import are_most, note_on_mixed
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import pair_up
from pixelwise.types import Category

# The four drives the frames were taken on; what follows is the frame's number.
_FRAME = re.compile(
    r"(?P<drive>0001TP|0006R0|0016E5|(?:Seq)?05VD)_[a-z]?\d+(?:_[LP])?", re.IGNORECASE
)

_CLASSES = (
    Category("sky", (128, 128, 128)),
    Category("building", (128, 0, 0)),
    Category("pole", (192, 192, 128)),
    Category("road", (128, 64, 128)),
    Category("pavement", (60, 40, 222)),
    Category("tree", (128, 128, 0)),
    Category("sign", (192, 128, 128)),
    Category("fence", (64, 64, 128)),
    Category("car", (64, 0, 128)),
    Category("pedestrian", (64, 64, 0)),
    Category("bicyclist", (0, 128, 192)),
)
_VOID = 11


def likeness(root: Path) -> float:
    """Sure when most pictures are named as CamVid's frames."""
    names = [stem(file) for file in pictures(glimpse(root))]
    hits = sum(_FRAME.fullmatch(name) is not None for name in names)
    return 0.95 if are_most(hits, len(names)) else 0.0


def read(root: Path, masks: str) -> Paired:
    """Frames, with the drive they are from as a group.

    It is no ``clip``, which a split would keep on one side: frames lie seconds apart, and the
    published parts share their drives.

    Masks in SegNet's folders have SegNet's eleven classes; others are looked at as in any folder.

    Raises:
        PixelwiseError: nothing pairs, or unclear mask values.
    """
    found = pair_up(list_files(root))
    by_segnet = all(folder_of(pair.mask).lower().endswith("annot") for pair in found.pairs)
    meaning = None
    if masks == "auto" and by_segnet:
        meaning = MaskMeaning("index", _CLASSES, tuple(range(len(_CLASSES))), (_VOID, 255))
    groups = {pair.id: {"drive": _drive(pair.image)} for pair in found.pairs}
    hits = sum(_FRAME.fullmatch(stem(pair.image)) is not None for pair in found.pairs)
    notes = note_on_mixed(hits, len(groups), "CamVid's")
    return open_paired("camvid", root, found, masks, groups=groups, meaning=meaning, notes=notes)


def _drive(image: str) -> str:
    match = _FRAME.fullmatch(stem(image))
    return match["drive"] if match else stem(image)
