"""A U-Net on a pretrained backbone: any of the transformers library's AutoBackbone family.

The backbone is the encoder; the decoder is `unet`'s. Convolutional and windowed backbones (ResNet,
ConvNeXt, Swin) hand out features at strides 4 to 32. Plain vision transformers (DINOv2 and 3,
BEiT) keep one stride; as in Li et al., "Exploring Plain Vision Transformer Backbones for Object
Detection", ECCV 2022, section 3, a pyramid is made from it, here by projecting and enlarging
bilinearly, and its finer levels from earlier depths, as in Ranftl et al., "Vision Transformers for
Dense Prediction", ICCV 2021, section 3.

A run keeps what `describe` gives and all weights, so that nothing but the library is needed to
load it: neither the hub nor the backbone's folder. The description is data; the class it names is
looked up in the installed library, and code from a repository is never run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.networks import MEAN, SPREAD
from pixelwise.networks._anysize import AnySize
from pixelwise.networks._architecture import configuration, first_line, settings, weighted
from pixelwise.networks._hub import fetch, library, read_normalisation, read_table, read_weights
from pixelwise.networks._layers import decode, decoder, initialise, level_widths, stem
from pixelwise.types import PixelwiseError

WIDTH = None
DEPTH = None
_FEATURES = 32
_STRIDE = 2
# A share of weights that the file may lack: the norms that only the backbone's outputs have.
_MAY_LACK = 0.1
# Needs a library that cannot be had beside PyTorch's CPU build.
_UNUSED = ("timm_backbone",)


def describe(name: str) -> dict[str, Any]:
    """What `build` needs to know of a backbone, as plain JSON data; its weights apart.

    Args:
        name: a folder, or a name on the hub.

    Raises:
        PixelwiseError: no such backbone, no safetensors, or not of the family.
    """
    folder, commit = fetch(name)
    config = _config(read_table(folder / "config.json"), where=str(folder / "config.json"))
    mean, spread = read_normalisation(folder) or (list(MEAN), list(SPREAD))
    data = {"config": _portable(config), "mean": mean, "spread": spread, "commit": commit}
    _check(data, where=name)
    return data


def build(
    width: int | None = None, depth: int | None = None, backbone: Mapping[str, Any] | None = None
) -> AnySize:
    """A network with fresh weights; `BackboneUNet.load_pretrained` brings the learned ones.

    Args:
        width: refused; the shape is the backbone's.
        depth: refused.
        backbone: what `describe` gave.

    Raises:
        PixelwiseError: a width or a depth, no backbone, or one that cannot be used.
    """
    if width is not None or depth is not None:
        raise PixelwiseError(
            "A network on a pretrained backbone has a fixed shape, the backbone's, so "
            f"width={width} and depth={depth} cannot be given. Leave them out."
        )
    if backbone is None:
        raise PixelwiseError("The network 'huggingface' needs a backbone: a name or a folder.")
    _check(backbone, where="The description of the backbone")
    config = _config(backbone["config"], where="The description of the backbone")
    return BackboneUNet(config, backbone["mean"], backbone["spread"])


class BackboneUNet(AnySize):
    """(B, 3, H, W) -> (B, 32, H / 2, W / 2); see the module.

    Args:
        config: of a backbone, a configuration object of the library.
        mean: of RGB in [0, 1], what the backbone's pictures were normalised with.
        spread: likewise.

    Raises:
        PixelwiseError: a backbone that cannot see pictures of any size.
    """

    gain: Tensor
    shift: Tensor

    def __init__(self, config: Any, mean: Iterable[float], spread: Iterable[float]) -> None:
        shrunk, stages = _survey(config)
        coarsest = max(stage.stride for stage in stages)
        super().__init__(features=_FEATURES, stride=_STRIDE, multiple=coarsest)
        self._shrunk = shrunk
        self._levels = _levels(stages)
        gain, shift = _renormalisation(mean, spread)
        self.register_buffer("gain", gain)
        self.register_buffer("shift", shift)
        widths = level_widths(_FEATURES, 1 + len(self._levels))
        # What is finer than any backbone's features comes from the picture itself.
        self.stem, _ = stem(_FEATURES, _STRIDE)
        self.lateral = nn.ModuleList(
            _project(level.stage.channels, width)
            for level, width in zip(self._levels, widths[1:], strict=True)
        )
        self.reduce, self.decoder = decoder(widths)
        initialise(self)
        used = {level.stage.name for level in self._levels}
        config.out_features = [name for name in config.stage_names if name in used]
        # The library draws its weights its own way, so it comes after ours are drawn.
        self.backbone = _backbone_class(config)(config)
        self._handed_out: list[str] = config.out_features

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 32, H / 2, W / 2)."""
        found = self.backbone(self._shrink(images * self.gain + self.shift)).feature_maps
        maps = dict(zip(self._handed_out, found, strict=True))
        levels = [self.stem(images)]
        for level, project in zip(self._levels, self.lateral, strict=True):
            levels.append(_enlarge(project(maps[level.stage.name]), level.times))
        return decode(levels, self.reduce, self.decoder)

    def _shrink(self, images: Tensor) -> Tensor:
        """Pictures at the size at which the backbone's patches fall on our grid.

        A patch of 14 pixels fits no pyramid of halvings; seen at 14 / 16 of its size, each
        16 x 16 pixels of the picture are one patch.
        """
        if self._shrunk == (1, 1):
            return images
        patch, stride = self._shrunk
        height, width = images.shape[-2:]
        size = (height // stride * patch, width // stride * patch)
        return F.interpolate(images, size, mode="bilinear", align_corners=False)

    def pretrained(self) -> list[nn.Parameter]:
        """The backbone's weights."""
        return list(self.backbone.parameters())

    def load_pretrained(self, name: str, commit: str | None = None) -> None:
        """Take over the weights of the backbone that this network was built for.

        Args:
            name: a folder, or a name on the hub.
            commit: of the hub's repository, as described; None = the newest.

        Raises:
            PixelwiseError: no such weights, or those of another architecture.
        """
        tensors = read_weights(fetch(name, commit)[0])
        loaded, lacking = weighted(type(self.backbone), self.backbone.config, tensors, name)
        if lacking > _MAY_LACK:
            raise PixelwiseError(
                f"The weights of {name} are of something else: {lacking:.0%} of the numbers are "
                "missing. Take another backbone."
            )
        self.backbone.load_state_dict(loaded.state_dict())


@dataclass(frozen=True)
class _Stage:
    """What a backbone hands out: its name, channels, and pixels of the picture to one of its own.

    ``stride`` is counted in the picture that the network gets, before it is shrunk to fit.
    """

    name: str
    channels: int
    stride: int


@dataclass(frozen=True)
class _Level:
    """A level of the pyramid: the stage it is made from, enlarged so many ``times``."""

    stage: _Stage
    times: int


def _levels(stages: list[_Stage]) -> list[_Level]:
    """Which stage serves which level, finest first, from stride 4 to the coarsest there is.

    Each stride is served by the last stage that has it. Strides that none has are served by
    stages of the next coarser one, evenly spread over its depth, finer ones by earlier ones.
    """
    coarsest = max(stage.stride for stage in stages)
    strides = [2**k for k in range(2, coarsest.bit_length())]
    served: dict[int, list[int]] = {}
    for stride in strides:
        source = min(stage.stride for stage in stages if stage.stride >= stride)
        served.setdefault(source, []).append(stride)
    levels = []
    for source, targets in served.items():
        there = [stage for stage in stages if stage.stride == source]
        for number, stride in enumerate(targets, start=1):
            stage = there[math.ceil(len(there) * number / len(targets)) - 1]
            levels.append(_Level(stage, source // stride))
    return levels


def _survey(config: Any) -> tuple[tuple[int, int], list[_Stage]]:
    """Every stage of a backbone, measured on pictures without content, which cost no time.

    Returns:
        by which fraction pictures have to shrink for it, and its stages.

    Raises:
        PixelwiseError: it cannot see pictures of any size, or not on a grid of halvings.
    """
    config.out_features = [name for name in config.stage_names if name != "stem"]
    patch = getattr(config, "patch_size", None)
    side = math.lcm(32, patch if isinstance(patch, int) else 1)
    try:
        with torch.device("meta"):
            probe = _backbone_class(config)(config).eval()
        shapes = _shapes(probe, side)
        if any(down != across for _, down, across in shapes):
            raise ValueError("strides differ along height and width")
        patch, stride = _grid({stride for _, stride, _ in shapes})
        # The smallest picture there will be, too: windows and grids may not fit it.
        if _shapes(probe, int(max(found for _, found, _ in shapes))) != shapes:
            raise ValueError("its strides depend on the size")
    # The library's models fail in as many ways as there are; all mean that this one cannot serve.
    except Exception as error:
        raise PixelwiseError(
            f"The backbone '{config.model_type}' cannot be used for pictures of any size "
            f"({first_line(error)}). Take another one, such as a ResNet, ConvNeXt, Swin or DINOv2."
        ) from None
    return (patch, stride), [
        _Stage(name, channels, round(found * stride / patch))
        for name, (channels, found, _) in zip(config.out_features, shapes, strict=True)
    ]


@torch.no_grad()
def _shapes(probe: Any, side: int) -> list[tuple[int, float, float]]:
    """Channels and strides along height and width of every stage, for a picture this high."""
    # Not inside `torch.device("meta")`: the library keeps index tables between calls, and a table
    # without content would serve real pictures of this size, too.
    maps = probe(torch.zeros(1, 3, side, 3 * side, device="meta")).feature_maps
    sizes = (map_.shape for map_ in maps)
    return [(channels, side / h, 3 * side / w) for _, channels, h, w in sizes]


def _grid(strides: set[float]) -> tuple[int, int]:
    """By which fraction pictures shrink so that these strides become powers of two.

    Raises:
        ValueError: no fraction does that.
    """
    if all(stride in (1, 2, 4, 8, 16, 32, 64, 128) for stride in strides) and max(strides) >= 4:
        return 1, 1
    patch = int(max(strides))
    if strides != {patch} or patch < 4:
        raise ValueError(f"strides {sorted(strides)}, neither powers of two nor one for all")
    return patch, 2 ** math.ceil(math.log2(patch))


def _family() -> dict[str, str]:
    """Model type -> class of the backbone, as the installed library knows them."""
    library("transformers")
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING_NAMES

    return {k: v for k, v in MODEL_FOR_BACKBONE_MAPPING_NAMES.items() if k not in _UNUSED}


def _backbone_class(config: Any) -> Any:
    transformers = library("transformers")
    return getattr(transformers, _family()[config.model_type])


def _config(data: Mapping[str, Any], where: str) -> Any:
    """A configuration object from its data.

    Raises:
        PixelwiseError: not of a backbone, or a value that cannot be.
    """
    kind = data.get("model_type")
    if kind not in _family():
        raise PixelwiseError(
            f"{where} is of '{kind}', which is no backbone. Backbones are: "
            f"{', '.join(sorted(_family()))}."
        )
    config = configuration(data, where)
    if not config.stage_names:
        raise PixelwiseError(f"{where} cannot be used: it names no stages.")
    return config


def _portable(config: Any) -> dict[str, Any]:
    """A configuration as data; `_config` takes it back."""
    kept = settings(type(config))
    return {name: value for name, value in config.to_dict().items() if name in kept}


def _check(data: Mapping[str, Any], where: str) -> None:
    """Refuse a description that lacks something or whose numbers are none."""
    numbers = [data.get("mean"), data.get("spread")]
    are_colours = all(
        isinstance(each, list)
        and len(each) == 3
        and all(isinstance(value, int | float) for value in each)
        for each in numbers
    )
    if not are_colours or not all(data["spread"]) or not isinstance(data.get("config"), dict):
        raise PixelwiseError(
            f"{where} is damaged: a backbone has a configuration, and three numbers each for mean "
            "and spread of its pictures."
        )


def _renormalisation(mean: Iterable[float], spread: Iterable[float]) -> tuple[Tensor, Tensor]:
    """Gain and shift, (3, 1, 1), from our normalisation of pictures to the backbone's."""
    ours, theirs = torch.tensor(MEAN), torch.tensor(list(mean), dtype=torch.float32)
    our_spread, their_spread = torch.tensor(SPREAD), torch.tensor(list(spread), dtype=torch.float32)
    gain, shift = our_spread / their_spread, (ours - theirs) / their_spread
    return gain[:, None, None], shift[:, None, None]


def _project(num_in: int, num_out: int) -> nn.Sequential:
    """1 x 1 convolution to a level's channels, at the scale a decoder is used to."""
    return nn.Sequential(
        nn.Conv2d(num_in, num_out, 1, bias=False), nn.BatchNorm2d(num_out), nn.ReLU(inplace=True)
    )


def _enlarge(features: Tensor, times: int) -> Tensor:
    if times == 1:
        return features
    return F.interpolate(features, scale_factor=float(times), mode="bilinear", align_corners=False)
