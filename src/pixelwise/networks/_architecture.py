"""Models of the transformers library from data: an architecture, and weights in their places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pixelwise.networks._hub import library
from pixelwise.types import PixelwiseError

# What a configuration may say and a run must not repeat: how to load it, in which precision, and
# the names of classes it told apart.
_LEFT_OUT = (
    *("_name_or_path", "architectures", "chunk_size_feed_forward", "dtype", "id2label"),
    *("is_encoder_decoder", "label2id", "output_attentions", "output_hidden_states"),
    *("problem_type", "return_dict", "transformers_version"),
)


def configuration(
    data: Mapping[str, Any], where: str, labels: Mapping[int, str] | None = None
) -> Any:
    """A configuration object from its data, without whatever is no setting of the architecture.

    Settings that name code (of a repository, of an attention kernel on the hub) or weights to
    fetch are none, so they go with the rest; in the configuration of a part likewise.

    Args:
        data: of a kind the library knows, which is for the caller to see.
        where: what messages call it.
        labels: the names of what it tells apart, of a whole model.

    Raises:
        PixelwiseError: a value that cannot be.
    """
    try:
        kept = _architecture(data)
        if labels is not None:
            kept["id2label"] = dict(labels)
        return _class_of(data).from_dict(kept)
    # The library checks values with exceptions of its own.
    except Exception as error:
        raise PixelwiseError(f"{where} cannot be used: {first_line(error)}.") from None


def settings(config_class: Any) -> set[str]:
    """The names of what describes an architecture of this kind, old names included."""
    return (set(config_class().to_dict()) | set(config_class.attribute_map)) - set(_LEFT_OUT)


def weighted(
    model_class: Any, config: Any, tensors: Mapping[str, Tensor], name: str
) -> tuple[Any, float]:
    """A model with these weights, and the share of its numbers that they lack.

    Args:
        model_class: of the library.
        config: what `configuration` gave.
        tensors: by the names of a file, which may be older than the library.
        name: what messages call them.

    Raises:
        PixelwiseError: they are of another shape.
    """
    try:
        # The library renames what older files and models with heads call otherwise. Of shapes
        # that differ it says more in its report than in its error.
        model, report = model_class.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    except (RuntimeError, ValueError) as error:
        raise _misfit(name, first_line(error)) from None
    for key, found, wanted in sorted(report["mismatched_keys"]):
        raise _misfit(name, f"{key} is {tuple(found)} instead of {tuple(wanted)}")
    sizes = {key: value.numel() for key, value in model.named_parameters()}
    lacking = sum(sizes.get(key, 0) for key in report["missing_keys"])
    return model, lacking / sum(sizes.values())


def _misfit(name: str, reason: str) -> PixelwiseError:
    return PixelwiseError(
        f"The weights of {name} do not fit its config.json: {reason}. Fetch it again."
    )


def first_line(error: Exception) -> str:
    """What the library says, at the length of a sentence."""
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def _architecture(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = settings(_class_of(data)) | {"model_type"}
    return {
        name: _architecture(value) if _is_part(value) else value
        for name, value in data.items()
        if name in kept
    }


def _class_of(data: Mapping[str, Any]) -> Any:
    library("transformers")
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return CONFIG_MAPPING[data["model_type"]]


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("model_type"), str)
