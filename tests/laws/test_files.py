"""Files are written whole or not at all, and are as readable as the user's umask makes them."""

import os
import stat

import pytest
import torch

from pixelwise.files import atomic, shortened, write_text
from pixelwise.run import save_weights


@pytest.fixture(params=[0o022, 0o002, 0o077, 0o027])
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_every_file_has_the_mode_that_the_umask_gives(tmp_path, umask):
    save_weights(tmp_path / "new/model.safetensors", {"a": torch.zeros(2)})
    write_text(tmp_path / "new/recipe.json", "{}")
    with atomic(tmp_path / "new/secret.bin") as temporary:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT, 0o600))
        temporary.chmod(0o600)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes == {0o666 & ~umask}


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


@pytest.mark.parametrize("letter", ["x", "\u76ae", "\U0001f600", "e\u0301"])
def test_long_names_are_shortened_to_what_file_systems_take(letter):
    name = letter * 300
    short = shortened(f"a/{name}/b")
    assert short.startswith("a/") and short.endswith("/b")
    assert max(len(os.fsencode(part)) for part in short.split("/")) <= 180
    assert short.encode() and short != shortened(f"a/{name}{letter}/b")
    assert shortened("a/" + "x" * 180) == "a/" + "x" * 180
