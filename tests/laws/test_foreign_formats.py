"""Formats that are not read are named for what they are, whatever their names end in."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image as Pil

from folders import image_of, mask_of, white, write, write_pairs
from pixelwise.datasets import open_dataset
from pixelwise.datasets._pictures import moving_notes, read_image, read_stored
from pixelwise.inputs import gather
from pixelwise.types import PixelwiseError


def saved(kind: str) -> bytes:
    stream = io.BytesIO()
    Pil.fromarray(image_of(0)).save(stream, kind)
    return stream.getvalue()


def brand(*names: bytes) -> bytes:
    return struct_box(b"ftyp" + names[0] + bytes(4) + b"".join(names)) + bytes(400)


def struct_box(data: bytes) -> bytes:
    return (len(data) + 4).to_bytes(4, "big") + data


def npz() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "a")
    return stream.getvalue()


FOREIGN = {
    "HEIC": (brand(b"heic", b"mif1"), "HEIC"),
    "HEIF of any coder": (brand(b"mif1", b"heic"), "HEIC"),
    "AVIF": (brand(b"avif", b"mif1"), "AVIF"),
    "AVIF as mif1": (brand(b"mif1", b"avif"), "AVIF"),
    "Canon CR3": (brand(b"crx "), "raw file"),
    "MP4": (brand(b"isom", b"mp42"), "video"),
    "JPEG 2000": (saved("JPEG2000"), "JPEG 2000"),
    "JPEG XL": (b"\xff\x0a" + bytes(60), "JPEG XL"),
    "JPEG XL in a box": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), "JPEG XL"),
    "DICOM": (bytes(128) + b"DICM" + bytes(300), "DICOM"),
    "NIfTI": (bytes(344) + b"n+1\0" + bytes(100), "NIfTI"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="x"></svg>', "SVG"),
    "PDF": (b"%PDF-1.7\n" + bytes(60), "PDF"),
    "PSD": (b"8BPS\0\1" + bytes(60), "Photoshop"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
    "web page": (b"<!DOCTYPE html><html>404</html>", "web page"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "archive": (npz(), "archive"),
}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_under_a_familiar_name_is_named(tmp_path, name, suffix):
    data, word = FOREIGN[name]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    for read in (read_image, read_stored):
        with pytest.raises(PixelwiseError, match=word) as caught:
            read(path)
        assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    ("ending", "word"),
    [
        (".heic", "HEIC"),
        (".HIF", "HEIC"),
        (".avif", "AVIF"),
        (".jp2", "JPEG 2000"),
        (".dcm", "DICOM"),
        (".nii.gz", "NIfTI"),
        (".psd", "Photoshop"),
        (".CR2", "raw file"),
        (".czi", "microscope"),
    ],
)
@pytest.mark.parametrize("masks", [True, False])
def test_a_folder_of_foreign_files_says_so(tmp_path, ending, word, masks):
    for number in range(4):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / f"images/a{number}{ending}").write_bytes(bytes(600))
        if masks:
            write(tmp_path / f"masks/a{number}.png", white(mask_of(number)))
    with pytest.raises(PixelwiseError, match=rf"4 files such as images/a0\S+ are .*{word}"):
        open_dataset(tmp_path)


def test_a_few_foreign_files_among_images_are_noted(tmp_path):
    root = write_pairs(tmp_path)
    (root / "images/late.heic").write_bytes(b"x")
    assert any("images/late.heic is a HEIC image" in note for note in open_dataset(root).notes)


def test_papers_and_raw_files_beside_their_images_are_not_noted(tmp_path):
    root = write_pairs(tmp_path)
    (root / "paper.pdf").write_bytes(b"%PDF")
    (root / "images/p0.nef").write_bytes(b"x")
    plain = open_dataset(write_pairs(tmp_path / "plain"))
    assert open_dataset(root).notes == plain.notes


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png"])
def test_moving_images_are_refused_or_their_first_frame_is_taken(tmp_path, ending):
    frames = [Pil.fromarray(image_of(number)) for number in range(5)]
    path = tmp_path / f"a{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    for read in (read_image, read_stored):
        with pytest.raises(PixelwiseError, match="moving image of 5 frames"):
            read(path)
    assert np.abs(read_image(path, first=True).astype(int) - image_of(0)).mean() < 12
    (note,) = moving_notes([path])
    assert "5 frames: the first was taken" in note


def test_still_images_are_not_noted(tmp_path):
    paths = [write(tmp_path / f"a{ending}", image_of(0)) for ending in (".gif", ".webp", ".png")]
    assert moving_notes([*paths, tmp_path / "gone.gif"]) == ()


def test_a_folder_to_predict_names_what_it_holds(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(PixelwiseError, match=r"no picture in .*a\.heic is a HEIC image"):
        gather([tmp_path])
    write(tmp_path / "b.png", image_of(0))
    (tmp_path / "b.nef").write_bytes(b"x")
    assert [note for note in gather([tmp_path]).notes if "HEIC" in note]
    assert not [note for note in gather([tmp_path]).notes if "raw" in note]
