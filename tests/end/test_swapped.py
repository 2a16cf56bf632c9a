"""Arguments in the wrong order, and names that do not exist, are spoken of as what was meant."""

from pathlib import Path

import pytest

from discs import write_folder
from pixelwise import PixelwiseError
from pixelwise.evaluation import evaluate
from pixelwise.predictions import predict
from untrained import write_run


@pytest.fixture
def place(tmp_path):
    write_folder(tmp_path / "data", 8)
    for name in ("mine", "yours"):
        write_run(tmp_path / "runs" / name)
    return tmp_path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("predict data runs/mine", "the run comes first: pixelwise predict runs/mine IMAGES"),
        ("predict data/images/disc000.png runs/mine data", "predict runs/mine IMAGES"),
        ("predict data people", "people is a run, and the run comes first"),
        ("predict runs/mine runs/yours", "takes one run: pixelwise predict runs/mine IMAGES"),
        ("predict runs/mine data runs/yours", "runs/yours is a run"),
        ("evaluate data runs/mine", "the run comes first: pixelwise evaluate runs/mine DATA"),
        ("evaluate runs/mine runs/yours", "takes one run: pixelwise evaluate runs/mine DATA"),
        ("evaluate nowhere runs/mine", "pixelwise evaluate runs/mine DATA"),
        ("check runs/mine", "runs/mine is a run, where a folder of images and masks is expected"),
        ("train runs/mine", "`--start runs/mine` trains from one"),
        ("convert runs/mine out --to coco", "runs/mine is a run, where a folder"),
        ("compare data runs/mine", "data is not a run and holds no per_image.csv"),
        ("compare runs/mine runs/yours", "Measure it first: pixelwise evaluate runs/mine"),
        ("export data", "data is not a run: it has no recipe.json."),
        ("benchmark data", "There is runs/mine, runs/yours."),
        # Names that do not exist.
        ("predict runs/mone data", "runs/mone does not exist. Give a run first, then"),
        ("predict runs/mone data", "Did you mean runs/mine?"),
        ("predict mine data", "Did you mean runs/mine?"),
        ("predict runs/mine dta", "dta does not exist. Give pictures, or folders of pictures."),
        ("predict runs/mine dta", "Did you mean data?"),
        ("predict data/images/disc00.png", "Did you mean data/images/disc00"),
        ("evaluate runs/mone", "runs/mone does not exist. Give the folder of a run or"),
        (
            "evaluate runs/mone data",
            "runs/mone is not a run: it does not exist. Did you mean",
        ),
        ("evaluate runs/mine daat", "daat does not exist. Give the folder that holds the images"),
        ("check Data2", "Did you mean data?"),
        ("train nothing", "nothing does not exist. Give the folder that holds the images"),
        ("compare runs/mine runs/your", "runs/your does not exist. The folder of an evaluated run"),
        ("export runs/your", "Did you mean runs/yours?"),
        ("benchmark runs/your", "Did you mean runs/yours?"),
    ],
)
def test_one_sentence_says_what_was_meant(place, type_in, line, words):
    code, out, err = type_in(f"pixelwise {line}")
    if line == "compare runs/mine runs/your":
        (place / "runs/mine/per_image.csv").write_text("id,category,jaccard,tp,fn\n")
        code, out, err = type_in(f"pixelwise {line}")
    assert code == 2 and words in err, err
    assert "built-in" not in out and "Traceback" not in err


def test_from_python_too(place):
    with pytest.raises(PixelwiseError, match="the run comes first"):
        predict(None, [place / "data", place / "runs/mine"], out=place / "out")
    with pytest.raises(PixelwiseError, match="takes one run"):
        predict(place / "runs/mine", [place / "runs/yours"], out=place / "out")
    with pytest.raises(PixelwiseError, match="the run comes first"):
        evaluate(place / "data", place / "runs/mine")
    assert not (place / "out").exists()


def test_a_file_with_the_name_of_a_built_in_model_is_a_file(place, type_in):
    Path("people").mkdir()
    (Path("people") / "a.png").write_bytes((place / "data/images/disc000.png").read_bytes())
    assert type_in("pixelwise predict runs/mine people --out found")[0] == 0


def test_no_evaluation_takes_the_place_of_another_runs_report(place, type_in):
    for line in ("runs/mine data --out runs/yours", "runs/mine data --out runs/mine"):
        code, _, err = type_in(f"pixelwise evaluate {line}")
        assert code == 2 and "keeps the report of its own held-out images" in err
    assert type_in("pixelwise evaluate runs/mine data")[0] == 0


@pytest.mark.parametrize("name", ["report.html", "metrics.json", "per_image.csv"])
def test_a_report_of_somebodys_is_not_replaced(place, type_in, name):
    (place / "out").mkdir()
    (place / "out" / name).write_text("mine")
    code, _, err = type_in("pixelwise evaluate runs/mine data --out out")
    assert code == 2 and f"changed since: {name}." in err
    assert [path.name for path in (place / "out").iterdir()] == [name]
    (place / "out" / name).unlink()
    assert type_in("pixelwise evaluate runs/mine data --out out")[0] == 0
    assert type_in("pixelwise evaluate runs/yours data --out out")[0] == 0
