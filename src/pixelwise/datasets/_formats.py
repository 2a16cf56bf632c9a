"""File formats that are not read, named for what they are, with the way out of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

# What of a file's first bytes is enough to know its format: DICOM's and NIfTI's marks come late.
_HEAD = 352

_PHOTO = "convert it to JPEG or PNG, for example with `magick {name} {stem}.png`"
_VOLUME = "export its slices as PNG or TIFF files, one image each"
_PAGES = "export its pages as PNG files"
_RAW = "develop it to TIFF, PNG or JPEG with a raw converter"
_AGAIN = "download or copy it again"

# What a format is called, and what to do about it.
_CURES = {
    "HEIC": ("a HEIC image, as phones write them", _PHOTO),
    "AVIF": ("an AVIF image", _PHOTO),
    "JPEG 2000": ("a JPEG 2000 image", _PHOTO),
    "JPEG XL": ("a JPEG XL image", _PHOTO),
    "OpenEXR": ("an OpenEXR image", "convert it to TIFF (float) or PNG"),
    "Radiance": ("a Radiance HDR image", "convert it to TIFF (float) or PNG"),
    "DICOM": ("a DICOM file", _VOLUME),
    "NIfTI": ("a NIfTI volume", _VOLUME),
    "NRRD": ("an NRRD volume", _VOLUME),
    "MetaImage": ("a MetaImage volume", _VOLUME),
    "microscope": ("a microscope's own file", "export its images as TIFF, for example with Fiji"),
    "slide": ("a slide scanner's file", "export regions of it as PNG or TIFF"),
    "SVG": ("an SVG drawing", "export it as PNG at the image's size, without smoothed edges"),
    "PDF": ("a PDF document", _PAGES),
    "PostScript": ("a PostScript document", _PAGES),
    "PSD": ("a Photoshop document", "export it as PNG"),
    "GIMP": ("a GIMP document", "export it as PNG"),
    "raw": ("a camera's raw file", _RAW),
    "video": ("a video", "export its frames as images"),
    "NumPy": ("a NumPy array", "save it as PNG or TIFF"),
    "HTML": ("a web page and no image", _AGAIN),
    "Git LFS": ("a Git LFS pointer and no image", "fetch the image itself with `git lfs pull`"),
    "archive": ("an archive", "unpack it"),
}

_BY_ENDING = {
    "HEIC": (".heic", ".heif", ".hif"),
    "AVIF": (".avif", ".avifs"),
    "JPEG 2000": (".jp2", ".j2k", ".jpx", ".j2c"),
    "JPEG XL": (".jxl",),
    "OpenEXR": (".exr",),
    "Radiance": (".hdr",),
    "DICOM": (".dcm", ".dicom"),
    "NIfTI": (".nii", ".nii.gz"),
    "NRRD": (".nrrd", ".nhdr"),
    "MetaImage": (".mha", ".mhd"),
    "microscope": (".czi", ".lif", ".nd2", ".lsm", ".oib", ".oif", ".vsi", ".stk", ".dv"),
    "slide": (".svs", ".ndpi", ".mrxs", ".scn", ".bif"),
    "SVG": (".svg", ".svgz"),
    "PDF": (".pdf",),
    "PostScript": (".eps", ".ps", ".ai"),
    "PSD": (".psd", ".psb"),
    "GIMP": (".xcf",),
    "raw": (
        *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".dng", ".raf", ".orf", ".rw2"),
        *(".pef", ".srw", ".raw"),
    ),
}
_ENDINGS = {ending: kind for kind, endings in _BY_ENDING.items() for ending in endings}

# ISO media files: the brands after "ftyp".
_BRANDS = {
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"),
    "AVIF": (b"avif", b"avis"),
    "raw": (b"crx ",),
}
_BY_START = (
    ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n"),
    ("JPEG 2000", b"\xff\x4f\xff\x51"),
    ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("JPEG XL", b"\xff\x0a"),
    ("OpenEXR", b"\x76\x2f\x31\x01"),
    ("Radiance", b"#?RADIANCE"),
    ("Radiance", b"#?RGBE"),
    ("NRRD", b"NRRD000"),
    ("PDF", b"%PDF"),
    ("PostScript", b"%!PS"),
    ("PostScript", b"\xc5\xd0\xd3\xc6"),
    ("PSD", b"8BPS"),
    ("GIMP", b"gimp xcf"),
    ("raw", b"FUJIFILMCCD-RAW"),
    ("raw", b"IIU\0"),
    ("raw", b"IIRO"),
    ("microscope", b"ZISRAWFILE"),
    ("video", b"\x1aE\xdf\xa3"),
    ("NumPy", b"\x93NUMPY"),
    ("NumPy", b"PK\x03\x04\x2d\0\0\0\0\0"),
    ("Git LFS", b"version https://git-lfs"),
    ("archive", b"PK\x03\x04"),
    ("archive", b"\x1f\x8b"),
    ("archive", b"7z\xbc\xaf\x27\x1c"),
)


def foreign_format(path: Path) -> str | None:
    """What a file is by its first bytes, and what to do; None for what is read or not known.

    The answer goes on from the file's name: "is a HEIC image, ...".
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    kind = _by_bytes(head)
    if kind == "archive" and path.name.lower().endswith((".nii.gz", ".gz")):
        kind = "NIfTI" if ".nii" in path.name.lower() else kind
    return None if kind is None else _sentence(kind, path.name)


def foreign_ending(file: str) -> str | None:
    """The name of a format that is not read, by a file's ending; None for all others."""
    name = file.lower()
    return next((kind for end, kind in _ENDINGS.items() if name.endswith(end)), None)


def overlooked(files: Iterable[str], read: Iterable[str]) -> list[str]:
    """Files that are not read, without those of a read file's name: a raw file beside its JPEG."""
    stems = {_stem(file) for file in read}
    return [file for file in files if foreign_ending(file) and _stem(file) not in stems]


def _stem(file: str) -> str:
    return PurePosixPath(file).with_suffix("").as_posix()


def foreign_notes(files: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each format that is not read, with how many files there are of it."""
    found: dict[str, list[str]] = {}
    for file in files:
        kind = foreign_ending(file)
        if kind is not None:
            found.setdefault(kind, []).append(file)
    return tuple(_note(kind, members) for kind, members in sorted(found.items()))


def _note(kind: str, files: list[str]) -> str:
    what, cure = _CURES[kind]
    first = min(files)
    cure = cure.format(name=PurePosixPath(first).name, stem=PurePosixPath(first).stem)
    if len(files) == 1:
        return f"{first} is {what}, which is not read: {cure}."
    return f"{len(files)} files such as {first} are not read; each is {what}: {cure}."


def _sentence(kind: str, name: str) -> str:
    what, cure = _CURES[kind]
    stem = PurePosixPath(name).stem
    verb = "" if kind in ("HTML", "Git LFS") else ", which is not read"
    return f"is {what}{verb}: {cure.format(name=name, stem=stem)}."


def _by_bytes(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    for kind, start in _BY_START:
        if head.startswith(start):
            return kind
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI"
    # Canon's raw files are TIFF with a mark of their own.
    if head[8:10] == b"CR" and head.startswith(b"II*\0"):
        return "raw"
    return _by_text(head)


def _by_brand(head: bytes) -> str:
    length = int.from_bytes(head[:4], "big")
    brands = {head[8:12]} | {head[i : i + 4] for i in range(16, min(length, len(head)), 4)}
    # The first brand is what the writer calls it; the others are what it can be read as.
    for kind, marks in _BRANDS.items():
        if head[8:12] in marks and not (kind == "HEIC" and brands & set(_BRANDS["AVIF"])):
            return kind
    if brands & set(_BRANDS["AVIF"]):
        return "AVIF"
    return "HEIC" if brands & set(_BRANDS["HEIC"]) else "video"


def _by_text(head: bytes) -> str | None:
    text = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if b"<svg" in text:
        return "SVG"
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "HTML"
    if text.startswith((b"<?xml", b"<!doctype svg", b"<!--")):
        return "SVG" if b"svg" in text else None
    return None
