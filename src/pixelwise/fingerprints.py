"""Files and datasets by their content: the same pictures have the same fingerprint anywhere."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

from pixelwise.datasets import Dataset
from pixelwise.types import Sample

UNREADABLE = "unreadable"
"""The fingerprint of a file that is empty or cannot be opened; it equals nothing."""

_WHOLE = 4 * 2**20
_END = 2**20


def fingerprint(path: Path) -> str:
    """A hash (BLAKE2b, 128 bits, hexadecimal) of a file's size and content.

    Of a file above 4 MB the first and the last megabyte stand for all: two camera pictures that
    agree there are the same, and a thousand large ones are told apart in seconds.
    """
    try:
        size = path.stat().st_size
        digest = blake2b(str(size).encode(), digest_size=16)
        with path.open("rb") as file:
            if size <= _WHOLE:
                digest.update(file.read())
            else:
                digest.update(file.read(_END))
                file.seek(-_END, os.SEEK_END)
                digest.update(file.read(_END))
    except OSError:
        return UNREADABLE
    return digest.hexdigest() if size else UNREADABLE


def fingerprints_of(samples: Sequence[Sample]) -> dict[str, str]:
    """Sample id -> `fingerprint` of its image, read by several threads."""
    prints = _all(sample.files[0] for sample in samples)
    return {sample.id: each for sample, each in zip(samples, prints, strict=True)}


def dataset_fingerprint(dataset: Dataset) -> str:
    """One hash for a dataset: every id, image and mask, and the names of the categories.

    Where the folder lies and the order of listing do not change it.
    """
    files = [
        (sample.id, file)
        for sample in (dataset[index] for index in range(len(dataset)))
        for file in sample.files
    ]
    named = zip(files, _all(file for _, file in files), strict=True)
    # The files of one sample keep their order: a picture and its mask changed over differ.
    samples: dict[str, list[str]] = defaultdict(list)
    for (name, _), each in named:
        samples[name].append(each)
    lines = ["\t".join([name, *samples[name]]) for name in sorted(samples)]
    text = "\n".join([*lines, *(category.name for category in dataset.categories)])
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _all(files: Iterable[Path]) -> list[str]:
    """The fingerprint of each file; one that annotates many pictures is read once."""
    asked = list(files)
    once = list(dict.fromkeys(asked))
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        prints = dict(zip(once, pool.map(fingerprint, once), strict=True))
    return [prints[file] for file in asked]
