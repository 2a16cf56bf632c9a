"""Small folders in every layout that is read, made up and written in a moment."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil
from scipy.io import savemat

from discs import draw_disc

Array = NDArray[np.generic]
SIZE_HW = (36, 48)

CAMVID_NAMES = ("0001TP_000010", "0006R0_f00020", "0016E5_00030", "Seq05VD_f00040")
MADS_NAMES = (
    "HipHop_HipHop1_C0_00180",
    "HipHop_HipHop1_C2_00180",
    "Jazz_Jazz4_C1_00225",
    "Kata_F2_C0_00045",
)


def write(path: Path, array: Array, **how: object) -> Path:
    """Write an array as a picture, in the format of the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Pil.fromarray(np.asarray(array)).save(path, **how)
    return path


def image_of(index: int, size_hw: tuple[int, int] = SIZE_HW) -> Array:
    return draw_disc(index, size_hw)[0]


def mask_of(index: int, size_hw: tuple[int, int] = SIZE_HW) -> Array:
    """(H, W) bool."""
    return draw_disc(index, size_hw)[1]


def white(mask: Array) -> Array:
    """A mask as 0 and 255."""
    return np.asarray(mask, dtype=np.uint8) * 255


def write_pairs(
    root: Path,
    count: int = 6,
    image: str = "images/p{}.png",
    mask: str = "masks/p{}.png",
    values: Callable[[Array], Array] = white,
    start: int = 0,
) -> Path:
    """Discs, named after the patterns; ``values`` turns a bool mask into what is written."""
    for index in range(start, start + count):
        write(root / image.format(index), image_of(index))
        write(root / mask.format(index), values(mask_of(index)))
    return root


def write_folder(root: Path) -> Path:
    return write_pairs(root)


def write_isic(root: Path) -> Path:
    return write_pairs(
        root, image="images/ISIC_000000{}.png", mask="masks/ISIC_000000{}_segmentation.png"
    )


def write_mads(root: Path) -> Path:
    for index, name in enumerate(MADS_NAMES):
        write(root / "images" / f"{name}.png", image_of(index))
        write(root / "masks" / f"{name}.png", white(mask_of(index)))
        write(root / "collages" / f"{name}.jpg", image_of(index))
    return root


def write_camvid(root: Path, parts: tuple[str, ...] = ("train", "val", "test")) -> Path:
    """Masks: disc = road (3), a void corner (11), the rest sky (0)."""
    for part in parts:
        for index, name in enumerate(CAMVID_NAMES):
            labels = mask_of(index).astype(np.uint8) * 3
            labels[:2, :2] = 11
            write(root / part / f"{name}.png", image_of(index))
            write(root / f"{part}annot" / f"{name}.png", labels)
    return root


PH2_HEADER = (
    "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | "
    "Dots/Globules | Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||"
)
PH2_CASES = ("IMD002", "IMD003", "IMD009", "IMD375", "IMD417")


def write_ph2(root: Path) -> Path:
    """As its owners pass it on: 1-bit masks but one of 24 bits, a stray JPEG, a roi folder."""
    rows = [PH2_HEADER]
    for index, case in enumerate(PH2_CASES):
        folder = root / "PH2 Dataset images" / case
        write(folder / f"{case}_Dermoscopic_Image" / f"{case}.bmp", image_of(index))
        mask = mask_of(index)
        if index == 0:
            three = np.repeat(white(mask)[..., None], 3, axis=2)
            write(folder / f"{case}_lesion" / f"{case}_lesion.bmp", three)
            write(folder / f"{case}_lesion" / f"{case}_lesion.jpg", three, quality=60)
            write(folder / f"{case}_roi" / f"{case}_R1_Label4.bmp", mask)
        else:
            write(folder / f"{case}_lesion" / f"{case}_lesion.bmp", mask)
        rows.append(f"|| {case} ||  || {index % 3} || 0 | AT |  A |  A |  A |  A || 4 ||")
    rows += [
        "",
        "Legends:",
        "Clinical Diagnosis: 0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma",
    ]
    (root / "PH2_dataset.txt").write_text("\n".join(rows), encoding="utf-8")
    return root


# --- instances -----------------------------------------------------------------------------------


def objects_of(index: int, size_hw: tuple[int, int] = SIZE_HW) -> Array:
    """(H, W) uint8: a disc (1) and, apart from it, a square in a corner (2)."""
    ids = mask_of(index, size_hw).astype(np.uint8)
    ids[:6, :6] = 2
    return ids


def write_pennfudan(root: Path) -> Path:
    return write_pairs_of_objects(root, "PNGImages/P{:05}.png", "PedMasks/P{:05}_mask.png")


def write_pairs_of_objects(root: Path, image: str, mask: str, count: int = 5) -> Path:
    """As `write_pairs`, with numbered objects."""
    for index in range(count):
        write(root / image.format(index), image_of(index))
        write(root / mask.format(index), objects_of(index))
    return root


def write_instance_files(root: Path) -> Path:
    """ID/images/ID.png with a file of 0 and 255 for each object."""
    for index in range(5):
        folder, ids = root / f"case{index}", objects_of(index)
        write(folder / "images" / f"case{index}.png", image_of(index))
        for number in (1, 2):
            write(folder / "masks" / f"{index}a{number}.png", white(ids == number))
    return root


def write_coco(root: Path, parts: tuple[str, ...] = ("train", "val")) -> Path:
    """A disc in each picture, as a run-length code that is not compressed; two parts."""
    for start, part in enumerate(parts):
        images, annotations = [], []
        for index in range(3 * start, 3 * start + 3):
            write(root / part / f"p{index}.png", image_of(index))
            height, width = SIZE_HW
            name = f"p{index}.png"
            images.append({"id": index, "file_name": name, "height": height, "width": width})
            flat = mask_of(index).ravel(order="F")
            runs = np.diff(np.flatnonzero(np.diff(flat, prepend=False)), prepend=0)
            counts = [*runs.tolist(), int(flat.size - runs.sum())]
            outline = {"size": list(SIZE_HW), "counts": counts}
            entry = {"id": index, "image_id": index, "category_id": 7, "segmentation": outline}
            annotations.append(entry)
        categories = [{"id": 7, "name": "disc"}]
        found = {"images": images, "annotations": annotations, "categories": categories}
        path = root / "annotations" / f"instances_{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
    return root


def corners_of(mask: Array) -> Array:
    """(N, 2) float x, y in pixels: the outline of a mask's one part."""
    contours, _ = cv2.findContours(
        np.asarray(mask, np.uint8).repeat(8, 0).repeat(8, 1),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_NONE,
    )
    return (contours[0].reshape(-1, 2) + 0.5) / 8


def write_yolo(root: Path) -> Path:
    """Disc = 0 (cell), square = 2 (debris); the names in a YAML file."""
    for index in range(5):
        part = "val" if index > 3 else "train"
        write(root / "images" / part / f"p{index}.jpg", image_of(index))
        lines = []
        for number, kind in ((1, 0), (2, 2)):
            corners = corners_of(objects_of(index) == number) / SIZE_HW[::-1]
            lines.append(" ".join([str(kind), *(f"{value:.6f}" for value in corners.ravel())]))
        text = root / "labels" / part / f"p{index}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: images/train\nnames:\n  0: cell\n  2: debris\nnc: 2\n")
    return root


def shape(label: str, points: Array, kind: str = "polygon", group: int | None = None) -> dict:
    points = np.asarray(points, float).tolist()
    return {"label": label, "points": points, "group_id": group, "shape_type": kind, "flags": {}}


def write_shapes(path: Path, shapes: list[dict], index: int = 0) -> Path:
    """A LabelMe file with its picture beside it."""
    write(path.with_suffix(".png"), image_of(index))
    height, width = SIZE_HW
    content = {"version": "5.4.1", "flags": {}, "shapes": shapes}
    content |= {"imagePath": path.with_suffix(".png").name, "imageData": None}
    content |= {"imageHeight": height, "imageWidth": width}
    path.write_text(json.dumps(content))
    return path


def write_labelme(root: Path) -> Path:
    for index in range(5):
        ids = objects_of(index)
        shapes = [shape("cell", corners_of(ids == 1)), shape("debris", corners_of(ids == 2))]
        write_shapes(root / f"p{index}.json", shapes, index)
    return root


def write_via(root: Path) -> Path:
    entries = {}
    for index in range(5):
        write(root / f"p{index}.png", image_of(index))
        regions = {}
        for number in (1, 2):
            x, y = corners_of(objects_of(index) == number).T.tolist()
            outline = {"name": "polygon", "all_points_x": x, "all_points_y": y}
            regions[str(number)] = {"shape_attributes": outline, "region_attributes": {}}
        entries[f"p{index}.png1"] = {"filename": f"p{index}.png", "size": 1, "regions": regions}
    (root / "via_region_data.json").write_text(json.dumps(entries))
    return root


def write_voc(root: Path) -> Path:
    """Disc = cat (8), square = dog (12), a void corner on the right."""
    for index in range(5):
        objects = objects_of(index)
        classes = np.array([0, 8, 12], np.uint8)[objects]
        objects[:3, -3:] = classes[:3, -3:] = 255
        write(root / "JPEGImages" / f"p{index}.jpg", image_of(index))
        write(root / "SegmentationClass" / f"p{index}.png", classes)
        write(root / "SegmentationObject" / f"p{index}.png", objects)
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p0\np1\np2\n")
    (lists / "val.txt").write_text("p3\np4\n")
    return root


def write_cityscapes(root: Path, with_instances: bool = True) -> Path:
    """Road (7) under a car (26), a group of people (24), and licence plates as void (0)."""
    for index in range(5):
        part, city = ("val", "bonn") if index > 2 else ("train", "ulm")
        name = f"{city}_{index:06}_000019"
        labels = np.full(SIZE_HW, 7, np.uint16)
        objects = objects_of(index)
        labels[objects == 1], labels[objects == 2], labels[:3, -3:] = 26, 24, 0
        instances = labels.copy()
        instances[objects == 1] = 26_000
        truth = root / "gtFine" / part / city / f"{name}_gtFine"
        image = root / "leftImg8bit" / part / city / f"{name}_leftImg8bit.png"
        write(image, image_of(index))
        write(Path(f"{truth}_labelIds.png"), labels.astype(np.uint8))
        if with_instances:
            write(Path(f"{truth}_instanceIds.png"), instances)
    return root


# --- people by their joints ----------------------------------------------------------------------


def joints_of(index: int, count: int, size_hw: tuple[int, int] = SIZE_HW) -> Array:
    """(count, 2) float x, y in pixels: places on a circle in the disc of the picture."""
    y, x = np.argwhere(mask_of(index, size_hw)).mean(axis=0) + 0.5
    angles = np.arange(count) * 2 * np.pi / count
    return np.stack([x + 4 * np.cos(angles), y + 5 * np.sin(angles)], axis=1)


def write_lsp(root: Path, count: int = 5, rows: int = 6) -> Path:
    """Joint 3 is hidden everywhere; each picture a second time with lines painted over it."""
    table = np.zeros((3, 14, rows))
    table[2, 3] = 1
    for index in range(count):
        name = f"im{index + 1:04}.jpg"
        write(root / "images" / name, image_of(index))
        write(root / "visualized" / name, image_of(index))
        if index < rows:
            table[:2, :, index] = joints_of(index, 14).T + 0.5
    savemat(root / "joints.mat", {"joints": table})
    return root


def mpii_person(index: int, xy: Array, **more: object) -> dict:
    """An entry of MPII's JSON form; places are counted from 1."""
    entry = {"image": f"{index:09}.jpg", "joints": (np.asarray(xy) + 0.5).tolist()}
    return {**entry, "joints_vis": [1] * 16, "center": [20.0, 20.0], "scale": 0.1, **more}


def write_mpii(root: Path) -> Path:
    """One person in each picture and a second one, a little aside, in the first."""
    people = {part: [] for part in ("train", "valid")}
    for index in range(5):
        write(root / "images" / f"{index:09}.jpg", image_of(index))
        part = "valid" if index > 3 else "train"
        people[part].append(mpii_person(index, joints_of(index, 16)))
    people["train"].append(mpii_person(0, joints_of(0, 16) + 3))
    people["trainval"] = people["train"] + people["valid"]
    for part, entries in people.items():
        path = root / "annot" / f"{part}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entries))
    return root


def yolo_person(index: int, joints: Array, kind: int = 0) -> str:
    """A line: a box of 12 px around the disc's middle, then the joints as they are given."""
    middle = joints_of(index, 4).mean(axis=0) / SIZE_HW[::-1]
    size = np.full(2, 12) / SIZE_HW[::-1]
    return " ".join(map(str, [kind, *middle, *size, *np.ravel(joints)]))


def write_yolo_pose(root: Path) -> Path:
    """Three joints, the second and third left and right; in the last picture none is known."""
    for index in range(5):
        part = "val" if index > 3 else "train"
        write(root / "images" / part / f"p{index}.jpg", image_of(index))
        joints = np.column_stack([joints_of(index, 3) / SIZE_HW[::-1], [2, 1, 2]])
        text = root / "labels" / part / f"p{index}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text(yolo_person(index, joints * (index < 4)))
    lines = ["kpt_shape: [3, 3]", "flip_idx: [0, 2, 1]", "names:", "  0: bird"]
    (root / "data.yaml").write_text("\n".join(lines))
    return root


WRITERS: dict[str, Callable[[Path], Path]] = {
    "camvid": write_camvid,
    "coco": write_coco,
    "cityscapes": write_cityscapes,
    "folder": write_folder,
    "instance_files": write_instance_files,
    "isic": write_isic,
    "labelme": write_labelme,
    "lsp": write_lsp,
    "mads": write_mads,
    "mpii": write_mpii,
    "pennfudan": write_pennfudan,
    "ph2": write_ph2,
    "via": write_via,
    "voc": write_voc,
    "yolo": write_yolo,
    "yolo pose": write_yolo_pose,
}
"""Layout, and which form of it -> a function that writes a small folder in it."""
