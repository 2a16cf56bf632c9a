"""``pixelwise convert``: a dataset in a form that another tool reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pixelwise.datasets import open_dataset
from pixelwise.files import refuse_unwritable, whole_folder
from pixelwise.find import find
from pixelwise.progress import Progress
from pixelwise.types import PixelwiseError


@dataclass(frozen=True)
class Converted:
    """What `convert` did. ``notes``: a sentence for each thing that the form cannot hold."""

    out: Path
    num_pictures: int
    notes: tuple[str, ...]


def convert(data: str | Path, out: str | Path, to: str, *, masks: str = "auto") -> Converted:
    """Write a folder of any layout that is read in another form.

    Args:
        data: the folder.
        out: folder to write to; it must not exist, or be empty. It is there whole, or not at all.
        to: coco, coco_panoptic, ids, yolo or yolo_pose; see `pixelwise.writers`.
        masks: what mask values mean, see `pixelwise.datasets._masks`.

    Raises:
        PixelwiseError: no such form, something in ``out`` already, nothing recognised in ``data``,
            or a picture or annotation that cannot be read.
    """
    writer = find("writers", to)
    target = Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PixelwiseError(
            f"{target} is there already, and nothing is written over. Give another folder, or "
            "delete it."
        )
    refuse_unwritable(target)
    dataset = open_dataset(data, masks)
    with whole_folder(target) as folder, Progress("converting", len(dataset)) as bar:
        notes = writer.write(dataset, folder, bar.at)
    return Converted(target, len(dataset), tuple(notes))
