"""Networks whose weights were counted before: the lesson's two baselines, and the papers'."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pixelwise.networks import lesson_segnet, lesson_unet, segnet, unet
from pixelwise.types import PixelwiseError


def with_head(network: nn.Module, num_classes: int = 1) -> int:
    head = nn.Conv2d(network.features, num_classes, 1)
    return sum(weights.numel() for weights in [*network.parameters(), *head.parameters()])


def test_the_lessons_segnet_has_780865_weights():
    assert with_head(lesson_segnet.build()) == 780_865


def test_the_lessons_unet_has_974417_weights():
    assert with_head(lesson_unet.build()) == 974_417


def test_the_lessons_networks_differ_only_in_the_decoder():
    shared = {
        key: value.shape
        for key, value in lesson_segnet.build().state_dict().items()
        if key.startswith("encoder")
    }
    other = lesson_unet.build().state_dict()
    assert len(shared) == 30
    assert shared == {key: other[key].shape for key in shared}


def test_the_lessons_bottom_has_no_batch_normalisation():
    bottom = [key for key in lesson_unet.build().state_dict() if ".bottom" in key]
    assert bottom == ["encoder.bottom.weight", "encoder.bottom.bias"]


def test_segnet_is_the_papers_26_convolutions():
    """29.5 million weights: table 6 of Badrinarayanan et al. says 29.45 M, head included."""
    network = segnet.build(64, 5)
    widths = [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    encoder = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert widths[:13] == encoder
    assert widths[13:] == [512] * 5 + [256] * 3 + [128] * 2 + [64] * 3
    assert with_head(network, 11) == 29_472_779


def test_segnet_unpools_where_it_pooled():
    """Without its convolutions, what is left of a picture are its maxima, where they were."""
    network = segnet.SegNet(3, 2)
    network.encoder, network.decoder = (nn.ModuleList([nn.Identity()] * 2) for _ in range(2))
    rows = [[1, 2, 3, 7], [5, 4, 0, 6], [9, 1, 1, 1], [1, 1, 1, 8]]
    pictures = torch.tensor(rows, dtype=torch.float32).expand(1, 3, 4, 4)
    expected = torch.zeros(4, 4)
    expected[2, 0] = 9
    assert torch.equal(network(pictures), expected.expand(1, 3, 4, 4))
    network.encoder, network.decoder = (nn.ModuleList([nn.Identity()]) for _ in range(2))
    expected[1, 0], expected[0, 3], expected[3, 3] = 5, 7, 8
    assert torch.equal(network(pictures), expected.expand(1, 3, 4, 4))


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_unets_stride_is_its_features_stride(stride):
    network = unet.UNet(8, 2, stride).eval()
    assert network(torch.zeros(1, 3, 32, 48)).shape == (1, 8, 32 // stride, 48 // stride)


def test_another_stride_is_refused():
    with pytest.raises(PixelwiseError, match="1, 2 or 4, not 3"):
        unet.UNet(8, 2, 3)


@pytest.mark.parametrize("stride", [2, 4])
def test_the_unets_stem_leaves_features_where_the_picture_has_them(stride):
    """With kernels that read the same both ways, a mirrored picture gives mirrored features."""
    stem = unet.UNet(4, 1, stride).eval().stem
    for layer in stem:
        if isinstance(layer, nn.Conv2d):
            layer.weight.data += layer.weight.data.flip(-1)
    image = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stem(image.flip(-1)), stem(image).flip(-1))
