"""A picture larger than the network should see at once: cut into tiles, its maps laid together.

What is laid together are the maps, not the results: one canvas holds the maps of the whole
picture at the tiles' scale, neighbouring tiles fade into each other on it, and it is decoded once,
as if the network had seen everything. So nothing is stitched at a tile's border.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelwise.geometry import Warp, scaling, translation
from pixelwise.types import Image

_OVERLAP = 0.25
# A larger canvas lies in a temporary file that the system pages in and out.
_IN_MEMORY_BYTES = 2**29

Maps = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Tiles:
    """A grid of overlapping tiles over a picture.

    ``source_hw``: the picture's size. ``size_hw``: what the network sees of a tile. ``scale``:
    network pixels per picture pixel. ``stride``: network pixels per map pixel.
    """

    source_hw: tuple[int, int]
    size_hw: tuple[int, int]
    scale: float
    stride: int

    @property
    def whole(self) -> Warp:
        """The way from the picture to the canvas's network pixels."""
        height, width = (
            -(-int(np.ceil(side * self.scale)) // self.stride) * self.stride
            for side in self.source_hw
        )
        return Warp(scaling(self.scale, self.scale), self.source_hw, (height, width))

    def offsets(self, axis: int) -> list[int]:
        """Where tiles begin along an axis, in map pixels; the last one ends with the canvas."""
        tile = self.size_hw[axis] // self.stride
        last = max(0, self.whole.target_hw[axis] // self.stride - tile)
        num = 1 + int(np.ceil(last / (tile * (1 - _OVERLAP))))
        return [round(offset) for offset in np.linspace(0, last, num)]

    def fades(self, axis: int) -> list[NDArray[np.float32]]:
        """Every tile's weights along an axis: ramps at its ends, adding up to 1 over the tiles."""
        tile = self.size_hw[axis] // self.stride
        ramp = np.minimum(np.arange(tile) + 0.5, tile - 0.5 - np.arange(tile))
        window = np.minimum(ramp / max(1.0, tile * _OVERLAP), 1.0)
        offsets = self.offsets(axis)
        total = np.zeros(max(offsets) + tile)
        for offset in offsets:
            total[offset : offset + tile] += window
        return [(window / total[offset : offset + tile]).astype(np.float32) for offset in offsets]

    def cut(self, image: Image, top: int, left: int) -> Image:
        """The tile that begins at a map pixel, at the size the network sees."""
        corner = np.array([left, top]) * self.stride / self.scale
        extent = np.array(self.size_hw[::-1]) / self.scale
        # A margin, so that averaging and interpolation at the tile's edge see beyond it.
        begin = np.maximum(np.floor(corner - 2 / self.scale), 0).astype(int)
        end = np.ceil(corner + extent + 2 / self.scale).astype(int)
        part = image[begin[1] : end[1], begin[0] : end[0]]
        move = scaling(self.scale, self.scale) @ translation(*(begin - corner))
        return Warp(move, (part.shape[0], part.shape[1]), self.size_hw).image(part)


def predict_tiles(
    image: Image,
    tiles: Tiles,
    channels: dict[str, int],
    predict: Callable[[Sequence[Image]], Maps],
    batch: int,
) -> Maps:
    """The maps of a whole picture, (C, h, w) float32 each, from those of its tiles.

    Args:
        image: (H, W, 3) uint8.
        tiles: how it is cut.
        channels: map name -> C.
        predict: tiles (size_hw, 3) uint8 -> {name: (B, C, h, w)}.
        batch: tiles at a time.
    """
    height, width = (side // tiles.stride for side in tiles.whole.target_hw)
    canvas = {name: _zeros((count, height, width)) for name, count in channels.items()}
    for places in _grouped(tiles, batch):
        maps = predict([tiles.cut(image, top, left) for (top, _), (left, _) in places])
        for i, ((top, fade_y), (left, fade_x)) in enumerate(places):
            weight = fade_y[:, None] * fade_x[None, :]
            for name, values in maps.items():
                target = canvas[name][:, top : top + len(fade_y), left : left + len(fade_x)]
                rows, columns = target.shape[1:]
                target += (values[i] * weight)[:, :rows, :columns]
    return canvas


_Place = tuple[int, NDArray[np.float32]]


def _grouped(tiles: Tiles, batch: int) -> Iterator[list[tuple[_Place, _Place]]]:
    down = list(zip(tiles.offsets(0), tiles.fades(0), strict=True))
    across = list(zip(tiles.offsets(1), tiles.fades(1), strict=True))
    places = [(y, x) for y in down for x in across]
    for first in range(0, len(places), batch):
        yield places[first : first + batch]


def _zeros(shape: tuple[int, int, int]) -> NDArray[np.float32]:
    if 4 * np.prod(shape, dtype=np.int64) <= _IN_MEMORY_BYTES:
        return np.zeros(shape, np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, mode="w+", shape=shape)
