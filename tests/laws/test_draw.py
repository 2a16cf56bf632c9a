"""Pictures for people: what is drawn where, and what is left alone."""

import cv2
import numpy as np
import pytest

from pixelwise import draw
from pixelwise.types import Category, PixelwiseError

CATEGORIES = (
    Category("background", (0, 0, 0)),
    Category("a", (255, 0, 0)),
    Category("b", (0, 0, 255)),
)


def grey(size_hw: tuple[int, int] = (60, 80)) -> np.ndarray:
    return np.full((*size_hw, 3), 128, dtype=np.uint8)


def square(index: int = 1) -> np.ndarray:
    labels = np.zeros((60, 80), dtype=np.uint8)
    labels[20:40, 30:50] = index
    return labels


def test_nothing_drawn_on_is_changed():
    image, labels = grey(), square()
    kept = image.copy(), labels.copy()
    draw.outline(image, labels, CATEGORIES)
    draw.overlay(image, labels, CATEGORIES)
    draw.truth_and_prediction(image, labels, labels)
    assert np.array_equal(image, kept[0]) and np.array_equal(labels, kept[1])


def test_an_outline_lies_on_the_border_and_nowhere_else():
    drawn = draw.outline(grey(), square(), CATEGORIES, width_px=3)
    assert drawn[20, 35:45].tolist() == [[255, 0, 0]] * 10
    assert (drawn[25:35, 35:45] == 128).all()
    assert (drawn[:15] == 128).all() and (drawn[45:] == 128).all()


def test_each_category_has_its_own_colour_and_255_none():
    labels = square(1)
    labels[:, 50:55] = 2
    labels[50:58, 10:20] = 255
    drawn = draw.outline(grey(), labels, CATEGORIES, width_px=3)
    assert drawn[10, 54].tolist() == [0, 0, 255] and drawn[30, 30].tolist() == [255, 0, 0]
    assert (drawn[48:, 5:25] == 128).all()


def test_truth_and_prediction_that_agree_show_the_prediction_and_apart_show_both():
    labels, moved = square(), np.roll(square(), 12, axis=1)
    agreed = draw.truth_and_prediction(grey(), labels, labels, width_px=3)
    assert agreed[30, 30].tolist() == list(draw.PREDICTION)
    apart = draw.truth_and_prediction(grey(), labels, moved, width_px=3)
    assert apart[30, 30].tolist() == list(draw.TRUTH)
    assert apart[30, 42].tolist() == list(draw.PREDICTION)
    # Where the two lines cross, the casing of the later hides nothing of the earlier beside it.
    assert apart[20, 34].tolist() == list(draw.TRUTH)


def test_an_overlay_tints_the_inside_alone():
    drawn = draw.overlay(grey(), square(), CATEGORIES, alpha=0.5)
    assert drawn[30, 40].tolist() == [192, 64, 64]
    assert (drawn[square() == 0] == 128).all()
    assert np.array_equal(draw.overlay(grey(), square(), CATEGORIES, alpha=0), grey())


def test_lines_grow_with_the_picture():
    assert [draw.line_width(size) for size in ((60, 80), (560, 768), (2304, 3000))] == [1, 3, 10]


@pytest.mark.parametrize("n", [1, 2, 8, 60, 256])
def test_a_palette_begins_with_black_and_repeats_no_colour(n):
    colors = draw.palette(n)
    assert len(set(colors)) == len(colors) == n and colors[0] == (0, 0, 0)
    assert all(0 <= value <= 255 for color in colors for value in color)


def test_a_palette_keeps_its_colours_when_it_grows():
    assert draw.palette(40)[:9] == draw.palette(9)


def test_a_contact_sheet_has_a_tile_for_every_picture():
    images = [np.full((50 + 20 * i, 90, 3), 40 * i, dtype=np.uint8) for i in range(5)]
    sheet = draw.contact_sheet(images, [f"picture {i}" for i in range(5)], columns=2, tile_px=100)
    assert sheet.shape == (3 * 116, 200, 3)
    for place in range(5):
        top, left = place // 2 * 116, place % 2 * 100
        assert sheet[top + 50, left + 50].tolist() == [40 * place] * 3
    assert (sheet[232 + 16 :, 104:] == 255).all()


def test_a_caption_that_is_too_long_stays_in_its_tile():
    images = [grey(), grey()]
    sheet = draw.contact_sheet(images, ["x" * 500, ""], columns=2, tile_px=80)
    assert (sheet[80:, :80] < 128).any() and (sheet[80:, 80:] == 255).all()
    assert draw.contact_sheet([], [], columns=3, tile_px=64).shape[2] == 3


def test_shrinking_keeps_the_aspect_and_never_enlarges():
    assert draw.fit(grey((600, 800)), 200).shape == (150, 200, 3)
    assert draw.fit(grey(), 200).shape == (60, 80, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_a_png_gives_back_what_was_written(tmp_path, dtype, shape):
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    draw.write_png(tmp_path / "a.png", array)
    read = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read[..., ::-1] if array.ndim == 3 else read, array)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_sizes_that_differ_are_refused_with_both_named():
    with pytest.raises(PixelwiseError, match=r"80 x 60.*10 x 10"):
        draw.outline(grey(), np.zeros((10, 10), dtype=np.uint8), CATEGORIES)
