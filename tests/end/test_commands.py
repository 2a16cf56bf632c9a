"""The commands as a user types them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pil

import pixelwise
from discs import draw_disc, write_folder

README = Path(__file__).parents[2] / "README.md"
QUICK = "--steps 8 --size 64 --network unet --width 4 --depth 2 --batch 4"


def test_the_commands_of_the_readme_work(type_in):
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.S)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(lines) >= 5 and all(line.startswith("pixelwise ") for line in lines)
    for line in lines:
        line = line.replace("--budget 2m", QUICK).replace(
            "--count 60 --size 256", "--count 12 --size 64"
        )
        code, out, err = type_in(line)
        assert code == 0, (line, out, err)
    for made in ("checked/contact_sheet.png", "runs/nevi/report.html", "outlined/IMD001_mask.png"):
        assert Path(made).exists(), made


def test_every_option_in_the_readme_exists():
    text = README.read_text()
    for command, option in re.findall(r"pixelwise (\w+)[^\n`]*?(--[a-z-]+)", text):
        shown = subprocess.run(
            [sys.executable, "-m", "pixelwise", command, "--help"],
            capture_output=True,
            text=True,
            env={"COLUMNS": "200", "NO_COLOR": "1"},
        ).stdout
        assert option in shown, (command, option)


def test_wrong_input_is_one_sentence_and_exit_code_2(type_in, tmp_path):
    write_folder(tmp_path / "data", 8)
    for line, words in {
        "pixelwise check nowhere": "nowhere does not exist",
        "pixelwise train data --budget soon": "A budget is a time such as",
        "pixelwise train data --loss dice=much": "A loss is NAME or NAME=WEIGHT",
        "pixelwise train data --steps 3 --network resnet": "There are: huggingface",
        "pixelwise evaluate data data": "is not a run",
        "pixelwise predict data/nowhere": "data/nowhere does not exist",
        "pixelwise compare data data": "per_image.csv",
    }.items():
        code, out, err = type_in(line)
        assert code == 2 and words in err, (line, code, out, err)
        assert "Traceback" not in err and len(err) < 400
    assert not Path("runs").exists()


def test_a_bad_picture_is_named_and_skipped(type_in, tmp_path):
    write_folder(tmp_path / "data", 10)
    assert type_in(f"pixelwise train data {QUICK}")[0] == 0
    bad = tmp_path / "new"
    bad.mkdir()
    for index in range(3):
        cv2.imwrite(str(bad / f"good{index}.png"), draw_disc(index, (70, 90 + index))[0])
    (bad / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    (bad / "notes.png").write_text("not a picture")
    code, out, err = type_in("pixelwise predict runs/data new --out found --probs")
    assert code == 1 and "3 pictures outlined" in out
    assert "torn.jpg" in err and "notes.png" in err
    lines = [json.loads(line) for line in Path("found/predictions.jsonl").read_text().splitlines()]
    assert [line["size_hw"] for line in lines] == [[70, 90], [70, 91], [70, 92]]
    for line in lines:
        mask = np.asarray(Pil.open(Path("found") / line["mask"]))
        assert mask.shape == tuple(line["size_hw"]) and set(np.unique(mask)) <= {0, 255}
        found = {region["name"]: region for region in line["categories"]}
        area = found["foreground"]["area_px"] if found else 0
        assert area == (mask == 255).sum()
        probs = cv2.imread(str(Path("found") / line["mask"].replace("mask", "probs")), -1)
        assert probs.dtype == np.uint16 and np.array_equal(probs > 32767, mask == 255)


def test_pictures_of_one_name_do_not_overwrite_each_other(type_in, tmp_path):
    write_folder(tmp_path / "data", 10)
    type_in(f"pixelwise train data {QUICK}")
    for name in ("a/x.png", "a/x.jpg", "b/x.png"):
        (tmp_path / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "new" / name), draw_disc(1)[0])
    assert type_in("pixelwise predict runs/data new/a new/b --out found")[0] == 0
    assert len(list(Path("found").rglob("*_mask.png"))) == 3


def test_a_dataset_is_outlined_without_its_masks(type_in, tmp_path):
    write_folder(tmp_path / "data", 10)
    type_in(f"pixelwise train data {QUICK}")
    _, out, _ = type_in("pixelwise predict runs/data data --out found")
    assert "10 pictures outlined" in out


def test_more_than_two_categories_come_as_a_palette(type_in, tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    (tmp_path / "data" / "classes.txt").write_text("ground\ndisc\nrim\n")
    for index in range(10):
        image, mask = draw_disc(index)
        labels = mask.astype(np.uint8)
        labels[cv2.dilate(labels, np.ones((5, 5))) > labels] = 2
        cv2.imwrite(str(tmp_path / "data" / "images" / f"{index}.png"), image)
        cv2.imwrite(str(tmp_path / "data" / "masks" / f"{index}.png"), labels)
    assert type_in(f"pixelwise train data {QUICK} --class-weights")[0] == 0
    assert type_in("pixelwise evaluate runs/data")[0] == 0
    assert type_in("pixelwise predict runs/data data/images --out found")[0] == 0
    mask = Pil.open("found/0_mask.png")
    assert mask.mode == "P" and set(np.unique(np.asarray(mask))) <= {0, 1, 2}


def test_folds_are_evaluated_by_the_fold_that_did_not_see_a_picture(type_in, tmp_path):
    write_folder(tmp_path / "data", 12)
    code, out, _ = type_in(f"pixelwise train data {QUICK} --folds 3 --out cv")
    assert code == 0 and "On 12 pictures" in out
    assert Path("cv/report.html").exists()
    assert type_in("pixelwise predict cv data/images --out found")[0] == 0
    assert type_in("pixelwise compare cv cv")[0] == 0


@pytest.mark.slow
def test_ten_thousand_by_ten_thousand_stays_under_two_gibibytes(tmp_path):
    """Above what the process needs with the model loaded; whole and in tiles."""
    code = """
import resource, sys, torch, numpy as np
sys.path.insert(0, sys.argv[1])
from discs import CATEGORIES
from pixelwise.predictor import Predictor
from pixelwise.recipe import Recipe
from pixelwise.run import build_model
from pixelwise.tasks.semantic import SemanticTask
recipe = Recipe(data="", size_hw=(256, 256))
task = SemanticTask(CATEGORIES, {"cross_entropy": 1.0})
model = build_model(recipe, task).eval()
def predictor(tile):
    return Predictor(recipe, CATEGORIES, task, (model,), torch.device("cpu"), False, tile)
predictor(None)(np.zeros((300, 300, 3), np.uint8))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
image = np.zeros((10_000, 10_000, 3), np.uint8)
predictor(int(sys.argv[2]) or None)(image)
print(peak() - before)
"""
    tests = str(Path(__file__).parents[1])
    for tile in ("0", "1024", "256"):
        shown = subprocess.run(
            [sys.executable, "-c", code, tests, tile], capture_output=True, text=True, check=True
        )
        assert int(shown.stdout) < 2 * 2**30, tile


def test_the_version_is_told(type_in):
    assert type_in("pixelwise --version") == (0, f"pixelwise {pixelwise.__version__}", "")
