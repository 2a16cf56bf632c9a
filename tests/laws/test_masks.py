"""What mask values mean: settled where it is sure, asked where it is not."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pil

from folders import SIZE_HW, mask_of, white, write
from pixelwise.datasets import _look
from pixelwise.datasets._derive import settle
from pixelwise.datasets._masks import (
    MaskMeaning,
    from_named_values,
    is_same_shape,
    parse,
    read_labels,
)
from pixelwise.datasets._names import read_names
from pixelwise.types import IGNORE, PixelwiseError

HW = SIZE_HW


def values(*each: int, dtype: type = np.uint8) -> np.ndarray:
    """A mask of equal stripes, one for each value."""
    return np.repeat(np.array(each, dtype=dtype), 60)[None].repeat(6, axis=0)


def settle_arrays(
    folder: Path, arrays: Sequence[np.ndarray], option: str = "auto", suffix: str = ".png"
) -> tuple[MaskMeaning, list[np.ndarray]]:
    """Write masks, settle their meaning, read them back."""
    paths = [write(folder / f"m{i}{suffix}", array) for i, array in enumerate(arrays)]
    meaning, _ = settle(option, paths, read_names(folder), "thing")
    return meaning, [
        read_labels(path, meaning, a.shape[:2]) for path, a in zip(paths, arrays, strict=True)
    ]


SURE = {
    "0 and 255": ([values(0, 255)], "binary", 2, [0, 1]),
    "0 and 1": ([values(0, 1)], "binary", 2, [0, 1]),
    "0 and some v": ([values(0, 38), values(0)], "binary", 2, [0, 1]),
    "all background": ([values(0), values(0)], "binary", 2, [0]),
    "all foreground": ([values(255), values(0, 255)], "binary", 2, [1]),
    "16 bit, 0 and 65535": ([values(0, 65535, dtype=np.uint16)], "binary", 2, [0, 1]),
    "class numbers": ([values(0, 1, 2), values(0, 2, 3)], "index", 4, [0, 1, 2]),
    "16 bit class numbers": ([values(0, 1, 2, dtype=np.uint16)], "index", 3, [0, 1, 2]),
    "a gap in class numbers": ([values(0, 1, 3)], "index", 4, [0, 1, 3]),
    "far apart": ([values(0, 50, 100, 200)], "index", 4, [0, 1, 2, 3]),
    "Pascal VOC": ([values(0, 1, 2, 255)], "index", 3, [0, 1, 2, IGNORE]),
    "VOC, one class": ([values(0, 1, 255), values(0, 1)], "index", 2, [0, 1, IGNORE]),
    "VOC without class 1": ([values(0, 12, 255), values(0, 15, 255)], "index", 3, [0, 1, IGNORE]),
}


@pytest.mark.parametrize("name", SURE)
def test_sure_values_are_settled(tmp_path, name):
    arrays, kind, num_categories, first = SURE[name]
    meaning, labels = settle_arrays(tmp_path, arrays)
    assert (meaning.kind, len(meaning.categories)) == (kind, num_categories)
    assert labels[0][0, ::60].tolist() == first


def test_one_bit_files_and_24_bit_files_mix_with_0_and_255(tmp_path):
    mask = mask_of(0)
    rgb = np.repeat(white(mask)[..., None], 3, axis=2)
    paths = [
        write(tmp_path / "a.bmp", mask),
        write(tmp_path / "b.png", mask),
        write(tmp_path / "c.bmp", rgb),
        write(tmp_path / "d.png", white(mask)),
        write(tmp_path / "e.tif", mask),
    ]
    meaning, _ = settle("auto", paths, None, "lesion")
    assert str(meaning) == "binary=lesion"
    for path in paths:
        np.testing.assert_array_equal(read_labels(path, meaning, HW), mask)


def test_a_one_bit_palette_written_the_other_way_round_is_not_inverted(tmp_path):
    mask = mask_of(0)
    picture = Pil.fromarray((~mask).astype(np.uint8), mode="L").convert("P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(tmp_path / "a.png", bits=1)
    meaning, _ = settle("auto", [tmp_path / "a.png"], None, "lesion")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png", meaning, HW), mask)


def write_palette(path: Path, indices: np.ndarray, palette: list[int]) -> Path:
    picture = Pil.fromarray(indices.astype(np.uint8), mode="L").convert("P")
    picture.putpalette(palette)
    picture.save(path)
    return path


def test_one_palette_means_indices_in_its_colours(tmp_path):
    palette = [0, 0, 0, 128, 0, 0, 0, 128, 0]
    paths = [
        write_palette(tmp_path / "a.png", values(0, 1, 2), palette),
        write_palette(tmp_path / "b.png", values(0, 1), palette[:6]),
    ]
    meaning, _ = settle("auto", paths, None)
    assert meaning.kind == "index"
    assert [c.color for c in meaning.categories] == [(0, 0, 0), (128, 0, 0), (0, 128, 0)]
    assert read_labels(paths[0], meaning, (6, 180))[0, ::60].tolist() == [0, 1, 2]


def test_differing_palettes_mean_colours(tmp_path):
    paths = [
        write_palette(tmp_path / "a.png", values(0, 1), [0, 0, 0, 255, 0, 0]),
        write_palette(tmp_path / "b.png", values(0, 1), [0, 0, 255, 0, 0, 0]),
    ]
    meaning, _ = settle("auto", paths, None)
    assert meaning.kind == "colour"
    assert [c.color for c in meaning.categories] == [(0, 0, 0), (0, 0, 255), (255, 0, 0)]
    assert read_labels(paths[0], meaning, (6, 120))[0, ::60].tolist() == [0, 2]
    assert read_labels(paths[1], meaning, (6, 120))[0, ::60].tolist() == [1, 0]


def test_colours_are_classes_even_where_one_file_is_grey_alone(tmp_path):
    red, grey, black = (255, 0, 0), (128, 128, 128), (0, 0, 0)
    first = np.array([[red, grey, black]] * 4, dtype=np.uint8)
    second = np.array([[grey, grey, black]] * 4, dtype=np.uint8)
    meaning, labels = settle_arrays(tmp_path, [first, second])
    assert [c.color for c in meaning.categories] == [black, grey, red]
    assert labels[0][0].tolist() == [2, 1, 0] and labels[1][0].tolist() == [1, 1, 0]


def test_a_cut_out_keeps_its_mask_in_the_alpha_channel(tmp_path):
    mask = mask_of(0)
    rgba = np.dstack([np.full((*HW, 3), 255, np.uint8), white(mask)])
    _, labels = settle_arrays(tmp_path, [rgba])
    np.testing.assert_array_equal(labels[0], mask)


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_jpeg_masks_are_cut_at_half(tmp_path, quality):
    masks = [mask_of(index, (96, 128)) for index in range(3)]
    paths = [
        write(tmp_path / f"{i}.jpg", white(mask), quality=quality) for i, mask in enumerate(masks)
    ]
    for option in ("auto", "binary"):
        meaning, notes = settle(option, paths, None, "lesion")
        assert str(meaning) == "soft=lesion" and notes
        for path, mask in zip(paths, masks, strict=True):
            wrong = (read_labels(path, meaning, (96, 128)) != mask).mean()
            assert wrong < 0.005


def test_ringing_saved_as_png_is_cut_at_half(tmp_path):
    mask = mask_of(0, (96, 128))
    rings = cv2.imdecode(cv2.imencode(".jpg", white(mask))[1], cv2.IMREAD_GRAYSCALE)
    assert len(np.unique(rings)) > 10
    meaning, labels = settle_arrays(tmp_path, [rings])
    assert meaning.kind == "soft"
    assert (labels[0] != mask).mean() < 0.005


ASKED = {
    "soft edges": ([np.tile(np.arange(256, dtype=np.uint8), (4, 1))], r"m0\.png .*--masks soft"),
    "0/1 and 0/255": ([values(0, 1), values(0, 255)], r"m0\.png.*m1\.png.*--masks binary.*index"),
    "255 beside one class": ([values(0, 38, 255)], r"255 may be a class.*--masks index"),
    "grey levels with 255": ([values(0, 85, 170, 255)], r"255 may be a class"),
    "300 classes": (
        [values(*range(0, 900, 3), dtype=np.uint16)],
        r"too many for classes.*--masks\s+ids",
    ),
    "a photograph": (
        [np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)],
        r"m0\.png holds .* colours, so it is a photograph",
    ),
    "negative": ([np.full((4, 4), -1, np.int32)], r"m0\.tif holds values from -1"),
}


@pytest.mark.parametrize("name", ASKED)
def test_unclear_values_are_asked_about_with_the_option_that_settles_it(tmp_path, name):
    arrays, words = ASKED[name]
    suffix = ".tif" if arrays[0].dtype == np.int32 else ".png"
    with pytest.raises(PixelwiseError, match=words):
        settle_arrays(tmp_path, arrays, suffix=suffix)


ANSWERED = {
    "binary for 0/1 and 0/255": ([values(0, 1), values(0, 255)], "binary", [[0, 1], [0, 1]]),
    "index for 0/1 and 0/255": ([values(0, 1), values(0, 255)], "index", [[0, 1], [0, IGNORE]]),
    "soft": ([values(0, 127, 128, 255)], "soft", [[0, 0, 1, 1]]),
    "soft, 16 bit": ([values(0, 32767, 32768, dtype=np.uint16)], "soft", [[0, 0, 1]]),
    "binary for objects": ([values(0, 1, 900, dtype=np.uint16)], "binary=nucleus", [[0, 1, 1]]),
    "named values": ([values(0, 85, 255)], "index=0:a,85:b,255:c", [[0, 1, 2]]),
    "a named void": ([values(0, 85, 255)], "index=0:a,85:void,255:c", [[0, IGNORE, 1]]),
    "names in order": ([values(0, 1, 2)], "index=sky,road,car", [[0, 1, 2]]),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_the_users_answer_settles_it(tmp_path, name):
    arrays, option, expected = ANSWERED[name]
    _, labels = settle_arrays(tmp_path, arrays, option)
    assert [each[0, ::60].tolist() for each in labels] == expected


def test_named_colours_settle_colours(tmp_path):
    picture = np.array([[(255, 0, 0), (0, 0, 0), (9, 9, 9)]] * 3, dtype=np.uint8)
    option = "colour=#000000:ground,#ff0000:roof,#090909:ignore"
    meaning, labels = settle_arrays(tmp_path, [picture], option)
    assert [c.name for c in meaning.categories] == ["ground", "roof"]
    assert labels[0][0].tolist() == [1, 0, IGNORE]


@pytest.mark.parametrize(
    "option", ["bynary", "auto=x", "index=1:a,b c:d", "colour=red", "color=red:a"]
)
def test_an_unknown_option_is_a_sentence(option):
    with pytest.raises(PixelwiseError, match=r"--masks .*Expected"):
        parse(option)


@given(
    st.dictionaries(st.integers(0, 65535), st.text(max_size=12), min_size=1, max_size=20),
    st.sampled_from(["index", "colour"]),
)
def test_a_meaning_survives_being_written_as_an_option(named, kind):
    meaning = from_named_values(kind, named.items())
    again = parse(str(meaning))
    assert again is not None
    assert (again.kind, again.values, again.ignored) == (kind, meaning.values, meaning.ignored)
    assert again.categories == meaning.categories


def test_a_value_met_later_is_named_with_its_file(tmp_path):
    meaning, _ = settle_arrays(tmp_path, [values(0, 1, 2)])
    late = write(tmp_path / "late.png", values(0, 7))
    with pytest.raises(PixelwiseError, match=r"late\.png holds the value 7, which is no class"):
        read_labels(late, meaning, (6, 120))


def test_many_masks_are_sampled_evenly_with_both_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(_look, "MOST_LOOKED_AT", 5)
    paths = [write(tmp_path / f"{i:02}.png", values(0, 1)) for i in range(23)]
    looks, unread = _look.look_at(paths)
    assert [look.path.stem for look in looks] == ["00", "06", "11", "16", "22"] and unread == ()


def test_unreadable_masks_do_not_stop_the_look(tmp_path):
    paths = [write(tmp_path / f"{i}.png", values(0, 1)) for i in range(3)]
    paths[1].write_bytes(b"no picture")
    looks, unread = _look.look_at(paths)
    assert len(looks) == 2 and unread == (paths[1],)


def test_seams_between_merged_classes_are_closed_and_true_gaps_stay(tmp_path):
    labels = np.zeros((500, 600), np.uint8)
    labels[100:400, 100:298] = 3
    labels[100:400, 301:500] = 7  # a seam of three pixels
    labels[200:300, 150:190] = 0  # a hole as between arm and body
    meaning, (closed,) = settle_arrays(tmp_path, [labels], "binary=person")
    assert meaning.has_seams
    assert closed[110:390, 298:301].all()
    assert not closed[203:297, 153:187].any()
    assert abs(int(closed.sum()) - int((labels > 0).sum()) - 300 * 3) < 60


OBJECTS = {
    "16 bit": [values(*range(n), dtype=np.uint16) for n in (4, 9, 30)],
    "8 bit": [values(*range(n)) for n in (5, 60, 200)],
    "more than 255": [values(*range(n), dtype=np.uint16) for n in (3, 400)],
}


@pytest.mark.parametrize("name", OBJECTS)
def test_masks_that_count_are_numbered_objects(tmp_path, name):
    meaning, _ = settle_arrays(tmp_path, OBJECTS[name])
    assert str(meaning) == "ids=thing"
    assert meaning.categories[1].is_thing and not meaning.categories[0].is_thing


def test_merged_objects_keep_the_gaps_between_them(tmp_path):
    arrays = [values(*range(n), dtype=np.uint16) for n in (4, 9, 30)]
    meaning, _ = settle_arrays(tmp_path, arrays, "binary=nucleus")
    assert not meaning.has_seams


def test_two_valued_masks_have_no_seams(tmp_path):
    meaning, _ = settle_arrays(tmp_path, [values(0, 255)], "binary=lesion")
    assert not meaning.has_seams


def test_as_many_names_as_the_largest_value_leave_0_to_the_background(tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    meaning, _ = settle_arrays(tmp_path, [values(0, 1, 2)])
    assert [c.name for c in meaning.categories] == ["background", "cat", "dog"]


def test_a_value_beyond_the_names_is_a_sentence(tmp_path):
    (tmp_path / "classes.txt").write_text("ground\ncat\ndog\n")
    with pytest.raises(PixelwiseError, match=r"m0\.png holds the value 9, but .*names 3 classes"):
        settle_arrays(tmp_path, [values(0, 1, 2, 9)])


def test_a_name_beside_two_valued_masks_is_the_foregrounds(tmp_path):
    (tmp_path / "classes.txt").write_text("background\nlung\n")
    meaning, _ = settle_arrays(tmp_path, [values(0, 255)])
    assert str(meaning) == "binary=lung"


# --- sizes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mask_hw", "image_hw", "same"),
    [
        ((100, 150), (100, 150), True),
        ((101, 150), (100, 150), True),
        ((99, 151), (100, 150), True),
        ((200, 300), (100, 150), True),
        ((50, 75), (100, 150), True),
        ((100, 151), (200, 300), True),
        ((102, 150), (100, 150), False),
        ((150, 100), (100, 150), False),
        ((100, 100), (100, 150), False),
    ],
)
def test_only_masks_of_the_same_shape_are_resized(mask_hw, image_hw, same):
    assert is_same_shape(mask_hw, image_hw) == same


def test_a_mask_at_twice_the_size_is_sampled_at_pixel_centres(tmp_path):
    mask = mask_of(0)
    double = white(mask).repeat(2, axis=0).repeat(2, axis=1)
    path = write(tmp_path / "m.png", double)
    meaning, _ = settle("auto", [path], None)
    np.testing.assert_array_equal(read_labels(path, meaning, HW), mask)


def test_a_mask_of_another_shape_is_named_with_both_sizes(tmp_path):
    path = write(tmp_path / "m.png", white(mask_of(0)))
    meaning, _ = settle("auto", [path], None)
    with pytest.raises(PixelwiseError, match=r"m\.png is 48 x 36 pixels, but its image is 60 x 36"):
        read_labels(path, meaning, (36, 60))
    with pytest.raises(PixelwiseError, match=r"EXIF"):
        read_labels(path, meaning, (48, 36))
