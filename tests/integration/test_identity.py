"""What counts as changed: content, options and code that can change a result, and nothing else."""

import ast
import re
import shutil
from collections.abc import Callable

import pandas as pd
import pytest
import yaml
from support.finished_study import CONFIG, RESULTS
from support.project_copy import ROOT, job_counts, snakemake

TRAININGS, EMBEDDINGS, UNTRAINED = 8, 20, 4
STALE = f"{TRAININGS} of {TRAININGS} finished trainings are out of date"
DRAWING = {"source", "benchmark", "subset", "train", "embed"}  # rules whose code draws from random streams
TABLES = {"statistics", "claims", "format", "published", "figures_of_study", "provenance", "report_of_study"}


@pytest.fixture
def changed(study, tmp_path) -> Callable[..., str]:
    """The output of a dry run with some sections of the config changed."""

    def run(*words: str, **sections) -> str:
        config = yaml.safe_load((study / CONFIG).read_text()) | sections
        (tmp_path / "changed.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return snakemake(study, "-n", "--configfile", str(tmp_path / "changed.yaml"), *words)

    return run


def done(output: str) -> set[str]:
    """The rules of a dry run with jobs to do."""
    return set(job_counts(output)) - {"study"}


@pytest.fixture
def edited(study) -> Callable[[str, str], str]:
    """The output of a dry run after code was added to a module; the module is handed back."""

    def run(module: str, addition: str = "\nCHANGED = 1\n") -> str:
        file = study / "src/langscale" / module
        text = file.read_text()
        try:
            file.write_text(text + addition)
            return snakemake(study, "-n", "--configfile", CONFIG)
        finally:
            file.write_text(text)

    return run


def test_a_copy_with_new_times_has_nothing_to_do(study):
    assert "Nothing to be done" in snakemake(study, "-n", "--configfile", CONFIG)


def test_another_checkout_has_nothing_to_do(study):
    words = ("-s", str(ROOT / "Snakefile"), "--configfile", CONFIG)
    assert "Nothing to be done" in snakemake(study, "-n", *words)


def test_addresses_licences_and_the_order_of_held_out_languages_are_no_changes(changed):
    output = changed(
        mirror="/somewhere/else/",
        accept_licence=["mlqa-r"],
        languages={"pool": ["en", "de", "es"], "heldout": ["sv", "nl"]},
    )
    assert "Nothing to be done" in output and "out of date" not in output


def test_a_title_is_a_change_of_the_report(changed):
    assert done(changed(title="Another title")) == {"provenance", "report_of_study"}


def test_comments_and_docstrings_are_no_changes(study):
    kept = {}
    for file in [*study.glob("src/**/*.py"), *study.glob("workflow/scripts/*.py")]:
        kept[file] = file.read_text()
        before = ast.get_docstring(ast.parse(kept[file]), clean=False)
        opening = '"""Another docstring."""\n' if before is None else f'"""Another docstring. {before}"""\n'
        rest = kept[file] if before is None else kept[file].partition('"""')[2].partition('"""')[2]
        file.write_text(f"# a comment\n{opening}{rest}\n# another comment\n")
    try:
        output = snakemake(study, "-n", "--configfile", CONFIG)
    finally:
        for file, text in kept.items():
            file.write_text(text)
    assert len(kept) > 100 and "Nothing to be done" in output


@pytest.mark.parametrize(
    ("module", "rules", "stale"),
    [
        ("training/batches.py", {"train"}, True),
        ("training/loss.py", {"train"}, True),
        ("core/random.py", DRAWING, True),
        ("retrieval/rank_formulas.py", {"score", "statistics"}, False),
        ("statistics/contrasts.py", {"statistics", "claims"}, False),
        ("reporting/formats.py", {"format"}, False),
    ],
)
def test_code_reruns_what_it_can_change(edited, module, rules, stale):
    output = edited(module)
    counts = job_counts(output)
    assert rules <= set(counts)
    assert (counts.get("train", 0), STALE in output) == ((TRAININGS, True) if stale else (0, False))
    if stale:
        assert f"code of {module} ({TRAININGS})" in output
    if "embed" in rules:  # untrained rows stand beside the trained ones
        assert counts["embed"] == UNTRAINED
    if rules == {"format"}:
        assert not {"statistics", "claims"} & set(counts)


def test_options_rerun_what_they_change(study, changed):
    config = yaml.safe_load((study / CONFIG).read_text())
    output = changed(training=config["training"] | {"learning_rate": 0.02})
    assert job_counts(output)["train"] == TRAININGS
    assert f"{STALE}, done again if needed: training.learning_rate ({TRAININGS})" in output
    more = job_counts(changed(replicates=5))
    assert (more["train"], more.get("subset", 0)) == (2, 0)
    assert done(changed(statistics=config["statistics"] | {"resamples": 300})) == TABLES
    # what a model saw is a mark in the tables; a declared size may change the batches
    assert done(changed(models={"tiny": config["models"]["tiny"] | {"seen": ["cldr"]}})) == TABLES
    sized = job_counts(changed(sources={"cldr": config["sources"]["cldr"] | {"size": 1000}}))
    assert sized["train"] == TRAININGS and not {"source", "subset", "tokens"} & set(sized)


def test_a_benchmark_added_or_cut_is_audited_and_trains_nothing(changed):
    more = changed(benchmarks={"cldr": {"questions": 30}, "cards": {"set": "cldr", "questions": 9}})
    counts = job_counts(more)
    assert (counts["overlap"], counts["audit"], counts["gate"]) == (1, 1, 1)
    assert counts["embed"] == EMBEDDINGS and not {"train", "subset"} & set(counts)
    fewer = job_counts(changed(benchmarks={"cldr": {"questions": 29}}))
    assert fewer["score"] > EMBEDDINGS and not {"train", "subset"} & set(fewer)


def test_the_audit_made_again_trains_nothing(study):
    for path in ("tables/audit.csv", "audit/passed.json", "audit/cldr/cldr.json"):
        (study / RESULTS / path).unlink()
    shutil.rmtree(study / RESULTS / "audit/cldr/.made")
    output = snakemake(study, f"{RESULTS}/audit/passed.json", "--configfile", CONFIG)
    assert set(job_counts(output)) == {"overlap", "audit", "gate"}
    # the table has its bytes again, so not even the ledger reads it again
    assert "Nothing to be done" in snakemake(study, "-n", "--configfile", CONFIG)


def test_the_audit_stops_a_study_whose_training_data_is_in_the_benchmark(study, tmp_path):
    """The pool of cldr holds the training cards as distractors, so the audit must find every one of them."""
    config = yaml.safe_load((study / CONFIG).read_text()) | {"audit": {}}
    (tmp_path / "strict.yaml").write_text(yaml.safe_dump(config))
    output = snakemake(study, "data", "--configfile", str(tmp_path / "strict.yaml"), ok=False)
    assert re.search(r"leakage: cldr \(train\) and cldr: (\d+) of \1 pairs \(100.00%\)", output)
    leaks = pd.read_csv(study / RESULTS / "tables/leaks.csv")
    assert set(leaks.loc[leaks["text"] == "passage", "match"]) == {"exact"}
    snakemake(study, "data", "--configfile", CONFIG)


def test_data_of_equal_content_end_every_later_job(study):
    """Code of the source changes and its tables do not: every job down to a run's scores is done at once."""
    run = next((study / RESULTS / "runs/tiny/x-y/fixed-total").glob("n2-*/seed1"))
    target = (run / "scores/last/cldr.json").relative_to(study)
    weights = run / "last/model.safetensors"
    before, times = (study / target).read_bytes(), weights.stat().st_mtime_ns
    reader = study / "src/langscale/data/sources/cldr.py"
    text = reader.read_text()
    try:
        reader.write_text(text + "\nCHANGED = 1\n")
        counts = job_counts(snakemake(study, str(target), "--configfile", CONFIG))
        assert {"source", "benchmark", "base", "tokens", "subset", "train", "score"} <= set(counts)
        log = (study / RESULTS / f"logs/train/{run.relative_to(study / RESULTS / 'runs')}.log").read_text()
        assert log == "made before from the same data, options and code; nothing to do\n"
        assert ((study / target).read_bytes(), weights.stat().st_mtime_ns) == (before, times)
        # and the next start plans none of them
        assert "Nothing to be done" in snakemake(study, "-n", str(target), "--configfile", CONFIG)
    finally:
        reader.write_text(text)


def test_verify_counts_the_files_and_names_each_damage(study):
    output = snakemake(study, "verify", "--configfile", CONFIG)
    assert int(re.search(r"verify: (\d+) files are as they were made", output)[1]) > 300
    run = next((study / RESULTS / "runs").glob("tiny/x-y/*/*/seed1"))
    for name in ("last/model.safetensors", "embeddings/best/cldr/questions.npy", "scores/last/cldr.parquet"):
        with (run / name).open("r+b") as file:
            file.seek(1024)
            file.write(bytes(512))
    (run / "rankings/last/cldr.npy").unlink()
    output = snakemake(study, "verify", "--configfile", CONFIG, ok=False)
    damaged = re.findall(r"^\s*(\S+): (?:damaged, SHA-256 \w+; right: \w+|missing)$", output, re.MULTILINE)
    assert sorted(set(damaged)) == sorted(
        str((run / name).relative_to(study))
        for name in (
            "last/model.safetensors", "embeddings/best/cldr/questions.npy", "scores/last/cldr.parquet",
            "rankings/last/cldr.npy",
        )
    )  # fmt: skip
    assert re.search(r"verify: 4 of \d+ files are damaged or missing", output)
