"""Files and datasets by their content: the same pictures have the same fingerprint anywhere."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from pixelwise.datasets import Dataset
from pixelwise.types import Sample

UNREADABLE = "unreadable"
"""The fingerprint of a file that is empty or cannot be opened; it equals nothing."""

_BLOCK = 2**20
_SETTLED_NS = 2_000_000_000


def fingerprint(path: Path) -> str:
    """A hash (BLAKE2b, 128 bits, hexadecimal) of every byte of a file.

    A file that has not changed since it was read by this process is not read again.
    """
    try:
        facts = path.stat()
        if not facts.st_size:
            return UNREADABLE
        changed_ns = max(facts.st_mtime_ns, facts.st_ctime_ns)
        # Times come in ticks: a file this young could change once more and keep them.
        is_settled = time.time_ns() - changed_ns > _SETTLED_NS
        read = _hash if is_settled else _hash.__wrapped__
        return read(path, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
    except OSError:
        return UNREADABLE


@lru_cache(maxsize=2**17)
def _hash(path: Path, size: int, *state: int) -> str:
    """Of a file as long as its size, its times and its place on the disk are these."""
    digest = blake2b(str(size).encode(), digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def fingerprints_of(samples: Sequence[Sample]) -> dict[str, str]:
    """Sample id -> `fingerprint` of its image, read by several threads."""
    prints = _all(sample.files[0] for sample in samples)
    return {sample.id: each for sample, each in zip(samples, prints, strict=True)}


def annotation_fingerprints_of(samples: Sequence[Sample]) -> dict[str, str]:
    """Sample id -> a hash of all files that annotate it; "" where there are none.

    Of a file that annotates many images every one of them has the hash.
    """
    prints = iter(_all(file for sample in samples for file in sample.files[1:]))
    found = {}
    for sample in samples:
        own = "\n".join(next(prints) for _ in sample.files[1:])
        found[sample.id] = blake2b(own.encode(), digest_size=16).hexdigest() if own else ""
    return found


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
