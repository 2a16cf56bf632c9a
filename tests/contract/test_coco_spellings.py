"""What tools write for COCO in other words than COCO's: read as what it means, or asked about."""

import json
from typing import Any

import numpy as np
import pytest

from cocos import counts, farm, image, pixels, region, square, write_farm
from pixelwise.datasets import open_dataset
from pixelwise.types import IGNORE, PixelwiseError

SQUARE = square(2, 2, 10)
PAIRS = [[2, 2], [12, 2], [12, 12], [2, 12]]
BOX = [2, 2, 10, 10]


def one(outline: Any, **more: Any) -> dict[str, Any]:
    """A file with one annotation of image 10, and an ordinary one of image 30."""
    first = {**region(1, 10, 20, outline), **more}
    return {**farm(), "annotations": [first, region(2, 30, 20, [SQUARE])]}


def first_of(tmp_path, found: Any):
    dataset = open_dataset(write_farm(tmp_path, found))
    return dataset, dataset[0].read_annotation()


def assert_sheep(annotation) -> None:
    np.testing.assert_array_equal(annotation.semantic == 2, pixels(2, 2, 10))
    assert (annotation.labels.tolist(), annotation.crowd.tolist()) == ([2], [False])


CODE = counts(pixels(2, 2, 10))
OUTLINES: dict[str, Any] = {
    "one flat list": SQUARE,
    "pairs": [PAIRS],
    "pairs without a list around them": PAIRS,
    "a triangle and the rest of it": [[[2, 2], [12, 2], [12, 12]], [[2, 2], [12, 12], [2, 12]]],
    "three levels of pairs": [[PAIRS]],
    "points with names": [[{"x": x, "y": y} for x, y in PAIRS]],
    "numbers as text": [[str(number) for number in SQUARE]],
    "flat numbers as text": [f"{number:.1f}" for number in SQUARE],
    "an empty list beside it": [[], SQUARE],
    "a code in a list": [CODE],
    "a code of text": {"size": ["24", "32"], "counts": [str(run) for run in CODE["counts"]]},
    "a code of fractions": {"size": [24.0, 32.0], "counts": [float(run) for run in CODE["counts"]]},
}


@pytest.mark.parametrize("name", OUTLINES)
def test_outlines_in_any_spelling_are_the_same_pixels(name, tmp_path):
    dataset, annotation = first_of(tmp_path, one(OUTLINES[name]))
    assert_sheep(annotation)
    is_plain = name == "an empty list beside it" or name.startswith("a code")
    told = [note for note in dataset.notes if "1 annotation in another form" in note]
    assert len(told) == len(dataset.notes) == int(not is_plain)


@pytest.mark.parametrize("value", ["0", "false", "False", None, False, 0.0, ""])
def test_a_crowd_mark_that_says_no_is_no_crowd(value, tmp_path):
    dataset, annotation = first_of(tmp_path, one([SQUARE], iscrowd=value))
    assert_sheep(annotation)
    told = any("iscrowd as text" in note for note in dataset.notes)
    assert told == isinstance(value, str)


@pytest.mark.parametrize("value", ["1", "true", True, 1.0])
def test_a_crowd_mark_that_says_yes_is_a_crowd(value, tmp_path):
    assert first_of(tmp_path, one([SQUARE], iscrowd=value))[1].crowd.tolist() == [True]


@pytest.mark.parametrize("value", ["perhaps", 2, [1]])
def test_another_crowd_mark_is_asked_about(value, tmp_path):
    with pytest.raises(PixelwiseError, match=r"entry 0 .*iscrowd is .*expected 0 or 1"):
        first_of(tmp_path, one([SQUARE], iscrowd=value))


@pytest.mark.parametrize("field", ["image_id", "category_id"])
@pytest.mark.parametrize("form", [str, "{:05d}".format, float, " {} ".format])
def test_ids_as_text_are_the_numbers_that_they_spell(field, form, tmp_path):
    found = one([SQUARE])
    found["annotations"][0][field] = form(found["annotations"][0][field])
    dataset, annotation = first_of(tmp_path, found)
    assert_sheep(annotation)
    told = [note for note in dataset.notes if "as text in one place" in note]
    assert len(told) == int(form is not float)


def test_ids_that_are_text_throughout_are_not_spoken_of(tmp_path):
    found = json.loads(json.dumps(one([SQUARE])))
    for entry in found["images"]:
        entry["id"] = f"{entry['id']:04d}"
    for entry in found["annotations"]:
        entry["image_id"] = f"{entry['image_id']:04d}"
    dataset, annotation = first_of(tmp_path, found)
    assert_sheep(annotation)
    assert dataset.notes == ()


def test_an_id_that_could_be_two_is_not_guessed(tmp_path):
    found = one([SQUARE], image_id=1)
    found["images"] = [
        image(10, "c.png"),
        image(30, "b.png"),
        *[{**image(0, name), "id": key} for key, name in (("1", "a.png"), ("01", "d.png"))],
    ]
    with pytest.raises(PixelwiseError, match=r"picture 1, which the file does not list"):
        first_of(tmp_path, found)


def by_id(entries: list[dict[str, Any]], *, is_inside: bool) -> dict[str, Any]:
    return {
        str(entry["id"]): entry if is_inside else {k: v for k, v in entry.items() if k != "id"}
        for entry in entries
    }


@pytest.mark.parametrize("is_inside", [True, False])
@pytest.mark.parametrize("key", ["annotations", "images", "categories"])
def test_a_table_by_id_is_a_list(key, is_inside, tmp_path):
    found = one([SQUARE])
    found[key] = by_id(found[key], is_inside=is_inside)
    dataset, annotation = first_of(tmp_path, found)
    assert_sheep(annotation)
    assert any(f"holds {key} as a table by id" in note for note in dataset.notes)


def test_annotations_by_image_are_a_list(tmp_path):
    found = one([SQUARE])
    entries = [{k: v for k, v in each.items() if k != "image_id"} for each in found["annotations"]]
    found["annotations"] = {"10": entries[:1], "30": entries[1:]}
    found["categories"] = {"18": "dog", "20": "sheep"}
    assert_sheep(first_of(tmp_path, found)[1])


# --- boxes beside outlines -----------------------------------------------------------------------


BOXED: dict[str, Any] = {
    "an empty list": [],
    "nothing": None,
    "empty polygons": [[], []],
    "the box as corners": [[2, 2, 12, 12]],
    "the box again": [BOX],
    "the box in a row": BOX,
    "a line": [[2, 2], [12, 12]],
    "an empty code": {"size": [24, 32], "counts": []},
    "no code": {"size": [24, 32]},
    "an empty table": {},
    "an empty text": "",
    "a code of nothing": {"size": [24, 32], "counts": [768]},
    "a polygon outside": [[-9, -9, -5, -9, -5, -5]],
}


@pytest.mark.parametrize("name", BOXED)
def test_a_box_beside_outlines_is_an_ignore_region(name, tmp_path):
    dataset, annotation = first_of(tmp_path, one(BOXED[name], bbox=BOX))
    np.testing.assert_array_equal(annotation.semantic == IGNORE, pixels(2, 2, 10))
    assert not (annotation.semantic == 2).any()
    assert len(annotation) == 0 and annotation.boxes is None
    outlined = name in ("a code of nothing", "a polygon outside")
    assert any("with a box alone" in note for note in dataset.notes) != outlined


def test_an_ignore_region_hides_no_object(tmp_path):
    found = one([], bbox=[0, 0, 16, 16])
    found["annotations"].append(region(3, 10, 18, [SQUARE]))
    annotation = first_of(tmp_path, found)[1]
    np.testing.assert_array_equal(annotation.semantic == 1, pixels(2, 2, 10))
    assert (annotation.semantic == IGNORE).sum() == 16 * 16 - 100


def test_four_numbers_without_a_box_are_asked_about(tmp_path):
    with pytest.raises(PixelwiseError, match=r"Annotation 1 .* four numbers .*\"bbox\""):
        first_of(tmp_path, one([[2, 2, 12, 12]]))


@pytest.mark.parametrize("box", [[1, 2, 3], "2 2 9 9", [1, 2, 3, 4, 0.5], {"left": 2}])
def test_a_box_in_another_form_is_asked_about_where_it_is_needed(box, tmp_path):
    assert_sheep(first_of(tmp_path / "outlined", one([SQUARE], bbox=box))[1])
    with pytest.raises(PixelwiseError, match=r"its \"bbox\" is .*expected x, y, width, height"):
        first_of(tmp_path / "alone", one([], bbox=box))


# --- joints --------------------------------------------------------------------------------------


def people(joints: Any, num: int = 4, name: str = "person") -> dict[str, Any]:
    entries = [region(n + 1, 10, 1, [], keypoints=joints, bbox=BOX) for n in range(num)]
    return {**farm(), "annotations": entries, "categories": [{"id": 1, "name": name}]}


THREE = [3, 4, 2, 5, 4, 2, 6, 8, 1]


@pytest.mark.parametrize(
    "joints", [THREE, [THREE[:3], THREE[3:6], THREE[6:]], [str(number) for number in THREE]]
)
def test_joints_without_names_are_numbered(joints, tmp_path):
    dataset, annotation = first_of(tmp_path, people(joints))
    assert annotation.keypoints is not None
    assert annotation.keypoints.shape == (4, 3, 3)
    assert dataset.categories[1].skeleton.joints == ("joint 1", "joint 2", "joint 3")
    assert any("does not name the joints of person" in note for note in dataset.notes)


def test_17_joints_of_a_person_are_cocos(tmp_path):
    dataset, _ = first_of(tmp_path, people([9, 9, 2] * 17))
    assert dataset.categories[1].skeleton.joints[5] == "left_shoulder"
    assert any("taken for COCO's" in note for note in dataset.notes)
    other, _ = first_of(tmp_path / "other", people([9, 9, 2] * 17, name="cow"))
    assert other.categories[1].skeleton.joints[5] == "joint 6"


def test_joints_of_different_number_without_names_are_asked_about(tmp_path):
    found = people(THREE)
    found["annotations"][0]["keypoints"] = THREE[:6]
    with pytest.raises(PixelwiseError, match=r"does not name the joints .*\"keypoints\""):
        first_of(tmp_path, found)


@pytest.mark.parametrize("joints", [{"nose": [1, 2, 2]}, [[1, 2], [3, 4]], "1 2 2", ["a", 2, 2]])
def test_joints_in_another_form_are_named(joints, tmp_path):
    with pytest.raises(PixelwiseError, match=r"\"keypoints\" are not x, y and visibility"):
        first_of(tmp_path, people(joints))


def test_absurd_numbers_leak_no_warning_of_the_arithmetic(tmp_path, recwarn):
    for joint in (1e308, float("inf"), float("nan"), 10**400):
        with pytest.raises(PixelwiseError, match=r"nowhere near the image"):
            first_of(tmp_path, people([joint, 2, 2, *THREE[3:]]))
    first_of(tmp_path, one([SQUARE], bbox=[1e308, 1e308, 1e308, 1e308]))
    assert not recwarn.list
