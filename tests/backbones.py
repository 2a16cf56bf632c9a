"""Backbones small enough to learn in a test: configurations, and folders with weights."""

import json
from pathlib import Path
from typing import Any

import torch

MEAN, SPREAD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

CONFIGS: dict[str, dict[str, Any]] = {
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "convnext": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "swin": {"embed_dim": 8, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 2, 2], "window_size": 4},
    "dinov2": {
        "hidden_size": 16,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "patch_size": 14,
        "image_size": 56,
    },
}


def description(kind: str = "resnet") -> dict[str, Any]:
    """What `describe` gives of such a backbone, without its weights."""
    config = {"model_type": kind, **CONFIGS[kind]}
    return {"config": config, "mean": MEAN, "spread": SPREAD, "commit": None}


def write_backbone(folder: Path, kind: str = "resnet", **preprocessor: Any) -> Path:
    """A folder with random weights, as the library writes it."""
    from transformers import AutoModel
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    torch.manual_seed(7)
    model = AutoModel.from_config(CONFIG_MAPPING[kind](**CONFIGS[kind]))
    model.save_pretrained(folder)
    if preprocessor:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder
