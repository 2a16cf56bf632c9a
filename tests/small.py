"""What tests ask of `train`: a network and pictures so small that steps take milliseconds."""

QUIET = {"on_note": lambda note: None}
SMALL = {"size": 64, "width": 8, "depth": 2, "batch": 4, "learning_rate": 2e-2, **QUIET}
