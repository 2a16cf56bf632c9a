"""The examples run where neither this package nor PyTorch is, and find what this package finds."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixelwise import load
from pixelwise.exporting import export
from pixelwise.find import names
from pixelwise.limbs import Limbs
from pixelwise.model import Model, normalise
from pixelwise.recipe import Recipe
from pixelwise.run import Run, build_model, save_weights
from pixelwise.tasks.pose import PoseTask
from pixelwise.types import Category
from posed import PEOPLE, people, standing

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SIZE_HW = (64, 96)
GROUND = Category("background", (0, 0, 0))
HAIR = Category("hair", (0, 114, 178))
SPOT = Category("spot", (230, 159, 0))
# Importing TensorFlow takes long, so that one process runs all that need it.
TOGETHER = [("onnx", "openvino"), ("keras", "litert", "savedmodel"), ("pt2",)]
NEEDS = {"onnx": "onnxruntime", "openvino": "openvino", "pt2": "torch"}


def picture(height: int, width: int) -> np.ndarray:
    """A dark spot with a soft border on skin, above the middle."""
    y, x = np.mgrid[:height, :width]
    apart = np.hypot((y + 0.5) / height - 0.45, (x + 0.5) / width - 0.55)
    light = 1 / (1 + np.exp((0.25 - apart) * 25))
    return (np.array([110, 70, 50]) + light[..., None] * [110, 110, 110]).astype(np.uint8)


def network_that_sees_spots(run: Run) -> Model:
    """A run's model, fresh but for its head, which is fitted to say what is dark."""
    torch.manual_seed(1)
    model = build_model(run.recipe, run.task()).eval()
    image = picture(*SIZE_HW)
    with torch.no_grad():
        features = model.network(normalise(torch.from_numpy(image[None])))[0]
        given = torch.cat([features, torch.ones_like(features[:1])]).flatten(1)
        dark = (150 - image[::2, ::2].mean(axis=2)) / 40
        # Small weights: a picture a little different shall not be seen as another one.
        square = given @ given.T + 0.01 * dark.size * torch.eye(len(given))
        weight = torch.linalg.solve(square, given @ torch.from_numpy(dark).float().flatten())
        head = model.heads["class"]
        head.weight.zero_()[-1, :, 0, 0] = weight[:-1]
        head.bias[-1] = weight[-1]
    return model


def run_of(folder: Path, categories: tuple[Category, ...]) -> Run:
    """A run that finds spots, in a folder."""
    recipe = Recipe(data="spots", width=8, depth=2, size_hw=SIZE_HW)
    run = Run(folder, recipe, categories, {}, "none")
    run.write()
    save_weights(run.weights, network_that_sees_spots(run).state_dict())
    return run


def start(lines: list[list[str]], folder: Path, absent: tuple[str, ...]) -> str:
    """Run scripts, each with its arguments, where some packages cannot be imported."""
    code = (
        "import runpy, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name.partition('.')[0] in {absent}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"for sys.argv in {lines}: runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_format_has_an_example():
    shown = {path.name.removesuffix("_mask.py") for path in EXAMPLES.glob("*_mask.py")}
    assert shown >= set(names("formats"))
    assert set(sum(TOGETHER, ())) == shown


def overlap(mask: np.ndarray, other: np.ndarray) -> float:
    return (mask & other).sum() / (mask | other).sum()


@pytest.mark.parametrize(
    ("formats", "categories"),
    [
        (("onnx", "openvino"), (GROUND, HAIR, SPOT)),
        *(pytest.param(each, (GROUND, SPOT), marks=pytest.mark.slow) for each in TOGETHER),
    ],
    ids=lambda each: f"{each[0]}" if isinstance(each[0], str) else f"{len(each)}",
)
def test_examples_find_the_mask_that_pixelwise_finds(formats, categories, tmp_path):
    for name in formats:
        pytest.importorskip(NEEDS.get(name, "tensorflow"))
    run = run_of(tmp_path / "run", categories)
    pictures = {"fits": picture(*SIZE_HW), "large": picture(157, 211), "small": picture(50, 33)}
    for each, image in pictures.items():
        Image.fromarray(image).save(tmp_path / f"{each}.png")
    lines = [
        [str(EXAMPLES / f"{name}_mask.py"), str(path), f"{each}.png", f"{each}_{name}.png"]
        for name in formats
        for path in [export(run, name)]
        for each in pictures
    ]
    said = start(lines, tmp_path, ("pixelwise",) if "pt2" in formats else ("pixelwise", "torch"))
    assert said.count("spot: ") == len(lines)
    predict = load(run, flips=False)
    highest = 255 if len(categories) == 2 else len(categories) - 1
    for each, image in pictures.items():
        own = predict(image).labels > 0
        assert 0.05 < own.mean() < 0.4
        for name in formats:
            mask = np.asarray(Image.open(tmp_path / f"{each}_{name}.png"))
            assert set(np.unique(mask)) == {0, highest} and mask.shape == own.shape
            # Pictures of the working size are not resized, by nobody.
            assert overlap(mask > 0, own) >= (1 if each == "fits" else 0.98), (name, each)


def test_the_poses_example_puts_people_together(tmp_path):
    truth = people([standing(30, 20, 90, 180), standing(200, 60, 120, 240)], size_hw=(320, 400))
    maps = PoseTask(PEOPLE, {"joint": 1.0, "limb": 1.0}).encode(truth, 4)
    np.savez(tmp_path / "maps.npz", joint=maps["joint"], limb=maps["limb"])
    fields = Limbs.of(PEOPLE[1].skeleton).ends.tolist()
    script = tmp_path / "decode.py"
    script.write_text(
        "import runpy\nimport numpy as np\n"
        f"known = runpy.run_path({str(EXAMPLES / 'onnx_poses.py')!r})\n"
        "maps = np.load('maps.npz')\n"
        f"poses = known['decode'](maps['joint'], maps['limb'], {fields}, 0.1)\n"
        "np.save('poses.npy', poses)\n"
    )
    start([[str(script)]], tmp_path, ("pixelwise", "torch"))
    poses = np.load(tmp_path / "poses.npy")
    poses = poses[np.argsort(poses[:, 0, 0])]
    assert poses.shape == (2, 17, 3) and (poses[..., 2] > 0.5).all()
    np.testing.assert_allclose(4 * poses[..., :2], truth.keypoints[..., :2], atol=4)


def test_the_poses_example_runs_a_file(tmp_path):
    pytest.importorskip(NEEDS["onnx"])
    recipe = Recipe(
        data="people",
        task="pose",
        loss={"joint": 1.0, "limb": 1.0},
        width=4,
        depth=2,
        stride=4,
        size_hw=SIZE_HW,
    )
    run = Run(tmp_path / "run", recipe, PEOPLE, {}, "none")
    run.write()
    model = build_model(recipe, run.task()).eval()
    # One joint wherever it is brightest, so that something is found.
    torch.nn.init.constant_(model.heads["joint"].bias, 7)
    save_weights(run.weights, model.state_dict())
    Image.fromarray(picture(90, 60)).save(tmp_path / "picture.png")
    line = [str(EXAMPLES / "onnx_poses.py"), str(export(run, "onnx"))]
    start([[*line, "picture.png", "poses.json"]], tmp_path, ("pixelwise", "torch"))
    found = np.array(json.loads((tmp_path / "poses.json").read_text())).reshape(-1, 17, 3)
    there = found[..., 2] > 0
    assert ((found[there][:, :2] > -40) & (found[there][:, :2] < 130)).all()
