"""Soft, transparent and numbered masks: read right, or asked about with what settles it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from pixelwise.datasets._derive import settle
from pixelwise.datasets._ids import read_ids
from pixelwise.datasets._masks import MaskMeaning, parse, read_labels
from pixelwise.types import PixelwiseError

Array = np.ndarray
RNG = np.random.default_rng


def save(path: Path, mask: Array) -> Path:
    """As TIFF what PNG cannot hold, and as PNG all else."""
    if mask.dtype.kind == "f" or mask.dtype.itemsize > 2:
        tifffile.imwrite(path.with_suffix(".tif"), mask)
        return path.with_suffix(".tif")
    Pil.fromarray(mask).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def settled(
    folder: Path, masks: Sequence[Array], option: str = "auto"
) -> tuple[MaskMeaning, tuple[str, ...], list[Path]]:
    paths = [save(folder / f"m{number}", mask) for number, mask in enumerate(masks)]
    meaning, notes = settle(option, paths, None, "thing")
    return meaning, notes, paths


def rectangles(count: int = 5, value: int = 255, size: int = 96) -> list[Array]:
    rng, found = RNG(0), []
    for _ in range(count):
        mask = np.zeros((size, size), np.uint8)
        y, x = rng.integers(8, size - 50, 2)
        mask[y : y + 40, x : x + 40] = value
        found.append(mask)
    return found


def blurred(mask: Array, sigma: float = 1.5) -> Array:
    return cv2.GaussianBlur(mask, (0, 0), sigma)


def resized(mask: Array, how: int, size: int = 61) -> Array:
    return cv2.resize(mask, (size, size), interpolation=how)


# --- soft edges -----------------------------------------------------------------------------------

SMOOTH: dict[str, Callable[[Array], Array]] = {
    "Gaussian": blurred,
    "bilinear": lambda mask: resized(mask, cv2.INTER_LINEAR),
    "cubic": lambda mask: resized(mask, cv2.INTER_CUBIC),
    "area": lambda mask: resized(mask, cv2.INTER_AREA, 40),
    "Lanczos": lambda mask: np.asarray(
        Pil.fromarray(mask).resize((61, 61), Pil.Resampling.LANCZOS)
    ),
    "three channels": lambda mask: np.dstack([blurred(mask)] * 3),
    "uint16": lambda mask: blurred(mask).astype(np.uint16) * 257,
    "float": lambda mask: (blurred(mask.astype(np.float32)) / 255).astype(np.float32),
    "float to 255": lambda mask: blurred(mask.astype(np.float32)),
    "float, cubic": lambda mask: resized(mask.astype(np.float32) / 255, cv2.INTER_CUBIC),
}


@pytest.mark.parametrize("option", ["auto", "binary=thing", "soft=thing"])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_edges_are_cut_at_half(tmp_path, name, option):
    masks = rectangles()
    meaning, notes, paths = settled(tmp_path, [SMOOTH[name](mask) for mask in masks], option)
    assert meaning.kind == "soft" and len(meaning.categories) == 2 and notes
    for path, mask in zip(paths, masks, strict=True):
        size = SMOOTH[name](mask).shape[:2]
        expected = resized(mask, cv2.INTER_NEAREST_EXACT, size[0]) > 0
        labels = read_labels(path, meaning, size)
        assert (labels != expected).sum() <= 4 * 40
        assert abs(int(labels.sum()) - int(expected.sum())) <= 130


@pytest.mark.parametrize(("value", "option"), [(200, "soft:200=thing"), (38, "soft:38=thing")])
def test_the_foreground_of_smooth_masks_may_have_any_value(tmp_path, value, option):
    masks = rectangles(value=value)
    meaning, _, paths = settled(tmp_path, [blurred(mask) for mask in masks])
    assert str(meaning) == option
    labels = read_labels(paths[0], meaning, masks[0].shape)
    assert abs(int(labels.sum()) - 1600) < 20


def mixed(dtype: type, top: float) -> list[Array]:
    """Soft, crisp, full, and empty with a little noise."""
    first, second, *_ = (mask.astype(np.float32) / 255 for mask in rectangles())
    noise = 0.003 * RNG(0).random(first.shape).astype(np.float32)
    masks = [blurred(first), second, np.ones_like(first), noise]
    return [(mask * top).astype(dtype) for mask in masks]


@pytest.mark.parametrize("option", ["auto", "soft=thing"])
@pytest.mark.parametrize(
    ("dtype", "top"),
    [(np.uint8, 255), (np.uint16, 65535), (np.uint16, 4095), (np.float32, 1), (np.float64, 255)],
)
def test_full_scale_is_that_of_the_set(tmp_path, dtype, top, option):
    meaning, _, paths = settled(tmp_path, mixed(dtype, top), option)
    again = parse(str(meaning))
    assert again is None or again.full == meaning.full
    areas = [int(read_labels(path, meaning, (96, 96)).sum()) for path in paths]
    assert areas == [pytest.approx(1600, abs=20), 1600, 96 * 96, 0]


def test_a_run_keeps_the_full_scale_for_a_folder_that_is_all_dark(tmp_path):
    meaning, _, _ = settled(tmp_path, mixed(np.uint16, 65535), "soft=thing")
    dark = save(tmp_path / "dark", np.full((96, 96), 196, np.uint16))
    again, _ = settle(str(meaning), [dark], None)
    assert not read_labels(dark, again, (96, 96)).any()
    plain = save(tmp_path / "plain", rectangles()[0])
    assert int(read_labels(plain, again, (96, 96)).sum()) == 1600


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_crisp_masks_of_0_and_1_are_not_read_as_empty(tmp_path, dtype):
    masks = [(mask > 0).astype(dtype) for mask in rectangles()]
    meaning, _, paths = settled(tmp_path, masks, "soft=thing")
    assert int(read_labels(paths[0], meaning, (96, 96)).sum()) == 1600


def test_values_a_little_outside_0_and_1_are_rounding(tmp_path):
    masks = [(mask / 255 * (1 + 2e-7) - 1e-7).astype(np.float32) for mask in rectangles()]
    meaning, _, paths = settled(tmp_path, masks)
    assert str(meaning) == "binary=thing"
    assert int(read_labels(paths[0], meaning, (96, 96)).sum()) == 1600


def test_percentages_are_asked_about_and_answered(tmp_path):
    masks = [(blurred(mask) / 2.55).astype(np.uint8) for mask in rectangles()]
    with pytest.raises(PixelwiseError, match=r"largest value is 100 .*--masks soft:100=NAME"):
        settled(tmp_path, masks, "soft")
    meaning, _, paths = settled(tmp_path, masks, "soft:100=thing")
    assert abs(int(read_labels(paths[0], meaning, (96, 96)).sum()) - 1600) < 20


@pytest.mark.parametrize("option", ["soft:=a", "soft:0=a", "soft:x=a", "index:3=a"])
def test_a_full_scale_that_is_none_is_a_sentence(option):
    with pytest.raises(PixelwiseError, match=r"soft:255=NAME"):
        parse(option)


def stripes(*values: int, seed: int = 0) -> Array:
    """A class map of uneven blocks, one for each value."""
    rng, mask = RNG(seed), np.zeros((120, 40 * len(values)), np.uint8)
    for place, value in enumerate(values):
        mask[10 + rng.integers(20) : 60 + rng.integers(40), 40 * place + 5 : 40 * place + 36] = (
            value
        )
    return mask


COLORS = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)


def test_smoothed_classes_are_refused(tmp_path):
    masks = [blurred(stripes(100, 200, seed=seed)) for seed in range(4)]
    with pytest.raises(PixelwiseError, match=r"smoothed edges.*without smoothing"):
        settled(tmp_path, masks)


def test_smoothed_colours_are_refused(tmp_path):
    masks = [blurred(COLORS[stripes(1, 2, 3, seed=seed)], 1) for seed in range(4)]
    with pytest.raises(PixelwiseError, match=r"smoothed edges.*colours"):
        settled(tmp_path, masks)


@pytest.mark.parametrize("values", [(1, 2, 3), (50, 100, 150), (10, 20, 30, 40, 50, 60, 70, 80)])
def test_crisp_classes_stay_classes(tmp_path, values):
    meaning, _, paths = settled(tmp_path, [stripes(*values, seed=seed) for seed in range(4)])
    assert meaning.kind == "index"
    labels = read_labels(paths[0], meaning, stripes(*values).shape)
    assert len(np.unique(labels)) == len(values) + 1


# --- transparency ---------------------------------------------------------------------------------


def drawn(
    mask: Array, ink: Sequence[tuple[int, int, int]], ground: tuple[int, int, int], alpha: int = 255
) -> Array:
    """(H, W, 4): inks by number on a transparent ground that has a colour all the same."""
    colors = np.array([ground, *ink], np.uint8)[mask]
    return np.dstack([colors, np.where(mask > 0, alpha, 0).astype(np.uint8)])


RED, GREEN, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 0), (255, 255, 255)
GROUNDS = [stripes(1, 2, seed=seed) for seed in range(4)]


@pytest.mark.parametrize("alpha", [255, 128])
@pytest.mark.parametrize("ground", [WHITE, BLACK, RED])
def test_what_is_transparent_is_ground(tmp_path, ground, alpha):
    masks = [drawn(mask, [GREEN, RED], ground, alpha) for mask in GROUNDS]
    meaning, notes, paths = settled(tmp_path, masks)
    assert [each.color for each in meaning.categories] == [BLACK, GREEN, RED]
    assert "Transparent parts of the masks are background." in notes
    for path, mask in zip(paths, GROUNDS, strict=True):
        np.testing.assert_array_equal(read_labels(path, meaning, mask.shape), mask)


@pytest.mark.parametrize("ink", [BLACK, WHITE, RED])
@pytest.mark.parametrize("ground", [BLACK, WHITE, GREEN])
def test_one_ink_on_a_transparent_ground_is_the_mask(tmp_path, ink, ground):
    masks = [drawn((mask > 0).astype(np.uint8), [ink], ground) for mask in GROUNDS]
    meaning, _, paths = settled(tmp_path, masks)
    for path, mask in zip(paths, GROUNDS, strict=True):
        np.testing.assert_array_equal(read_labels(path, meaning, mask.shape), mask > 0)


def test_an_empty_drawing_is_ground(tmp_path):
    masks = [drawn(mask * (k > 0), [RED, GREEN], WHITE) for k, mask in enumerate(GROUNDS)]
    meaning, _, paths = settled(tmp_path, masks)
    assert not read_labels(paths[0], meaning, GROUNDS[0].shape).any()
    assert read_labels(paths[1], meaning, GROUNDS[0].shape).any()


def test_an_alpha_channel_that_is_0_everywhere_says_nothing(tmp_path):
    masks = [np.dstack([COLORS[mask], np.zeros(mask.shape, np.uint8)]) for mask in GROUNDS]
    meaning, _, paths = settled(tmp_path, masks)
    assert len(np.unique(read_labels(paths[0], meaning, GROUNDS[0].shape))) == 3


def test_grey_with_alpha_keeps_its_numbers(tmp_path):
    masks = [
        np.dstack([mask + 5 * (mask == 0), 255 * (mask > 0)]).astype(np.uint8) for mask in GROUNDS
    ]
    for number, mask in enumerate(masks):
        Pil.fromarray(mask, "LA").save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.iterdir())
    meaning, _ = settle("auto", paths, None)
    np.testing.assert_array_equal(read_labels(paths[0], meaning, GROUNDS[0].shape), GROUNDS[0])


@pytest.mark.parametrize("suffix", [".png", ".gif"])
@pytest.mark.parametrize("clear", [0, 1])
def test_a_transparent_palette_index_is_ground(tmp_path, suffix, clear):
    paths = []
    for number, mask in enumerate(GROUNDS):
        picture = Pil.fromarray(
            (mask > 0).astype(np.uint8) if clear == 0 else (mask == 0).astype(np.uint8)
        )
        picture.putpalette([*WHITE, *RED] if clear == 0 else [*RED, *WHITE])
        paths.append(tmp_path / f"{number}{suffix}")
        picture.save(paths[-1], transparency=clear)
    meaning, _ = settle("auto", paths, None)
    for path, mask in zip(paths, GROUNDS, strict=True):
        np.testing.assert_array_equal(read_labels(path, meaning, mask.shape), mask > 0)


def test_a_transparent_colour_is_ground(tmp_path):
    paths = []
    for number, mask in enumerate(GROUNDS):
        picture = Pil.fromarray(np.array([WHITE, RED, RED], np.uint8)[mask])
        paths.append(tmp_path / f"{number}.png")
        picture.save(paths[-1], transparency=WHITE)
    meaning, _ = settle("auto", paths, None)
    np.testing.assert_array_equal(read_labels(paths[0], meaning, GROUNDS[0].shape), GROUNDS[0] > 0)


# --- numbered objects -----------------------------------------------------------------------------


def cells(numbers: Sequence[int], dtype: type = np.uint8) -> Array:
    """One object of 10 x 12 pixels for each number, in reading order."""
    mask = np.zeros((64, 96), dtype)
    for place, number in enumerate(numbers):
        y, x = divmod(place, 6)
        mask[14 * y : 14 * y + 10, 14 * x : 14 * x + 12] = number
    return mask


def counted(*counts: int, dtype: type = np.uint8) -> list[Array]:
    return [cells(range(1, count + 1), dtype) for count in counts]


def colored(*counts: int, table: Array | None = None) -> list[Array]:
    """Objects in random colours, or in those of a table by their number."""
    rng = RNG(1)
    found = []
    for mask in counted(*counts):
        own = rng.integers(30, 255, (30, 3)).astype(np.uint8) if table is None else table.copy()
        own[0] = 0
        found.append(own[mask])
    return found


def from_(*starts: int, count: int = 6, dtype: type = np.uint16) -> list[Array]:
    return [cells(range(start, start + count), dtype) for start in starts]


TABLE = RNG(2).integers(30, 255, (30, 3)).astype(np.uint8)

OBJECTS = {
    "counted, 8 bits": (counted(5, 9, 15, 7), [5, 9, 15, 7]),
    "random colours": (colored(9, 10, 11, 12), [9, 10, 11, 12]),
    "numbers of a slide": (from_(100, 110, 120, 130), [6] * 4),
    "numbers of 17 bits": (from_(70_000, 70_010, 70_020, dtype=np.int32), [6] * 3),
    "numbers of 32 bits": (from_(3 * 10**9, 3 * 10**9 + 50, dtype=np.uint32), [6] * 2),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_numbers_that_can_be_no_classes_are_objects(tmp_path, name):
    masks, expected = OBJECTS[name]
    meaning, notes, paths = settled(tmp_path, masks)
    assert str(meaning) == "ids=object" or str(meaning) == "ids=thing"
    assert any("number the objects" in note for note in notes)
    assert [len(read_ids(path, meaning, (64, 96), None)) for path in paths] == expected


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.uint64, np.float32])
def test_numbers_of_any_width_are_objects_when_asked_for(tmp_path, dtype):
    masks = from_(70_000, 70_010, dtype=dtype)
    meaning, _, paths = settled(tmp_path, masks, "ids=cell")
    assert [len(read_ids(path, meaning, (64, 96), None)) for path in paths] == [6, 6]


UNCLEAR = {
    "one to three": counted(1, 2, 3, 1, 2, 3),
    "one or two": counted(1, 2, 1, 2, 2, 1),
    "one or two, 16 bits": counted(1, 2, 1, 2, 2, 1, dtype=np.uint16),
    "one to five of a colour table": colored(2, 5, 3, 1, table=TABLE),
    "few random colours": colored(2, 3, 2, 3, 2),
    "random colours in two files": colored(6, 7),
    "random colours on white": [np.where(m.any(2)[..., None], m, 255) for m in colored(6, 7, 8)],
    "few numbers of a slide": from_(100, 110, 120, count=3),
    "numbers with gaps": [
        cells(n) for n in ([1, 3, 4, 7], [2, 3, 5, 6], [1, 2, 6, 8], [2, 4, 7, 9])
    ],
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_numbers_that_may_be_classes_are_asked_about(tmp_path, name):
    option = "colour" if UNCLEAR[name][0].ndim == 3 else "index"
    with pytest.raises(
        PixelwiseError, match=rf"--masks ids=NAME.*--masks {option}.*--masks binary"
    ):
        settled(tmp_path, UNCLEAR[name])
    meaning, _, _ = settled(tmp_path, UNCLEAR[name], option)
    assert meaning.kind == option


def scenes(count: int, classes: int, of_each: int, seed: int = 0) -> list[Array]:
    """Maps with some of the classes, each in one to three places."""
    rng, found = RNG(seed), []
    for _ in range(count):
        mask = np.zeros((64, 96), np.uint8)
        for value in rng.choice(np.arange(1, classes + 1), of_each, replace=False):
            for _ in range(rng.integers(1, 4)):
                y, x = rng.integers(0, 50), rng.integers(0, 80)
                mask[y : y + 12, x : x + 14] = value
        found.append(mask)
    return found


def organs() -> list[Array]:
    """A liver, with a tumour in some."""
    found = []
    for number in range(6):
        mask = np.zeros((64, 96), np.uint8)
        mask[10:50, 10:80] = 1
        if number % 2:
            mask[20:30, 20 + 5 * number : 32 + 5 * number] = 2
        found.append(mask)
    return found


CLASSES = {
    "a liver and its tumour": organs(),
    "20 classes, three in each": scenes(30, 20, 3),
    "20 classes in few files": scenes(4, 20, 2),
    "five classes, two in each": scenes(12, 5, 2),
    "the same six classes in all": scenes(8, 6, 6),
    "colours": [TABLE[mask] for mask in scenes(8, 11, 5)],
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_not_asked_about(tmp_path, name):
    meaning, _, _ = settled(tmp_path, CLASSES[name])
    assert meaning.kind == ("colour" if name == "colours" else "index")


@pytest.mark.parametrize("ground", [BLACK, WHITE])
def test_objects_in_colours_lie_on_black_or_on_white(tmp_path, ground):
    masks = [np.where(m.any(2)[..., None], m, np.uint8(ground)) for m in colored(6, 7, 8)]
    meaning, _, paths = settled(tmp_path, masks, "ids=cell")
    assert [len(read_ids(path, meaning, (64, 96), None)) for path in paths] == [6, 7, 8]


def test_many_colours_in_one_mask_alone_are_classes_with_a_note(tmp_path):
    meaning, notes, _ = settled(tmp_path, colored(12))
    assert meaning.kind == "colour" and any("--masks ids=NAME" in note for note in notes)


def test_as_many_objects_in_every_image_are_classes_with_a_note(tmp_path):
    meaning, notes, _ = settled(tmp_path, counted(3, 3, 3, 3))
    assert meaning.kind == "index" and any("--masks ids=NAME" in note for note in notes)


def test_large_numbers_that_come_back_are_asked_about(tmp_path):
    masks = [cells([70_000, 70_001], np.int32) for _ in range(4)]
    with pytest.raises(PixelwiseError, match=r"values up to 70001 .*--masks ids=NAME"):
        settled(tmp_path, masks)


def test_numbers_where_0_is_shown_white_are_taken_as_they_are(tmp_path):
    paths = []
    for number, mask in enumerate(GROUNDS):
        paths.append(tmp_path / f"{number}.tif")
        tifffile.imwrite(paths[-1], mask.astype(np.uint16), photometric="miniswhite")
    meaning, notes = settle("auto", paths, None)
    np.testing.assert_array_equal(read_labels(paths[0], meaning, GROUNDS[0].shape), GROUNDS[0])
    assert any("0 white" in note for note in notes)
