"""Every layout obeys the protocol, and knows the habits its folders come in."""

import pickle
import unicodedata
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from folders import (
    PH2_CASES,
    WRITERS,
    image_of,
    mask_of,
    white,
    write,
    write_camvid,
    write_isic,
    write_mads,
    write_pairs,
    write_ph2,
)
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.find import find, names
from pixelwise.types import IGNORE, PixelwiseError, Sample

LAYOUTS = names("datasets")


def samples(dataset: Dataset) -> list[Sample]:
    return [dataset[index] for index in range(len(dataset))]


def labels(dataset: Dataset) -> list[np.ndarray]:
    return [sample.read_annotation().semantic for sample in samples(dataset)]


@pytest.fixture(params=WRITERS)
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def root(form: str, tmp_path: Path) -> Path:
    return WRITERS[form](tmp_path / "data")


def test_every_layout_is_written_here():
    assert {form.partition(" ")[0] for form in WRITERS} == set(LAYOUTS)


def test_a_layout_recognises_its_own_folder_and_is_surer_than_any_other(form, root):
    layout = form.partition(" ")[0]
    assert open_dataset(root).layout == layout
    own = find("datasets", layout).likeness(root)
    others = [find("datasets", name).likeness(root) for name in LAYOUTS if name != layout]
    assert own > max(others)


def test_ids_are_unique_and_do_not_depend_on_where_the_folder_lies(form, root, tmp_path):
    ids = [sample.id for sample in samples(open_dataset(root))]
    assert len(set(ids)) == len(ids) > 0
    elsewhere = WRITERS[form](tmp_path / "masks" / "test")
    assert [sample.id for sample in samples(open_dataset(elsewhere))] == ids


def test_image_and_labels_agree_in_size_and_labels_are_categories(root):
    dataset = open_dataset(root)
    for sample in samples(dataset):
        image, annotation = sample.read_image(), sample.read_annotation()
        semantic = annotation.semantic
        assert image.dtype == np.uint8 and image.shape == (*semantic.shape, 3)
        assert set(np.unique(semantic)) - {IGNORE} <= set(range(len(dataset.categories)))
        assert (semantic > 0).any() or len(annotation)


def test_the_saved_meaning_of_masks_reads_the_same_labels_again(root):
    first = open_dataset(root)
    again = open_dataset(root, first.masks)
    assert again.masks == first.masks
    assert [c.name for c in again.categories] == [c.name for c in first.categories]
    for one, other in zip(labels(first), labels(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_leftovers_of_operating_systems_change_nothing(root):
    before = [sample.id for sample in samples(open_dataset(root))]
    for name in (".DS_Store", "Thumbs.db", "__MACOSX/x.png", "._p0.png", ".git/p.png"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"rubbish")
    dataset = open_dataset(root)
    assert [sample.id for sample in samples(dataset)] == before
    assert dataset.unpaired == ()


def test_samples_can_be_sent_to_another_process(root):
    sample = open_dataset(root)[0]
    copy = pickle.loads(pickle.dumps(sample))
    np.testing.assert_array_equal(copy.read_image(), sample.read_image())
    assert all(file.is_file() for file in copy.files)


def test_a_dataset_ends(root):
    dataset = open_dataset(root)
    with pytest.raises(IndexError):
        dataset[len(dataset)]


# --- ph2 ---------------------------------------------------------------------------------------


def test_ph2_takes_the_bmp_mask_and_the_diagnosis_and_passes_over_regions_of_interest(tmp_path):
    dataset = open_dataset(write_ph2(tmp_path))
    assert [sample.id for sample in samples(dataset)] == list(PH2_CASES)
    assert dataset[0].files[1].suffix == ".bmp"
    for index, semantic in enumerate(labels(dataset)):
        np.testing.assert_array_equal(semantic, mask_of(index))
    diagnoses = [sample.groups["diagnosis"] for sample in samples(dataset)]
    expected = ["common nevus", "atypical nevus", "melanoma", "common nevus", "atypical nevus"]
    assert diagnoses == expected
    assert dataset.unpaired == ()
    assert [category.name for category in dataset.categories] == ["background", "lesion"]


def test_ph2_without_a_table_has_no_diagnosis(tmp_path):
    (write_ph2(tmp_path) / "PH2_dataset.txt").unlink()
    assert all("diagnosis" not in sample.groups for sample in samples(open_dataset(tmp_path)))


def test_ph2_reads_the_tab_separated_re_export(tmp_path):
    text = "Name\tClinical Diagnosis\tAsymmetry\nIMD002\t2\t1\nIMD003\t0\t2\n\t\t\nLegends:\t\t\n"
    text += "0 - Fully Symmetric;\t2 - Melanoma\t0\n"
    (write_ph2(tmp_path) / "PH2_dataset.txt").write_text(text)
    found = {s.id: s.groups.get("diagnosis") for s in samples(open_dataset(tmp_path))}
    assert found["IMD002"] == "melanoma" and found["IMD003"] == "common nevus"
    assert found["IMD009"] is None


def test_ph2_reads_the_spreadsheet_with_crosses(tmp_path):
    (write_ph2(tmp_path) / "PH2_dataset.txt").unlink()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A2"], sheet["C2"] = "Image", "Clinical Diagnosis"
    header = ["Image Name", "Histological", "Common Nevus", "Atypical Nevus", "Melanoma"]
    for column, text in enumerate(header, start=1):
        sheet.cell(row=13, column=column, value=text)
    for row, (case, column) in enumerate((("IMD002", 3), ("IMD003", 5), ("IMD009", 4)), start=14):
        sheet.cell(row=row, column=1, value=case)
        sheet.cell(row=row, column=column, value="X")
    book.save(tmp_path / "PH2_dataset.xlsx")
    found = {s.id: s.groups.get("diagnosis") for s in samples(open_dataset(tmp_path))}
    assert [found[case] for case in PH2_CASES[:4]] == [
        "common nevus",
        "melanoma",
        "atypical nevus",
        None,
    ]


def test_a_damaged_ph2_spreadsheet_costs_only_the_diagnosis(tmp_path):
    (write_ph2(tmp_path) / "PH2_dataset.txt").unlink()
    (tmp_path / "PH2_dataset.xlsx").write_bytes(b"no spreadsheet")
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 5 and dataset[0].groups == {}


# --- isic --------------------------------------------------------------------------------------

ISIC_HABITS = [
    ("images/ISIC_000000{}.jpg", "masks/ISIC_000000{}_segmentation.png"),
    ("ISIC_000000{}.jpg", "ISIC_000000{}_Segmentation.png"),
    (
        "ISIC2018_Task1-2_Training_Input/ISIC_000000{}.jpg",
        "ISIC2018_Task1_Training_GroundTruth/ISIC_000000{}_segmentation.png",
    ),
    (
        "ISBI2016_ISIC_Part1_Training_Data/ISIC_000000{}.jpg",
        "ISBI2016_ISIC_Part1_Training_GroundTruth/ISIC_000000{}_Segmentation.png",
    ),
    ("jpg/ISIC_000000{}.JPG", "labels/ISIC_000000{}.PNG"),
    ("ISIC_000000{}/ISIC_000000{}.jpg", "ISIC_000000{}/ISIC_000000{}_mask.png"),
    ("ISIC_000000{}.jpg", "ISIC_000000{}_lesion.png"),
    ("Images/isic_000000{}.jpg", "GroundTruth/ISIC_000000{}_segmentation.png"),
]


@pytest.mark.parametrize(("image", "mask"), ISIC_HABITS)
def test_isic_pairs_by_id_in_any_folder_habit(tmp_path, image, mask):
    for index in range(4):
        write(tmp_path / image.format(index, index), image_of(index))
        write(tmp_path / mask.format(index, index), white(mask_of(index)))
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "isic"
    assert [s.id for s in samples(dataset)] == [f"ISIC_000000{index}" for index in range(4)]
    for index, semantic in enumerate(labels(dataset)):
        np.testing.assert_array_equal(semantic, mask_of(index))


def test_isic_release_folders_declare_the_parts(tmp_path):
    parts = {"Training": "train", "Validation": "val", "Test": "test"}
    for number, part in enumerate(parts):
        image = f"ISIC-2017_{part}_Data/ISIC_000000{{}}.jpg"
        mask = f"ISIC-2017_{part}_Part1_GroundTruth/ISIC_000000{{}}_segmentation.png"
        write_pairs(tmp_path, 2, image, mask, start=2 * number)
    found = [sample.split for sample in samples(open_dataset(tmp_path))]
    assert found == ["train", "train", "val", "val", "test", "test"]


def test_isic_takes_each_id_once_from_the_largest_collection(tmp_path):
    write_isic(tmp_path)
    write(tmp_path / "fullsize" / "ISIC_0000003.png", image_of(3, (48, 64)))
    write(tmp_path / "fullsize" / "ISIC_0000003_segmentation.png", white(mask_of(3, (48, 64))))
    write(tmp_path / "second_masks" / "ISIC_0000001_segmentation.png", white(mask_of(9)))
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 6 and dataset.unpaired == ()
    assert all(sample.files[0].parent.name == "images" for sample in samples(dataset))
    assert all(sample.files[1].parent.name == "masks" for sample in samples(dataset))
    assert any("3 further files" in note for note in dataset.notes)


def test_isic_passes_over_superpixels_and_attribute_masks(tmp_path):
    write_isic(tmp_path)
    write(tmp_path / "images" / "ISIC_0000001_superpixels.png", image_of(1))
    write(tmp_path / "masks" / "ISIC_0000001_attribute_globules.png", white(mask_of(1)))
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 6 and dataset.unpaired == ()
    assert dataset[1].files[1].name == "ISIC_0000001_segmentation.png"


def test_isic_tells_diagnosis_lesion_and_source_from_tables(tmp_path):
    write_isic(tmp_path)
    (tmp_path / "truth.csv").write_text(
        "image_id,melanoma,seborrheic_keratosis\nISIC_0000000,1.0,0.0\nISIC_0000001,0.0,1.0\n"
        "ISIC_0000002,0.0,0.0\n"
    )
    (tmp_path / "meta.csv").write_text("lesion_id,image_id,dx\nHAM_7,ISIC_0000003,bkl\n")
    (tmp_path / "provenance.csv").write_text("image,repository\nISIC_0000000.jpg,one/two\n")
    (tmp_path / "list.csv").write_text("ISIC_0000004,1\nISIC_0000005,0\n")
    dataset = open_dataset(tmp_path)
    groups = [dict(sample.groups) for sample in samples(dataset)]
    assert groups[0] == {"diagnosis": "melanoma", "source": "one/two"}
    assert groups[1:3] == [{"diagnosis": "seborrheic keratosis"}, {"diagnosis": "nevus"}]
    assert groups[3] == {"lesion": "HAM_7", "diagnosis": "benign keratosis"}
    assert groups[4:] == [{}, {}]
    assert any("list.csv is not used: it names no columns" in note for note in dataset.notes)


# --- mads and camvid -----------------------------------------------------------------------------


def test_mads_puts_all_cameras_of_a_take_into_one_clip(tmp_path):
    dataset = open_dataset(write_mads(tmp_path))
    assert dict(dataset[0].groups) == {"dance": "HipHop", "clip": "HipHop_HipHop1", "camera": "C0"}
    assert dataset[1].groups["clip"] == dataset[0].groups["clip"]
    assert dataset[3].groups["clip"] == "Kata_F2"
    assert [category.name for category in dataset.categories] == ["background", "person"]
    assert dataset.unpaired == ()


def test_camvid_has_eleven_classes_void_is_ignored_and_drives_are_groups(tmp_path):
    dataset = open_dataset(write_camvid(tmp_path))
    names_ = "sky building pole road pavement tree sign fence car pedestrian bicyclist"
    assert [category.name for category in dataset.categories] == names_.split()
    semantic = dataset[0].read_annotation().semantic
    assert (semantic[:2, :2] == IGNORE).all()
    assert (semantic[2:] == 3 * mask_of(0)[2:]).all()
    assert {sample.split for sample in samples(dataset)} == {"train", "val", "test"}
    assert {s.groups["drive"] for s in samples(dataset)} == {
        "0001TP",
        "0006R0",
        "0016E5",
        "Seq05VD",
    }


def test_camvid_with_one_part_declares_no_split(tmp_path):
    dataset = open_dataset(write_camvid(tmp_path, parts=("test",)))
    assert {sample.split for sample in samples(dataset)} == {None}


# --- any folder ----------------------------------------------------------------------------------

HABITS = [
    ("images/p{}.jpg", "masks/p{}.png"),
    ("images/p{}.jpg", "masks/p{}_mask.png"),
    ("images/p{}.jpg", "labels/p{}.bmp"),
    ("JPEGImages/p{}.jpg", "SegmentationClass/p{}.png"),
    ("img/p{}.tif", "gt/p{}_gt.tif"),
    ("photos/p{}.webp", "annotations/p{}.png"),
    ("p{}.jpg", "p{}_mask.png"),
    ("p{}.png", "p{}_segmentation.png"),
    ("p{}.png", "p{}-mask.png"),
    ("p{}.png", "mask_p{}.png"),
    ("p{}.JPG", "p{}_Lesion.BMP"),
    ("p{}.jpg", "p{}.png"),
    ("some pictures/p{}.jpg", "ground truth/p{} label.png"),
    ("images/image{}.png", "masks/mask{}.png"),
    ("images/img_{}.png", "masks/mask_{}.png"),
    ("deep/er/images/p{}.png", "deep/er/masks/p{}.png"),
    ("scans/P{}.PNG", "annotation/p{}.png"),
    ("case{}/photo.png", "case{}/photo_mask.png"),
    ("input/case{}/1.png", "target/case{}/1.png"),
    ("leftImg8bit/p{}_rgb.png", "gtFine/p{}_label.png"),
]


@pytest.mark.parametrize(("image", "mask"), HABITS)
def test_a_folder_pairs_by_name_in_any_habit(tmp_path, image, mask):
    write_pairs(tmp_path, 4, image, mask)
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "folder" and len(dataset) == 4 and dataset.unpaired == ()
    for index, semantic in enumerate(labels(dataset)):
        np.testing.assert_array_equal(semantic, mask_of(index))


PARTS = [
    ("{part}/images/p{{}}.png", "{part}/masks/p{{}}.png"),
    ("images/{part}/p{{}}.png", "masks/{part}/p{{}}.png"),
    ("{part}/p{{}}.png", "{part}_labels/p{{}}_L.png"),
    ("{part}/p{{}}.png", "{part}annot/p{{}}.png"),
    ("{part}2017/p{{}}.png", "annotations/{part}2017/p{{}}.png"),
]


@pytest.mark.parametrize(("image", "mask"), PARTS)
@pytest.mark.parametrize("words", [("train", "val", "test"), ("Training", "valid", "testing")])
def test_a_folder_declares_parts_in_any_habit(tmp_path, image, mask, words):
    for number, word in enumerate(words):
        write_pairs(tmp_path, 2, image.format(part=word), mask.format(part=word), start=number)
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 6 and dataset.unpaired == ()
    found = sorted((s.split, s.files[0].stem) for s in samples(dataset))
    assert [part for part, _ in found] == ["test"] * 2 + ["train"] * 2 + ["val"] * 2
    for sample in samples(dataset):
        index = int(sample.files[0].stem[1:])
        np.testing.assert_array_equal(sample.read_annotation().semantic, mask_of(index))


def test_what_has_no_partner_is_listed_and_left_out(tmp_path):
    write_pairs(tmp_path)
    write(tmp_path / "images" / "alone.png", image_of(0))
    write(tmp_path / "masks" / "lonely.png", white(mask_of(0)))
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 6
    assert [path.name for path in dataset.unpaired] == ["alone.png", "lonely.png"]


def test_two_masks_for_one_picture_are_asked_about(tmp_path):
    write_pairs(tmp_path)
    write(tmp_path / "masks" / "p0_mask.png", white(mask_of(0)))
    with pytest.raises(PixelwiseError, match=r"Two masks fit images/p0.png: .*p0.*p0_mask"):
        open_dataset(tmp_path)


def test_two_pictures_for_one_mask_are_asked_about(tmp_path):
    write_pairs(tmp_path)
    write(tmp_path / "images" / "p0.jpg", image_of(0))
    with pytest.raises(PixelwiseError, match=r"Two pictures fit the mask masks/p0.png"):
        open_dataset(tmp_path)


def test_a_jpeg_beside_the_same_mask_without_loss_is_not_the_mask(tmp_path):
    write_pairs(tmp_path)
    write(tmp_path / "masks" / "p0.jpg", white(mask_of(0)))
    assert open_dataset(tmp_path)[0].files[1].suffix == ".png"


def test_composed_and_decomposed_accents_are_one_name(tmp_path):
    for index in range(2):
        name = f"n\u00e6vus caf\u00e9 {index}"
        write(tmp_path / "images" / f"{unicodedata.normalize('NFD', name)}.png", image_of(index))
        write(tmp_path / "masks" / f"{name}.png", white(mask_of(index)))
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 2 and dataset.unpaired == ()
    np.testing.assert_array_equal(dataset[1].read_annotation().semantic, mask_of(1))


def test_facts_from_a_table_become_groups_in_any_folder(tmp_path):
    write_pairs(tmp_path, 2)
    (tmp_path / "cases.csv").write_text("filename;patient_id;dx\np0.png;A;mel\np1.png;B;nv\n")
    groups = [dict(sample.groups) for sample in samples(open_dataset(tmp_path))]
    expected = [
        {"patient": "A", "diagnosis": "melanoma"},
        {"patient": "B", "diagnosis": "nevus"},
    ]
    assert groups == expected


NAME_FILES = [
    ("label_list.txt", "0 null\n1 hat\n2 coat\n"),
    ("classes.txt", "null\nhat\ncoat\n"),
    ("labels.txt", "__ignore__\nnull\nhat\ncoat\n"),
    ("classes.txt", "null,hat,coat".replace(",", "\r\n")),
]


@pytest.mark.parametrize(("name", "text"), NAME_FILES)
def test_class_names_come_from_a_text_file(tmp_path, name, text):
    write_pairs(tmp_path, values=lambda mask: np.uint8(2) * mask)
    (tmp_path / name).write_text(text)
    dataset = open_dataset(tmp_path)
    assert [category.name for category in dataset.categories] == ["null", "hat", "coat"]
    np.testing.assert_array_equal(labels(dataset)[0], 2 * mask_of(0))


COLOR_FILES = [
    ("label_colors.txt", "0 0 0\tVoid\n128 64 128\tRoad\n64 0 128\tCar\n"),
    ("class_dict.csv", "name,r,g,b\nVoid,0,0,0\nRoad,128,64,128\nCar,64,0,128\n"),
    (
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nvoid:0,0,0::\nRoad:128,64,128::\nCar:64,0,128::\n",
    ),
]


@pytest.mark.parametrize(("name", "text"), COLOR_FILES)
def test_class_colours_come_from_a_text_file_and_void_is_ignored(tmp_path, name, text):
    def colored(mask):
        picture = np.zeros((*mask.shape, 3), np.uint8)
        picture[mask] = (64, 0, 128)
        picture[:3] = (128, 64, 128)
        return picture

    write_pairs(tmp_path, values=colored)
    (tmp_path / name).write_text(text)
    dataset = open_dataset(tmp_path)
    assert [(c.name, c.color) for c in dataset.categories] == [
        ("Road", (128, 64, 128)),
        ("Car", (64, 0, 128)),
    ]
    expected = np.where(mask_of(0), 1, IGNORE)
    expected[:3] = 0
    np.testing.assert_array_equal(labels(dataset)[0], expected)


def test_a_colour_that_the_names_file_does_not_name_is_a_sentence(tmp_path):
    write_pairs(tmp_path, values=lambda mask: mask[..., None] * np.uint8([9, 8, 7]))
    (tmp_path / "label_colors.txt").write_text("0 0 0 sky\n64 0 128 car\n")
    with pytest.raises(PixelwiseError, match=r"p0.png holds the colour 9 8 7, which .* not name"):
        open_dataset(tmp_path)


def test_a_million_files_are_not_needed_to_recognise_a_layout(tmp_path, monkeypatch):
    from pixelwise.datasets import _files

    write_isic(tmp_path)
    monkeypatch.setattr(_files, "_GLIMPSE_PER_FOLDER", 2)
    assert len(_files.glimpse(tmp_path)) == 4
    assert open_dataset(tmp_path).layout == "isic" and len(open_dataset(tmp_path)) == 6


def test_links_that_lead_back_up_end(tmp_path):
    write_pairs(tmp_path)
    (tmp_path / "images" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert len(open_dataset(tmp_path)) == 6


VALUE_TABLES = [
    ("_classes.csv", "Pixel Value, Class\n0, background\n1, cell\n2, debris\n"),
    ("_classes.csv", "\ufeffClass;Pixel Value\nbackground;0\ncell;1\ndebris;2\n"),
    ("_CLASSES.CSV", "pixel_value\tclass_name\n0\tbackground\n1\tcell\n2\tdebris\n"),
    ("class_dict.csv", "name,value\nbackground,0\ncell,1\ndebris,2\n"),
    ("classes.csv", "id,name\n0,background\n1,cell\n2,debris\n"),
    ("labels.csv", "label,name\n2,debris\n1,cell\n0,background\n"),
    ("label_map.csv", "sep=;\nIndex;Label\n0;background\n1;cell\n2;debris\n"),
]


@pytest.mark.parametrize(("name", "text"), VALUE_TABLES)
@pytest.mark.parametrize("parts", [("",), ("train/", "valid/", "test/")])
def test_a_table_names_the_values_of_masks(tmp_path, name, text, parts):
    for number, part in enumerate(parts):
        image, mask = f"{part}p{{}}_jpg.rf.0a1b.jpg", f"{part}p{{}}_jpg.rf.0a1b_mask.png"
        write_pairs(tmp_path, 2, image, mask, lambda mask: np.uint8(2) * mask, start=2 * number)
        (tmp_path / part / name).write_text(text)
    dataset = open_dataset(tmp_path)
    assert [category.name for category in dataset.categories] == ["background", "cell", "debris"]
    assert not any("not used" in note for note in dataset.notes)


def test_tables_of_names_that_differ_between_the_parts_are_asked_about(tmp_path):
    for number, part in enumerate(("train", "test")):
        write_pairs(tmp_path / part, 2, values=lambda mask: np.uint8(2) * mask, start=2 * number)
        names = ["cell,debris", "debris,cell"][number].split(",")
        lines = [f"{value},{each}" for value, each in enumerate(["nothing", *names])]
        (tmp_path / part / "_classes.csv").write_text("\n".join(["Pixel Value,Class", *lines]))
    with pytest.raises(PixelwiseError, match=r"_classes.csv and .*_classes.csv name the classes"):
        open_dataset(tmp_path)


def test_a_table_of_labels_of_images_is_no_table_of_names(tmp_path):
    write_pairs(tmp_path, 2)
    (tmp_path / "labels.csv").write_text("image,dx,label\np0,nv,1\np1,mel,0\n")
    dataset = open_dataset(tmp_path)
    assert [category.name for category in dataset.categories] == ["background", "foreground"]
    assert dataset[1].groups == {"diagnosis": "melanoma"}
