"""Teach encoder-decoder networks to outline things in pictures, and prove how well they learned.

Every command has its twin here, with the same name and arguments::

    import pixelwise

    run = pixelwise.train("DATA", budget_s=600)
    pixelwise.evaluate(run.path)
    result = pixelwise.load(run.path)(image)   # (H, W, 3) uint8 -> Semantic

Names are imported when they are first used, so that ``import pixelwise`` is instant. No module
has the name of a public function, because importing it would hide the function.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelwise.benchmarking import benchmark as benchmark
    from pixelwise.comparison import compare as compare
    from pixelwise.conversion import convert as convert
    from pixelwise.datasets import open_dataset as open_dataset
    from pixelwise.doctor import check as check
    from pixelwise.evaluation import evaluate as evaluate
    from pixelwise.exporting import export as export
    from pixelwise.predictions import predict as predict
    from pixelwise.predictor import load as load
    from pixelwise.run import open_run as open_run
    from pixelwise.training import train as train
    from pixelwise.types import PixelwiseError as PixelwiseError

__version__ = "0.1.0"

_HOMES = {
    "PixelwiseError": "types",
    "benchmark": "benchmarking",
    "check": "doctor",
    "compare": "comparison",
    "convert": "conversion",
    "evaluate": "evaluation",
    "export": "exporting",
    "load": "predictor",
    "open_dataset": "datasets",
    "open_run": "run",
    "predict": "predictions",
    "train": "training",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pixelwise' has no attribute '{name}'")
    return getattr(importlib.import_module(f"pixelwise.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, so that notebooks complete them."""
    return sorted([*__all__, "__version__"])
