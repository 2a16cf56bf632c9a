"""Learning on a pretrained backbone, and living without it afterwards."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import hub
from backbones import CONFIGS, description, write_backbone
from discs import draw_disc, write_folder
from pixelwise.model import normalise
from pixelwise.networks import huggingface
from pixelwise.networks._hub import fetch, read_weights
from pixelwise.optimise import build_optimizer, set_rate
from pixelwise.predictor import load
from pixelwise.recipe import Recipe
from pixelwise.run import Run, begin_model, load_weights, open_run
from pixelwise.tasks import semantic
from pixelwise.training import Learner, train
from pixelwise.types import Category, PixelwiseError
from small import QUIET

SMALL = {"size": 64, "batch": 4, **QUIET}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    return write_backbone(tmp_path / "backbone")


def logits(run: Run | Path) -> np.ndarray:
    image, _ = draw_disc(50)
    return load(run)._maps([image])["class"]


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind != "swin")) for kind in CONFIGS],
)
def test_a_run_lives_without_its_backbone_and_without_the_hub(data, tmp_path, kind):
    folder = write_backbone(tmp_path / kind, kind)
    run = train(data, out=tmp_path / "run", steps=2, backbone=str(folder), **SMALL)
    assert run.recipe.network == "huggingface"
    before = logits(run)
    shutil.rmtree(folder)
    found = logits(open_run(run.path))
    assert np.array_equal(found, before) and found.std() > 0


def test_learning_begins_with_the_pretrained_weights(backbone):
    model = begun(backbone)
    kept = read_weights(backbone)
    state = model.network.backbone.state_dict()
    assert len(kept) > 20 and set(kept) == set(state)
    assert all(torch.equal(value, kept[name]) for name, value in state.items())


def begun(backbone: Path):
    torch.manual_seed(0)
    recipe = Recipe(data="", network="huggingface", backbone=str(backbone))
    task = semantic.build((Category("a", (0, 0, 0)), Category("b", (1, 1, 1))), recipe.loss, None)
    return begin_model(recipe, task, huggingface.describe(str(backbone)))


def test_pretrained_weights_learn_at_a_tenth_of_the_rate(backbone):
    model = begun(backbone)
    optimizer = build_optimizer(model, Recipe(data=""), model.pretrained())
    set_rate(optimizer, 1e-2)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, weights in model.named_parameters():
        slow = name.startswith("network.backbone.")
        assert rates[id(weights)] == pytest.approx(1e-3 if slow else 1e-2), name
    assert optimizer.param_groups[0]["lr"] == 1e-2


def test_interrupted_it_goes_on_to_the_same_bits_without_the_backbone(
    data, tmp_path, backbone, monkeypatch
):
    wish = {"steps": 4, "backbone": str(backbone), **SMALL}
    never = train(data, out=tmp_path / "never", **wish)
    take = Learner._take

    def stop_at_two(self, batch):
        if self.facts.step == 2:
            raise KeyboardInterrupt
        take(self, batch)

    monkeypatch.setattr(Learner, "_take", stop_at_two)
    with pytest.raises(KeyboardInterrupt):
        train(data, out=tmp_path / "again", **wish)
    monkeypatch.setattr(Learner, "_take", take)
    shutil.rmtree(backbone)
    again = train(data, out=tmp_path / "again", **wish)
    assert again.is_finished
    kept, found = load_weights(never.weights)[0], load_weights(again.weights)[0]
    assert all(torch.equal(kept[name], found[name]) for name in kept)


def test_folds_predict_together_without_the_backbone(data, tmp_path, backbone):
    run = train(data, out=tmp_path / "run", steps=1, folds=2, backbone=str(backbone), **SMALL)
    shutil.rmtree(backbone)
    each = [logits(fold) for fold in run.folds]
    assert np.allclose(logits(run.path), np.mean(each, axis=0), atol=1e-5)
    assert not np.allclose(*each)


def test_pictures_reach_the_backbone_normalised_as_it_learned(tmp_path):
    write_backbone(tmp_path / "b", image_mean=[0.5, 0.4, 0.3], image_std=[0.5, 0.25, 0.2])
    network = huggingface.build(backbone=huggingface.describe(str(tmp_path / "b"))).eval()
    seen = []
    network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    pixels = torch.from_numpy(draw_disc(0, (64, 64))[0])
    network(normalise(pixels[None]))
    wanted = (pixels / 255 - torch.tensor([0.5, 0.4, 0.3])) / torch.tensor([0.5, 0.25, 0.2])
    torch.testing.assert_close(seen[0][0].permute(1, 2, 0), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", CONFIGS)
@torch.no_grad()
def test_every_kind_keeps_batches_apart_and_takes_any_size(kind):
    torch.manual_seed(0)
    network = huggingface.build(backbone=description(kind))
    network.train()(torch.randn(4, 3, 64, 64))
    network.eval()
    for height, width in [(1, 1), (33, 65), (64, 96)]:
        images = torch.randn(2, 3, height, width)
        features = network(images)
        assert features.shape == (2, 32, -(-height // 2), -(-width // 2))
        alone = torch.cat([network(image[None]) for image in images])
        torch.testing.assert_close(features, alone, atol=1e-4, rtol=1e-4)


def test_weights_in_several_files_are_read(tmp_path, backbone):
    from transformers import AutoModel

    AutoModel.from_pretrained(backbone).save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    assert len(list((tmp_path / "parts").glob("model-*.safetensors"))) > 1
    whole, parts = read_weights(backbone), read_weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def refused(data: Path, tmp_path: Path, sentence: str, **wish: object) -> None:
    """Nothing is written."""
    with pytest.raises(PixelwiseError, match=sentence):
        train(data, out=tmp_path / "run", steps=1, **{**SMALL, **wish})
    assert not (tmp_path / "run").exists()


def test_what_goes_not_together_is_refused(data, tmp_path, backbone):
    name = str(backbone)
    refused(data, tmp_path, "needs a pretrained backbone", network="huggingface")
    refused(data, tmp_path, "stands on no backbone", network="unet", backbone=name)
    refused(data, tmp_path, "fixed shape", width=8, backbone=name)
    refused(
        data, tmp_path, r"no folder '\./nowhere/x'.*microsoft/resnet-18", backbone="./nowhere/x"
    )


def test_a_folder_that_is_no_backbone_is_named(data, tmp_path, backbone):
    weights, config = backbone / "model.safetensors", backbone / "config.json"
    settings = json.loads(config.read_text())
    config.write_text(json.dumps({**settings, "model_type": "bert"}))
    refused(data, tmp_path, "'bert', which is no backbone.*resnet", backbone=str(backbone))
    config.write_text(json.dumps({**settings, "hidden_sizes": "many"}))
    refused(data, tmp_path, r"config\.json cannot be used", backbone=str(backbone))
    config.write_text(json.dumps({**settings, "hidden_sizes": [8, 16, 24, 40]}))
    refused(data, tmp_path, r"do not fit its config\.json", backbone=str(backbone))
    config.write_text(json.dumps(settings))
    weights.rename(backbone / "pytorch_model.bin")
    refused(data, tmp_path, "only pytorch_model.bin, a pickle", backbone=str(backbone))
    (backbone / "pytorch_model.bin").unlink()
    weights.write_bytes(b"\x80\x04 not what it was")
    refused(data, tmp_path, "model.safetensors is damaged", backbone=str(backbone))
    config.unlink()
    refused(data, tmp_path, r"has no config\.json", backbone=str(backbone))


def test_weights_of_something_else_are_refused(data, tmp_path, backbone):
    write_backbone(tmp_path / "other", "dinov2")
    shutil.copy(tmp_path / "other" / "model.safetensors", backbone)
    refused(data, tmp_path, "of something else", backbone=str(backbone))


def test_a_damaged_description_in_a_run_is_named(data, tmp_path, backbone):
    run = train(data, out=tmp_path / "run", steps=1, backbone=str(backbone), **SMALL)
    path = run.path / "backbone.json"
    kept = json.loads(path.read_text())
    for damage, sentence in [
        ({**kept, "config": {**kept["config"], "model_type": "bert"}}, "is no backbone"),
        ({**kept, "mean": [0.5]}, "three numbers"),
        ({**kept, "config": {**kept["config"], "hidden_sizes": [8, 16, 24, 40]}}, "other layers"),
    ]:
        path.write_text(json.dumps(damage))
        with pytest.raises(PixelwiseError, match=sentence):
            load(run.path)
    path.unlink()
    with pytest.raises(PixelwiseError, match=r"backbone\.json is damaged"):
        load(run.path)


def test_a_description_names_no_code(backbone):
    path = backbone / "config.json"
    code = {
        "auto_map": {"AutoBackbone": "evil.Evil"},
        "attn_implementation": "evil/kernel",
        "_attn_implementation": "evil/kernel",
        "quantization_config": {"quant_method": "evil"},
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), **code}))
    described = huggingface.describe(str(backbone))
    assert not set(code) & set(described["config"])
    assert "evil" not in json.dumps(described)
    described["config"] |= code
    network = huggingface.build(backbone=described)
    assert "evil" not in json.dumps(network.backbone.config.to_dict())


def test_without_the_library_the_message_says_how_to_install_it(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused(data, tmp_path, r'pip install "pixelwise\[hub\]"', backbone="microsoft/resnet-18")


@pytest.mark.slow
def test_offline_the_message_comes_at_once_and_names_the_way(data, tmp_path):
    sentence = "hub cannot be asked.*HF_HUB_OFFLINE.*hf download microsoft/resnet-18.*--backbone"
    assert refused(data, tmp_path, sentence, backbone="microsoft/resnet-18") < 10
    # In a process of its own, too, in which nothing has loaded the library yet.
    wish = ["--backbone", "me/tiny", "--out", tmp_path / "run"]
    command = [sys.executable, "-m", "pixelwise", "train", data, *wish]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "hf download me/tiny --local-dir FOLDER" in done.stderr.replace("\n", " ")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def online(tmp_path, monkeypatch):
    """Let the client ask a hub at an address on this machine, with an empty cache."""
    from huggingface_hub import constants, hf_api

    def ask(address: str) -> None:
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(hf_api.api, "endpoint", address)

    return ask


@pytest.mark.timeout(60)  # a request without a limit of its own waits for ever
def test_a_hub_that_is_not_there_or_silent_is_given_up(online, monkeypatch):
    monkeypatch.setattr("pixelwise.networks._hub._ANSWER_S", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for where in ("http://127.0.0.1:9", address):
            online(where)
            with pytest.raises(PixelwiseError, match="hf download me/tiny --local-dir"):
                fetch("me/tiny")


def test_from_a_hub_come_configuration_and_safetensors_and_nothing_else(tmp_path, online):
    folder = write_backbone(
        tmp_path / "root" / "me" / "tiny", image_mean=[0.5] * 3, image_std=[1] * 3
    )
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    pickled = Path(shutil.copytree(folder, tmp_path / "root" / "me" / "pickled"))
    (pickled / "model.safetensors").unlink()
    with hub.serve(tmp_path / "root") as (address, asked):
        online(address)
        described = huggingface.describe("me/tiny")
        assert (described["commit"], described["mean"]) == (hub.COMMIT, [0.5] * 3)
        assert sorted(asked) == ["config.json", "model.safetensors", "preprocessor_config.json"]
        asked.clear()
        # The second time from the cache, without a question.
        huggingface.build(backbone=described).load_pretrained("me/tiny", hub.COMMIT)
        assert asked == []
        with pytest.raises(PixelwiseError, match=r"only pytorch_model\.bin, a pickle"):
            fetch("me/pickled")
        with pytest.raises(PixelwiseError, match="no such name on the hub"):
            fetch("me/nobody")
        assert asked == []
