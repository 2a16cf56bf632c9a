"""Folders around a dataset: archive/coco2017/annotations is read as coco2017/annotations would be.

Archives unpack into a folder of their own, sometimes into two. They say nothing about the dataset,
so what is read is the folder in which it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pixelwise.datasets._files import entries_of, is_picture

_DATA = (
    ".json",
    ".jsonl",
    ".xml",
    ".yaml",
    ".yml",
    ".csv",
    ".tsv",
    ".xlsx",
    ".mat",
    ".npy",
    ".txt",
)
# What Kaggle and others put beside the folder.
_ABOUT = ("dataset-metadata.json", "metadata.json", "dataset_infos.json")
_MOST_STEPS = 5


def folders_within(root: Path) -> Iterator[Path]:
    """The folder, then the only folder in it, and so on, while there is nothing else to read."""
    yield root
    for _ in range(_MOST_STEPS):
        folders, files = entries_of(root)
        if len(folders) != 1 or any(_is_data(file) for file in files):
            return
        root = root / folders[0]
        yield root


def _is_data(file: str) -> bool:
    name = file.lower()
    about = name in _ABOUT or name.startswith(("readme", "license", "licence", "citation"))
    return not about and (is_picture(name) or name.endswith(_DATA))
