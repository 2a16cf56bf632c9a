"""The check of folders with instances: counted, drawn, and each doubt named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from rich.console import Console

from folders import SIZE_HW, WRITERS, image_of, objects_of, shape, white, write, write_shapes
from pixelwise.datasets import open_dataset
from pixelwise.doctor import Report, check, render
from pixelwise.fingerprints import dataset_fingerprint


def found(report: Report, severity: str) -> str:
    return "\n".join(each.message for each in report.findings if each.severity == severity)


def shown(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(render(report))
    return captured.get()


LAYOUTS = ("instance_files", "labelme", "pennfudan", "via", "voc", "yolo", "cityscapes")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_instances_are_counted_in_every_layout(tmp_path, layout):
    report = check(WRITERS[layout](tmp_path / "data"), out=tmp_path / "out")
    assert report.ok and report.instances is not None
    each = 1 if layout == "cityscapes" else 2
    assert report.instances.total.per_picture == (each, each, each)
    assert report.instances.total.instances == 5 * each
    assert report.instances.num_crowds == (5 if layout == "cityscapes" else 0)
    assert report.sheet is not None and report.sheet.is_file()
    text = shown(report)
    assert f"Instances: {5 * each}" in text and "median diameter" in text


def test_semantic_folders_have_no_instances(tmp_path):
    assert check(WRITERS["folder"](tmp_path)).instances is None


def test_the_sheet_draws_each_instance_in_its_own_colour(tmp_path):
    report = check(WRITERS["pennfudan"](tmp_path / "data"), out=tmp_path / "out")
    sheet = np.asarray(Pil.open(report.sheet))
    for color in ((86, 180, 233), (0, 158, 115)):
        assert (sheet == color).all(axis=2).sum() > 20


def write_cells(root: Path, masks: dict[str, np.ndarray]) -> Path:
    """Five pictures with a file for each object; the first has these."""
    WRITERS["instance_files"](root)
    for path in (root / "case0" / "masks").iterdir():
        path.unlink()
    for name, mask in masks.items():
        write(root / "case0" / "masks" / f"{name}.png", white(mask))
    return root


def box(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(SIZE_HW, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def test_objects_outlined_twice_are_named(tmp_path):
    root = write_cells(tmp_path, {"a": box(0, 0, 9, 10), "b": box(0, 1, 9, 10)})
    warned = found(check(root), "warning")
    assert "1 pair of instances that lie on each other by more than half" in warned
    assert "1 pair of instances whose centres of mass are closer than 2 px" in warned
    assert "in 1 picture: case0" in warned
    assert "Instances overlap in" in found(check(root), "note")


def test_tiny_instances_and_those_in_parts_are_named(tmp_path):
    parts = box(0, 0, 5, 5) | box(20, 20, 5, 5)
    root = write_cells(tmp_path, {"a": parts, "b": box(10, 10, 1, 1), "c": box(15, 0, 2, 4)})
    report = check(root)
    assert "2 instances of fewer than 9 pixels (1 of a single one)" in found(report, "warning")
    assert "1 of 11 instances in several parts" in found(report, "note")


def test_pictures_without_instances_are_noted(tmp_path):
    for index in range(6):
        write_shapes(tmp_path / f"p{index}.json", [shape("a", [(2, 2), (9, 2), (9, 9)])], index)
    write_shapes(tmp_path / "p0.json", [])
    report = check(tmp_path)
    assert report.ok and "1 picture without any instance: p0" in found(report, "note")


def test_copies_with_other_outlines_are_warned_about_though_they_share_one_file(tmp_path):
    root = WRITERS["via"](tmp_path)
    (root / "p1.png").write_bytes((root / "p0.png").read_bytes())
    assert "more than once and annotated differently" in found(check(root), "warning")


def test_a_file_that_annotates_many_pictures_is_hashed_once(tmp_path, monkeypatch):
    from pixelwise import fingerprints

    root = WRITERS["via"](tmp_path)
    read, real = [], fingerprints.fingerprint
    monkeypatch.setattr(fingerprints, "fingerprint", lambda path: read.append(path) or real(path))
    before = dataset_fingerprint(open_dataset(root))
    assert len(read) == len(set(read)) == 6
    text = (root / "via_region_data.json").read_text()
    (root / "via_region_data.json").write_text(text.replace('"size": 1', '"size": 2'))
    assert dataset_fingerprint(open_dataset(root)) != before


def test_numbered_objects_in_a_picture_of_another_shape_are_named(tmp_path):
    root = WRITERS["pennfudan"](tmp_path)
    write(root / "PedMasks" / "P00001_mask.png", objects_of(1)[:, :20])
    write(root / "PNGImages" / "P00009.png", image_of(9))
    warned = found(check(root), "warning")
    assert "P00001_mask.png is 20 x 36 pixels, but its image is 48 x 36" in warned
    assert "1 file without a partner" in warned
