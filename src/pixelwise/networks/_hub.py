"""Where pretrained weights come from: a folder, or the user's hub. Nothing but data is fetched.

A repository can hold code and pickles, which is code as well. Only its configuration and its
safetensors are downloaded or read.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from pixelwise.files import read_json
from pixelwise.types import PixelwiseError

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PREPROCESSOR = "preprocessor_config.json"
_FETCHED = [_CONFIG, _PREPROCESSOR, _INDEX, "model*.safetensors"]
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# The hub's client tries for 23 s before it gives up, and a name server that is not there can take
# longer: ask once, and wait no longer than this.
_ANSWER_S = 4.0
_PATIENCE_S = 4.5


@dataclass(frozen=True)
class Wish:
    """What a folder or a name is asked for, in the words of the messages.

    ``noun``: what it should be. ``option``: of the command, that names it. ``example``: one on the
    hub. ``library_class``: what turns a pickle into safetensors.
    """

    noun: str
    option: str
    example: str
    library_class: str


BACKBONE = Wish("backbone", "--backbone", "microsoft/resnet-18", "AutoModel")


def library(name: str) -> Any:
    """Import "transformers" or "huggingface_hub", quiet and without telemetry.

    Raises:
        PixelwiseError: not installed; the message says how.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # Loading transformers takes seconds, which an answer from the hub should not wait for.
    if not all(_is_installed(each) for each in ("transformers", "huggingface_hub")):
        raise PixelwiseError(
            "Pretrained models need the transformers library, which is not installed: "
            'pip install "pixelwise[hub]".'
        )
    module = importlib.import_module(name)
    if name == "huggingface_hub":
        # Not loaded with the library itself.
        importlib.import_module("huggingface_hub.errors")
        importlib.import_module("huggingface_hub.utils")
    if name == "transformers":
        module.utils.logging.set_verbosity_error()
        module.utils.logging.disable_progress_bar()
    return module


def _is_installed(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None


def fetch(name: str, commit: str | None = None, wish: Wish = BACKBONE) -> tuple[Path, str | None]:
    """The folder of a pretrained model, downloaded where it is not here yet.

    Args:
        name: a folder, or a name on the hub such as "microsoft/resnet-18".
        commit: of the hub's repository; None = the newest, or what the cache holds.
        wish: what it should be.

    Returns:
        the folder, with a configuration and safetensors in it, and its commit on the hub (None for
        a folder of the user's own).

    Raises:
        PixelwiseError: there is no such model, its weights are pickles, or the hub cannot be
            reached; within ten seconds.
    """
    if Path(name).is_dir():
        _check_files(name, [path.name for path in Path(name).iterdir()], wish)
        return Path(name), None
    _check_name(name, wish)
    folder = cached(name, commit, wish) or _download(name, commit, wish)
    return folder, folder.name


def read_table(path: Path) -> dict[str, Any]:
    """A JSON file that holds a table.

    Raises:
        PixelwiseError: it does not.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise PixelwiseError(f"{path} is not a table of settings. Fetch it again.")
    return found


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a model, from one file or from the several that its index names.

    Raises:
        PixelwiseError: a file is missing or damaged.
    """
    tensors: dict[str, Tensor] = {}
    for file in _weight_files(folder):
        try:
            tensors |= safetensors.torch.load_file(file)
        except (SafetensorError, OSError) as error:
            raise PixelwiseError(f"{file} is damaged: {error}. Fetch it again.") from None
    return tensors


def _weight_files(folder: Path) -> list[Path]:
    if (folder / _WEIGHTS).exists():
        return [folder / _WEIGHTS]
    parts = read_table(folder / _INDEX).get("weight_map")
    if not isinstance(parts, dict):
        raise PixelwiseError(f"{folder / _INDEX} names no weights. Fetch it again.")
    # The name alone: an index has no business outside its folder.
    return [folder / Path(str(part)).name for part in sorted(set(parts.values()))]


def read_normalisation(folder: Path) -> tuple[list[float], list[float]] | None:
    """Mean and spread of RGB in [0, 1] that a model learned with; None where it does not say."""
    if not (folder / _PREPROCESSOR).exists():
        return None
    found = read_table(folder / _PREPROCESSOR)
    if found.get("do_normalize") is False:
        return [0.0] * 3, [1.0] * 3
    if "image_mean" not in found or "image_std" not in found:
        return None
    return found["image_mean"], found["image_std"]


def _check_files(name: str, files: Sequence[str], wish: Wish) -> None:
    """Refuse what lacks a configuration or safetensors."""
    if _CONFIG not in files:
        raise PixelwiseError(
            f"{name} is no {wish.noun}: it has no {_CONFIG}. The folder of a {wish.noun} holds "
            f"{_CONFIG} and {_WEIGHTS}, as `save_pretrained` writes them."
        )
    if _WEIGHTS in files or _INDEX in files:
        return
    pickles = [file for file in files if file.endswith(_PICKLES)]
    only = f", only {pickles[0]}, a pickle, which can run code" if pickles else ""
    raise PixelwiseError(
        f"{name} has no {_WEIGHTS}{only}. Take another one, or where you trust it turn it into "
        f"safetensors with transformers: {wish.library_class}.from_pretrained(NAME)"
        ".save_pretrained(FOLDER)."
    )


def _check_name(name: str, wish: Wish) -> None:
    """Refuse what is neither a folder nor can be a name on the hub."""
    hub = library("huggingface_hub")
    try:
        hub.utils.validate_repo_id(name)
    except hub.errors.HFValidationError:
        raise PixelwiseError(
            f"There is no folder '{name}'. A {wish.noun} is a folder, or a name on the hub such as "
            f"{wish.example}."
        ) from None


def cached(name: str, commit: str | None = None, wish: Wish = BACKBONE) -> Path | None:
    """The folder in the hub's cache, where an earlier download was completed; nothing is asked."""
    hub = library("huggingface_hub")
    try:
        folder = Path(hub.snapshot_download(name, revision=commit, local_files_only=True))
        _check_files(name, [path.name for path in folder.iterdir()], wish)
        is_whole = all(file.exists() for file in _weight_files(folder))
    except (hub.errors.LocalEntryNotFoundError, PixelwiseError):
        return None
    return folder if is_whole else None


def _download(name: str, commit: str | None, wish: Wish) -> Path:
    """Ask the hub what there is, refuse what may not be, and fetch the rest."""
    hub = library("huggingface_hub")
    try:
        info = _in_time(lambda: hub.model_info(name, revision=commit, timeout=_ANSWER_S))
        _check_files(name, [file.rfilename for file in info.siblings or ()], wish)
        return Path(hub.snapshot_download(name, revision=info.sha, allow_patterns=_FETCHED))
    except PixelwiseError:
        raise
    except hub.errors.GatedRepoError:
        raise PixelwiseError(
            f"{name} is given out only to those who accept its terms. Accept them on its page and "
            "sign in with `hf auth login`."
        ) from None
    except hub.errors.RepositoryNotFoundError:
        raise PixelwiseError(
            f"There is no folder '{name}' and no such name on the hub, or it is private: look at "
            "the spelling, or sign in with `hf auth login`."
        ) from None
    # Whatever else goes wrong between here and the hub has many names, and one cure.
    except Exception as error:
        raise _unreachable(name, error, wish) from None


def _unreachable(name: str, error: Exception, wish: Wish) -> PixelwiseError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return PixelwiseError(
        f"There is no folder '{name}', and the hub cannot be asked for it ({first}). Where it can "
        f"be reached (and HF_HUB_OFFLINE is not set), run `hf download {name} --local-dir FOLDER`, "
        f"copy the folder here and give it instead: {wish.option} FOLDER."
    )


def _in_time(ask: Callable[[], Any]) -> Any:
    """What ``ask`` answers, or a TimeoutError: looking up a name has no time limit of its own."""
    answers: list[Any] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if not answers:
        raise TimeoutError(f"no answer in {_PATIENCE_S:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]
