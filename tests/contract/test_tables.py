"""Tables of facts: which image a row means, what columns are called, and what is unknown."""

from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pytest

from folders import WRITERS, image_of, mask_of, white, write, write_pairs
from pixelwise.datasets import Dataset, open_dataset
from pixelwise.splits import make_split
from pixelwise.types import PixelwiseError

Rows = Sequence[Sequence[str]]


def of_patients(root: Path, patients: Sequence[str], names: Sequence[str] = ("1", "2")) -> Path:
    """images/PATIENT/NAME.png and masks/PATIENT/NAME.png."""
    for number, patient in enumerate(patients):
        for index, name in enumerate(names, start=number * len(names)):
            write(root / "images" / patient / f"{name}.png", image_of(index))
            write(root / "masks" / patient / f"{name}.png", white(mask_of(index)))
    return root


def told(dataset: Dataset, fact: str = "patient") -> dict[str, str | None]:
    return {each.id: each.groups.get(fact) for each in (dataset[i] for i in range(len(dataset)))}


def noted(dataset: Dataset, *words: str) -> bool:
    return any(all(word in note for word in words) for note in dataset.notes)


# --- which image a row means ---------------------------------------------------------------------

PATHS = [
    "{p}/{n}.png",
    "{p}/{n}",
    "images/{p}/{n}.png",
    "masks/{p}/{n}.png",
    "{p}\\{n}.png",
    "C:\\data\\study\\Images\\{p}\\{n}.PNG",
    "/home/somebody/test_data/{p}/{n}.jpg",
    "./{p}/{n}.tif",
    "https://example.org/data/{p}/{n}.png?size=full",
    " '{p}/{n}.dcm' ",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_row_means_the_image_whose_path_agrees_with_it_the_longest(tmp_path, path):
    patients = ["a", "b", "c"]
    of_patients(tmp_path, patients)
    rows = [f"{path.format(p=p, n=n)},P{p}" for n in ("1", "2", "3") for p in [*patients, "gone"]]
    (tmp_path / "t.csv").write_text("\n".join(["file,patient", *rows]))
    dataset = open_dataset(tmp_path)
    assert told(dataset) == {f"{p}/{n}": f"P{p}" for p in patients for n in ("1", "2")}
    assert noted(dataset, "t.csv tells patient of 6 of 6 images")


def test_no_patient_is_on_both_sides_of_a_split_where_names_repeat(tmp_path):
    patients = [f"p{number:02d}" for number in range(12)]
    of_patients(tmp_path, patients)
    rows = [f"{p}/{n}.png,one {p}" for n in ("1", "2") for p in patients]
    (tmp_path / "t.csv").write_text("\n".join(["filename,patient", *rows]))
    dataset = open_dataset(tmp_path)
    parts = make_split([dataset[i] for i in range(len(dataset))], 0).parts
    assert all(parts[f"{p}/1"] == parts[f"{p}/2"] for p in patients)


def test_dots_in_names_are_part_of_them(tmp_path):
    for index, name in enumerate(("s1.01", "s1.02", "s2.01.png", "s2")):
        write(tmp_path / "images" / f"{name}.png", image_of(index))
        write(tmp_path / "masks" / f"{name}.png", white(mask_of(index)))
    (tmp_path / "t.csv").write_text("image,patient\ns1.01,A\ns1.02,B\ns2.01.png,C\ns2,D\n")
    assert told(open_dataset(tmp_path)) == {"s1.01": "A", "s1.02": "B", "s2.01.png": "C", "s2": "D"}


@pytest.mark.parametrize(
    "names", ["7,8", "007,008", "7.0,8.0", "007_mask,008_mask", "007.PNG,008.jpeg"]
)
def test_names_as_spreadsheets_and_masks_write_them(tmp_path, names):
    of_patients(tmp_path, ["x"], ["007", "008"])
    one, other = names.split(",")
    (tmp_path / "t.csv").write_text(f"Image ID,Patient ID\n{one},A\n{other},B\n")
    assert told(open_dataset(tmp_path)) == {"x/007": "A", "x/008": "B"}


def test_a_bare_name_of_several_images_is_asked_about(tmp_path):
    of_patients(tmp_path, ["a", "b"])
    (tmp_path / "t.csv").write_text("image,subject\n1.png,anna\n2.png,ben\n")
    with pytest.raises(PixelwiseError, match=r"t.csv, row 2, gives the patient of 1.png.*a/1.*b/1"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("patient", ["p03", "P03", "3", "003", "patient 3"])
def test_a_folder_called_like_the_patient_tells_bare_names_apart(tmp_path, patient):
    of_patients(tmp_path, ["p03", "p04"])
    rows = f"1,{patient}\n2,{patient}\n1,{patient.replace('3', '4')}\n"
    (tmp_path / "t.csv").write_text(f"image,patient\n{rows}")
    expected = {"p03/1": patient, "p03/2": patient, "p04/1": patient.replace("3", "4")}
    assert told(open_dataset(tmp_path)) == {**expected, "p04/2": None}


def test_a_column_of_folders_tells_bare_names_apart(tmp_path):
    of_patients(tmp_path, ["a", "b"], ["1"])
    (tmp_path / "t.csv").write_text("folder;filename;patient\na;1.png;A\nb;1.png;B\n")
    assert told(open_dataset(tmp_path)) == {"a/1": "A", "b/1": "B"}


def test_a_table_is_about_the_images_of_its_own_folder(tmp_path):
    for part, patient in (("train", "A"), ("val", "B"), ("test", "C")):
        write_pairs(tmp_path / part, 2)
        (tmp_path / part / "t.csv").write_text(f"image,patient\np0,{patient}\np1,{patient}\np2,X\n")
    found = told(open_dataset(tmp_path))
    assert found == {
        f"{s}/p{n}": p for s, p in zip(("train", "val", "test"), "ABC", strict=True) for n in (0, 1)
    }


def test_two_patients_of_one_image_are_asked_about(tmp_path):
    write_pairs(tmp_path, 3)
    (tmp_path / "t.csv").write_text("image,patient\np0,A\np1,B\np1,B\np2,C\np1,D\n")
    with pytest.raises(PixelwiseError, match=r"p1.png is of patient B by t.csv, row 3.*D.*row 6"):
        open_dataset(tmp_path)
    (tmp_path / "t.csv").write_text("image,patient\np0,A\np1,B\np2,C\n")
    (tmp_path / "u.csv").write_text("image,patient\np0,A\np1,b\np2,X\n")
    with pytest.raises(PixelwiseError, match=r"p2.png is of patient C by t.csv.*X by u.csv"):
        open_dataset(tmp_path)


def test_two_diagnoses_of_one_image_are_named_and_left_out(tmp_path):
    write_pairs(tmp_path, 2)
    (tmp_path / "t.csv").write_text("image,dx\np0,nv\np1,mel\np1,bcc\n")
    dataset = open_dataset(tmp_path)
    assert told(dataset, "diagnosis") == {"p0": "nevus", "p1": None}
    assert noted(dataset, "images/p1.png", "melanoma", "basal cell carcinoma")


def test_rows_about_people_in_an_image_say_nothing_of_the_image(tmp_path):
    write_pairs(tmp_path, 2)
    (tmp_path / "t.csv").write_text("image,person_id,x\np0,1,3\np0,2,4\np1,1,5\np1,2,6\n")
    dataset = open_dataset(tmp_path)
    assert told(dataset) == {"p0": None, "p1": None}
    assert noted(dataset, "2 images with more than one patient")


# --- columns and files ---------------------------------------------------------------------------

HEADERS = [
    "img_id,patient_id",
    "Image ID,Patient ID",
    "ImageName,PatientID",
    "image_name,subject",
    "isic_id,Subject ID",
    "File Name,patient number",
    "FILE_PATH,PATIENT",
    "picture,Participant_ID",
    "image_path,anonymized patient id",
    "id,pid",
    "name,case_id",
    "photo (jpg),Patient-Nr.",
    "what it is called,Patient Code",
    "frame,donor_id",
]


@pytest.mark.parametrize("header", HEADERS)
def test_columns_are_known_in_any_common_spelling(tmp_path, header):
    write_pairs(tmp_path, 4)
    rows = "".join(f"p{n}.png,{'AB'[n // 2]}\n" for n in range(4))
    (tmp_path / "t.csv").write_text(f"{header}\n{rows}")
    assert list(told(open_dataset(tmp_path)).values()) == ["A", "A", "B", "B"]


def text(rows: Rows, mark: str) -> str:
    return "".join(mark.join(row) + "\n" for row in rows)


def as_sheet(path: Path, rows: Rows) -> None:
    book = openpyxl.Workbook()
    book.active.append(["A study of nevi"])
    for row in rows:
        book.active.append([int(cell) if cell.isdecimal() else cell for cell in row])
    book.save(path)


def as_text(mark: str, encoding: str = "utf-8", ahead: str = "") -> Callable[[Path, Rows], None]:
    return lambda path, rows: path.write_bytes((ahead + text(rows, mark)).encode(encoding))  # type: ignore[func-returns-value]


FORMS = [
    ("t.csv", as_text(",")),
    ("t.csv", as_text(";")),
    ("T.CSV", as_text("\t")),
    ("t.tab", as_text("\t")),
    ("t.tsv", as_text("\t")),
    ("t.txt", as_text("\t")),
    ("t.txt", as_text(" ")),
    ("table", as_text(",")),
    ("table.v2", as_text(";")),
    ("t.csv", as_text(";", ahead="sep=;\n")),
    ("t.csv", as_text("|", ahead="sep=|\r\n")),
    ("t.csv", as_text(",", "utf-8-sig")),
    ("t.csv", as_text("\t", "utf-16")),
    ("t.csv", as_text(",", "utf-16-le")),
    ("t.csv", as_text(";", "utf-16", "sep=;\n")),
    ("t.csv", as_text(";", "cp1252")),
    ("t.xlsx", as_sheet),
]


@pytest.mark.parametrize(("name", "save"), FORMS)
def test_tables_are_read_in_any_form(tmp_path, name, save):
    write_pairs(tmp_path, 3)
    save(tmp_path / name, [("image", "age", "patient"), *((f"p{n}", "40", "né") for n in range(3))])
    dataset = open_dataset(tmp_path)
    assert set(told(dataset).values()) == {"né"}
    assert noted(dataset, f"{name} tells patient of 3 of 3 images")


UNUSED = [
    ("t.csv", "p0,A\np1,B\n", "names no columns"),
    ("t.csv", "image,hair\np0,A\np1,B\n", "no column such as patient"),
    ("t.csv", "patient,hair\nx,A\ny,B\n", "none of its columns names images"),
    ("t.csv", "image,patient\nq0,A\nq1,B\n", "names no image that is annotated here"),
    ("t.csv", "", "empty"),
    ("t.csv", "image,patient\n", "no rows"),
    ("t.csv", "a\0b\1\2\3" * 20, "not text"),
    ("t.xlsx", "no spreadsheet", "no readable spreadsheet"),
    ("t.ods", "something", "no CSV or XLSX"),
    ("t.parquet", "something", "no CSV or XLSX"),
]


@pytest.mark.parametrize(("name", "content", "reason"), UNUSED)
def test_a_table_that_is_not_used_is_named_with_the_reason(tmp_path, name, content, reason):
    write_pairs(tmp_path, 2)
    (tmp_path / name).write_text(content)
    dataset = open_dataset(tmp_path)
    assert all(not groups for groups in (dataset[0].groups, dataset[1].groups))
    assert noted(dataset, name, "not used", reason)


def test_texts_that_are_no_tables_are_passed_over(tmp_path):
    write_pairs(tmp_path, 2)
    before = open_dataset(tmp_path).notes
    (tmp_path / "README").write_text("The patient\nis in the images.\n")
    (tmp_path / "train.txt").write_text("p0\np1\n")
    (tmp_path / "notes.txt").write_text("patients, masks\nWe took images.\n")
    (tmp_path / "images" / "p0.txt").write_text("image,patient\np0,A\n")
    assert open_dataset(tmp_path).notes == before


def test_facts_of_images_that_a_coco_file_describes(tmp_path):
    root = WRITERS["coco"](tmp_path)
    images = [Path(each.files[0]) for each in map(open_dataset(root).__getitem__, range(2))]
    (root / "t.csv").write_text(f"file_name,patient\n{images[0].name},A\n{images[1].name},B\n")
    dataset = open_dataset(root)
    assert [dataset[0].groups, dataset[1].groups] == [{"patient": "A"}, {"patient": "B"}]


# --- unknown -------------------------------------------------------------------------------------

UNKNOWN = ["", " ", "NaN", "nan", "None", "null", "unknown", "Unknown", "NA", "N/A", "n.a.", "-1"]


@pytest.mark.parametrize("value", [*UNKNOWN, "-1.0", "?", "-", "<NA>", "missing", "not available"])
def test_unknown_patients_are_no_group(tmp_path, value):
    write_pairs(tmp_path, 6)
    rows = "".join(f"p{n},{'A' if n < 2 else value}\n" for n in range(6))
    (tmp_path / "t.csv").write_text(f"image,patient\n{rows}")
    dataset = open_dataset(tmp_path)
    assert list(told(dataset).values()) == ["A", "A", None, None, None, None]
    assert noted(dataset, "patient of 4 of 6 images is unknown", "images/p2.png")
    assert noted(dataset, "t.csv tells patient of 2 of 6 images")


def test_numbers_that_became_fractions_are_the_same_patients(tmp_path):
    write_pairs(tmp_path, 3)
    (tmp_path / "t.csv").write_text("image,patient\np0,12.0\np1,12\np2,\n")
    assert list(told(open_dataset(tmp_path)).values()) == ["12", "12", None]
