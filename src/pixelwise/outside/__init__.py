"""Models that others trained, ready to predict: data from a folder or the hub, never code."""
