"""MADS full-body: people dancing, training and playing, cut out of film frames.

images/NAME.png with masks/NAME.png, where NAME is DANCE_TAKE_CAMERA_FRAME, for example
HipHop_HipHop1_C0_00180. The cameras C0 to C2 film one take at once, so a take is one clip
whichever the camera. Zhang, Liu, Li et al.: Martial arts, dancing and sports dataset, 2017.
"""

from __future__ import annotations

import re
from pathlib import Path

from pixelwise.datasets._files import glimpse, list_files, pictures, stem
from pixelwise.datasets._mixed import are_most, note_on_mixed
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import pair_up

_NAME = re.compile(r"(?P<dance>[A-Za-z]+)_(?P<take>[A-Za-z]+\d+|[A-Za-z]+)_(?P<camera>C\d)_\d{3,}")


def likeness(root: Path) -> float:
    """Sure when most images are named so and there are masks."""
    files = pictures(glimpse(root))
    hits = sum(_NAME.fullmatch(stem(file)) is not None for file in files)
    return 0.9 if are_most(hits, len(files)) else 0.0


def read(root: Path, masks: str) -> Paired:
    """Frames with ``dance``, ``clip`` (the take, all cameras together) and ``camera``.

    Raises:
        PixelwiseError: nothing pairs, or unclear mask values.
    """
    found = pair_up(list_files(root))
    groups = {pair.id: _facts(stem(pair.image)) for pair in found.pairs}
    notes = note_on_mixed(sum(map(bool, groups.values())), len(groups), "MADS's")
    return open_paired("mads", root, found, masks, foreground="person", groups=groups, notes=notes)


def _facts(name: str) -> dict[str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        return {}
    clip = f"{match['dance']}_{match['take']}"
    return {"dance": match["dance"], "clip": clip, "camera": match["camera"]}
