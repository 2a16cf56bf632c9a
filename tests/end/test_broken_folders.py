"""Folders as people bring them: each fault is mended, or named in a sentence with its file."""

import os
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pil
from rich.console import Console

from folders import SIZE_HW, image_of, mask_of, white, write, write_isic, write_pairs
from pixelwise import cli
from pixelwise.datasets import open_dataset
from pixelwise.doctor import Report, check, render
from pixelwise.types import Category, PixelwiseError


def found(report: Report, severity: str) -> str:
    """All messages of one severity, in one text."""
    return "\n".join(each.message for each in report.findings if each.severity == severity)


def shown(report: Report) -> str:
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    console.print(render(report))
    return console.export_text()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "data", 12)


# --- a folder without faults, and the command ----------------------------------------------------


def test_a_sound_folder_is_fit_and_described_in_numbers(root, tmp_path):
    report = check(root, out=tmp_path / "out")
    assert report.ok and report.findings == ()
    assert (report.layout, report.num_pictures) == ("folder", 12)
    share = np.mean([mask_of(index) for index in range(12)])
    assert report.shares == pytest.approx((1 - share, share))
    assert report.sizes_hw == ((36, 48),) * 3
    sizes = {part: sum(counts.values()) for part, counts in report.split.items()}
    assert sizes == {"train": 9, "val": 1, "test": 2}
    text = shown(report)
    assert "Fit to learn from" in text and "batches of 8" in text
    assert f"{100 * share:.2f} %" in text


def test_the_contact_sheet_shows_every_outline(root, tmp_path):
    report = check(root, out=tmp_path / "out")
    sheet = np.asarray(Pil.open(report.sheet))
    red, green, blue = report.categories[1].color
    outlined = (np.abs(sheet.astype(int) - [red, green, blue]) < 30).all(axis=2)
    # Eight tiles of 240 px in a row and two rows: each tile holds some of the outline's colour.
    tile_h, tile_w = sheet.shape[0] // 2, sheet.shape[1] // 8
    tiles = [
        outlined[r * tile_h : (r + 1) * tile_h, c * tile_w : (c + 1) * tile_w].any()
        for r in range(2)
        for c in range(8)
    ]
    assert sum(tiles) == 12


def run_command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["pixelwise", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_the_command_ends_with_0_for_a_sound_folder_and_2_for_the_others(
    root, tmp_path, monkeypatch, capsys
):
    assert run_command(monkeypatch, "check", str(root)) == 0
    assert run_command(monkeypatch, "check", str(tmp_path / "nowhere")) == 2
    assert "does not exist" in capsys.readouterr().err
    for mask in (root / "masks").iterdir():
        write(mask, np.zeros(SIZE_HW, np.uint8))
    assert run_command(monkeypatch, "check", str(root)) == 2
    assert "ERROR" in capsys.readouterr().out


# --- nothing to learn from -----------------------------------------------------------------------


def test_an_empty_folder_is_a_sentence(tmp_path):
    with pytest.raises(PixelwiseError, match=r"holds no pictures .*Expected, for example"):
        check(tmp_path)


def test_a_file_in_place_of_a_folder_is_a_sentence(tmp_path):
    path = write(tmp_path / "a.png", image_of(0))
    with pytest.raises(PixelwiseError, match="is a file, not a folder"):
        check(path)


def test_pictures_without_masks_are_a_sentence(tmp_path):
    write(tmp_path / "a.jpg", image_of(0))
    with pytest.raises(PixelwiseError, match=r"1 pictures such as a\.jpg, but no masks"):
        check(tmp_path)


def test_outlines_in_another_form_are_named(tmp_path):
    write(tmp_path / "a.jpg", image_of(0))
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(PixelwiseError, match=r"a\.json\) are not read: export them as mask"):
        check(tmp_path)


def test_masks_without_pictures_are_a_sentence(tmp_path):
    write(tmp_path / "masks" / "a.png", white(mask_of(0)))
    with pytest.raises(PixelwiseError, match="1 masks and no pictures"):
        check(tmp_path)


def test_names_that_do_not_match_are_a_sentence_with_one_of_each(tmp_path):
    write_pairs(tmp_path, 3, "images/a{}.png", "masks/b{}.png")
    with pytest.raises(PixelwiseError, match=r"No mask .* such as images/a0\.png.*masks/b0\.png"):
        check(tmp_path)


def test_too_few_pictures_are_an_error(tmp_path):
    report = check(write_pairs(tmp_path, 3))
    assert not report.ok and "at least 4 are needed" in found(report, "error")


def test_masks_that_are_all_empty_are_an_error(tmp_path):
    report = check(write_pairs(tmp_path, 5, values=lambda mask: white(mask & False)))
    assert not report.ok and "Every mask shows background alone" in found(report, "error")


# --- files that cannot be read -------------------------------------------------------------------


def test_a_cut_off_jpeg_is_named_and_left_out(root):
    write(root / "images" / "p3.jpg", image_of(3, (240, 320)))
    (root / "images" / "p3.png").unlink()
    data = (root / "images" / "p3.jpg").read_bytes()
    (root / "images" / "p3.jpg").write_bytes(data[: len(data) // 2])
    report = check(root)
    assert report.ok
    assert "1 of 12 cannot be used" in found(report, "warning")
    assert "p3.jpg is damaged or cut off" in found(report, "warning")
    assert sum(sum(counts.values()) for counts in report.split.values()) == 11


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"I am a text.", "is not a picture, although"), (b"", "is empty (0 bytes)")],
)
@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_text_or_an_empty_file_named_png_is_named(root, content, words, folder):
    (root / folder / "p5.png").write_bytes(content)
    report = check(root)
    assert report.ok and f"{folder}/p5.png {words}" in found(report, "warning")


def test_when_most_files_cannot_be_read_it_is_an_error(root):
    for index in range(8):
        (root / "images" / f"p{index}.png").write_bytes(b"")
    report = check(root)
    assert not report.ok and "8 of 12 cannot be used" in found(report, "error")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(root):
    (root / "images" / "p1.png").chmod(0)
    assert "may not be read" in found(check(root), "warning")


def test_a_file_that_the_system_refuses_is_named(root, monkeypatch):
    # As without permission, on any machine and as any user.
    real = Pil.open

    def refuse(file, *rest, **more):
        if str(file).endswith("images/p1.png"):
            raise PermissionError(13, "Permission denied")
        return real(file, *rest, **more)

    monkeypatch.setattr(Pil, "open", refuse)
    assert "images/p1.png may not be read: ask for permission" in found(check(root), "warning")


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_header_of_30000_by_30000_is_named_and_not_decoded(root, folder):
    path = root / folder / "p2.png"
    data = bytearray(path.read_bytes())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    path.write_bytes(data)
    report = check(root)
    assert report.ok and f"{folder}/p2.png claims more than" in found(report, "warning")


# --- pictures of every kind ----------------------------------------------------------------------


def test_exif_cmyk_16_bit_and_grey_pictures_are_read_beside_each_other(tmp_path):
    root = write_pairs(tmp_path, 8)
    image, mask = image_of(0), mask_of(0)
    tags = Pil.Exif()
    tags[0x0112] = 6
    (root / "images" / "p0.png").unlink()
    write(root / "images" / "p0.jpg", np.rot90(image), exif=tags, quality=95)
    (root / "images" / "p1.png").unlink()
    Pil.fromarray(image_of(1)).convert("CMYK").save(root / "images" / "p1.jpg", quality=95)
    cv2.imwrite(str(root / "images" / "p2.png"), image_of(2)[..., ::-1].astype(np.uint16) * 257)
    Pil.fromarray(image_of(3)).convert("L").save(root / "images" / "p3.png")
    Pil.fromarray(image_of(4)).convert("RGBA").save(root / "images" / "p4.png")
    Pil.fromarray(image_of(5)).quantize(16).save(root / "images" / "p5.png")
    report = check(root)
    assert report.ok and found(report, "warning") == ""
    dataset = open_dataset(root)
    for index in range(6):
        read = dataset[index].read_image().astype(float)
        truth = image_of(index).astype(float)
        assert read.shape == truth.shape
        assert np.abs(read.mean(axis=2) - truth.mean(axis=2)).mean() < 12, index
    np.testing.assert_array_equal(dataset[0].read_annotation().semantic, mask)


def test_spaces_unicode_and_upper_case_endings_are_names_like_any_other(tmp_path):
    root = write_pairs(tmp_path, 6, "Bilder images/Fläche {} ß.PNG", "Bilder masks/Fläche {} ß.Png")
    report = check(root)
    assert report.ok and report.num_pictures == 6 and report.findings == ()


def test_one_pixel_and_tiny_pictures_are_named(root):
    write(root / "images" / "p0.png", image_of(0)[:1, :1])
    write(root / "masks" / "p0.png", white(mask_of(0)[:1, :1]))
    report = check(root)
    assert report.ok
    assert "1 picture less than 32 pixels wide or high: p0." in found(report, "warning")


# --- masks of every kind -------------------------------------------------------------------------


def test_a_mask_of_another_shape_is_named_with_both_sizes(root):
    write(root / "masks" / "p4.png", white(mask_of(4, (36, 36))))
    report = check(root)
    assert report.ok
    assert "p4.png is 36 x 36 pixels, but its image is 48 x 36" in found(report, "warning")


def test_a_mask_at_another_scale_or_a_pixel_off_is_resized_and_noted(root):
    write(root / "masks" / "p4.png", white(mask_of(4)).repeat(2, axis=0).repeat(2, axis=1))
    write(root / "masks" / "p7.png", white(mask_of(7))[:-1])
    report = check(root)
    assert report.ok and "2 masks of another size" in found(report, "note")
    np.testing.assert_array_equal(open_dataset(root)[6].read_annotation().semantic, mask_of(4))


def test_palette_masks_are_class_numbers(tmp_path):
    root = write_pairs(tmp_path, 6)
    for index in range(6):
        picture = Pil.fromarray(mask_of(index).astype(np.uint8) * 2, mode="L").convert("P")
        picture.putpalette([0, 0, 0, 0, 200, 0, 200, 0, 0])
        picture.save(root / "masks" / f"p{index}.png")
    report = check(root)
    assert report.ok
    dataset = open_dataset(root)
    np.testing.assert_array_equal(dataset[1].read_annotation().semantic > 0, mask_of(1))


def test_masks_saved_as_jpeg_are_cut_at_half(tmp_path):
    root = write_pairs(tmp_path, 6, mask="masks/p{}.jpg")
    report = check(root)
    assert report.ok and any("half" in note for note in report.notes)
    shares = [np.mean(mask_of(index)) for index in range(6)]
    assert report.shares[1] == pytest.approx(np.mean(shares), abs=0.02)


def test_masks_of_0_and_1_beside_0_and_255_are_asked_about(root):
    write(root / "masks" / "p0.png", mask_of(0).astype(np.uint8))
    with pytest.raises(PixelwiseError, match=r"p0\.png.*p1\.png.*--masks binary.*--masks index"):
        check(root)
    report = check(root, "binary")
    assert report.ok
    share = np.mean([mask_of(index) for index in range(12)])
    assert report.shares[1] == pytest.approx(share)


def test_soft_masks_are_asked_about(tmp_path):
    def soft(mask):
        return np.rint(cv2.GaussianBlur(white(mask).astype(float), (0, 0), 4)).astype(np.uint8)

    root = write_pairs(tmp_path, 6, values=soft)
    with pytest.raises(PixelwiseError, match=r"soft edges or probabilities.*--masks soft"):
        check(root)
    assert check(root, "soft").ok


def test_inverted_masks_among_others_are_named(root):
    write(root / "masks" / "p3.png", white(~mask_of(3)))
    report = check(root)
    assert "1 mask unlike the others, as if inverted" in found(report, "warning")
    assert "p3" in found(report, "warning")


def test_masks_that_are_all_inverted_are_named(tmp_path):
    def centre(index):
        mask = np.zeros(SIZE_HW, bool)
        mask[8:28, 10 : 30 + index] = True
        return mask

    root = write_pairs(tmp_path, 8)
    for index in range(8):
        write(root / "masks" / f"p{index}.png", white(~centre(index)))
    report = check(root)
    assert "8 of 8 masks look inverted" in found(report, "warning")


def test_full_lesions_are_not_taken_for_inverted(root):
    full = np.ones(SIZE_HW, bool)
    full[0, 0] = False
    write(root / "masks" / "p0.png", white(full))
    assert "inverted" not in found(check(root), "warning")


def test_a_single_empty_and_a_single_full_mask_are_named(root):
    write(root / "masks" / "p0.png", white(mask_of(0) & False))
    write(root / "masks" / "p1.png", white(mask_of(0) | True))
    report = check(root)
    assert report.ok
    assert "1 mask without any foreground: p0" in found(report, "warning")
    assert "1 mask where every pixel is foreground: p1" in found(report, "warning")


def numbered(mask):
    grid = np.zeros(mask.shape, np.uint16)
    for number in range(1, 20 + int(mask.sum()) % 9):
        grid[number // 6 * 4, number % 6 * 4] = number
    return grid


def test_numbered_objects_are_instances_unless_one_class_is_asked_for(tmp_path):
    root = write_pairs(tmp_path, 6, values=numbered)
    report = check(root)
    assert report.ok and [each.name for each in report.categories] == ["background", "object"]
    assert any("each is one instance" in note for note in report.notes)
    assert check(root, "binary=nucleus").categories[1] == Category("nucleus", (86, 180, 233))


def test_more_values_than_classes_that_do_not_count_objects_are_asked_about(tmp_path):
    root = write_pairs(tmp_path, 6, values=lambda mask: numbered(mask) * np.uint16(17))
    for index in range(6):
        spread = np.arange(36 * 48, dtype=np.uint16).reshape(36, 48) * 3
        write(root / "masks" / f"p{index}.png", spread)
    with pytest.raises(PixelwiseError, match=r"too many for classes.*--masks\s+ids=NAME"):
        check(root)
    assert check(root, "ids=cell").categories[1].is_thing


# --- copies and leaks ----------------------------------------------------------------------------


def write_parts(root: Path) -> Path:
    write_pairs(root, 6, "train/images/p{}.png", "train/masks/p{}.png")
    return write_pairs(root, 3, "test/images/p{}.png", "test/masks/p{}.png", start=6)


def test_a_picture_in_train_and_test_is_an_error(tmp_path):
    root = write_parts(tmp_path)
    assert check(root).ok
    for folder in ("images", "masks"):
        copy = root / "test" / folder / "again.png"
        copy.write_bytes((root / "train" / folder / "p2.png").read_bytes())
    report = check(root)
    assert not report.ok
    assert "1 picture in more than one of the folder's own parts" in found(report, "error")
    assert "train/p2" in found(report, "error") and "test/again" in found(report, "error")


def test_a_patient_in_train_and_test_is_an_error(tmp_path):
    root = write_parts(tmp_path)
    rows = [f"p{index}.png,patient {index % 7}" for index in range(9)]
    (root / "patients.csv").write_text("\n".join(["image,patient", *rows]))
    report = check(root)
    assert not report.ok and "2 patients in more than one" in found(report, "error")


def test_a_clip_in_train_and_test_is_a_warning_because_published_splits_are_so(tmp_path):
    root = write_parts(tmp_path)
    rows = [f"p{index}.png,clip {index % 7}" for index in range(9)]
    (root / "clips.csv").write_text("\n".join(["image,clip", *rows]))
    report = check(root)
    assert report.ok
    assert "2 clips in more than one of the folder's own parts" in found(report, "warning")


def test_copies_are_noted_and_copies_with_different_masks_are_warned_about(root):
    (root / "images" / "p1.png").write_bytes((root / "images" / "p0.png").read_bytes())
    (root / "images" / "p3.png").write_bytes((root / "images" / "p2.png").read_bytes())
    (root / "masks" / "p3.png").write_bytes((root / "masks" / "p2.png").read_bytes())
    report = check(root)
    assert "more than once and annotated differently, for example p0 and p1" in found(
        report, "warning"
    )
    assert "1 picture more than once, for example p2 and p3" in found(report, "note")


def test_pictures_without_partner_are_counted_and_named(root):
    write(root / "images" / "alone.png", image_of(0))
    report = check(root)
    assert report.ok and "1 file without a partner" in found(report, "warning")
    assert "images/alone.png" in found(report, "warning")


def test_of_very_many_pictures_a_sample_is_read_and_said(root, monkeypatch):
    from pixelwise import doctor

    monkeypatch.setattr(doctor, "_MOST_READ", 5)
    report = check(root)
    assert report.num_pictures == 12
    assert "Of 12 pictures an even sample of 5 was read" in found(report, "note")


def test_isic_folders_pass_the_check_with_their_facts(tmp_path):
    root = write_isic(tmp_path)
    (root / "truth.csv").write_text(
        "image_id,melanoma,seborrheic_keratosis\nISIC_0000000,1,0\nISIC_0000001,0,0\n"
    )
    report = check(root)
    assert report.ok
    assert report.groups == {"diagnosis": {"melanoma": 1, "nevus": 1}}
