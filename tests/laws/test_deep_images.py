"""Images of more than eight bits: one number is white in all of a dataset's, whatever one holds."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from folders import image_of, mask_of, white, write
from pixelwise.datasets import open_dataset
from pixelwise.datasets._pictures import image_size_hw, is_rotated, read_image, read_stored
from pixelwise.datasets._white import settle_white
from pixelwise.plan import look
from pixelwise.predictions import predict
from pixelwise.recipe import Recipe, derive
from pixelwise.types import PixelwiseError
from untrained import write_run

HW = (20, 30)
GREY = image_of(0, HW)[..., 0]


def save(path: Path, values: np.ndarray, **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        cv2.imwrite(str(path), values)
    else:
        tifffile.imwrite(path, values, **how)
    return path


def folder_of(root: Path, images: list[np.ndarray], suffix: str = ".tif") -> Path:
    for number, image in enumerate(images):
        save(root / f"images/a{number}{suffix}", image)
        write(root / f"masks/a{number}.png", white(mask_of(number, image.shape[:2])))
    return root


def ramp(top: float, dtype: type = np.uint16) -> np.ndarray:
    return np.linspace(0, top, 600).reshape(HW).astype(dtype)


# --- a dataset's white level ----------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize(("top", "level"), [(250, 255), (900, 1023), (4000, 4095), (60000, 65535)])
def test_whole_numbers_have_the_smallest_depth_that_holds_them_all(tmp_path, suffix, top, level):
    images = [ramp(top), ramp(top / 10), ramp(top / 100)]
    dataset = open_dataset(folder_of(tmp_path, images, suffix))
    assert dataset.white_level == level
    assert any("counts as white" in note for note in dataset.notes) == (level < 65535)
    for number, image in enumerate(images):
        expected = np.rint(image * 255.0 / level)
        np.testing.assert_array_equal(dataset[number].read_image()[..., 0], expected)


@pytest.mark.parametrize(
    ("top", "level"), [(1, 1), (1.2, 1), (250, 255), (4000, 4095), (5e4, 65535)]
)
def test_floats_have_one_scale_in_a_dataset(tmp_path, top, level):
    images = [ramp(top, np.float32), ramp(top / 2, np.float32)]
    dataset = open_dataset(folder_of(tmp_path, images))
    assert dataset.white_level == level
    found = [dataset[number].read_image().mean() for number in range(2)]
    clipped = [255 * np.clip(image / level, 0, 1).mean() for image in images]
    assert found == pytest.approx(clipped, abs=0.5)


@pytest.mark.parametrize("hot", [1100, 5000, 65535])
def test_a_hot_pixel_changes_no_brightness(tmp_path, hot):
    images = [ramp(1000) for _ in range(3)]
    images[1][7, 9] = hot
    images[2][0, 0] = hot
    level, _ = settle_white([save(tmp_path / f"{n}.tif", image) for n, image in enumerate(images)])
    assert level == 1023
    read = [read_image(tmp_path / f"{n}.tif", level) for n in range(3)]
    assert (read[1] != read[0]).any(axis=2).sum() == 1
    assert (read[2] != read[0]).any(axis=2).sum() == 1


def test_small_bright_spots_are_no_hot_pixels(tmp_path):
    image = ramp(1000)
    image[5:8, 5:8] = 50_000
    assert settle_white([save(tmp_path / "a.tif", image)])[0] == 65535


def test_images_of_8_bits_have_nothing_to_settle(tmp_path):
    assert settle_white([write(tmp_path / "a.png", image_of(0))]) == (None, ())


def test_a_file_alone_goes_by_its_type(tmp_path):
    for top in (1000, 1023, 1024, 4095, 4096):
        image = np.full((8, 8), 25700, np.uint16)
        image[0, 0] = top
        assert read_image(save(tmp_path / "a.tif", image))[4, 4, 0] == 100


def test_values_above_the_white_level_are_refused_with_the_option(tmp_path):
    path = save(tmp_path / "a.tif", ramp(60000))
    with pytest.raises(PixelwiseError, match=r"a\.tif holds .*4095 counts as white.*--white-level"):
        read_image(path, 4095)


def test_eight_bits_do_not_go_by_the_white_level(tmp_path):
    path = write(tmp_path / "a.png", image_of(0))
    np.testing.assert_array_equal(read_image(path, 4095), image_of(0))


@pytest.mark.parametrize("low", [-1e-7, -0.02])
def test_values_a_little_outside_are_rounding(tmp_path, low):
    image = ramp(1, np.float32)
    image[:5] = low
    found = read_image(save(tmp_path / "a.tif", image))
    assert (found[:5] == 0).all() and found.max() == 255


def test_numbers_that_are_none_are_black(tmp_path):
    image = np.full((8, 8), 0.5, np.float32)
    image[0, 0] = np.nan
    found = read_image(save(tmp_path / "a.tif", image))
    assert found[0, 0, 0] == 0 and found[4, 4, 0] == 128


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.float64, np.float16])
def test_types_of_every_width_are_read(tmp_path, dtype):
    top = 1 if dtype in (np.float64, np.float16) else 4095
    path = save(tmp_path / "a.tif", (ramp(65535) / 65535 * top).astype(dtype))
    found = read_image(path, top)
    assert found.max() == 255 and found.min() == 0 and 110 < found.mean() < 140


# --- a run's white level --------------------------------------------------------------------------


def test_a_recipe_keeps_the_white_level_of_its_data(tmp_path):
    root = folder_of(tmp_path, [ramp(4000), ramp(400)])
    assert derive(look(open_dataset(root)), str(root), {}).white_level == 4095
    asked = derive(look(open_dataset(root, "auto", 65535)), str(root), {"white_level": 65535.0})
    assert asked.white_level == 65535
    with pytest.raises(PixelwiseError, match="white_level"):
        Recipe(data="", white_level=0)


def test_a_recipe_of_8_bit_images_has_none(tmp_path):
    root = folder_of(tmp_path, [GREY, GREY], ".png")
    assert derive(look(open_dataset(root)), str(root), {}).white_level is None


def overlay(out: Path, name: str) -> float:
    return float(np.asarray(Pil.open(out / f"{name}_overlay.jpg")).mean())


def test_a_dark_file_alone_is_as_dark_as_among_others(tmp_path):
    """By the run's white level, and not by what is given to predict."""
    run = write_run(tmp_path / "run", white_level=4095.0).path
    dark = save(tmp_path / "dark.tif", np.full(HW, 400, np.uint16))
    bright = save(tmp_path / "bright.tif", np.full(HW, 4000, np.uint16))
    alone = predict(run, [dark], out=tmp_path / "alone")
    among = predict(run, [dark, bright], out=tmp_path / "among")
    assert alone.notes == among.notes == ()
    assert overlay(tmp_path / "alone", "dark") == overlay(tmp_path / "among", "dark")


def test_deep_files_for_a_run_of_8_bits_are_scaled_together_and_it_is_said(tmp_path):
    run = write_run(tmp_path / "run").path
    paths = [save(tmp_path / f"{top}.tif", np.full(HW, top, np.uint16)) for top in (400, 4000)]
    done = predict(run, paths, out=tmp_path / "out")
    assert any("4095 counts as white" in note for note in done.notes)
    asked = predict(run, paths, out=tmp_path / "asked", white_level=65535)
    assert asked.notes == ()


def test_of_a_moving_image_the_first_frame_is_predicted_and_it_is_said(tmp_path):
    frames = [Pil.fromarray(image_of(number)) for number in range(5)]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    done = predict(write_run(tmp_path / "run").path, [path], out=tmp_path / "out")
    assert len(done.lines) == 1 and "5 frames: the first was taken" in done.notes[0]


# --- TIFF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_shown_upright_and_numbers_stay_numbers(tmp_path, dtype):
    full = np.iinfo(dtype).max
    values = (GREY.astype(np.uint32) * (full // 255)).astype(dtype)
    path = save(tmp_path / "a.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(path)[..., 0], 255 - GREY)
    stored = read_stored(path)
    np.testing.assert_array_equal(stored.values, values)
    assert stored.is_white_zero


@pytest.mark.parametrize("photometric", [None, "minisblack", "miniswhite"])
def test_truth_values_keep_their_sense(tmp_path, photometric):
    mask = mask_of(0, HW)
    path = save(tmp_path / "a.tif", mask, photometric=photometric)
    np.testing.assert_array_equal(read_stored(path).values > 0, mask)


@pytest.mark.parametrize("compression", ["group4", "group3", "packbits", "raw"])
def test_one_bit_by_any_compression_is_as_written(tmp_path, compression):
    mask = mask_of(0, HW)
    Pil.fromarray(mask).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(read_stored(tmp_path / "a.tif").values > 0, mask)


STACKS = {
    "pages": lambda path: save(path, np.stack([GREY] * 5), photometric="minisblack"),
    "ImageJ slices": lambda path: save(path, np.stack([GREY] * 5), imagej=True),
    "ImageJ channels": lambda path: save(
        path, np.stack([GREY] * 6).reshape(2, 3, *HW), imagej=True, metadata={"axes": "ZCYX"}
    ),
    "OME": lambda path: save(path, np.stack([GREY] * 3), ome=True, metadata={"axes": "CYX"}),
    "deep pages": lambda path: save(path, np.stack([ramp(9)] * 5), photometric="minisblack"),
    "colour pages": lambda path: save(path, np.stack([image_of(0, HW)] * 2), photometric="rgb"),
    "by Pillow": lambda path: Pil.fromarray(GREY).save(
        path, save_all=True, append_images=[Pil.fromarray(GREY)]
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_several_pages_are_refused(tmp_path, name):
    STACKS[name](tmp_path / "a.tif")
    for read in (read_image, read_stored):
        with pytest.raises(PixelwiseError, match=r"a\.tif holds \d pages .*Save each page"):
            read(tmp_path / "a.tif")


def test_previews_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(image_of(0, (64, 96)), photometric="rgb", subifds=1)
        tiff.write(image_of(0, (32, 48)), photometric="rgb", subfiletype=1)
        tiff.write(image_of(0, (16, 24)), photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), image_of(0, (64, 96)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [2, 4, 5, 13])
def test_channels_without_a_meaning_are_refused(tmp_path, dtype, planar, channels):
    values = np.stack([GREY.astype(dtype)] * channels, axis=-1 if planar == "contig" else 0)
    save(tmp_path / "a.tif", values, photometric="minisblack", planarconfig=planar)
    for read in (read_image, read_stored):
        with pytest.raises(PixelwiseError, match=rf"a\.tif has {channels} channels"):
            read(tmp_path / "a.tif")


def test_a_fourth_channel_that_is_no_alpha_does_not_fade_the_image(tmp_path):
    deep = np.dstack([image_of(0, HW), GREY]).astype(np.uint16) * 257
    for values in (deep, (deep // 257).astype(np.uint8)):
        path = save(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unspecified"])
        np.testing.assert_array_equal(read_image(path), image_of(0, HW))


def test_a_dataset_says_that_a_fourth_channel_is_left_out(tmp_path):
    bands = np.dstack([image_of(0, HW), GREY])
    for number in range(3):
        how = {"photometric": "rgb", "extrasamples": ["unspecified"]}
        save(tmp_path / f"images/a{number}.tif", bands, **how)
        write(tmp_path / f"masks/a{number}.png", white(mask_of(number, HW)))
    assert any("fourth channel" in note for note in open_dataset(tmp_path).notes)


def test_deep_inks_become_colours(tmp_path):
    ink = np.zeros((*HW, 4), np.uint16)
    ink[..., 1] = 65535
    path = save(tmp_path / "a.tif", ink, photometric="separated")
    assert read_image(path)[0, 0].tolist() == [255, 0, 255]


# --- orientation ----------------------------------------------------------------------------------


def with_chunk(png: bytes, kind: bytes, data: bytes, *, last: bool) -> bytes:
    """A PNG with one chunk more, before its pixels or after them."""
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    place = png.rindex(b"IEND") - 4 if last else 33
    return png[:place] + chunk + png[place:]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("where", ["exif", "xmp"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_png_is_turned_whatever_its_depth_and_wherever_it_says_so(
    tmp_path, last, deep, where, orientation
):
    values = GREY.astype(np.uint16) * 257 if deep else GREY
    path = save(tmp_path / "a.png", values)
    tag = Pil.Exif()
    tag[0x0112] = orientation
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0" + f'<x tiff:Orientation="{orientation}"/>'.encode()
    kind, data = (b"eXIf", tag.tobytes()[6:]) if where == "exif" else (b"iTXt", xmp)
    path.write_bytes(with_chunk(path.read_bytes(), kind, data, last=last))
    expected = np.rot90(GREY, {3: 2, 6: 3}[orientation])
    np.testing.assert_array_equal(read_image(path)[..., 0], expected)
    assert read_stored(path).values.shape == expected.shape == image_size_hw(path)
    assert is_rotated(path)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_xmp_turns_an_image_where_there_is_no_exif(tmp_path, suffix):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6"/></x:xmpmeta>'
    path = write(tmp_path / f"a{suffix}", image_of(0, HW), xmp=xmp)
    assert read_image(path).shape[:2] == HW[::-1] == image_size_hw(path)
    assert is_rotated(path)
