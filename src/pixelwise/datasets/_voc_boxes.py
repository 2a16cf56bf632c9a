"""The boxes in Pascal VOC's XML files: Annotations/NAME.xml, an <object> for each.

Entities are refused, so that a file can neither grow without end nor read other files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from pixelwise.types import PixelwiseError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels; VOC counts pixels from 1, and its last one is inside."""

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_MOST_BYTES = 2**24
_DEEPEST = 4  # annotation, object, bndbox, xmin
_FARTHEST_PX = 1e7


def read_boxes(path: Path) -> list[tuple[str, Box]]:
    """The name and the box of each object; objects without a box are passed over.

    Raises:
        PixelwiseError: unreadable, no XML, or one that declares entities.
    """
    found = _Objects()
    parser = expat.ParserCreate()
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.add
    parser.EntityDeclHandler = _refuse_entities
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
        parser.Parse(path.read_bytes(), True)
    except (OSError, ValueError, expat.ExpatError) as error:
        raise PixelwiseError(
            f"{path} cannot be read as VOC's XML ({error}): export it again, or take it out of the "
            "folder."
        ) from error
    return found.boxes


@dataclass
class _Objects:
    """What has been read so far: the names of the open elements, and the text of the last."""

    boxes: list[tuple[str, Box]] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _text: str = ""
    _told: dict[str, str] = field(default_factory=dict)

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._open.append(name)
        self._text = ""
        if len(self._open) == 2 and name == "object":
            self._told = {}

    def add(self, text: str) -> None:
        self._text += text

    def end(self, _name: str) -> None:
        # The parts of a person (head, hand) have boxes too, one level deeper.
        if len(self._open) <= _DEEPEST:
            if self._open[1:-1] in (["object"], ["object", "bndbox"]):
                self._told[self._open[-1]] = self._text.strip()
            if self._open[1:] == ["object"] and set(_SIDES) <= set(self._told):
                self.boxes.append((self._told.get("name", ""), self._box()))
        self._open.pop()

    def _box(self) -> Box:
        left, top, right, bottom = (float(self._told[side]) for side in _SIDES)
        if not all(abs(side) <= _FARTHEST_PX for side in (left, top, right, bottom)):
            raise ValueError("a box lies nowhere near the image")
        return left - 1, top - 1, right, bottom


def _refuse_entities(name: str, *_rest: object) -> NoReturn:
    raise ValueError(f"it declares the entity {name[:40]}, and entities are not read")
