"""Made-up dermoscopy: what must hold for every seed, and the folder it is written to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixelwise.madeup.nevi import Nevus, draw_nevus, sample_nevi, write_nevi
from pixelwise.madeup.people import write_people
from pixelwise.types import PixelwiseError

SIDE_PX = 80


@pytest.fixture(scope="module")
def nevi() -> list[Nevus]:
    return [draw_nevus(3, index, long_side_px=SIDE_PX) for index in range(100)]


def jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def lightness(pixels: NDArray[np.uint8]) -> float:
    """Median L* of (N, 3) RGB pixels, 0 to 100."""
    lab = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2LAB)
    return float(np.median(lab[..., 0])) / 2.55


def test_the_same_seed_and_index_give_the_same_bytes() -> None:
    for index in range(4):
        one, two = (draw_nevus(11, index, long_side_px=SIDE_PX) for _ in range(2))
        assert one.image.tobytes() == two.image.tobytes()
        assert one.mask.tobytes() == two.mask.tobytes()
        assert one.diagnosis == two.diagnosis


def test_another_index_and_another_seed_give_another_picture(nevi: list[Nevus]) -> None:
    assert len({nevus.image.tobytes() for nevus in nevi}) == len(nevi)
    assert draw_nevus(4, 0, long_side_px=SIDE_PX).image.tobytes() != nevi[0].image.tobytes()


def test_a_picture_does_not_depend_on_those_drawn_before_it(nevi: list[Nevus]) -> None:
    again = draw_nevus(3, 47, long_side_px=SIDE_PX)
    np.testing.assert_array_equal(again.image, nevi[47].image)


def test_images_and_masks_have_the_promised_types_and_sizes(nevi: list[Nevus]) -> None:
    for nevus in nevi:
        assert nevus.image.dtype == np.uint8 and nevus.mask.dtype == np.bool_
        assert nevus.image.shape == (*nevus.mask.shape, 3)
        assert max(nevus.mask.shape) == SIDE_PX
    assert len({nevus.mask.shape for nevus in nevi}) >= 5


def test_every_mask_shows_something_and_never_everything(nevi: list[Nevus]) -> None:
    shares = np.array([nevus.mask.mean() for nevus in nevi])
    assert shares.min() > 0 and shares.max() < 1
    # From small to nearly filling the picture, with a middle as in real collections.
    assert np.quantile(shares, 0.1) < 0.08 and shares.max() > 0.6
    assert 0.10 < np.median(shares) < 0.30


def test_each_five_pictures_hold_two_common_two_atypical_and_one_melanoma() -> None:
    found = [draw_nevus(9, index, long_side_px=32).diagnosis for index in range(20)]
    wanted = {"common nevus": 2, "atypical nevus": 2, "melanoma": 1}
    for start in range(0, 20, 5):
        assert Counter(found[start : start + 5]) == wanted
    assert len({tuple(found[start : start + 5]) for start in range(0, 20, 5)}) > 1


def test_a_smaller_picture_is_the_same_picture() -> None:
    overlaps, differences = [], []
    for index in range(8):
        small, large = (draw_nevus(5, index, long_side_px=side) for side in (128, 256))
        size = large.mask.shape[1], large.mask.shape[0]
        grown = cv2.resize(small.mask.astype(np.float32), size) > 0.5
        overlaps.append(jaccard(grown, large.mask))
        shrunk = cv2.resize(large.image, small.mask.shape[::-1], interpolation=cv2.INTER_AREA)
        differences.append(np.abs(shrunk.astype(float) - small.image).mean())
    # A lesion a few pixels wide loses more to its own pixels than a large one.
    assert np.median(overlaps) > 0.96 and min(overlaps) > 0.80
    assert np.median(differences) < 8 and max(differences) < 25


def test_the_lesion_is_mostly_darker_than_the_skin_around_it(nevi: list[Nevus]) -> None:
    steps = []
    for nevus in nevi:
        reach = cv2.dilate(nevus.mask.astype(np.uint8), np.ones((3, 3)), iterations=8) > 0
        seen = nevus.image.max(axis=2) > 40
        around = reach & ~nevus.mask & seen
        if around.sum() > 20:
            steps.append(lightness(nevus.image[around]) - lightness(nevus.image[nevus.mask]))
    assert np.mean(np.array(steps) > 0) > 0.9
    # Faint ones and very dark ones: neither is left out.
    assert np.quantile(steps, 0.1) < 10 and np.quantile(steps, 0.9) > 25


def test_some_lesions_touch_the_border_and_most_do_not(nevi: list[Nevus]) -> None:
    edges = [(n.mask[0], n.mask[-1], n.mask[:, 0], n.mask[:, -1]) for n in nevi]
    share = np.mean([any(edge.any() for edge in four) for four in edges])
    assert 0.03 < share < 0.40


def test_skin_goes_from_pale_to_dark(nevi: list[Nevus]) -> None:
    tones = []
    for nevus in nevi:
        skin = ~nevus.mask & (nevus.image.max(axis=2) > 40)
        if skin.mean() > 0.2:
            tones.append(lightness(nevus.image[skin]))
    assert min(tones) < 50 and max(tones) > 85


def test_melanomas_have_less_even_outlines_than_common_nevi(nevi: list[Nevus]) -> None:
    solidity: dict[str, list[float]] = {"common nevus": [], "melanoma": [], "atypical nevus": []}
    for nevus in nevi:
        outlines, _ = cv2.findContours(
            nevus.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        largest = max(outlines, key=cv2.contourArea)
        if cv2.contourArea(largest) > 50:
            hull = cv2.contourArea(cv2.convexHull(largest))
            solidity[nevus.diagnosis].append(cv2.contourArea(largest) / hull)
    assert np.mean(solidity["melanoma"]) < np.mean(solidity["common nevus"]) - 0.01


def test_the_written_folder_has_the_layout_of_ph2(tmp_path: Path) -> None:
    seen: list[int] = []
    out = write_nevi(tmp_path / "PH2Dataset", 5, 3, long_side_px=64, progress=seen.append)
    assert seen == [1, 2, 3, 4, 5]
    cases = sorted((out / "PH2 Dataset images").iterdir())
    assert [case.name for case in cases] == [f"IMD00{number}" for number in range(1, 6)]
    for case in cases:
        picture = case / f"{case.name}_Dermoscopic_Image" / f"{case.name}.bmp"
        lesion = case / f"{case.name}_lesion" / f"{case.name}_lesion.bmp"
        with Image.open(picture) as image, Image.open(lesion) as mask:
            assert (image.format, image.mode) == ("BMP", "RGB")
            assert (mask.format, mask.mode) == ("BMP", "1")
            assert image.size == mask.size
    assert [path.name for path in tmp_path.iterdir()] == ["PH2Dataset"]


def test_what_is_read_back_equals_what_was_drawn(tmp_path: Path) -> None:
    out = write_nevi(tmp_path / "made", 3, 8, long_side_px=64)
    for index in range(3):
        nevus, name = draw_nevus(8, index, long_side_px=64), f"IMD00{index + 1}"
        case = out / "PH2 Dataset images" / name
        picture = Image.open(case / f"{name}_Dermoscopic_Image" / f"{name}.bmp")
        mask = Image.open(case / f"{name}_lesion" / f"{name}_lesion.bmp")
        np.testing.assert_array_equal(np.asarray(picture), nevus.image)
        np.testing.assert_array_equal(np.asarray(mask), nevus.mask)


def test_the_table_names_every_case_with_its_diagnosis(tmp_path: Path) -> None:
    out = write_nevi(tmp_path / "made", 5, 3, long_side_px=32)
    lines = (out / "PH2_dataset.txt").read_text(encoding="utf-8").splitlines()
    header = [cell.strip() for cell in lines[0].split("||")]
    assert header[1:4] == ["Name", "Histological Diagnosis", "Clinical Diagnosis"]
    rows = [[cell.strip() for cell in line.split("||")] for line in lines[1:6]]
    assert [row[1] for row in rows] == [f"IMD00{number}" for number in range(1, 6)]
    kinds = ("common nevus", "atypical nevus", "melanoma")
    drawn = [draw_nevus(3, index, long_side_px=32).diagnosis for index in range(5)]
    assert [kinds[int(row[3])] for row in rows] == drawn
    assert all(len(row) == len(header) for row in rows)
    assert all(len(row[4].split("|")) == 6 for row in rows)
    assert "||" not in "".join(lines[6:])


@pytest.mark.parametrize(
    ("write", "count", "num_files"), [(write_nevi, 33, 67), (write_people, 33, 69)]
)
def test_several_processes_write_the_same_folder(tmp_path, write, count, num_files) -> None:
    one, two = (
        write(tmp_path / str(workers), count, 3, long_side_px=48, workers=workers)
        for workers in (1, 2)
    )
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) == num_files
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


def test_an_empty_folder_is_filled_and_one_in_use_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "made"
    out.mkdir()
    write_nevi(out, 1, 0, long_side_px=32)
    before = sorted(path.name for path in out.rglob("*"))
    with pytest.raises(PixelwiseError, match="not an empty folder"):
        write_nevi(out, 2, 0, long_side_px=32)
    assert sorted(path.name for path in out.rglob("*")) == before


def test_an_interrupted_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(written: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_nevi(tmp_path / "made", 3, 0, long_side_px=32, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("seed", "index", "side"), [(-1, 0, 64), (0, -1, 64), (0, 0, 8)])
def test_numbers_out_of_range_are_refused(seed: int, index: int, side: int) -> None:
    with pytest.raises(PixelwiseError, match=r"must be 0 or more|at least 32"):
        draw_nevus(seed, index, long_side_px=side)


def test_writing_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PixelwiseError, match="1 picture or more"):
        write_nevi(tmp_path / "made", 0, 0)


def test_samples_are_the_drawn_nevi_read_when_asked():
    first, second = sample_nevi(2, 5, long_side_px=64)
    assert (first.id, second.id) == ("made-up 0", "made-up 1")
    nevus = draw_nevus(5, 1, long_side_px=64)
    assert np.array_equal(second.read_image(), nevus.image)
    assert np.array_equal(second.read_annotation().semantic == 1, nevus.mask)
