"""Made-up dermoscopy: pigmented lesions on skin, with exact outlines and a diagnosis.

Domain randomisation (Tobin et al., "Domain randomization for transferring deep neural networks
from simulation to the real world", 2017): colours, borders, structures, hair, rulers, lamps and
cameras vary more widely than in real collections, so that a real picture is one more variation.
These pictures teach and test programs. They are no evidence about skin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pixelwise.files import refuse_unwritable, whole_folder
from pixelwise.madeup._artefacts import add_artefacts
from pixelwise.madeup._camera import photograph
from pixelwise.madeup._canvas import Canvas, Rng
from pixelwise.madeup._lesion import paint_lesion, redden_around
from pixelwise.madeup._look import draw_look
from pixelwise.madeup._neighbour import add_neighbour
from pixelwise.madeup._ph2 import case_name, write_case, write_table
from pixelwise.madeup._shape import draw_shape
from pixelwise.madeup._skin import paint_skin, skin_tone
from pixelwise.madeup._workers import in_order
from pixelwise.types import Annotation, Image, PixelwiseError, Sample

_SMALLEST_SIDE_PX = 32
# Beside PH2's own size, (width, height) of other cameras.
_OTHER_SIZES = ((640, 480), (768, 512), (720, 720), (767, 576), (600, 450), (768, 576), (480, 640))


@dataclass(frozen=True)
class Nevus:
    """``image`` (H, W, 3) uint8 RGB; ``mask`` (H, W) bool, True on the lesion.

    ``diagnosis`` is "common nevus", "atypical nevus" or "melanoma".
    """

    image: Image
    mask: NDArray[np.bool_]
    diagnosis: str


def draw_nevus(
    seed: int, index: int, *, long_side_px: int | None = None, variety: float = 1.0
) -> Nevus:
    """Draw one made-up lesion: a pure function of its arguments.

    The same numbers give the same picture, bit for bit with the same NumPy and OpenCV. Each run
    of five indices from a multiple of five holds two common nevi, two atypical nevi and one
    melanoma, PH2's proportions. The mask is where the lesion's cover is above one half and the
    field of view is not black.

    Args:
        seed: 0 or more; another seed is another collection.
        index: 0 or more; which picture.
        long_side_px: draw at this long side instead of the picture's own of 600 to 769 pixels;
            every feature scales with it.
        variety: 1 = every clinic there is: stickers, ink, cloth, faint lesions, outlines that take
            in a wide faint skirt. 0 = one careful clinic: clean skin, clear borders.

    Raises:
        PixelwiseError: a negative number, a long side under 32 pixels, or a variety beyond 1.
    """
    if not 0 <= variety <= 1:
        raise PixelwiseError(f"variety lies between 0 and 1, not at {variety}.")
    if seed < 0 or index < 0:
        raise PixelwiseError(f"seed and index must be 0 or more, not {seed} and {index}.")
    sizes, skin, shape, lesion, artefacts, camera, pixels = (
        np.random.default_rng(child) for child in np.random.SeedSequence([seed, index]).spawn(7)
    )
    look = draw_look(seed, index)
    canvas = _choose_canvas(sizes, long_side_px)
    outline = draw_shape(shape, canvas, look)
    tone = skin_tone(skin)
    light = paint_skin(skin, canvas, tone)
    if lesion.random() < 0.14 * variety:
        add_neighbour(lesion, canvas, outline, light)
    if lesion.random() < 0.2 * variety:
        light += redden_around(lesion, outline)
    light += paint_lesion(lesion, canvas, look, outline, variety)
    np.exp(-light, out=light)
    add_artefacts(artefacts, canvas, light, outline, variety)
    image, seen = photograph(camera, pixels, canvas, light, tone[0])
    return Nevus(image, outline.mask & seen, look.diagnosis)


def sample_nevi(
    count: int, seed: int, *, long_side_px: int, variety: float = 1.0
) -> tuple[Sample, ...]:
    """Made-up lesions as samples with the ids "made-up 0", "made-up 1", ..., drawn when first read.

    Args:
        count: how many.
        seed, long_side_px, variety: see `draw_nevus`.
    """
    return tuple(_sample(seed, index, long_side_px, variety) for index in range(count))


def _sample(seed: int, index: int, long_side_px: int, variety: float) -> Sample:
    @cache
    def drawn() -> Nevus:
        return draw_nevus(seed, index, long_side_px=long_side_px, variety=variety)

    return Sample(
        id=f"made-up {index}",
        files=(),
        read_image=lambda: drawn().image,
        read_annotation=lambda: Annotation(drawn().mask.astype(np.uint8)),
    )


def write_nevi(
    out: Path,
    count: int,
    seed: int,
    *,
    long_side_px: int | None = None,
    variety: float = 1.0,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write ``count`` made-up lesions in the layout of the PH2 data set.

    ``PH2_dataset.txt`` and, under ``PH2 Dataset images``, per case a 24-bit picture
    ``IMDnnn/IMDnnn_Dermoscopic_Image/IMDnnn.bmp`` and a 1-bit mask
    ``IMDnnn/IMDnnn_lesion/IMDnnn_lesion.bmp``. The folder appears whole or not at all.

    Args:
        out: the folder to make; it must not exist or be empty.
        count: how many pictures, 1 or more.
        seed: see `draw_nevus`.
        long_side_px, variety: see `draw_nevus`.
        workers: processes that draw; they change nothing but the time.
        progress: called with the number of pictures written so far.

    Returns:
        ``out``.

    Raises:
        PixelwiseError: ``out`` holds something already, or a number is out of range.
    """
    if count < 1:
        raise PixelwiseError(f"There must be 1 picture or more to write, not {count}.")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise PixelwiseError(
            f"{out} exists and is not an empty folder. Give a new folder, or empty this one."
        )
    refuse_unwritable(out)
    with whole_folder(out) as made:
        case = partial(_write_case, made, seed, long_side_px, variety)
        for number, _ in enumerate(in_order(case, count, workers), start=1):
            if progress is not None:
                progress(number)
        write_table(made, [draw_look(seed, index) for index in range(count)])
    return out


def _choose_canvas(rng: Rng, long_side_px: int | None) -> Canvas:
    """PH2's size three times in five, otherwise another camera's, at the wanted long side."""
    width, height = int(rng.integers(761, 770)), int(rng.integers(553, 578))
    if rng.random() < 0.4:
        width, height = _OTHER_SIZES[int(rng.integers(len(_OTHER_SIZES)))]
    own = max(width, height)
    long = own if long_side_px is None else long_side_px
    if long < _SMALLEST_SIDE_PX:
        raise PixelwiseError(
            f"long_side_px is {long}; a picture needs at least {_SMALLEST_SIDE_PX} pixels."
        )
    extent_hw = height / own, width / own
    return Canvas(round(extent_hw[0] * long), round(extent_hw[1] * long), extent_hw)


def _write_case(
    root: Path, seed: int, long_side_px: int | None, variety: float, index: int
) -> None:
    nevus = draw_nevus(seed, index, long_side_px=long_side_px, variety=variety)
    write_case(root, case_name(index + 1), nevus.image, nevus.mask)
