"""Masks are found by the names that tools and published datasets give them, without renaming."""

import numpy as np
import pytest

from folders import image_of, mask_of, white, write, write_pairs
from pixelwise.datasets import open_dataset
from pixelwise.datasets._pairs import pair_up
from pixelwise.types import PixelwiseError

HABITS = {
    "nnU-Net": ("imagesTr/case_00{}_0000.png", "labelsTr/case_00{}.png"),
    "nnU-Net beside": ("images/case_00{}_0000.png", "labels/case_00{}.png"),
    "Cellpose": ("a{}.png", "a{}_cp_masks.png"),
    "Cellpose, Omnipose": ("images/a{}.tif", "masks/a{}_cp_masks.tif"),
    "ImageJ": ("a{}.tif", "Mask of a{}.tif"),
    "ImageJ, saved otherwise": ("a{}.jpg", "Mask of a{}.jpg.png"),
    "ImageJ, apart": ("raw/a{}.tif", "results/Mask of a{}.tif"),
    "ImageJ's hyphen": ("a{}.tif", "Mask_of_a{}.png"),
    "Waterloo": ("melanoma/D{}_orig.jpg", "melanoma/D{}_contour.png"),
    "GlaS": ("train_{}.bmp", "train_{}_anno.bmp"),
    "CHASE": ("Image_0{}L.jpg", "Image_0{}L_1stHO.png"),
    "STARE": ("im000{}.png", "im000{}.ah.png"),
    "DRIVE": ("images/2{}_training.tif", "1st_manual/2{}_manual1.gif"),
    "HRF": ("images/0{}_dr.JPG", "manual1/0{}_dr.tif"),
    "ilastik": ("a{}.png", "a{}_Simple Segmentation.png"),
    "ilastik, joined": ("a{}.png", "a{}_Simple_Segmentation.png"),
    "ilastik, objects": ("a{}.png", "a{}_Object Identities.png"),
    "ilastik, classes of objects": ("a{}.png", "a{}_Object Predictions.tif"),
    "lesion in the image's name": ("p{}_lesion.jpg", "p{}_lesion_mask.png"),
    "label in the image's name": ("p{}_label.jpg", "p{}_label_mask.png"),
    "mask before the image's name": ("mask_{}.jpg", "mask_{}_mask.png"),
    "lesion, masks apart": ("photos/p{}_lesion.jpg", "masks/p{}_lesion.png"),
    "lesion, plain folder": ("skin/p{}_lesion.jpg", "masks/p{}_lesion.png"),
    "two words": ("p{}.jpg", "p{}_lesion_mask.png"),
    "CamVid of fastai": ("images/p{}.png", "labels/p{}_P.png"),
    "CamVid's owners": ("701_StillsRaw_full/p{}.png", "LabeledApproved_full/p{}_L.png"),
    "CVAT CamVid": ("default/p{}.png", "defaultannot/p{}.png"),
    "CVAT CamVid, a part": ("mySubset/p{}.png", "mySubsetannot/p{}.png"),
    "DeepGlobe": ("{}_sat.jpg", "{}_mask.png"),
    "Carvana": ("train/c{}_01.jpg", "train_masks/c{}_01_mask.gif"),
    "Massachusetts": ("tiff/train/{}_15.tiff", "tiff/train_labels/{}_15.tif"),
    "Potsdam": ("top_{}_RGB.tif", "top_{}_label.tif"),
    "LandCover": ("M-33_{}.jpg", "M-33_{}_m.png"),
    "DUTS": ("DUTS-TR/DUTS-TR-Image/p{}.jpg", "DUTS-TR/DUTS-TR-Mask/p{}.png"),
    "MVTec": ("cup/test/hole/00{}.png", "cup/ground_truth/hole/00{}_mask.png"),
    "Cell Tracking Challenge": ("01/t00{}.tif", "01_GT/SEG/man_seg00{}.tif"),
    "CVPPP": ("plant00{}_rgb.png", "plant00{}_label.png"),
    "a binary image": ("a{}.png", "a{}_binary.png"),
    "a prediction": ("a{}.png", "a{}_predict.png"),
    "gt": ("{}.png", "{}_GT.png"),
    "glued": ("img{}.png", "img{}mask.png"),
    "a word inside": ("scan_image_00{}.png", "scan_mask_00{}.png"),
    "one ending after another": ("p{}.jpg", "p{}.jpg_mask.png"),
    "an ending kept": ("images/p{}.jpg", "masks/p{}.jpg.png"),
    "LiTS slices": ("images/volume-{}.png", "masks/segmentation-{}.png"),
    "capitals": ("IMAGES/P{}.JPG", "MASKS/P{}.PNG"),
    "VOC in small letters": ("jpegimages/p{}.jpg", "segmentationclass/p{}.png"),
    "VOC in capitals": ("JPEGIMAGES/p{}.jpg", "SEGMENTATIONCLASS/p{}.png"),
    "inside a folder called masks": ("my masks/p{}.jpg", "my masks/p{}_mask.png"),
    "Kvasir": ("Kvasir-SEG/images/c{}.jpg", "Kvasir-SEG/masks/c{}.jpg"),
    "CVC-ClinicDB": ("Original/{}.tif", "Ground Truth/{}.tif"),
    "Oxford pets": ("images/Cat_{}.jpg", "annotations/masks/Cat_{}.png"),
    "Cellpose, training": ("a{}_img.png", "a{}_masks.png"),
    "ImageJ, counted": ("a{}.tif", "Count Masks of a{}.tif"),
    "Labkit": ("a{}.tif", "segmentation of a{}.tif"),
    "TrackMate": ("a{}.tif", "LblImg_a{}.tif"),
    "QuPath": ("a{}.tif", "a{}-labels.png"),
    "original and segmented": ("a{}_original.jpg", "a{}_segmented.png"),
    "labelled": ("a{}.jpg", "a{}_labelled.png"),
    "one annotator": ("a{}.jpg", "a{}_annotatorA.png"),
    "GT of objects": ("Imgs/p{}.jpg", "GT/p{}.png"),
}


@pytest.mark.parametrize("habit", HABITS)
def test_every_image_finds_its_mask(tmp_path, habit):
    write_pairs(tmp_path, 4, *HABITS[habit])
    dataset = open_dataset(tmp_path)
    samples = [dataset[index] for index in range(len(dataset))]
    assert (len(samples), dataset.unpaired) == (4, ())
    for sample in samples:
        index = next(i for i in range(4) if HABITS[habit][0].format(i) in str(sample.files[0]))
        agree = sample.read_annotation().semantic == mask_of(index)
        assert agree.mean() > (0.95 if sample.files[1].suffix == ".jpg" else 0.9999)


def pair(*files):
    found = pair_up([f"{name}" for name in files])
    return {each.image: each.masks for each in found.pairs}, found


def test_what_is_made_from_images_is_no_mask_and_said():
    pairs, found = pair(
        "a.png", "a_mask.png", "a_Probabilities.tif", "a_cp_outlines.png", "a_overlay.png"
    )
    assert pairs == {"a.png": ("a_mask.png",)} and found.unpaired == ()
    assert set(found.derived.values()) == {"probabilities", "drawings"}
    assert any("probabilities" in note and "a_Probabilities.tif" in note for note in found.notes)


def test_a_weak_word_never_goes_before_a_sure_one():
    pairs, found = pair("a.png", "a_mask.png", "b.png", "b_mask.png", "b_predict.png")
    assert pairs == {"a.png": ("a_mask.png",), "b.png": ("b_mask.png",)}
    assert any("b_predict.png" in note for note in found.notes)


def test_images_of_left_and_right_are_no_masks():
    pairs, _ = pair("1_L.jpg", "1_R.jpg", "masks/1_L.png", "masks/1_R.png")
    assert pairs == {"1_L.jpg": ("masks/1_L.png",), "1_R.jpg": ("masks/1_R.png",)}


@pytest.mark.parametrize(
    ("image", "one", "other"),
    [
        ("Image_01L.jpg", "Image_01L_1stHO.png", "Image_01L_2ndHO.png"),
        ("images/01_test.tif", "1st_manual/01_manual1.gif", "2nd_manual/01_manual2.gif"),
        ("im1.png", "im1.ah.png", "im1.vk.png"),
        ("images/im1.png", "labels-ah/im1.png", "labels-vk/im1.png"),
        ("p.png", "p_expert1.png", "p_expert2.png"),
        ("images/p.png", "annotator 1/masks/p_observer1.png", "annotator 2/masks/p_observer2.png"),
        ("p.png", "p_GT1.png", "p_GT2.png"),
        ("images/p.png", "Manual 1/p.png", "Manual 2/p.png"),
        ("p.png", "p_rater_a.png", "p_rater_b.png"),
        ("images/p.png", "masks/p_rater1.png", "masks/p_rater2.png"),
    ],
)
def test_two_observers_are_asked_about(image, one, other):
    with pytest.raises(PixelwiseError, match=r"drawn by several people: .*move the others out"):
        pair(image, one, other)
    assert pair(image, one)[0] == {image: (one,)}


@pytest.mark.parametrize("field", ["mask/{}_training_mask.gif", "mask/{}_training.gif"])
def test_a_field_of_view_is_not_taken_for_what_was_drawn_by_hand(field):
    files = [
        name
        for n in ("21", "22")
        for name in (f"images/{n}_training.tif", f"1st_manual/{n}_manual1.gif", field.format(n))
    ]
    pairs, found = pair(*files)
    assert pairs["images/21_training.tif"] == ("1st_manual/21_manual1.gif",)
    assert any("fields of view" in note for note in found.notes) and found.unpaired == ()


def test_maps_of_numbers_go_before_those_in_colours():
    pairs, _ = pair("images/a.png", "labels/a.png", "labels_color/a.png")
    assert pairs == {"images/a.png": ("labels/a.png",)}


def test_channels_in_files_of_their_own_are_asked_about():
    names = [f"imagesTr/c1_000{channel}.png" for channel in range(3)]
    with pytest.raises(PixelwiseError, match=r"3 files, one for each channel: .*merge"):
        pair(*names, "labelsTr/c1.png")


def test_nnunets_folders_declare_the_parts(tmp_path):
    write_pairs(tmp_path, 4, "imagesTr/c{}_0000.png", "labelsTr/c{}.png")
    write_pairs(tmp_path, 2, "imagesTs/d{}_0000.png", "labelsTs/d{}.png")
    dataset = open_dataset(tmp_path)
    splits = [dataset[index].split for index in range(len(dataset))]
    assert splits == ["train"] * 4 + ["test"] * 2


def test_several_masks_of_one_image_are_parts_of_one(tmp_path):
    write_pairs(tmp_path, 4, "benign ({}).png", "benign ({})_mask.png")
    more = np.zeros(mask_of(0).shape, bool)
    more[:4, :5] = True
    write(tmp_path / "benign (1)_mask_1.png", white(more))
    dataset = open_dataset(tmp_path)
    np.testing.assert_array_equal(dataset[1].read_annotation().semantic, mask_of(1) | more)
    np.testing.assert_array_equal(dataset[0].read_annotation().semantic, mask_of(0))
    assert any("mask in several files" in note for note in dataset.notes)
    assert len(dataset[1].files) == 3


def test_two_drawings_of_the_same_are_no_parts(tmp_path):
    write_pairs(tmp_path, 4, "p{}.png", "p{}_mask_1.png")
    write_pairs(tmp_path, 4, "p{}.png", "p{}_mask_2.png")
    with pytest.raises(PixelwiseError, match=r"mark the same pixels of p0\.png"):
        open_dataset(tmp_path)


def test_parts_may_not_contradict_each_other(tmp_path):
    for number, value in ((1, 1), (2, 3)):
        write_pairs(
            tmp_path,
            4,
            "p{}.png",
            f"p{{}}_mask_{number}.png",
            lambda mask, value=value: np.where(np.roll(mask, 4 * value, 1), value, 0).astype("u1"),
        )
    dataset = open_dataset(tmp_path, "index")
    with pytest.raises(PixelwiseError, match="different classes"):
        [dataset[index].read_annotation() for index in range(4)]


def test_an_image_alone_beside_what_is_no_mask_stays_an_image(tmp_path):
    write(tmp_path / "p_lesion.jpg", image_of(0))
    with pytest.raises(PixelwiseError, match="but no masks"):
        open_dataset(tmp_path)


UNKNOWN_WORDS = [
    ("1. Images/IDRiD_0{}.jpg", "2. Groundtruths/IDRiD_0{}_MA.tif"),
    ("images/p{}.jpg", "masks/p{}_liver_mask.png"),
    ("images/p{}_clipped.jpg", "masks/p{}.png"),
    ("images/p{}.jpg", "masks/annotated-p{}.png"),
    ("images/p{}.jpg", "masks/p{}.v2.png"),
    ("images/scan_{}.jpg", "labels/lung_scan_{}.png"),
]


@pytest.mark.parametrize(("image", "mask"), UNKNOWN_WORDS)
def test_one_unknown_word_in_all_names_is_no_obstacle(tmp_path, image, mask):
    write_pairs(tmp_path, 4, image, mask)
    dataset = open_dataset(tmp_path)
    assert (len(dataset), dataset.unpaired) == (4, ())
    assert any("are paired without the word" in note for note in dataset.notes)
    np.testing.assert_array_equal(dataset[2].read_annotation().semantic, mask_of(2))


def test_masks_of_several_classes_in_files_of_their_own_are_asked_about(tmp_path):
    write_pairs(tmp_path, 4, "p{}.png", "p{}_liver_mask.png")
    write_pairs(tmp_path, 4, "p{}.png", "p{}_kidney_mask.png")
    with pytest.raises(PixelwiseError, match=r"further words \(kidney, liver\): .*merge"):
        open_dataset(tmp_path)


def test_other_images_than_the_masks_are_not_paired_by_chance(tmp_path):
    write_pairs(tmp_path, 4, "images/p{}.png", "elsewhere/p{}.png")
    for index in range(4):
        (tmp_path / "elsewhere" / f"p{index}.png").unlink()
        write(tmp_path / "masks" / f"q{index}.png", white(mask_of(index)))
    with pytest.raises(PixelwiseError, match=r"No mask in .* has the name of a picture"):
        open_dataset(tmp_path)


def test_folders_of_the_same_names_without_a_word_for_masks_are_named(tmp_path):
    write_pairs(tmp_path, 4, "A/p{}.png", "B/p{}.png")
    with pytest.raises(PixelwiseError, match="A and B hold files of the same names"):
        open_dataset(tmp_path)


def test_pairing_takes_no_longer_for_each_of_many_files():
    """Work that grows with the square of the files would take minutes here."""
    names = [f"{folder}/p{index}.png" for folder in ("images", "masks") for index in range(8_000)]
    assert len(pair_up(names).pairs) == 8_000
