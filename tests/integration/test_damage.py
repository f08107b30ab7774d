"""512 zero bytes in data of any kind: the job that reads them ends with one line on the file."""

import json
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from support.finished_study import CONFIG, RESULTS
from support.job_scripts import script

from langscale.core.errors import UserError
from langscale.core.files import sha256
from langscale.jobs.job import record

RUN = "runs/tiny/x-y/fixed-total/n2-*/seed1"


@pytest.fixture(scope="module", autouse=True)
def here(study):
    """Jobs run in the folder of the study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(study)
        yield


def job_of(manifest: Path, inputs: dict, output: Path, **params) -> None:
    """Run the script of the job that made a manifest, with another place for its output."""
    known = record(manifest)["origin"]["params"]
    script(next(name for name in known["code"] if "/" not in name), known | params, inputs, {"data": output})


@pytest.mark.parametrize(
    ("job", "given", "damaged"),
    [
        ("subset", {"sources": ["data/cldr"], "dropped": []}, "data/cldr/train/pairs/*.arrow"),
        ("tokens", {"base": "models/tiny/base", "texts": "data/cldr"}, "models/tiny/base/tokenizer.json"),
        (
            "tokens",
            {"base": "models/tiny/base", "texts": "data/cldr"},
            "data/cldr/validation/passages/*.arrow",
        ),
        (
            "train",
            {
                "subset": "subsets/n2-*",
                "base": "models/tiny/base",
                "tokens": ["models/tiny/tokens/source-cldr"],
                "validation": "subsets/n3-*",
            },
            "models/tiny/tokens/source-cldr/train/queries/ids.npy",
        ),
        (
            "embed",
            {"checkpoint": f"{RUN}/last", "tokens": "models/tiny/tokens/benchmark-cldr"},
            f"{RUN}/last/model.safetensors",
        ),
        (
            "embed",
            {"checkpoint": f"{RUN}/last", "tokens": "models/tiny/tokens/benchmark-cldr"},
            "models/tiny/tokens/benchmark-cldr/candidates/ids.npy",
        ),
        (
            "score",
            {"benchmark": "benchmarks/cldr", "embeddings": f"{RUN}/embeddings/last/cldr"},
            f"{RUN}/embeddings/last/cldr/candidates.npy",
        ),
        (
            "score",
            {"benchmark": "benchmarks/cldr", "embeddings": f"{RUN}/embeddings/last/cldr"},
            "benchmarks/cldr/qrels.parquet",
        ),
    ],
)
def test_the_reader_of_zeros_names_the_file(tmp_path, job, given, damaged):
    made = {
        "train": f"{RUN}/last.json",
        "subset": "subsets/n3-*.json", "tokens": "models/tiny/tokens/source-cldr.json",
        "embed": f"{RUN}/embeddings/last/cldr.json", "score": f"{RUN}/scores/last/cldr.json",
    }  # fmt: skip
    results, file = Path(RESULTS), next(Path(RESULTS).glob(damaged))

    def manifests(value):
        if isinstance(value, list):
            return [manifests(one) for one in value]
        return str(next(results.glob(f"{value}.json")))

    inputs = {name: manifests(value) for name, value in given.items()}
    with zeros_in(file):
        job_of(next(results.glob(made[job])), inputs, tmp_path / "out")
    assert not (tmp_path / "out.json").exists()


def test_the_statistics_of_zeros_name_the_scores(study):
    scores = sorted(Path(RESULTS).glob(f"{RUN}/scores/*/cldr.json"))
    params = {
        "study": yaml.safe_load((study / CONFIG).read_text()),
        "scored": [(str(file.parents[2]), file.parent.name, "cldr") for file in scores],
    }
    with zeros_in(scores[-1].with_suffix(".parquet")):
        script("statistics.py", params, {"scores": list(map(str, scores))}, {"data": "tables"})


@contextmanager
def zeros_in(file: Path):
    """Zeros in a file for a block that has to end with one line that names the file and its manifest."""
    kept = file.read_bytes()
    assert len(kept) > 1024
    file.write_bytes(kept[:512] + bytes(512) + kept[1024:])
    try:
        with pytest.raises(UserError) as caught:
            yield
    finally:
        file.write_bytes(kept)
    says = rf"{re.escape(str(file))}: damaged, SHA-256 \w+; right: {sha256(file)[:12]}; "
    says += r"to make it again: rm (\S+), then start the study again"
    manifest = Path(re.fullmatch(says, str(caught.value))[1])
    assert str(file.relative_to(manifest.parent)) in json.loads(manifest.read_text())
