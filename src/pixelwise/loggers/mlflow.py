"""MLflow, in a local sqlite store unless ``MLFLOW_TRACKING_URI`` says otherwise.

Needs the extra ``pixelwise[mlflow]``. The file store of MLflow itself is no longer supported.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pixelwise.types import PixelwiseError


class MlflowLogger:
    """One MLflow run, named like the run's folder."""

    def __init__(self, path: Path) -> None:
        try:
            import mlflow
        except ImportError:
            raise PixelwiseError(
                "MLflow is not installed. Run: pip install 'pixelwise[mlflow]'"
            ) from None
        if "MLFLOW_TRACKING_URI" not in os.environ:
            mlflow.set_tracking_uri(f"sqlite:///{path.parent / 'mlflow.db'}")
        mlflow.set_experiment("pixelwise")
        self._mlflow = mlflow
        mlflow.start_run(run_name=path.name)

    def __call__(self, line: Mapping[str, float]) -> None:
        values = {name: float(value) for name, value in line.items() if name != "step"}
        self._mlflow.log_metrics(values, step=int(line["step"]))

    def close(self) -> None:
        """End the MLflow run."""
        self._mlflow.end_run()


build = MlflowLogger
