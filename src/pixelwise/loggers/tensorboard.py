"""TensorBoard event files in ``RUN/tensorboard``. Needs the extra ``pixelwise[tensorboard]``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pixelwise.types import PixelwiseError


class TensorBoardLogger:
    """One scalar per number of a history line."""

    def __init__(self, path: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise PixelwiseError(
                "TensorBoard is not installed. Run: pip install 'pixelwise[tensorboard]'"
            ) from None
        self._writer = SummaryWriter(str(path / "tensorboard"))

    def __call__(self, line: Mapping[str, float]) -> None:
        for name, value in line.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(line["step"]))

    def close(self) -> None:
        """Flush and close the event file."""
        self._writer.close()


build = TensorBoardLogger
