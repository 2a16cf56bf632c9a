"""`export`: a run in a file that runs elsewhere, proven to do what the model does.

The file is written beside its place, run by its own runtime, compared with the model as it lies on
disk, and only then moved to its place; see `proof`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from pixelwise import trained
from pixelwise.builtin import NEVI, is_here
from pixelwise.card import name_exports
from pixelwise.exported import file_name, is_export, weights_fingerprint
from pixelwise.files import read_json, refuse_unwritable, replacing, write_text
from pixelwise.find import find
from pixelwise.formats import Deployed, Runner
from pixelwise.limbs import Limbs
from pixelwise.machine import version
from pixelwise.networks import MEAN, SPREAD
from pixelwise.probes import Probes, gather, odd_batches
from pixelwise.proof import Pair, Proof, prove
from pixelwise.recipe import Recipe
from pixelwise.run import Run, load_model, open_run
from pixelwise.runtimes import TorchRunner
from pixelwise.types import PixelwiseError, Skeleton

FOLDER = "exports"
"""Where exported files lie in a run; of the built-in model in the working directory."""
_PROOFS = "proofs.json"
# Two units in the last place of float32: a sum in another order is off by as much.
_ROUNDING, _SHAKES = 2.0**-22, 8


def export(
    run: str | Path | Run | None,
    to: str,
    *,
    precision: str | None = None,
    out: str | Path | None = None,
    data: str | Path | None = None,
    masks: str | None = None,
    on_note: Callable[[str], None] = lambda note: None,
) -> Path:
    """Write a run for another runtime, and prove that the file does what the model does.

    Args:
        run: folder of a run, or one that is open; None for the built-in model.
        to: a module of `pixelwise.formats`.
        precision: "float32", "float16" or "int8", of those that the format has; None: its first.
        out: of the file; None: RUN/exports/model... .
        data: annotated pictures to prove it on, and to calibrate int8 on; None: the run's own
            where they are still there, else made-up ones, which int8 cannot do with.
        masks: what the mask values of ``data`` mean; None: the same as in the run.
        on_note: gets a sentence with the proof.

    Returns:
        where the file (or folder) is.

    Raises:
        PixelwiseError: no run, no such format or precision, what writes it is not installed, or
            the file differs from the model, or ``out`` is somebody's file or folder; nothing
            is written then.
    """
    opened = run if isinstance(run, Run) else open_run(NEVI if run is None else run)
    module = find("formats", to)
    chosen = _precision(module, to, precision)
    if opened.recipe.folds:
        raise PixelwiseError(
            f"{opened.path} has several models. Export one of them: {opened.path}/fold-0."
        )
    # The built-in model lies among the installed files, where no export belongs.
    folder = Path(FOLDER) if is_here(opened.path) else opened.path / FOLDER
    path = _free_place(Path(out), module) if out else folder / file_name(to, chosen)
    refuse_unwritable(path.parent)
    probes = gather(opened, chosen, None if data is None else Path(data), masks)
    with replacing(path) as place:
        proof = _write_proven(opened, module, place, chosen, probes)
    if said := trained.warning(opened):
        on_note(said)
    on_note(f"Proven on {probes.words}. {proof.sentence}.")
    if path.parent == opened.path / FOLDER:
        _note(opened, path.name, proof)
    return path


def _free_place(path: Path, module: ModuleType) -> Path:
    """Where to write: what somebody needs is never replaced, an earlier export is.

    Raises:
        PixelwiseError: there is a file or folder, and it is no export of this format.
    """
    if path.is_file() and not is_export(path, module):
        raise PixelwiseError(
            f"{path} is there already, and no exported model of this format. Give --out another "
            "name, or move it away."
        )
    if path.is_dir() and not is_export(path, module):
        raise PixelwiseError(
            f"{path} is a folder already, and no exported model. Give --out the name of a file in "
            f"it, such as {path / ('model' + module.SUFFIX)}."
        )
    return path


def _precision(module: ModuleType, to: str, wish: str | None) -> str:
    """The precision to write.

    Raises:
        PixelwiseError: the format does not have the one that was asked for.
    """
    known: tuple[str, ...] = module.PRECISIONS
    if wish is not None and wish not in known:
        raise PixelwiseError(
            f"The format '{to}' is written in {' or '.join(known)}, not in '{wish}'."
        )
    return wish or known[0]


def deployed(run: Run) -> Deployed:
    """What is exported of a run."""
    return Deployed(load_model(run), run.recipe)


def _write_proven(
    run: Run, module: ModuleType, place: Path, precision: str, probes: Probes
) -> Proof:
    """Write a file with all its texts.

    Raises:
        PixelwiseError: it differs from the model.
    """
    module.write(deployed(run), place, precision, probes.calibration)
    # Not what was exported, but what lies on disk: it is that which the file stands for.
    model = TorchRunner(load_model(run))
    batches = odd_batches(run.recipe.size_hw) if module.IS_DYNAMIC else []
    pair = Pair(model, module.open_model(place), run.task(), lambda: _shaken(run))
    proof = prove(pair, precision, probes.looks, batches, probes.annotated)
    if proof.complaints:
        raise PixelwiseError(
            f"Nothing was written, for the exported file is not the model: "
            f"{'; '.join(proof.complaints)}. (Compared on {probes.words}.)"
        )
    module.attach(place, texts(run, precision, proof, probes.words))
    _check_again(pair.file, module, place, probes)
    return proof


def _shaken(run: Run) -> Iterator[Runner]:
    """The model with what it computes from changed by a rounding error, by chance, several times.

    Weights and pixels: without the pixels, what is equal in a flat picture would stay equal.
    """
    rng = torch.Generator().manual_seed(0)

    def shake(numbers: torch.Tensor) -> torch.Tensor:
        return numbers * (1 + _ROUNDING * torch.randn(numbers.shape, generator=rng))

    for _ in range(_SHAKES):
        model = load_model(run).requires_grad_(False)
        for weights in model.parameters():
            weights.copy_(shake(weights))
        model.network.register_forward_pre_hook(lambda _, inputs: (shake(inputs[0]),))
        yield TorchRunner(model)


def _check_again(proven: Runner, module: ModuleType, place: Path, probes: Probes) -> None:
    """Make sure that putting in the texts has changed nothing else."""
    image = probes.looks[0].image[None]
    before, after = proven(image), module.open_model(place)(image)
    assert all(np.allclose(before[name], after[name], atol=1e-5) for name in before), place
    assert "proof" in module.metadata(place), place


def texts(run: Run, precision: str, proof: Proof, words: str) -> dict[str, str]:
    """What travels with a file, as texts of JSON: all that is needed to use it without the run."""
    task = run.task()
    skeletons = [each.skeleton for each in run.categories if each.skeleton is not None]
    facts: dict[str, Any] = {
        "task": run.recipe.task,
        "categories": [
            {"name": each.name, "color": each.color, "is_thing": each.is_thing}
            for each in run.categories
        ],
        "skeleton": _with_fields(skeletons[0]) if skeletons else None,
        "size_hw": run.recipe.size_hw,
        "maps": dict(task.maps),
        "stride": load_model(run).stride,
        "thresholds": dict(task.thresholds),
        "normalisation": {"input": "uint8 RGB", "inside": True, "mean": MEAN, "spread": SPREAD},
        "precision": precision,
        "training": trained.as_json(run),
        "recipe": asdict(_without_places(run.recipe)),
        "proof": {**proof.as_json(), "pictures": words},
    }
    plain = {"pixelwise": version("pixelwise") or "", "weights": weights_fingerprint(run)}
    return plain | {name: json.dumps(fact) for name, fact in facts.items()}


def _with_fields(skeleton: Skeleton) -> dict[str, Any]:
    """A skeleton, and between which joints there is a field, in the order of the map "limb"."""
    return {**asdict(skeleton), "fields": Limbs.of(skeleton).ends.tolist()}


def _without_places(recipe: Recipe) -> Recipe:
    """The recipe without folders of whoever trained: the last names of their paths only."""
    places: dict[str, Any] = {
        name: Path(value).name
        for name in ("data", "start", "backbone")
        if (value := getattr(recipe, name)) and Path(value).is_absolute()
    }
    return replace(recipe, **places)


def _note(run: Run, name: str, proof: Proof) -> None:
    """Keep the proof with the run, and name the file in its card."""
    path = run.path / FOLDER / _PROOFS
    proofs = read_json(path) if path.exists() else {}
    proofs = {each: found for each, found in proofs.items() if (path.parent / each).exists()}
    proofs[name] = {**proof.as_json(), "sentence": proof.sentence}
    write_text(path, json.dumps(proofs, indent=1, sort_keys=True) + "\n")
    lines = [f"`{FOLDER}/{each}` - {proofs[each]['sentence']}" for each in sorted(proofs)]
    name_exports(run, lines)
