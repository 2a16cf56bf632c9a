"""The folder of a run. Loading one never executes anything from it.

::

    RUN/recipe.json         what was done            RUN/history.jsonl   a line per validation
    RUN/categories.json     index -> name, colour    RUN/state/          for going on
    RUN/split.json          which image is in which part, with the contents of its files
    RUN/seen_before.json    images that the initial weights were trained or chosen on
    RUN/card.md             for people
    RUN/model.safetensors   the best weights         RUN/last.safetensors
    RUN/backbone.json       what a pretrained backbone was, where there is one
    RUN/status.json         whether training is finished, and after how many steps
    RUN/fold-K/             each a run, in a cross-validation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pixelwise import builtin
from pixelwise.files import atomic, write_text
from pixelwise.find import find
from pixelwise.history import read_history
from pixelwise.model import Model
from pixelwise.places import did_you_mean, known_runs
from pixelwise.recipe import Recipe
from pixelwise.run_checks import (
    check_categories,
    check_seen_before,
    check_split,
    refuse_links,
    shapes_of,
)
from pixelwise.run_paths import located, portable
from pixelwise.status import Status, read_status
from pixelwise.tasks import Task
from pixelwise.types import Category, PixelwiseError, Skeleton

Read = TypeVar("Read")
# What is known of an image's content, see `contents.Contents.entry`.
_CONTENT = ("fingerprint", "pixels", "code")


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk.

    ``split``: sample id -> {"split": "train" | "val" | "test", "fingerprint": content hash, ...},
    see `contents.Contents.entry`. ``fingerprint``: of the whole training folder. ``history``: one
    entry per validation. ``backbone``: what the network's ``describe`` gave of a pretrained one;
    see `networks`. ``seen_before``: contents of the images that the initial weights, and theirs,
    were trained or chosen on.
    """

    path: Path
    recipe: Recipe
    categories: tuple[Category, ...]
    split: dict[str, dict[str, str]]
    fingerprint: str
    backbone: Mapping[str, Any] | None = None
    seen_before: tuple[Mapping[str, str], ...] = ()

    @property
    def weights(self) -> Path:
        """The best weights."""
        return self.path / "model.safetensors"

    @property
    def state(self) -> Path:
        """What going on needs; there while the run is unfinished."""
        return self.path / "state" / "state.safetensors"

    @property
    def status(self) -> Status:
        """How far training is; of a cross-validation, "finished" when every fold is.

        Raises:
            PixelwiseError: ``status.json`` is damaged.
        """
        own = read_status(self.path)
        if not self.recipe.folds:
            return own
        states = {fold.status.state for fold in self.folds}
        return replace(
            own, state=next(s for s in ("training", "unknown", "finished") if s in states)
        )

    @property
    def is_finished(self) -> bool:
        """Whether training came to its end, by its last step or by early stopping."""
        return self.status.is_finished

    @property
    def kept_step(self) -> int | None:
        """How many steps the best weights were trained for; None where no file says.

        Raises:
            PixelwiseError: the file is damaged.
        """
        if not self.weights.exists():
            return None
        found = read_facts(self.weights).get("step", "")
        return int(found) if found.isdigit() else None

    @property
    def folds(self) -> tuple[Run, ...]:
        """The runs of a cross-validation, in order; empty for a single run."""
        return tuple(open_run(self.path / f"fold-{fold}") for fold in range(self.recipe.folds))

    @property
    def history(self) -> list[dict[str, Any]]:
        """Step, loss, learning rate, validation score and speed, a line per validation.

        Raises:
            PixelwiseError: ``history.jsonl`` is damaged.
        """
        return read_history(self.path / "history.jsonl")

    def ids(self, part: str) -> list[str]:
        """The ids of a part, sorted."""
        return sorted(name for name, entry in self.split.items() if entry["split"] == part)

    @property
    def seen(self) -> tuple[Mapping[str, str], ...]:
        """Contents of all images its weights, and their initial ones, were trained or chosen on.

        Of a cross-validation, those that any of its folds has seen.
        """
        entries = [entry for each in self.folds or (self,) for entry in each.split.values()]
        own = [entry for entry in entries if entry["split"] in ("train", "val")]
        kept = [{name: entry.get(name, "") for name in _CONTENT} for entry in own]
        by_content = {tuple(each.values()): each for each in (*kept, *self.seen_before)}
        return tuple(by_content[key] for key in sorted(by_content))

    def task(self) -> Task:
        """The task of this run, for decoding."""
        return build_task(self.recipe, self.categories)

    def write(self) -> None:
        """Write everything but the weights, each file whole or not at all."""
        categories = [asdict(category) for category in self.categories]
        split = {"fingerprint": self.fingerprint, "samples": self.split}
        write_text(self.path / "categories.json", json.dumps(categories, indent=2) + "\n")
        write_text(self.path / "split.json", json.dumps(split, indent=1) + "\n")
        if self.backbone is not None:
            text = json.dumps(self.backbone, indent=2, sort_keys=True) + "\n"
            write_text(self.path / "backbone.json", text)
        if self.seen_before:
            text = json.dumps({"images": self.seen_before}, indent=1) + "\n"
            write_text(self.path / "seen_before.json", text)
        self.write_recipe()

    def write_recipe(self) -> None:
        """Write the recipe, with paths relative to the run's folder."""
        write_text(self.path / "recipe.json", portable(self.recipe, self.path).write())


def open_run(path: str | Path) -> Run:
    """Open the folder of a run, or a built-in model by its name ("nevi", "people").

    Raises:
        PixelwiseError: the folder is no run, or a file in it is damaged.
    """
    folder = builtin.named(path)
    if not folder.exists():
        raise PixelwiseError(
            f"{folder} is not a run: it does not exist.{did_you_mean(folder) or known_runs()}"
        )
    if not (folder / "recipe.json").exists():
        raise PixelwiseError(
            f"{folder} is not a run: it has no recipe.json. `pixelwise train DATA` makes one."
            f"{known_runs()}"
        )
    if not builtin.is_here(folder):
        refuse_links(folder)
    recipe = located(Recipe.read(folder / "recipe.json"), folder)
    categories = _read_json(
        folder / "categories.json",
        lambda found: tuple(map(_category, check_categories(found))),
    )
    split, fingerprint = _read_json(
        folder / "split.json", lambda found: (check_split(found)["samples"], found["fingerprint"])
    )
    backbone = _read_json(folder / "backbone.json", dict) if recipe.backbone else None
    before = folder / "seen_before.json"
    seen_before = _read_json(before, _seen_before) if before.exists() else ()
    return Run(folder, recipe, categories, split, fingerprint, backbone, seen_before)


def _seen_before(found: Any) -> tuple[Mapping[str, str], ...]:
    return tuple({name: str(each[name]) for name in _CONTENT} for each in check_seen_before(found))


def _category(found: dict[str, Any]) -> Category:
    """A category from its JSON."""
    bones = found["skeleton"]
    skeleton = bones and Skeleton(
        tuple(bones["joints"]),
        tuple((int(a), int(b)) for a, b in bones["limbs"]),
        tuple(bones["mirrored"]),
        tuple(bones["sigmas"]),
    )
    number = found["source_id"]
    return Category(
        found["name"],
        tuple(found["color"]),
        bool(found["is_thing"]),
        skeleton or None,
        None if number is None else int(number),
    )


def _read_json(path: Path, form: Callable[[Any], Read]) -> Read:
    """Parse a file of a run and bring it into form; whatever fails, the file is named."""
    try:
        return form(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PixelwiseError(f"{path} is damaged: {error}. Train the run again.") from None


def build_task(recipe: Recipe, categories: tuple[Category, ...], class_weights: Any = None) -> Task:
    """The recipe's task over these categories."""
    task: Task = find("tasks", recipe.task).build(categories, recipe.loss, class_weights)
    return task


def describe_backbone(recipe: Recipe) -> Mapping[str, Any] | None:
    """What the run has to keep of the recipe's pretrained backbone; None without one.

    Raises:
        PixelwiseError: a network and a backbone that do not go together, or no such backbone.
    """
    network = find("networks", recipe.network)
    takes_one = hasattr(network, "describe")
    if takes_one and recipe.backbone is None:
        raise PixelwiseError(
            f"The network '{recipe.network}' needs a pretrained backbone: give --backbone a name "
            "on the hub or a folder."
        )
    if recipe.backbone is None:
        return None
    if not takes_one:
        raise PixelwiseError(
            f"The network '{recipe.network}' stands on no backbone. Leave out --network or "
            "--backbone."
        )
    described: dict[str, Any] = network.describe(recipe.backbone)
    return described


def build_model(recipe: Recipe, task: Task, backbone: Mapping[str, Any] | None = None) -> Model:
    """The recipe's model, with fresh weights from torch's generator.

    Args:
        recipe: of the run.
        task: gives the maps.
        backbone: what `describe_backbone` gave; the pretrained weights come with `begin_model`.
    """
    build = find("networks", recipe.network).build
    asked: dict[str, Any] = dict(asked_shape(recipe, build))
    if backbone is not None:
        asked["backbone"] = backbone
    return Model(build(**asked), task.maps)


def asked_shape(recipe: Recipe, build: Callable[..., Any]) -> dict[str, int | None]:
    """The lines of a recipe that give a network its shape, as its ``build`` takes them.

    Raises:
        PixelwiseError: a stride is asked of a network that has its own.
    """
    asked = {"width": recipe.width, "depth": recipe.depth}
    if recipe.stride is None:
        return asked
    if "stride" not in signature(build).parameters:
        raise PixelwiseError(
            f"The network '{recipe.network}' has a stride of its own. Leave 'stride' out, or "
            "take the network 'unet'."
        )
    return {**asked, "stride": recipe.stride}


def begin_model(recipe: Recipe, task: Task, backbone: Mapping[str, Any] | None = None) -> Model:
    """The model that learning begins with.

    Fresh, but for the weights of the run it starts from, or of a pretrained backbone.

    Raises:
        PixelwiseError: these weights are not there, or do not fit.
    """
    model = build_model(recipe, task, backbone)
    start = open_start(recipe)
    if start is not None:
        _take_weights(model, start)
    if backbone is not None:
        model.network.load_pretrained(recipe.backbone, backbone.get("commit"))  # type: ignore[operator]
    return model


def open_start(recipe: Recipe) -> Run | None:
    """The run whose weights a recipe begins with.

    Raises:
        PixelwiseError: it is no run, or a cross-validation, which has no weights of its own.
    """
    if recipe.start == "none":
        return None
    # A folder of images may be called as a built-in model is.
    run = open_run(builtin.MODELS.get(recipe.start, Path(recipe.start)))
    if run.recipe.folds:
        raise PixelwiseError(f"{run.path} has several models. Start from one: {run.path}/fold-0.")
    return run


def _take_weights(model: Model, start: Run) -> None:
    """Put a run's weights into a model: the network's all, the heads' where their shapes fit.

    Raises:
        PixelwiseError: the network has other layers.
    """
    own = model.state_dict()
    given = {
        name: weight
        for name, weight in load_weights(start.weights)[0].items()
        if name.startswith("network.") or (name in own and own[name].shape == weight.shape)
    }
    missing = {name for name in own.keys() - given.keys() if name.startswith("network.")}
    if missing or any(name not in own or own[name].shape != w.shape for name, w in given.items()):
        raise PixelwiseError(
            f"{start.path} cannot be started from: its network ({start.recipe.network}, width "
            f"{start.recipe.width or 'its own'}, depth {start.recipe.depth or 'its own'}) has "
            "other layers. Ask for the same network, or for --start none."
        )
    model.load_state_dict(given, strict=False)


def save_weights(path: Path, weights: dict[str, Tensor], **facts: str) -> None:
    """Write tensors, and facts as text, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # In a folder of its own: the library writes to a name by chance first, which a process that is
    # killed would leave behind.
    with atomic(path, is_apart=True) as temporary:
        safetensors.torch.save_file(contiguous, temporary, metadata=facts or None)


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors and facts.

    Raises:
        PixelwiseError: no such file, or not a safetensors file.
    """
    with _opened(path) as file:
        facts = file.metadata() or {}
        return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of the tensors in a file of weights, unread; raises as `load_weights`."""
    with _opened(path) as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def read_facts(path: Path) -> dict[str, str]:
    """The facts of a file of weights alone; raises as `load_weights`."""
    with _opened(path) as file:
        return dict(file.metadata() or {})


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.exists():
        raise PixelwiseError(f"{path} is missing: the run has not learned anything yet.")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise PixelwiseError(f"{path} is damaged: {error}. Train the run again.") from None


def load_model(run: Run) -> Model:
    """The run's model with its best weights, on the CPU, for predicting."""
    build = partial(build_model, run.recipe, run.task(), run.backbone)
    try:
        # Of a pretrained backbone the shape is known to its own library alone.
        if run.backbone is None and shapes_of(build) != read_shapes(run.weights):
            raise RuntimeError
        model = build()
        model.load_state_dict(load_weights(run.weights)[0])
    except (RuntimeError, OverflowError, TypeError):
        raise PixelwiseError(
            f"{run.weights} does not belong to {run.path / 'recipe.json'}: other layers. "
            "Restore the folder, or train the run again."
        ) from None
    return model.eval()
