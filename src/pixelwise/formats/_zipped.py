"""Texts in a file that is a zip archive, or ends in one: any program that unzips reads them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

MEMBER = "pixelwise.json"
"""What the texts are called: a JSON object of name and text."""


def attach(path: Path, metadata: Mapping[str, str]) -> None:
    """Put texts into the archive at a file's end, in the place of those that are there.

    A file that ends in none gets one. The formats that do this ignore what they do not know.
    """
    data = path.read_bytes()
    start, members = _archive(data)
    file = io.BytesIO(data[:start])
    with zipfile.ZipFile(file, "a") as archive:
        for info, content in members:
            if info.filename != MEMBER:
                archive.writestr(info, content)
        archive.writestr(MEMBER, json.dumps(dict(metadata), indent=1))
    path.write_bytes(file.getvalue())


def metadata(path: Path) -> dict[str, str]:
    """The texts in the archive at a file's end; none where there are none."""
    _, members = _archive(path.read_bytes())
    texts = [content for info, content in members if info.filename == MEMBER]
    return dict(json.loads(texts[0])) if texts else {}


def _archive(data: bytes) -> tuple[int, list[tuple[zipfile.ZipInfo, bytes]]]:
    """Where the archive at the end of a file begins, and what is in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except zipfile.BadZipFile:
        return len(data), []
    return min((info.header_offset for info, _ in members), default=len(data)), members
