"""The one place where pictures of any size are fitted to what a network can halve."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class AnySize(nn.Module):
    """A network for any picture size: pads at the bottom and right, and crops the features.

    A subclass calls ``super().__init__(...)`` and writes `forward_padded`.

    Args:
        features: channels that come out.
        stride: pixels of the picture along the side of one pixel of the features.
        multiple: what `forward_padded` needs height and width to be a multiple of.
    """

    def __init__(self, features: int, stride: int, multiple: int) -> None:
        super().__init__()
        self.features = features
        self.stride = stride
        self.multiple = multiple

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that have learned already, which learn on more slowly; none, of most."""
        return []

    def forward_padded(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D, H / s, W / s), where H and W are multiples of ``multiple``."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float32 -> (B, D, ceil(H / s), ceil(W / s)) float32.

        The border's pixels are repeated, because zeros would be an edge that no picture has. It
        pads and crops by nothing where nothing is needed, without asking: a question about sizes
        would tie an exported model to the size it was exported at, and so would a slice. Sizes
        are whole blocks from the start: of a remainder `torch.export` reasons five times as long.
        """
        height, width = images.shape[-2:]
        down, across = _blocks(height, self.multiple), _blocks(width, self.multiple)
        padding = (0, across * self.multiple - width, 0, down * self.multiple - height)
        features = self.forward_padded(F.pad(images, padding, mode="replicate"))
        # What is padded beyond the last feature that any of the picture's own pixels reach.
        per_block = self.multiple // self.stride
        extra_rows = down * per_block - _blocks(height, self.stride)
        extra_columns = across * per_block - _blocks(width, self.stride)
        return F.pad(features, (0, -extra_columns, 0, -extra_rows))


def _blocks(pixels: int, side: int) -> int:
    """How many blocks of a side cover so many pixels."""
    return (pixels + side - 1) // side
