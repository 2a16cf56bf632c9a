"""The twin of `pixelwise.networks.segnet`: unpooling goes to where the maxima came from."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from pixelwise.keras._anysize import fit, positions
from pixelwise.keras._layers import At, Tensor, conv_bn_relu, pool, upsample
from pixelwise.networks._layers import check_shape, level_widths
from pixelwise.networks.segnet import DEPTH, WIDTH


def build(images: Tensor, at: At, width: int | None = None, depth: int | None = None) -> Tensor:
    """(B, H, W, 3) -> (B, H, W, width).

    Raises:
        PixelwiseError: a width or depth below 1.
    """
    width, depth = WIDTH if width is None else width, DEPTH if depth is None else depth
    check_shape(width, depth)
    widths = level_widths(width, depth)

    def forward(padded: Tensor) -> Tensor:
        features, places = padded, []
        for number, channels in enumerate(widths):
            fine = _stage(at / "encoder" / number, features, [channels] * _num_convs(number))
            features = pool(fine)
            places.append(_is_place(at, fine, features))
        for number, (level, channels) in enumerate(reversed(list(enumerate(widths)))):
            unpooled = upsample(at, features, "nearest") * places.pop()
            back = [channels] * (_num_convs(level) - 1) + [widths[max(0, level - 1)]]
            features = _stage(at / "decoder" / number, unpooled, back)
        return features

    return fit(images, 2**depth, 1, forward)


def _num_convs(level: int) -> int:
    return 2 if level < 2 else 3


def _stage(at: At, features: Tensor, channels: Sequence[int]) -> Tensor:
    for number, width in enumerate(channels):
        features = conv_bn_relu(at / number, features, width)
    return features


def _is_place(at: At, fine: Tensor, largest: Tensor) -> Tensor:
    """Where the largest of every 2 x 2 came from, 1 or 0; of several, the first by rows.

    Args:
        fine: (B, H, W, C), of even height and width.
        largest: (B, H / 2, W / 2, C), what pooling made of it.

    Returns:
        (B, H, W, C) of the features' type.
    """
    quarters = [fine[:, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    number = ops.full_like(largest, 3.0)
    for place in (2, 1, 0):
        number = ops.where(ops.equal(quarters[place], largest), float(place), number)
    rows, columns = (positions(fine, axis) % 2 for axis in (1, 2))
    own = 2 * rows[:, None, None] + columns[:, None]
    found = ops.equal(upsample(at, number, "nearest"), ops.cast(own, largest.dtype))
    return ops.cast(found, largest.dtype)
