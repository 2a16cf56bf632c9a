"""Any folder of pictures and masks, paired by their names.

Masks may lie in a folder of their own (masks, labels, annotations, gt, SegmentationClass, ...) or
beside the pictures (NAME_mask.png, NAME_segmentation.png, ...), flat or in train, val and test.
Names of tools and published datasets are understood: nnU-Net, Cellpose, ImageJ, ilastik, DRIVE ...
Class names come from a text file at the top (label_list.txt, classes.txt, label_colors.txt,
class_dict.csv, ...), facts such as patient or diagnosis from a CSV with a column of picture names.
"""

from __future__ import annotations

from pathlib import Path

from pixelwise.datasets._files import glimpse, list_files, pictures
from pixelwise.datasets._paired import Paired, open_paired
from pixelwise.datasets._pairs import pair_up


def likeness(root: Path) -> float:
    """Little, wherever there are pictures: any layout that knows more goes first."""
    return 0.1 if pictures(glimpse(root)) else 0.0


def read(root: Path, masks: str) -> Paired:
    """Every picture that has a mask, by name.

    Raises:
        PixelwiseError: nothing pairs, two masks fit one picture, or unclear mask values.
    """
    return open_paired("folder", root, pair_up(list_files(root)), masks)
