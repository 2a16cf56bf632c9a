"""A picture is read as a person sees it, whatever wrote it."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from folders import image_of, write
from pixelwise.datasets._pictures import image_size_hw, is_rotated, read_image, read_stored
from pixelwise.types import PixelwiseError

IMAGE = image_of(0, (20, 30))

# EXIF orientation -> how the stored pixels must be turned to be upright (EXIF 2.32, tag 274).
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


def exif(orientation: int) -> Pil.Exif:
    tags = Pil.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG", ".Bmp"])
def test_lossless_formats_come_back_exactly(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", IMAGE)
    np.testing.assert_array_equal(read_image(path), IMAGE)
    assert image_size_hw(path) == (20, 30)


@pytest.mark.parametrize("how", [{"suffix": ".jpg"}, {"suffix": ".webp"}])
def test_lossy_formats_come_back_nearly(tmp_path, how):
    smooth = cv2.GaussianBlur(IMAGE, (0, 0), 2)
    path = write(tmp_path / f"a{how['suffix']}", smooth, quality=95)
    assert np.abs(read_image(path).astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_exif_rotation_is_applied_and_known_from_the_header(tmp_path, orientation, suffix):
    how = {"lossless": True} if suffix == ".webp" else {}
    how |= {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    path = write(tmp_path / f"a{suffix}", IMAGE, exif=exif(orientation), **how)
    upright = TURNS[orientation](IMAGE)
    found = read_image(path)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < (3 if suffix == ".jpg" else 0.01)
    assert image_size_hw(path) == upright.shape[:2]
    assert read_stored(path).values.shape[:2] == upright.shape[:2]
    assert is_rotated(path) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_tiff_is_turned_too(tmp_path, orientation):
    path = tmp_path / "deep.tif"
    tag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(path, IMAGE.astype(np.uint16) * 257, photometric="rgb", extratags=tag)
    np.testing.assert_array_equal(read_image(path), TURNS[orientation](IMAGE))
    assert image_size_hw(path) == TURNS[orientation](IMAGE).shape[:2]


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = IMAGE[..., 0]
    for mode in ("L", "LA"):
        path = tmp_path / f"{mode}.png"
        Pil.fromarray(grey).convert(mode).save(path)
        np.testing.assert_array_equal(read_image(path), np.repeat(grey[..., None], 3, axis=2))


def test_one_bit_is_black_and_white(tmp_path):
    mask = IMAGE[..., 0] > 128
    for suffix in (".png", ".bmp", ".tif"):
        found = read_image(write(tmp_path / f"a{suffix}", mask))
        np.testing.assert_array_equal(found[..., 1], mask * 255)


def test_transparent_parts_lie_on_white(tmp_path):
    alpha = np.zeros((20, 30), np.uint8)
    alpha[:, 10:20] = 255
    alpha[:, 20:] = 51
    path = write(tmp_path / "a.png", np.dstack([np.zeros_like(IMAGE), alpha]))
    found = read_image(path)
    assert (found[:, :10] == 255).all() and (found[:, 10:20] == 0).all()
    assert (found[:, 20:] == 204).all()


def test_palettes_become_their_colours_with_and_without_transparency(tmp_path):
    picture = Pil.fromarray(np.arange(20 * 30, dtype=np.uint8).reshape(20, 30) % 3, mode="L")
    picture = picture.convert("P")
    picture.putpalette([10, 20, 30, 200, 100, 0, 5, 6, 7])
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.png", transparency=1)
    picture.save(tmp_path / "c.gif")
    for name in ("a.png", "c.gif"):
        assert read_image(tmp_path / name)[0, :3].tolist() == [
            [10, 20, 30],
            [200, 100, 0],
            [5, 6, 7],
        ]
    assert read_image(tmp_path / "b.png")[0, 1].tolist() == [255, 255, 255]


def test_cmyk_is_read_with_and_without_adobes_inversion(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 1] = 255  # magenta: R and B full, no G
    path = tmp_path / "adobe.jpg"
    Pil.fromarray(ink, mode="CMYK").save(path, quality=100)
    assert np.abs(read_image(path)[0, 0].astype(int) - [255, 0, 255]).max() <= 4
    assert b"Adobe" in path.read_bytes()
    # The same without Adobe's mark: then 255 means full ink, not none.
    stored = io.BytesIO()
    Pil.fromarray(255 - ink, mode="CMYK").save(stored, "JPEG", quality=100)
    data = stored.getvalue()
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    plain = tmp_path / "plain.jpg"
    plain.write_bytes(data[:start] + data[start + 2 + length :])
    assert np.abs(read_image(plain)[0, 0].astype(int) - [255, 0, 255]).max() <= 4


@pytest.mark.parametrize(("bits", "top"), [(16, 65535), (12, 4095), (10, 1023), (8, 255)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_deep_pictures_are_scaled_by_the_white_level(tmp_path, bits, top, suffix, channels):
    ramp = np.linspace(0, top, 600).round().astype(np.uint16).reshape(20, 30)
    deep = ramp if channels == 1 else np.dstack([ramp, ramp[::-1], ramp[:, ::-1]])
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, deep, photometric="rgb" if channels == 3 else "minisblack")
    else:
        cv2.imwrite(str(path), deep[..., ::-1] if channels == 3 else deep)
    found = read_image(path, top)
    expected = np.rint(deep.astype(float) * 255 / (2**bits - 1))
    if channels == 1:
        expected = np.repeat(expected[..., None], 3, axis=2)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_deep_tiff_with_planes_or_compression_is_read(tmp_path, compression):
    deep = IMAGE.astype(np.uint16) * 257
    path = tmp_path / "a.tif"
    if compression is None:
        tifffile.imwrite(path, np.moveaxis(deep, -1, 0), photometric="rgb", planarconfig="separate")
    else:
        params = [cv2.IMWRITE_TIFF_COMPRESSION, 5]  # LZW, which tifffile alone cannot unpack
        cv2.imwrite(str(path), deep[..., ::-1], params)
    np.testing.assert_array_equal(read_image(path), IMAGE)


def test_float_tiff_is_read_from_0_to_1_and_refused_with_negative_values(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (IMAGE / 255).astype(np.float32), photometric="rgb")
    np.testing.assert_array_equal(read_image(path), IMAGE)
    tifffile.imwrite(path, (IMAGE[..., 0] / 100.0 - 1).astype(np.float32))
    with pytest.raises(PixelwiseError, match=r"a\.tif holds values from -.* not negative. Scale"):
        read_image(path)


def png_with_header(width: int, height: int) -> bytes:
    """A PNG of one pixel that claims another size."""
    import struct
    import zlib

    stream = io.BytesIO()
    Pil.new("L", (1, 1)).save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(65_535, 65_535), (30_000, 30_000), (20_000, 15_000)])
def test_an_enormous_header_is_refused_before_decoding(tmp_path, size):
    path = tmp_path / "huge.png"
    path.write_bytes(png_with_header(*size))
    for read in (read_image, read_stored, image_size_hw):
        with pytest.raises(PixelwiseError, match=r"huge\.png claims more than 200,000,000 pixels"):
            read(path)


def broken(path: Path, kind: str) -> Path:
    whole = io.BytesIO()
    Pil.fromarray(image_of(1, (200, 300))).save(whole, path.suffix[1:].replace("jpg", "jpeg"))
    data = whole.getvalue()
    path.write_bytes(
        {"half": data[: len(data) // 2], "text": b"I am no picture", "empty": b""}[kind]
    )
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".gif"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [("half", "damaged or cut off"), ("text", "not a picture"), ("empty", "0 bytes")],
)
def test_broken_files_are_named_with_the_reason(tmp_path, suffix, kind, words):
    path = broken(tmp_path / f"bad{suffix}", kind)
    for read in (read_image, read_stored):
        with pytest.raises(PixelwiseError) as caught:
            read(path)
        assert str(path) in str(caught.value)
        # Pillow takes half a WebP or BMP for no picture at all: either reason is right.
        assert words in str(caught.value) or (
            kind == "half" and "not a picture" in str(caught.value)
        )


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(PixelwiseError, match=r"gone\.png does not exist"):
        read_image(tmp_path / "gone.png")
