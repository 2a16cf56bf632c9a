"""Models as others publish them, small enough for a test: ViTPose, and detectors of people."""

import json
from pathlib import Path
from typing import Any

import torch

COCO_LABELS = (
    *("Nose", "L_Eye", "R_Eye", "L_Ear", "R_Ear", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow"),
    *("L_Wrist", "R_Wrist", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle"),
)
SEEN_HW = (64, 48)
SIDE = 64


def write_vitpose(folder: Path, labels=COCO_LABELS, experts: int = 1, **said: Any) -> Path:
    """A folder with random weights, as the library writes it; its maps rise well above 0."""
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

    torch.manual_seed(3)
    backbone = VitPoseBackboneConfig(
        image_size=list(SEEN_HW),
        patch_size=[16, 16],
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_experts=experts,
        part_features=0 if experts == 1 else 8,
        out_indices=[2],
    )
    names = dict(enumerate(labels))
    model = VitPoseForPoseEstimation(
        VitPoseConfig(backbone_config=backbone, id2label=names, **said)
    )
    _stir(model)
    with torch.no_grad():
        model.head.conv.weight.mul_(0.5)
        model.head.conv.bias.fill_(0.4)
    model.save_pretrained(folder)
    look = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(look))
    return folder


def write_detector(folder: Path, kind: str = "rt_detr", labels=("dog", "person", "cat")) -> Path:
    """A folder with random weights that is sure of a few people everywhere."""
    torch.manual_seed(5)
    model = {"rt_detr": _rt_detr, "detr": _detr}[kind](dict(enumerate(labels)))
    model.save_pretrained(folder)
    look = {"size": {"height": SIDE, "width": SIDE}, "do_normalize": False, "resample": 2}
    if kind == "detr":
        look = {"size": {"shortest_edge": 48, "longest_edge": SIDE}, "resample": 2}
        look |= {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (folder / "preprocessor_config.json").write_text(json.dumps(look))
    return folder


_BACKBONE = {
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}
_HEADS = {
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
}


def _rt_detr(names: dict[int, str]) -> torch.nn.Module:
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        **_BACKBONE,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=16,
        encoder_in_channels=[16, 24, 32],
        decoder_in_channels=[16] * 3,
        d_model=16,
        num_queries=6,
        decoder_layers=1,
        **_HEADS,
        id2label=names,
    )
    model = RTDetrForObjectDetection(config)
    _stir(model)
    with torch.no_grad():
        for head in model.model.decoder.class_embed:
            head.bias.copy_(torch.tensor([6.0 * (name == "person") - 5 for name in names.values()]))
    return model


def _detr(names: dict[int, str]) -> torch.nn.Module:
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    backbone = ResNetConfig(
        **_BACKBONE,
        out_features=["stage4"],
    )
    config = DetrConfig(
        backbone_config=backbone,
        d_model=16,
        num_queries=8,
        encoder_layers=1,
        decoder_layers=1,
        **_HEADS,
        id2label=names,
    )
    model = DetrForObjectDetection(config)
    _stir(model)
    with torch.no_grad():
        model.class_labels_classifier.bias[list(names.values()).index("person")] = 4
    return model


def _stir(model: torch.nn.Module) -> None:
    """Weights as large as learned ones, so that outputs depend on the picture and on the query."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(std=weights[0].numel() ** -0.5)
