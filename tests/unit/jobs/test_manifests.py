"""Manifests say what files are, whatever their times and places, and name each file that differs."""

import json
import os
import shutil
from pathlib import Path

import pytest

from langscale.core.errors import UserError
from langscale.jobs import manifests
from langscale.jobs.manifests import checked, content, damages, described, read, target, write

ZEROS = bytes(512)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with two files, one larger than the zeros that damage it, and its manifest."""
    folder = tmp_path / "data/cldr"
    (folder / "train").mkdir(parents=True)
    (folder / "train/pairs.arrow").write_bytes(bytes(range(256)) * 8)
    (folder / "summary.json").write_text("{}")
    write(f"{folder}.json")
    return folder


def test_a_manifest_lists_the_content_of_a_folder(folder):
    assert json.loads(Path(f"{folder}.json").read_text()) == {
        "cldr/summary.json": {
            "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "size": 2,
        },
        "cldr/train/pairs.arrow": {
            "sha256": "10fc3c51a152e90e5b90319b601d92ccf37290ef53c35ff92507687d8a911a08",
            "size": 2048,
        },
    }
    assert read(f"{folder}.json") == content(folder) and checked(f"{folder}.json") == folder


def test_equal_content_gives_equal_bytes_wherever_it_lies(folder, tmp_path):
    copy = tmp_path / "elsewhere/cldr"
    (copy / "train").mkdir(parents=True)
    for name in ("train/pairs.arrow", "summary.json"):  # in another order, at another time
        shutil.copyfile(folder / name, copy / name)
        os.utime(copy / name, (1, 1))
    write(f"{copy}.json")
    assert Path(f"{copy}.json").read_bytes() == Path(f"{folder}.json").read_bytes()


def test_a_link_counts_as_what_it_leads_to(folder, tmp_path):
    linked = tmp_path / "linked/cldr"
    linked.mkdir(parents=True)
    (linked / "summary.json").symlink_to(folder / "summary.json")
    facts = content(folder)["cldr/summary.json"]
    assert content(linked) == {"cldr/summary.json": facts}


@pytest.mark.parametrize("name", ["cldr", "my.set", "my.set.v2"])
def test_a_manifest_stands_beside_the_one_file_of_its_name(tmp_path, name):
    for other in (f"{name}.npy", f"{name}.more.npy", f"{name}-similarity.npy", f"{name}-similarity.json"):
        (tmp_path / other).write_bytes(b"1")
    manifest = tmp_path / f"{name}.json"
    write(manifest)
    assert list(read(manifest)) == [f"{name}.npy"]
    assert checked(manifest) == described(manifest) == target(manifest, ".npy") == tmp_path / f"{name}.npy"
    (tmp_path / f"{name}.csv").write_bytes(b"1")
    with pytest.raises(FileNotFoundError, match=r"describes .*/ or one file .*\.\*; found 2"):
        described(manifest)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda file: overwrite(file), "damaged, SHA-256 [0-9a-f]{12}; right: [0-9a-f]{12}"),
        (lambda file: file.write_bytes(b"1"), "damaged, 1 bytes; right: 2048"),
        (lambda file: file.unlink(), "missing"),
        (lambda file: (file.unlink(), file.mkdir()), "missing"),
    ],
)
def test_the_reader_of_a_damaged_file_names_it_and_how_to_make_it_again(folder, damage, found):
    file, manifest = folder / "train/pairs.arrow", f"{folder}.json"
    assert checked(manifest) == folder  # that it was read before excuses nothing
    damage(file)
    with pytest.raises(UserError, match=rf"^{file}: {found}; to make it again: rm {manifest}, then start"):
        checked(manifest)
    assert len(list(damages(manifest))) == 1


def overwrite(file: Path) -> None:
    """512 zero bytes in the middle, as a bad sector leaves them."""
    with file.open("r+b") as opened:
        opened.seek(512)
        opened.write(ZEROS)


def test_a_job_that_reads_few_files_checks_those(folder):
    overwrite(folder / "train/pairs.arrow")
    assert checked(f"{folder}.json", "summary.json") == folder
    with pytest.raises(UserError, match=r"pairs\.arrow: damaged"):
        checked(f"{folder}.json", "summary.json", "train/*")


@pytest.mark.parametrize("text", ["", "\0" * 512, "[]", '{"a": 1}', '{"a": {"size": 1}}', "null"])
def test_a_damaged_manifest_is_named(folder, text):
    manifest = Path(f"{folder}.json")
    manifest.write_text(text)
    with pytest.raises(UserError, match=rf"^{manifest}: damaged; to make it again: rm {manifest}"):
        checked(manifest)
    manifest.unlink()
    with pytest.raises(UserError, match=rf"^{manifest}: missing"):
        checked(manifest)


def test_a_file_is_read_once_per_process(folder, monkeypatch):
    reads = []
    monkeypatch.setattr(manifests, "sha256", lambda path: reads.append(path) or facts[path.name])
    facts = {Path(name).name: f["sha256"] for name, f in read(f"{folder}.json").items()}
    for _ in range(3):
        checked(f"{folder}.json")
    assert len(reads) == 2
