"""A job makes its outputs again exactly if a param, code or an input changed, or data are damaged."""

import json
import sys
from types import SimpleNamespace

import pytest

from langscale.core.files import write_json
from langscale.jobs import job as module
from langscale.jobs import manifests
from langscale.jobs.job import Job, again, begin, record, undone

PARAMS = {"run": {"seed": 1, "languages": ("de", "en")}, "code": {"train.py": "aa", "training/loss.py": "bb"}}


@pytest.fixture
def inputs(tmp_path):
    """A manifest, a list of manifests and a gate."""
    for name in ("base", "tokens-a", "tokens-b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").write_text(name)
        manifests.write(tmp_path / f"{name}.json")
    (tmp_path / "gate").write_text("passed")
    tokens = [tmp_path / "tokens-a.json", tmp_path / "tokens-b.json"]
    return {"base": [tmp_path / "base.json"], "tokens": tokens, "gate": [tmp_path / "gate"], "validation": []}


@pytest.fixture
def made(tmp_path, inputs) -> Job:
    """A job that made a folder and a file."""
    outputs = {"last": tmp_path / "run/last.json", "log": tmp_path / "run/log.json"}
    job = Job(inputs, PARAMS | {"where": {"mirror": "here"}}, outputs)
    assert not job.kept
    job.target(name="last").mkdir(parents=True)
    (job.target(name="last") / "weights").write_bytes(b"weights")
    job.target(".csv", "log").write_text("step\n")
    job.done()
    return job


def another(job: Job, **params) -> Job:
    """The same job in another process, with some params changed."""
    return Job(job.inputs, job.params | params, job.outputs)


def test_a_finished_job_is_kept_and_its_manifests_describe_its_data(made):
    assert another(made).kept and another(made).key == made.key
    assert manifests.checked(made.outputs["last"]).name == "last"
    assert list(manifests.read(made.outputs["log"])) == ["log.csv"]


def test_manifests_that_were_deleted_are_written_again(made):
    before = {name: file.read_bytes() for name, file in made.outputs.items()}
    for file in made.outputs.values():
        file.unlink()
    assert another(made).kept
    another(made).restore()
    assert {name: file.read_bytes() for name, file in made.outputs.items()} == before


@pytest.mark.parametrize(
    "change",
    [
        {"run": {"seed": 2, "languages": ["de", "en"]}},
        {"run": {"seed": 1, "languages": ["en", "de"]}},
        {"code": {"train.py": "aa", "training/loss.py": "cc"}},
        {"code": {"train.py": "aa"}},
        {"more": None},
    ],
)
def test_another_param_is_another_job(made, change):
    assert not another(made, **change).kept and another(made, **change).key != made.key


@pytest.mark.parametrize(
    "same",
    [
        {"where": {"mirror": "elsewhere/"}},
        {"run": {"languages": ["de", "en"], "seed": 1}},  # a list for a tuple, and in another order
    ],
)
def test_places_and_spellings_are_no_params(made, same):
    assert another(made, **same).kept and another(made, **same).key == made.key


def test_the_content_of_an_input_counts_and_its_place_and_time_do_not(made, tmp_path):
    (tmp_path / "elsewhere.json").write_bytes((tmp_path / "base.json").read_bytes())
    moved = Job(made.inputs | {"base": [tmp_path / "elsewhere.json"]}, made.params, made.outputs)
    assert moved.kept
    (tmp_path / "tokens-b/data").write_text("other")
    manifests.write(tmp_path / "tokens-b.json")
    assert not another(made).kept
    assert another(made).changes() == ["data of tokens"]
    swapped = Job(made.inputs | {"tokens": made.inputs["tokens"][::-1]}, made.params, made.outputs)
    assert not swapped.kept


def test_a_gate_is_waited_for_and_not_read(made, tmp_path):
    (tmp_path / "gate").write_text("passed again")
    assert another(made).kept
    assert Job({n: f for n, f in made.inputs.items() if n != "gate"}, made.params, made.outputs).kept


@pytest.mark.parametrize("damage", ["change", "truncate", "delete", "record"])
def test_damaged_data_are_made_again(made, damage):
    file = made.target(name="last") / "weights"
    if damage == "change":
        file.write_bytes(b"weighty")
    elif damage == "truncate":
        file.write_bytes(b"")
    elif damage == "delete":
        file.unlink()
    else:
        (file.parents[1] / ".made/last.json").write_bytes(bytes(512))
    assert not another(made).kept


def test_what_is_left_for_a_later_job_has_no_manifest(made, tmp_path):
    left = Job({}, {"threads": 1}, {"data": tmp_path / "embeddings/toy.json"})
    left.target().mkdir(parents=True)
    (left.target() / "vectors").write_text("1")
    left.leave()
    assert left.kept and not left.outputs["data"].exists()


def test_parts_of_an_output_have_a_place_by_the_origin_and_go_with_the_end(made):
    state = another(made).state()
    assert state == another(made, where=None).state() != another(made, more=1).state()
    state.mkdir(parents=True)
    another(made, more=1).state().mkdir(parents=True)
    made.done()
    assert not (made.outputs["last"].parent / ".unfinished").exists()


def test_changes_name_code_params_and_data(made):
    assert another(made).changes() == []
    change = {
        "run": {"seed": 2, "languages": ["de", "en"], "steps": 3},
        "code": {"train.py": "cc", "new.py": "dd"},
    }
    assert another(made, **change).changes() == [
        "code of new.py", "code of train.py", "code of training/loss.py", "run.seed", "run.steps"
    ]  # fmt: skip
    made.inputs["base"][0].unlink()  # it is made before this job starts
    assert another(made).changes() == []
    assert Job({}, {}, {"data": made.outputs["last"].with_name("new.json")}).changes() is None


def test_one_line_says_how_many_are_done_again_and_why(made, tmp_path):
    never = Job({}, {}, {"data": tmp_path / "never.json"})
    assert again([another(made), never], "trainings") is None
    stale = [another(made, more=1), another(made, more=1, code={})]
    assert again([another(made), never, *stale], "trainings") == (
        "2 of 3 finished trainings are out of date, done again if needed: "
        "more (2), code of train.py (1), code of training/loss.py (1)"
    )
    many = another(made, **{f"p{i}": i for i in range(6)})
    assert again([many], "trainings").endswith(": p0 (1), p1 (1), p2 (1), p3 (1), 2 more")


def told(job: Job, log="log") -> SimpleNamespace:
    """What Snakemake hands to the script of a job; one file is a string, several are a list."""

    def named(files) -> dict:
        return {k: str(f[0]) if k == "base" else [str(one) for one in f] for k, f in files.items()}

    outputs = {name: str(file) for name, file in job.outputs.items()}
    return SimpleNamespace(input=named(job.inputs), output=outputs, params=job.params, log=[str(log)])


def test_begin_ends_a_job_whose_outputs_are_there(made, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(module, "redirect", lambda file: sys.stderr)
    made.outputs["last"].unlink()
    (tmp_path / "train.tsv").write_text("3600")
    with pytest.raises(SystemExit) as ended:
        begin(told(made, tmp_path / "train.log"))
    assert (tmp_path / "train.tsv.kept").read_text() == "3600"
    assert ended.value.code == 0 and made.outputs["last"].exists()
    assert "made before" in capsys.readouterr().err
    job = begin(told(another(made, more=1), tmp_path / "train.log"))
    assert not (tmp_path / "train.tsv.kept").exists()
    assert job.data("base").name == "base" and [path.name for path in job.all_data("tokens")] == [
        "tokens-a",
        "tokens-b",
    ]
    assert job.all_data("validation") == []


def test_of_several_jobs_those_made_before_are_left_out(made, tmp_path):
    made.outputs["last"].unlink()
    (tmp_path / "train.tsv").write_text("3600")
    stale = another(made, more=1)
    assert undone(iter([made, stale]), tmp_path / "train.log") == [stale]
    assert made.outputs["last"].exists() and not (tmp_path / "train.tsv.kept").exists()
    with pytest.raises(SystemExit) as ended:
        undone([made, another(made)], tmp_path / "train.log")
    assert ended.value.code == 0 and (tmp_path / "train.tsv.kept").read_text() == "3600"


def test_a_record_is_json_that_a_person_can_read(made):
    known = record(made.outputs["last"])
    assert known["origin"]["params"] == json.loads(json.dumps(PARAMS))
    assert (
        known["origin"]["inputs"].keys() == {"base", "tokens"}
        and len(known["origin"]["inputs"]["tokens"]) == 2
    )
    write_json(made.outputs["last"].parent / ".made/last.json", [])
    assert record(made.outputs["last"]) is None
