"""Images that claim or unpack to gigabytes are refused in one sentence and in little memory."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pil

from folders import image_of
from pixelwise.datasets._pictures import image_size_hw, read_image, read_stored
from pixelwise.types import PixelwiseError

SIDE = 65_535
MOST_MIB = 400


def tiff(tags: dict[int, tuple[int, int]], data: bytes = b"") -> bytes:
    """A TIFF of these tags (number -> type, value); a value of -1 is where the data begin."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for number, (kind, value) in sorted(tags.items()):
        value = start if value < 0 else value
        packed = struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
        entries += struct.pack("<HHI", number, kind, 1) + packed
    count = struct.pack("<H", len(tags))
    return b"II*\0" + struct.pack("<I", 8) + count + entries + bytes(4) + data


def plain_tags(
    side: int, bits: int, compression: int, num_bytes: int
) -> dict[int, tuple[int, int]]:
    return {
        256: (4, side),
        257: (4, side),
        258: (3, bits),
        259: (3, compression),
        262: (3, 1),
        273: (4, -1),
        277: (3, 1),
        278: (4, side),
        279: (4, num_bytes),
    }


def png(width: int, height: int, depth: int, color: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = zlib.compress(bytes(10**7))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def patched(kind: str, place: bytes, size: bytes) -> bytes:
    """A small image whose header claims another size."""
    stream = io.BytesIO()
    Pil.fromarray(image_of(0, (20, 30))).save(stream, kind)
    data = stream.getvalue()
    at = data.index(place) + len(place)
    return data[:at] + size + data[at + len(size) :]


def grown(bits: int) -> bytes:
    """A strip of a small TIFF that unpacks to 300 MB."""
    packer = zlib.compressobj(1)
    megabyte = bytes(10**6)
    strip = b"".join(packer.compress(megabyte) for _ in range(300)) + packer.flush()
    return tiff(plain_tags(64, bits, 8, len(strip)), strip)


BOMBS = {
    "png": lambda: png(SIDE, SIDE, 8, 2),
    "deep png": lambda: png(SIDE, SIDE, 16, 2),
    "one-bit png": lambda: png(SIDE, SIDE, 1, 0),
    "cut png": lambda: png(13_000, 13_000, 8, 0),
    "jpeg": lambda: patched("JPEG", b"\xff\xc0\0\x11\x08", struct.pack(">HH", SIDE, SIDE)),
    "gif": lambda: b"GIF89a" + struct.pack("<HH", SIDE, SIDE) + bytes(3) + b";",
    "gif frame": lambda: patched("GIF", b"GIF87a", struct.pack("<HH", SIDE, SIDE)),
    "bmp": lambda: patched("BMP", b"\x28\0\0\0", struct.pack("<ii", SIDE, SIDE)),
    "webp": lambda: patched("WebP", b"\x9d\x01\x2a", struct.pack("<HH", 16383, 16383)),
    "tiff": lambda: tiff(plain_tags(SIDE, 8, 1, 100), bytes(100)),
    "deep tiff": lambda: tiff(plain_tags(SIDE, 16, 1, 100), bytes(100)),
    "lying strip": lambda: tiff(plain_tags(64, 8, 1, 2**32 - 10), bytes(100)),
    "lying deep strip": lambda: tiff(plain_tags(64, 16, 1, 2**32 - 10), bytes(100)),
    "lying packed strip": lambda: tiff(plain_tags(64, 16, 8, 2**32 - 10), bytes(100)),
    "growing strip": lambda: grown(8),
    "growing deep strip": lambda: grown(16),
    "growing float strip": lambda: grown(32),
}


def named(folder: Path, name: str) -> Path:
    return folder / f"{name}{'.tif' if 'strip' in name or 'tiff' in name else '.png'}"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = named(tmp_path, name)
    path.write_bytes(BOMBS[name]())
    for read in (read_image, read_stored, image_size_hw):
        try:
            found = read(path)
        except PixelwiseError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
        else:
            # A small image whose strip holds too much may be read: the rest is not unpacked.
            assert read is image_size_hw or "strip" in name, f"{np.shape(found)}"


READ_ALL = """
import resource, sys
from pathlib import Path
from pixelwise.datasets._pictures import image_size_hw, read_image, read_stored
from pixelwise.types import PixelwiseError

for path in sorted(Path(sys.argv[1]).iterdir()):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (image_size_hw, read_stored, read_image):
        try:
            read(path)
        except PixelwiseError:
            pass
    print(path.name, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_bomb_takes_little_memory(tmp_path):
    for name in BOMBS:
        named(tmp_path, name).write_bytes(BOMBS[name]())
    tifffile.imwrite(tmp_path / "large.tif", np.zeros((5000, 5000), np.uint16), compression="zlib")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_ALL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    grown = {name: int(mib) for name, mib in lines}
    assert len(grown) == len(BOMBS) + 1
    assert {name: mib for name, mib in grown.items() if mib > MOST_MIB} == {}


def test_pages_that_point_at_each_other_end(tmp_path):
    tags = plain_tags(8, 8, 1, 64)
    data = bytearray(tiff(tags, bytes(64)))
    end = 8 + 2 + 12 * len(tags)
    data[end : end + 4] = struct.pack("<I", 8)
    path = tmp_path / "loop.tif"
    path.write_bytes(bytes(data))
    try:
        assert read_image(path).shape == (8, 8, 3)
    except PixelwiseError as error:
        assert "pages" in str(error) or "damaged" in str(error)


def test_too_many_bytes_unpacked_are_refused(tmp_path):
    path = tmp_path / "wide.tif"
    path.write_bytes(tiff(plain_tags(14_000, 64, 1, 100) | {339: (3, 3)}, bytes(100)))
    with pytest.raises(PixelwiseError, match=r"wide\.tif takes more than 512 MiB unpacked"):
        read_image(path)
