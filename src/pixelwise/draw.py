"""Pictures for people: outlines, overlays, contact sheets, label maps as PNG.

Everything here takes and gives (H, W, 3) uint8 RGB arrays and never changes its input.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from pixelwise.files import write_bytes
from pixelwise.geometry import resize_labels
from pixelwise.types import IGNORE, Category, Image, LabelMap, PixelwiseError

Rgb = tuple[int, int, int]
Number = TypeVar("Number", bound=np.integer)

BLACK: Rgb = (0, 0, 0)
# Blue against yellow is told apart with every common colour blindness, and neither is a colour
# of skin; the dark casing under each line keeps both visible on pale skin and on dark lesions.
TRUTH: Rgb = (60, 190, 255)
PREDICTION: Rgb = (255, 214, 0)
# Of segments: a third colour that is at least 40 (CIE 1976 difference) away from both, seen with
# normal eyes and with each kind of dichromacy (simulated after Machado et al. 2009).
MATCHED, MISSED = TRUTH, PREDICTION
FALSE: Rgb = (204, 0, 120)

# Okabe & Ito, "Color Universal Design" (2008), in the order of contrast on photographs.
_COLORS: tuple[Rgb, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


def palette(n: int) -> tuple[Rgb, ...]:
    """``n`` different RGB colours: black for the background, then colours told apart by most eyes.

    The first seven after black are safe for the colour-blind (Okabe & Ito 2008); later ones step
    round the hue circle by the golden angle, which keeps neighbours in the list far apart.
    """
    colors: list[Rgb] = [BLACK, *_COLORS]
    step = 0
    while len(colors) < n:
        hue, lightness = (step * 0.618034) % 1, (0.45, 0.65, 0.3)[step % 3]
        red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.75)
        color = (round(red * 255), round(green * 255), round(blue * 255))
        if color not in colors:
            colors.append(color)
        step += 1
    return tuple(colors[:n])


def line_width(size_hw: tuple[int, int]) -> int:
    """Width in px of a line that reads the same on every picture: a 300th of its longer side."""
    return max(1, round(max(size_hw) / 300))


def outline(
    image: Image,
    labels: LabelMap,
    categories: Sequence[Category],
    *,
    width_px: int | None = None,
) -> Image:
    """Draw the border of each category's regions in the category's colour.

    Args:
        image: (H, W, 3) uint8.
        labels: (H, W) uint8 index into ``categories``; 255 is not drawn.
        categories: the first is taken as the background, which has no border of its own.
        width_px: line width; None for one that fits the picture, see `line_width`.

    Raises:
        PixelwiseError: image and labels differ in size.
    """
    borders = [
        (labels == index, category.color) for index, category in enumerate(categories[1:], start=1)
    ]
    _same_size(image, labels)
    return outlines(image, borders, width_px=width_px)


def truth_and_prediction(
    image: Image,
    truth: LabelMap,
    prediction: LabelMap,
    *,
    width_px: int | None = None,
) -> Image:
    """Outline every region of the truth in blue (`TRUTH`) and of the prediction in yellow.

    The prediction is drawn last: where only yellow shows, the two agree to a line's width.

    Args:
        image: (H, W, 3) uint8. truth, prediction: (H, W) uint8 class index, 255 is not drawn.
        width_px: line width; None for one that fits the picture.

    Raises:
        PixelwiseError: image and label maps differ in size.
    """
    borders = []
    for labels, color in ((truth, TRUTH), (prediction, PREDICTION)):
        _same_size(image, labels)
        regions = (index for index in np.unique(labels) if index not in (0, IGNORE))
        borders += [(labels == index, color) for index in regions]
    return outlines(image, borders, width_px=width_px)


def outlines(
    image: Image,
    borders: Sequence[tuple[NDArray[np.bool_], Rgb]],
    *,
    width_px: int | None = None,
) -> Image:
    """Draw the borders of masks, each (H, W) bool in its own colour, in order.

    All dark casings go first: none may hide another's colour.

    Args:
        image: (H, W, 3) uint8.
        borders: masks of the image's size, and colours.
        width_px: of the lines; None: a 300th of the longer side.
    """
    width = line_width(image.shape[:2]) if width_px is None else width_px
    drawn = image.copy()
    traced = [(_contours(mask), color) for mask, color in borders]
    for contours, _ in traced:
        cv2.drawContours(drawn, contours, -1, BLACK, width + 2 * max(1, width // 2), cv2.LINE_AA)
    for contours, color in traced:
        cv2.drawContours(drawn, contours, -1, color, width, cv2.LINE_AA)
    return drawn


def overlay(
    image: Image, labels: LabelMap, categories: Sequence[Category], alpha: float = 0.4
) -> Image:
    """Tint each category's pixels with its colour; the background (the first) stays as it is.

    Args:
        image: (H, W, 3) uint8.
        labels: (H, W) uint8 index into ``categories``; 255 stays as it is.
        categories: index -> name and colour.
        alpha: how much of the colour, 0 none, 1 nothing of the picture.

    Raises:
        PixelwiseError: image and labels differ in size.
    """
    _same_size(image, labels)
    drawn = image.copy()
    for index, category in enumerate(categories[1:], start=1):
        inside = labels == index
        tinted = (1 - alpha) * image[inside] + alpha * np.array(category.color, float)
        drawn[inside] = np.rint(tinted).astype(np.uint8)
    return drawn


def instances(
    image: Image,
    id_map: NDArray[np.int32],
    colors: NDArray[np.uint8],
    *,
    alpha: float = 0.4,
    width_px: int | None = None,
) -> Image:
    """Tint each instance with its colour and draw its border inside it in the full colour.

    Args:
        image: (H, W, 3) uint8.
        id_map: (H, W) int32, n = instance n - 1; 0 stays as it is.
        colors: (N, 3) uint8 RGB, one for each instance.
        alpha: how much of the colour, 0 none, 1 nothing of the picture.
        width_px: line width; None for one that fits the picture and its instances.

    Raises:
        PixelwiseError: image and id map differ in size.
    """
    _same_size(image, id_map)
    # Looked up once for all: the time is that of the pixels, however many instances there are.
    color = np.concatenate([np.zeros((1, 3), np.uint8), colors])[id_map]
    inside = (id_map > 0).astype(np.uint8)
    width = _inner_width(id_map.shape, inside, len(colors)) if width_px is None else width_px
    drawn = image.copy()
    cv2.copyTo(cv2.addWeighted(image, 1 - alpha, color, alpha, 0), inside, drawn)
    cv2.copyTo(color, inside & _borders(id_map, width), drawn)
    return drawn


def fit(image: Image, longest_px: int) -> Image:
    """Shrink so that the longer side is at most ``longest_px``; a smaller picture stays."""
    height, width = image.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return image
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def fit_numbers(numbers: NDArray[Number], image: Image) -> NDArray[Number]:
    """A map of labels or instances (H, W) at the size of a picture, none of them mixed."""
    return resize_labels(numbers, (image.shape[0], image.shape[1]))


def contact_sheet(
    images: Sequence[Image], captions: Sequence[str], columns: int = 4, tile_px: int = 256
) -> Image:
    """Lay pictures out on one page, each shrunk into a square tile with its caption below.

    Args:
        images: any number of (H, W, 3) uint8, of any sizes.
        captions: one line for each; what does not fit the tile's width is cut.
        columns: tiles in a row. tile_px: a tile's side.

    Returns:
        (rows * (tile_px + caption), columns * tile_px, 3) uint8 on a white page.
    """
    assert len(images) == len(captions) and columns > 0
    caption_px = max(16, tile_px // 10)
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    page = Pillow.new("RGB", (columns * tile_px, rows * (tile_px + caption_px)), "white")
    font = ImageFont.load_default(size=caption_px * 0.65)
    writer = ImageDraw.Draw(page)
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = place % columns * tile_px, place // columns * (tile_px + caption_px)
        tile = Pillow.fromarray(fit(image, tile_px - 4))
        page.paste(tile, (left + (tile_px - tile.width) // 2, top + (tile_px - tile.height) // 2))
        text = _cut(caption, writer, font, tile_px - 8)
        writer.text((left + 4, top + tile_px), text, fill="black", font=font)
    return np.asarray(page, dtype=np.uint8)


def write_png(path: Path, array: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write a PNG that is either whole or not there.

    Args:
        path: where; the folder must exist.
        array: (H, W) or (H, W, 3) RGB, uint8 or uint16.
    """
    ordered = array[..., ::-1] if array.ndim == 3 else array
    done, data = cv2.imencode(".png", np.ascontiguousarray(ordered))
    assert done, f"{array.shape} {array.dtype} is no picture"
    write_bytes(path, data.tobytes())


def _contours(mask: NDArray[np.bool_]) -> Sequence[NDArray[np.int32]]:
    """Every border of a mask, of its holes too, as (N, 1, 2) pixel positions (x, y)."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, dtype=np.int32) for contour in found]


def _inner_width(size_hw: tuple[int, ...], inside: NDArray[np.uint8], count: int) -> int:
    """A line's width that leaves the inside of a picture's middling instance visible."""
    side_px = float(np.sqrt(int(inside.sum()) / max(count, 1)))
    return max(1, min(line_width((size_hw[0], size_hw[1])), round(side_px / 15)))


def _borders(id_map: NDArray[np.int32], width_px: int) -> NDArray[np.uint8]:
    """(H, W) 1 within ``width_px`` of where the numbers change, on both sides; 0 elsewhere."""
    edge = np.zeros(id_map.shape, np.uint8)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        changes = id_map[here] != id_map[there]
        edge[here] |= changes
        edge[there] |= changes
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width_px - 1, 2 * width_px - 1))
    return np.asarray(cv2.dilate(edge, disc), np.uint8)


def _cut(
    text: str,
    writer: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    room_px: int,
) -> str:
    """The longest beginning of ``text`` that fits, with dots where something was cut."""
    if writer.textlength(text, font=font) <= room_px:
        return text
    while text and writer.textlength(text + "...", font=font) > room_px:
        text = text[:-1]
    return text + "..."


def _same_size(image: Image, labels: LabelMap | NDArray[np.int32]) -> None:
    if image.shape[:2] != labels.shape:
        raise PixelwiseError(
            f"The picture is {image.shape[1]} x {image.shape[0]} pixels and its label map "
            f"{labels.shape[1]} x {labels.shape[0]}; they must have one size. Resize the map by "
            "nearest neighbour, or give the picture it was drawn on."
        )
