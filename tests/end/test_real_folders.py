"""Real folders, where they are given: each is read, or the doubt is named."""

from dataclasses import replace

import numpy as np
import pytest

from pixelwise import convert
from pixelwise.datasets import open_dataset
from pixelwise.datasets._pictures import read_stored
from pixelwise.people import measure_people
from pixelwise.skeletons import COCO, LSP, connected

pytestmark = pytest.mark.pictures


def test_isic_is_238_cases_with_diagnosis_and_source(pictures):
    dataset = open_dataset(pictures / "isic")
    groups = [dataset[index].groups for index in range(len(dataset))]
    assert (dataset.layout, len(dataset), dataset.unpaired) == ("isic", 238, ())
    assert sum("diagnosis" in each for each in groups) == 93
    assert all("source" in each for each in groups)


def test_garments_are_59_classes_or_one_person_whose_seams_change_a_thousandth(pictures):
    assert len(open_dataset(pictures / "ccp").categories) == 59
    dataset = open_dataset(pictures / "ccp", "binary=person")
    changed = []
    for index in range(len(dataset)):
        sample = dataset[index]
        person = sample.read_annotation().semantic == 1
        plain = read_stored(sample.files[1]).values > 0
        assert not (plain & ~person).any()
        changed.append(person.sum() / plain.sum() - 1)
    assert np.mean(changed) == pytest.approx(0.0009, abs=0.0002)


def test_camvid_is_recognised_with_two_drives(pictures):
    dataset = open_dataset(pictures / "camvid")
    drives = {dataset[index].groups["drive"] for index in range(len(dataset))}
    assert (dataset.layout, len(dataset), drives) == ("camvid", 15, {"0001TP", "Seq05VD"})


def test_nuclei_are_3238_instances_or_one_class(pictures):
    dataset = open_dataset(pictures / "dsb2018")
    counts = [len(dataset[index].read_annotation()) for index in range(len(dataset))]
    assert (len(counts), sum(counts), max(counts)) == (50, 3238, 375)
    assert (dataset.layout, dataset.masks) == ("folder", "ids=object")
    assert open_dataset(pictures / "dsb2018", "binary=nucleus").masks == "binary=nucleus"


def counted(dataset):
    """Instances, crowds, and people with at least one joint."""
    found = [dataset[index].read_annotation() for index in range(len(dataset))]
    joints = [each.keypoints for each in found if each.keypoints is not None]
    return (
        sum(len(each) for each in found),
        sum(int(each.crowd.sum()) for each in found),
        sum(int((each[:, :, 2] > 0).any(axis=1).sum()) for each in joints),
    )


def test_coco_is_678_instances_of_80_kinds_and_139_people_with_joints(pictures):
    dataset = open_dataset(pictures / "coco_mini")
    splits = [dataset[index].split for index in range(len(dataset))]
    assert (dataset.layout, dataset.unpaired, len(dataset.categories)) == ("coco", (), 81)
    assert (splits.count("train"), splits.count("val")) == (20, 52)
    assert counted(dataset) == (678, 8, 139)


def test_cocos_people_raise_no_doubt_and_mirrored_ones_do(pictures):
    dataset = open_dataset(pictures / "coco_mini")
    found = [dataset[index].read_annotation() for index in range(len(dataset))]
    people = [measure_people(each, dataset.categories) for each in found]
    for name in ("outside", "far", "same_place", "twins", "twisted", "mirrored"):
        assert sum(getattr(each, f"num_{name}") for each in people) == 0, name
    sides = list(found[0].mirrored)
    mirrored = [replace(each, keypoints=each.keypoints[:, sides]) for each in found]
    again = [measure_people(each, dataset.categories) for each in mirrored]
    # Of 51 people with both eyes and both shoulders.
    assert sum(each.num_mirrored for each in again) == 50


def test_coco_panoptic_goes_before_the_class_masks_beside_it(pictures):
    dataset = open_dataset(pictures / "coco_panoptic")
    things = sum(category.is_thing for category in dataset.categories)
    assert (dataset.layout, len(dataset), dataset.unpaired) == ("coco", 32, ())
    assert (len(dataset.categories), things) == (133, 80)
    assert counted(dataset) == (236, 0, 0)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("golden/panopticapi_sample", (43, 3, 0)),
        ("formats/labelme_instance_segmentation/data_dataset_coco", (12, 0, 0)),
        ("pose_samples/mmpose_coco", (14, 0, 12)),
        ("pose_samples/mmpose_ochuman", (5, 0, 5)),
        ("pose_samples/mmpose_humanart", (3, 0, 3)),
        ("pose_samples/mmpose_crowdpose", (5, 0, 4)),
    ],
)
def test_other_tools_coco_files_are_read(pictures, folder, expected):
    dataset = open_dataset(pictures / folder)
    assert (dataset.layout, counted(dataset)) == ("coco", expected)


def test_what_is_written_as_coco_is_read_back_equal(pictures, tmp_path):
    first = open_dataset(pictures / "coco_mini")
    again = open_dataset(convert(first.root, tmp_path / "out", "coco").out)
    for index in range(len(first)):
        one, other = first[index].read_annotation(), again[index].read_annotation()
        assert first[index].id == again[index].id
        np.testing.assert_array_equal(one.semantic, other.semantic)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
        assert all((one.mask(k) == other.mask(k)).all() for k in range(len(one)))


COUNTS = {
    "pose_samples/ultralytics_coco8-seg": ("yolo", 8, 30),
    "formats/labelme_instance_segmentation/data_annotated": ("labelme", 3, 12),
    "formats/labelme_instance_segmentation/data_dataset_voc": ("voc", 3, 12),
    "formats/labelme_semantic_segmentation/data_annotated": ("labelme", 3, 16),
    "formats/labelme_semantic_segmentation/data_dataset_voc": ("folder", 3, 0),
    "formats/via_droplets": ("via", 7, 88),
}


@pytest.mark.parametrize("name", COUNTS)
def test_outlines_of_every_tool_are_counted(pictures, name):
    dataset = open_dataset(pictures / name)
    samples = [dataset[index] for index in range(len(dataset))]
    counts = [len(sample.read_annotation()) for sample in samples]
    assert (dataset.layout, len(samples), sum(counts)) == COUNTS[name]


def test_labelme_agrees_with_its_own_export_to_voc(pictures):
    folder = pictures / "formats" / "labelme_instance_segmentation"
    drawn, exported = (
        open_dataset(folder / "data_annotated"),
        open_dataset(folder / "data_dataset_voc"),
    )
    agree = total = 0
    for index in range(3):
        one, other = (
            drawn[index].read_annotation().semantic,
            exported[index].read_annotation().semantic,
        )
        agree += ((one == 0) == (other == 0)).sum()
        total += one.size
    assert agree / total > 0.995


def test_lsp_is_500_people_whose_limbs_would_be_found_without_being_given(pictures):
    dataset = open_dataset(pictures / "lsp")
    samples = [dataset[index] for index in range(len(dataset))]
    found = [sample.read_annotation() for sample in samples]
    keypoints = np.concatenate([each.keypoints for each in found])
    assert (dataset.layout, len(samples), dataset.unpaired) == ("lsp", 500, ())
    assert [sample.split for sample in samples].count("train") == 250
    assert counted(dataset) == (500, 0, 500) and (keypoints[..., 2] > 0).all()
    assert (keypoints[..., 2] == 1).sum() == 503
    assert np.mean([(each.semantic == 255).mean() for each in found]) < 0.1
    limbs = connected(replace(LSP, limbs=()), keypoints).limbs
    assert {frozenset(limb) for limb in limbs} == {frozenset(limb) for limb in LSP.limbs}


def test_yolo_pose_without_a_yaml_file_is_cocos_joints(pictures):
    dataset = open_dataset(pictures / "pose_samples/ultralytics_coco8-pose")
    assert (dataset.layout, len(dataset)) == ("yolo", 8)
    assert dataset.categories[1].skeleton == COCO and counted(dataset) == (21, 0, 21)
