"""Config files: strict YAML, `extends`, several files and changes, each mistake on one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.configs import SMALL, changed
from support.project_copy import ROOT

from langscale.config.files import LARGEST, errors_of, load_files, merged, read
from langscale.config.study import load
from langscale.core.errors import UserError

TEXT = yaml.safe_dump(SMALL)
BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{i}: &a{i} [{', '.join(f'*a{i - 1}' for _ in range(10))}]\n" for i in range(1, 12)
)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line(*files, **changes):
    """The error of reading files."""
    with pytest.raises(UserError) as error:
        load_files(files, changes)
    text = str(error.value)
    assert "\n" not in text and len(text) <= 300
    return text


BYTES = [  # the bytes of a file, its error
    (b"", "t.yaml: found nothing; a mapping of keys is right"),
    (b"# only a comment\n", "t.yaml: found nothing; a mapping of keys is right"),
    (b"- a\n- b\n", "t.yaml: found a list; a mapping of keys is right"),
    (b"words\n", "t.yaml: found a str; a mapping of keys is right"),
    (TEXT.encode("utf-16"), "t.yaml: UTF-16 text; save it as UTF-8"),
    (TEXT.encode("utf-16-be"), "t.yaml: not YAML: "),
    (b"title: \xe9\n", "t.yaml: byte 0xe9 at position 7 is not UTF-8; a YAML file in UTF-8 is right"),
    (bytes(range(256)) * 9, "t.yaml: byte 0x80 at position 128 is not UTF-8; a YAML file in UTF-8 is right"),
    (b"PK\x03\x04", "t.yaml: not YAML: unacceptable character #x0003"),
    (b"a: 1\n\tb: 2\n", "t.yaml: line 2: not YAML: found character '\\t' that cannot start any token"),
    (b"a: [1, 2\n", "t.yaml: line 2: not YAML: expected ',' or ']', but got '<stream end>'"),
    (b"a: b: c\n", "t.yaml: line 1: not YAML: mapping values are not allowed here"),
    (b"a: *b\n", "t.yaml: line 1: not YAML: found undefined alias 'b'"),
    (b"a: !!python/object/apply:os.getcwd []\n", "t.yaml: line 1: not YAML: could not determine"),
    (b"a: 2024-13-45\n", "t.yaml: not YAML: month must be in 1..12"),
    (b"a: &a {b: *a}\n", "t.yaml: line 1: an alias is inside its own anchor"),
    (b"[" * 5000, "t.yaml: nested too deeply; a mapping of keys is right"),
    (BOMB.encode(), "t.yaml: more than 100,000 values, with those that aliases repeat"),
    (b"#" * (LARGEST + 1), f"t.yaml: {LARGEST + 1:,} bytes; a YAML file of at most {LARGEST:,} is right"),
    (b"a: 1\nb: 2\na: 3\n", "t.yaml: line 3: a stands in line 1 too; once is right"),
    (b"a:\n  b: {c: 1, d: 2, c: 3}\n", "t.yaml: line 2: c stands in line 2 too; once is right"),
    (b"a:\n- b: 1\n  b: 1\n", "t.yaml: line 3: b stands in line 2 too; once is right"),
]  # fmt: skip


@pytest.mark.parametrize("raw, expected", BYTES, ids=[text[:50] for _, text in BYTES])
def test_a_file_that_is_no_mapping_of_yaml_is_one_line(inside, raw, expected):
    (inside / "t.yaml").write_bytes(raw)
    assert line("t.yaml").startswith(expected)


def test_a_file_that_cannot_be_read_is_one_line(inside):
    assert line("no.yaml") == "no.yaml: there is no such file"
    (inside / "folder").mkdir()
    assert line("folder") == "folder: cannot be read (Is a directory); a YAML file is right"
    far = "/no/" + "x" * 300 + "/t.yaml"
    assert line(far).endswith("xxx/t.yaml: there is no such file")


def test_text_in_utf_8_is_read_with_and_without_its_mark(inside):
    for encoding in ("utf-8", "utf-8-sig"):
        text = TEXT + "title: Σ 语言 🌍\n"
        (inside / "t.yaml").write_bytes(text.encode(encoding))
        assert load_files(["t.yaml"]).title == "Σ 语言 🌍"


def test_no_read_as_false_is_to_be_quoted(inside):
    (inside / "t.yaml").write_text(TEXT.replace("- el", "- no"))
    assert line("t.yaml") == (
        "t.yaml: languages.heldout.0: found false; text is right; quote it, because YAML reads no, yes, "
        "off and on as false and true"
    )
    (inside / "t.yaml").write_text(TEXT.replace("- el", "- 'no'"))
    assert load_files(["t.yaml"]).languages.heldout == ["no"]


def test_anchors_and_merged_keys_are_no_keys_twice(inside):
    anchors = "x: &x {a: 1, b: 2}\ny: &y {<<: *x, b: 3}\nz: {<<: *y, a: 4}\nlists: [*x, *x, {<<: *x, a: 5}]\n"
    (inside / "t.yaml").write_text(anchors)
    assert read("t.yaml") == yaml.safe_load(anchors)


# --- extends, several files, changes


def test_a_study_extends_another_file_and_null_deletes(inside):
    (inside / "base").mkdir()
    (inside / "base/b.yaml").write_text(TEXT)
    (inside / "base/mid.yaml").write_text(
        "extends: b.yaml\nreplicates: 6\ntraining: {threads: 2, scale: 50}\n"
    )
    changes = {
        "extends": "base/mid.yaml",
        "study": "cell",
        "languages": {"heldout": None},
        "training": {"threads": None},
        "models": {"tiny": None, "e5": {"hub": "a/b"}},
        "grid": [{"samplers": ["x-x-mono"], "n": [2]}],
    }
    (inside / "t.yaml").write_text(yaml.safe_dump(changes))
    study = load_files(["t.yaml"])
    assert (study.study, study.replicates, study.languages.heldout) == ("cell", 6, [])
    assert (study.training.threads, study.training.scale) == (1, 50)
    assert list(study.models) == ["e5"] and [arm.n for arm in study.grid] == [[2]]


@pytest.mark.parametrize(
    "text, expected",
    [
        (
            "extends: no.yaml",
            "t.yaml: extends: there is no file no.yaml; a path relative to this file is right",
        ),
        (
            "extends: t.yaml",
            "t.yaml: extends: t.yaml extends this file; a chain of files without a circle is right",
        ),
        (
            "extends: other.yaml",
            "other.yaml: extends: t.yaml extends this file; a chain of files without a circle",
        ),
        ("extends: [a, b]", "t.yaml: extends: found ['a', 'b']; a file name is right"),
        ("extends: null", "t.yaml: extends: found None; a file name is right"),
    ],
)
def test_a_file_that_extends_nothing_or_itself_is_one_line(inside, text, expected):
    (inside / "other.yaml").write_text("extends: t.yaml\n")
    (inside / "t.yaml").write_text(text)
    assert line("t.yaml").startswith(expected)


def test_later_files_and_changes_win(inside):
    (inside / "a.yaml").write_text(TEXT)
    (inside / "b.yaml").write_text("replicates: 2\nbenchmarks: {cldr: {questions: 9}}\n")
    study = load_files(["a.yaml", "b.yaml"], {"replicates": 3})
    assert study == load(changed("replicates", 3, of=changed("benchmarks", "cldr", "questions", 9)))
    assert line("a.yaml", "b.yaml", replicates=0).startswith("a.yaml + b.yaml: replicates: found 0; ")


VALUES = st.recursive(
    st.none() | st.integers(), lambda v: st.dictionaries(st.sampled_from("abc"), v), max_leaves=6
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), VALUES)


@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_what_is_not_named_deletes_nulls_and_takes_the_rest(base, changes):
    both = merged(base, changes)
    assert merged(base, {}) == base
    for key in set(base) | set(changes):
        if key not in changes:
            assert both[key] == base[key]
        elif changes[key] is None:
            assert key not in both
        elif isinstance(changes[key], dict) and isinstance(base.get(key), dict):
            assert both[key] == merged(base[key], changes[key])
        else:
            assert both[key] == changes[key]


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(deadline=None)
def test_any_bytes_give_a_study_or_one_line(raw):
    Path("any.yaml").write_bytes(raw)
    line("any.yaml")


def test_errors_after_loading_name_the_files(inside):
    with pytest.raises(UserError) as error, errors_of([inside / "t.yaml"]):
        raise UserError("grid:\n  wrong " + "x" * 400)
    assert str(error.value).startswith("t.yaml: grid: wrong xxx") and len(str(error.value)) == 300


# --- from the command line


def run(*words, folder, **environment):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)


def test_a_file_is_checked_without_snakemake(inside):
    (inside / "t.yaml").write_text(TEXT)
    check = (sys.executable, "-m", "langscale.config.files", "t.yaml")
    assert run(*check, folder=inside).returncode == 0
    (inside / "t.yaml").write_text(TEXT + "replicates: 0\n")
    found = run(*check, folder=inside)
    assert (found.returncode, found.stderr) == (1, "t.yaml: replicates: found 0; more than 0 is right\n")


@pytest.mark.parametrize(
    "added, expected",
    [
        ("replicates: 0", "t.yaml: replicates: found 0; more than 0 is right"),
        ("study: again", "t.yaml: line 28: study stands in line 27 too; once is right"),
        ("statistics: {claims: [C33]}",
         "t.yaml: statistics.claims.0: C33 is unknown (did you mean C3?); docs/claims.md lists all"),
        ("statistics: {contrasts: [{cell: {sampler: x-y, n: 9}, reference: {sampler: x-y}, setting: cross}]}",
         "t.yaml: statistics.contrasts.0.cell: x-y n=9 names 0 points of the grid, one is right; there are "
         "bm25 none none n=0, tiny untrained none n=0, tiny x-y b n=1, tiny x-y b n=3"),
    ],
)  # fmt: skip
def test_snakemake_says_it_on_one_line_without_its_frames(inside, added, expected):
    (inside / "t.yaml").write_text(f"{TEXT}{added}\n")
    snakemake = (sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "--cores", "1")
    found = run(*snakemake, "--configfile", "t.yaml", folder=inside)
    lines = [
        text for text in found.stderr.splitlines() if not text.startswith("Using workflow specific profile")
    ]
    assert found.returncode == 1 and lines == [expected]


def test_the_example_of_the_reference_is_a_study(inside):
    page = (ROOT / "config/README.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    (inside / "t.yaml").write_text(example.replace("extends: ", f"extends: {ROOT}/config/"))
    study = load_files(["t.yaml"])
    assert study.study == "one-cell" and list(study.benchmarks) == ["xquad-r", "xquad-r-paragraph"]
