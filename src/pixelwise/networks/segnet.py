"""SegNet: the decoder unpools to the very pixels the encoder's maxima came from.

Badrinarayanan, Kendall and Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture
for Image Segmentation", TPAMI 2017 (arXiv 2015), figures 2 and 3. With ``width`` 64 and ``depth``
5 its encoder is the paper's, the 13 convolutions of VGG16, and the decoder mirrors it; only the
last convolution, to the classes, is the model's 1 x 1 head here.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from pixelwise.networks._anysize import AnySize
from pixelwise.networks._layers import check_shape, conv_bn_relu, initialise, level_widths

WIDTH = 16
DEPTH = 5


def build(width: int | None = None, depth: int | None = None) -> AnySize:
    """A SegNet.

    Args:
        width: channels of its first level; None = 16, a sixteenth of the paper's time. The paper
            has 64.
        depth: number of poolings; None = 5, as in the paper.
    """
    return SegNet(WIDTH if width is None else width, DEPTH if depth is None else depth)


class SegNet(AnySize):
    """(B, 3, H, W) -> (B, width, H, W); see the module.

    Args:
        width: channels of the first level, doubled by every pooling up to 8 times.
        depth: number of poolings.

    Raises:
        PixelwiseError: a width or depth below 1.
    """

    def __init__(self, width: int = WIDTH, depth: int = DEPTH) -> None:
        check_shape(width, depth)
        super().__init__(features=width, stride=1, multiple=2**depth)
        widths = level_widths(width, depth)
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        channels = 3
        for number, level in enumerate(widths):
            num_convs = 2 if number < 2 else 3
            self.encoder.append(_stage([channels] + [level] * num_convs))
            # The paper's decoder leaves a level with the channels of the next finer one.
            finer = widths[max(0, number - 1)]
            self.decoder.insert(0, _stage([level] * num_convs + [finer]))
            channels = level
        initialise(self)

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, width, H, W)."""
        features, places = images, []
        for stage in self.encoder:
            features, place = F.max_pool2d(stage(features), 2, return_indices=True)
            places.append(place)
        for stage in self.decoder:
            features = stage(_unpool(features, places.pop()))
        return features


def _unpool(features: Tensor, places: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2 h, 2 w): every feature at its place, and 0 where none is.

    What `F.max_unpool2d` does; but that one asks about sizes and has no word in ONNX.

    Args:
        features: of a level.
        places: (B, C, h, w) int64, row by row in the plane of the finer level, all different.
    """
    batch, channels, height, width = features.shape
    plane = features.new_zeros((batch, channels, 4 * height * width))
    spread = plane.scatter(2, places.flatten(2), features.flatten(2))
    return spread.view(batch, channels, 2 * height, 2 * width)


def _stage(channels: list[int]) -> nn.Sequential:
    """Convolutions with the given channels before, between and after them."""
    return nn.Sequential(*(conv_bn_relu(*pair) for pair in pairwise(channels)))
