"""COCO's files are read as COCO's own tools read them, and what is wrong in them is named."""

import json
import shutil
from typing import Any

import numpy as np
import pytest

from cocos import (
    JOINTS,
    SIZE_HW,
    counts,
    farm,
    image,
    people,
    picture,
    pixels,
    region,
    square,
    write_farm,
    write_json,
    write_meadow,
)
from folders import write
from pixelwise import fingerprints
from pixelwise.datasets import open_dataset
from pixelwise.datasets._joints import skeleton_in
from pixelwise.skeletons import COCO, mirrored
from pixelwise.types import IGNORE, PixelwiseError


def test_instances_are_their_pixels_and_the_smaller_lies_on_top(tmp_path):
    dataset = open_dataset(write_farm(tmp_path))
    assert (dataset.layout, dataset.masks, dataset.unpaired) == ("coco", "auto", ())
    assert [(c.name, c.is_thing) for c in dataset.categories] == [
        ("background", False),
        ("dog", True),
        ("sheep", True),
    ]
    annotation = dataset[0].read_annotation()
    expected = [
        pixels(2, 2, 10),
        pixels(6, 6, 4) | pixels(26, 2, 3),
        pixels(20, 2, 4),
        pixels(20, 14, 10),
    ]
    assert [annotation.mask(k).tolist() for k in range(4)] == [m.tolist() for m in expected]
    assert annotation.labels.tolist() == [2, 2, 1, 2]
    assert annotation.crowd.tolist() == [False, False, False, True]
    semantic = np.zeros(SIZE_HW, np.uint8)
    semantic[expected[0] | expected[1]], semantic[expected[2]] = 2, 1
    semantic[expected[3]] = IGNORE
    np.testing.assert_array_equal(annotation.semantic, semantic)


def test_a_picture_without_annotations_is_all_background(tmp_path):
    sample = open_dataset(write_farm(tmp_path))[1]
    assert (sample.id, len(sample.read_annotation())) == ("b", 0)
    assert not sample.read_annotation().semantic.any()


def test_polygons_and_run_lengths_compressed_or_not_are_one_mask(tmp_path):
    from pixelwise import rle

    mask = pixels(3, 4, 7)
    found = farm()
    forms = [[square(3, 4, 7)], counts(mask), rle.encode(mask)]
    found["annotations"] = [region(k, 10, 18, form) for k, form in enumerate(forms)]
    annotation = open_dataset(write_farm(tmp_path, found))[0].read_annotation()
    for index in range(3):
        np.testing.assert_array_equal(annotation.mask(index), mask)


def test_parts_come_from_the_names_of_the_files(tmp_path):
    for part in ("train", "val"):
        write_json(tmp_path / "annotations" / f"instances_{part}2017.json", farm())
        for seed, name in enumerate(("a.png", "b.png")):
            write(tmp_path / f"{part}2017" / name, picture(seed))
    dataset = open_dataset(tmp_path)
    found = {dataset[k].id: dataset[k].split for k in range(len(dataset))}
    assert found == {
        "train2017/a": "train",
        "train2017/b": "train",
        "val2017/a": "val",
        "val2017/b": "val",
    }


def test_files_that_number_categories_otherwise_are_brought_together_by_name(tmp_path):
    other = farm()
    other["categories"] = [{"id": 0, "name": "sheep"}, {"id": 1, "name": "cow"}]
    other["images"] = [image(10, "c.png")]
    other["annotations"] = [
        region(1, 10, 0, [square(2, 2, 4)]),
        region(2, 10, 1, [square(9, 9, 4)]),
    ]
    write_json(tmp_path / "annotations" / "more.json", other)
    write(write_farm(tmp_path) / "images" / "c.png", picture(2))
    dataset = open_dataset(tmp_path)
    names = [category.name for category in dataset.categories]
    assert names == ["background", "dog", "sheep", "cow"]
    assert dataset[2].read_annotation().labels.tolist() == [2, 3]


def test_labelmes_export_is_read(tmp_path):
    found = farm()
    found["images"] = [image(0, "JPEGImages/a.png")]
    found["annotations"] = [region(0, 0, 1, [square(2, 2, 4)])]
    found["categories"] = [{"id": 0, "name": "_background_"}, {"id": 1, "name": "dog"}]
    write_json(tmp_path / "annotations.json", found)
    write(tmp_path / "JPEGImages" / "a.png", picture(0))
    write(tmp_path / "Visualization" / "a.png", picture(0))
    dataset = open_dataset(tmp_path)
    assert [category.name for category in dataset.categories] == ["background", "dog"]
    assert (dataset[0].id, dataset[0].read_annotation().labels.tolist()) == ("a", [1])


def test_names_with_folders_of_another_computer_are_found(tmp_path):
    found = farm()
    found["images"][0]["file_name"] = "C:\\Users\\me\\images\\a.png"
    dataset = open_dataset(write_farm(tmp_path, found))
    assert dataset.unpaired == () and len(dataset) == 2


def test_opening_reads_no_picture(tmp_path):
    root = write_farm(tmp_path)
    (root / "images" / "a.png").write_bytes(b"no picture")
    assert len(open_dataset(root)) == 2


def test_a_file_for_all_pictures_is_hashed_once(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(fingerprints, "fingerprint", lambda path: seen.append(path) or "x")
    fingerprints.dataset_fingerprint(open_dataset(write_farm(tmp_path)))
    assert sorted(path.name for path in seen) == ["a.png", "b.png", "instances.json"]


def test_pictures_named_and_missing_or_there_and_not_named_are_left_out(tmp_path):
    root = write_farm(tmp_path)
    (root / "images" / "b.png").rename(root / "images" / "c.png")
    dataset = open_dataset(root)
    assert [dataset[k].id for k in range(len(dataset))] == ["a"]
    assert [path.name for path in dataset.unpaired] == ["b.png", "c.png"]


def test_annotations_without_an_outline_are_counted_and_left_out(tmp_path):
    found = farm()
    found["annotations"] += [region(9, 10, 18, []), region(8, 30, 18, [[1, 1]])]
    dataset = open_dataset(write_farm(tmp_path, found))
    assert dataset.notes == (
        "2 annotations with neither an outline nor a box are left out: what they are about counts "
        "as background.",
    )
    assert len(dataset[0].read_annotation()) == 4


def test_slivers_that_cover_no_pixel_are_no_instances(tmp_path):
    found = farm()
    found["annotations"].insert(0, region(9, 10, 18, [[1, 1, 1.01, 1, 1.01, 1.01]]))
    annotation = open_dataset(write_farm(tmp_path, found))[0].read_annotation()
    assert annotation.labels.tolist() == [2, 2, 1, 2]
    np.testing.assert_array_equal(annotation.mask(2), pixels(20, 2, 4))


# --- joints --------------------------------------------------------------------------------------


def test_joints_of_a_second_file_join_their_objects(tmp_path):
    root = write_farm(tmp_path)
    write_json(root / "annotations" / "person_keypoints.json", people())
    dataset = open_dataset(root)
    sample = dataset[0]
    annotation = sample.read_annotation()
    assert annotation.keypoints is not None and annotation.keypoints.shape == (4, 3, 3)
    assert not annotation.keypoints[[0, 1, 3]].any()
    # Numbers of pixels become their middles; what is not known is zero.
    expected = [[21.5, 3.5, 2], [0, 0, 0], [22.5, 4.5, 1]]
    assert annotation.keypoints[2].tolist() == expected
    assert annotation.mirrored == (0, 2, 1)
    skeleton = dataset.categories[1].skeleton
    assert skeleton is not None and skeleton.joints == tuple(JOINTS)
    assert skeleton.limbs == ((0, 1), (0, 2)) and skeleton.sigmas == (0.05,) * 3
    assert [file.name for file in sample.files[1:]] == ["instances.json", "person_keypoints.json"]
    nothing = dataset[1].read_annotation().keypoints
    assert nothing is not None and nothing.shape == (0, 3, 3)


def test_fewer_joints_than_names_are_the_first(tmp_path):
    found = people()
    found["annotations"][0]["keypoints"] = [1, 1, 2, 3, 3, 2]
    dataset = open_dataset(write_farm(tmp_path, found))
    keypoints = dataset[0].read_annotation().keypoints
    assert keypoints is not None and keypoints.shape == (1, 2, 3)
    skeleton = dataset.categories[1].skeleton
    assert skeleton is not None and skeleton.limbs == ((0, 1),)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["nose", "left_eye", "right_eye"], (0, 2, 1)),
        (["Right Hip", "Left Hip", "Head top"], (1, 0, 2)),
        (["L_Wrist", "R_Wrist", "l", "r"], (1, 0, 3, 2)),
        (["lefteye", "righteye", "EyeLeft", "EyeRight"], (1, 0, 3, 2)),
        (["upright", "left_ear", "bright_spot"], (0, 1, 2)),
        (["left_ear", "left_ear", "right_ear"], (0, 2, 1)),
        (["R.Elbow", "L.Elbow"], (1, 0)),
    ],
)
def test_sides_change_by_their_names(names, expected):
    assert mirrored(names) == expected


def test_cocos_joints_have_cocos_sigmas_and_files_may_bring_their_own():
    people = skeleton_in({"keypoints": list(COCO.joints), "skeleton": [[16, 14]]})
    assert people is not None and people.limbs == ((15, 13),)
    assert people.sigmas[:3] == (0.026, 0.025, 0.025) and people.sigmas[-1] == 0.089
    own = skeleton_in({"keypoints": ["a", "b"], "skeleton": [[0, 1]], "sigmas": [0.1, 0.2]})
    assert own is not None and (own.limbs, own.sigmas) == (((0, 1),), (0.1, 0.2))
    foreign = skeleton_in({"keypoints": ["a", "b"], "skeleton": [[16, 14]]})
    assert foreign is not None and foreign.limbs == ()


# --- panoptic ------------------------------------------------------------------------------------


def test_panoptic_segments_are_things_stuff_crowds_and_void(tmp_path):
    dataset = open_dataset(write_meadow(tmp_path))
    assert [(c.name, c.is_thing) for c in dataset.categories] == [
        ("sheep", True),
        ("meadow", False),
    ]
    annotation = dataset[0].read_annotation()
    masks = [pixels(2, 2, 6), pixels(12, 4, 5), pixels(20, 14, 10)]
    assert [annotation.mask(k).tolist() for k in range(3)] == [m.tolist() for m in masks]
    assert (annotation.labels.tolist(), annotation.crowd.tolist()) == (
        [0] * 3,
        [False] * 2 + [True],
    )
    semantic = np.ones(SIZE_HW, np.uint8)
    semantic[masks[0] | masks[1]] = 0
    semantic[masks[2]] = semantic[0, 0] = IGNORE
    np.testing.assert_array_equal(annotation.semantic, semantic)
    names = [file.name for file in dataset[0].files]
    assert names == ["a.png", "panoptic_val.json", "a.png"]


def test_panoptic_goes_before_instances(tmp_path):
    root = write_meadow(write_farm(tmp_path))
    assert [category.name for category in open_dataset(root).categories] == ["sheep", "meadow"]


def test_a_segment_that_the_file_does_not_list_is_named(tmp_path):
    root = write_meadow(tmp_path)
    path = root / "annotations" / "panoptic_val.json"
    path.write_text(path.read_text().replace('"id": 300', '"id": 301'))
    with pytest.raises(PixelwiseError, match=r"a\.png holds segment 300 \(36 pixels"):
        open_dataset(root)[0].read_annotation()


def test_a_panoptic_category_must_say_whether_it_is_a_thing(tmp_path):
    with pytest.raises(PixelwiseError, match=r"whether sheep is counted .* \"isthing\""):
        open_dataset(write_meadow(tmp_path, isthing=False))


# --- what is wrong is named ----------------------------------------------------------------------


def _without(key: str) -> dict[str, Any]:
    return {**farm(), key: None}


def _with(entry: dict[str, Any]) -> dict[str, Any]:
    return {**farm(), "annotations": [entry]}


def _many() -> dict[str, Any]:
    names = [{"id": k, "name": f"kind {k}"} for k in range(100, 355)]
    return {**farm(), "categories": [*names, *farm()["categories"]]}


BROKEN = {
    "cut off": (json.dumps(farm())[:-40], r"instances\.json is damaged or cut off .*export it"),
    "no list": (_without("annotations"), r"no list called annotations"),
    "no name": (_with({"id": 1, "image_id": 10}), r'entry 0 of "annotations".*category_id'),
    "unknown picture": (_with(region(7, 99, 18, [square(1, 1, 4)])), r"Annotation 7 .*picture 99"),
    "unknown kind": (_with(region(7, 10, 99, [square(1, 1, 4)])), r"Annotation 7 .*category 99"),
    "no annotations": ({**farm(), "annotations": []}, r"has no annotations"),
    "boxes": (_with(region(7, 10, 18, [], bbox=[1, 1, 4, 4])), r"Boxes alone are not learned"),
    "too many kinds": (_many(), r"names 258 categories"),
    "same id": ({**farm(), "images": [image(10, "a.png"), image(10, "b.png")]}, r"with the id 10"),
    "same kind": (
        {**farm(), "categories": [{"id": 18, "name": "dog"}, {"id": 18, "name": "cow"}]},
        r"two categories with the id 18: dog and cow",
    ),
    "other pictures": ({**farm(), "images": [image(10, "x.png")]}, r"None of the 1 pictures"),
    "a picture twice": (
        {**farm(), "images": [image(10, "a.png"), image(11, "images/a.png")]},
        r"lists images/a\.png twice",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_in_a_file_is_named(name, tmp_path):
    found, words = BROKEN[name]
    with pytest.raises(PixelwiseError, match=words):
        open_dataset(write_farm(tmp_path, found))


BAD_OUTLINES = {
    "odd": ([[1, 1, 5, 1, 5, 5, 2]], r"outline of annotation 7 .*7 numbers"),
    "far": ([[1, 1, 1e7, 1, 5, 5]], r"nowhere near the picture"),
    "words": ([[1, 1, "x", 1, 5, 5]], r"outline of annotation 7"),
    "short": ({"size": [24, 32], "counts": [5, 5]}, r"outline of annotation 7"),
    "rubbish": ({"size": [24, 32], "counts": "zzz"}, r"outline of annotation 7"),
    "size": ({"size": [5, 5], "counts": [25]}, r"outline of annotation 7 .*\[5, 5\]"),
}


@pytest.mark.parametrize("name", BAD_OUTLINES)
def test_a_bad_outline_is_named_when_its_picture_is_read(name, tmp_path):
    outline, words = BAD_OUTLINES[name]
    dataset = open_dataset(write_farm(tmp_path, _with(region(7, 10, 18, outline))))
    with pytest.raises(PixelwiseError, match=words):
        dataset[0].read_annotation()
    assert len(dataset[1].read_annotation()) == 0


def test_a_wrong_number_of_joints_is_named(tmp_path):
    found = people()
    more = region(5, 10, 18, [square(2, 2, 3)], keypoints=[1, 1, 2])
    found["annotations"].append(more)
    with pytest.raises(PixelwiseError, match=r"Annotation 5 .* 3 numbers in \"keypoints\""):
        open_dataset(write_farm(tmp_path, found))[0].read_annotation()


def test_another_size_is_named(tmp_path):
    root = write_farm(tmp_path)
    write(root / "images" / "a.png", picture(0, (24, 40)))
    with pytest.raises(PixelwiseError, match=r"a\.png has 32 x 24 pixels; .* has 40 x 24"):
        open_dataset(root)[0].read_annotation()


def test_a_picture_turned_by_its_exif_mark_is_told_from_another_size(tmp_path):
    root = write_farm(tmp_path)
    from PIL import Image as Pil

    mark = Pil.Exif()
    mark[0x0112] = 6
    write(root / "images" / "a.png", picture(0), exif=mark)
    with pytest.raises(PixelwiseError, match=r"as it is stored, 32 x 24; its EXIF mark turns"):
        open_dataset(root)[0].read_annotation()


def test_two_files_that_describe_a_picture_differently_are_refused(tmp_path):
    other = farm()
    other["annotations"] = [region(77, 10, 18, [square(1, 1, 3)])]
    root = write_farm(tmp_path)
    write_json(root / "annotations" / "second.json", other)
    with pytest.raises(PixelwiseError, match=r"both describe images/a\.png, and not the same"):
        open_dataset(root)


def test_the_same_file_twice_is_noted(tmp_path):
    root = write_farm(tmp_path)
    shutil.copy(root / "annotations" / "instances.json", root / "annotations" / "old.json")
    assert any("old.json is left out" in note for note in open_dataset(root).notes)


def test_a_name_that_two_files_have_is_refused(tmp_path):
    root = write_farm(tmp_path)
    write(root / "pictures" / "a.png", picture(3))
    with pytest.raises(PixelwiseError, match=r"both images/a\.png and pictures/a\.png are called"):
        open_dataset(root)
