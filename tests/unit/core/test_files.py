import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from langscale.core import files
from langscale.core.files import atomic, remove, sha256, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new/folders/value.txt"
    with atomic(path) as partial:
        partial.write_text("one")
        assert partial.parent == path.parent and not path.exists()
    with pytest.raises(RuntimeError), atomic(path) as partial:
        partial.write_text("half of tw")
        raise RuntimeError
    assert path.read_text() == "one" and names(path.parent) == ["value.txt"]
    with atomic(path) as partial:
        partial.write_text("two")
    assert path.read_text() == "two" and names(path.parent) == ["value.txt"]


def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path):
    for file in ("old", "new"):
        with atomic(tmp_path / "folder") as partial:
            (partial / "deep").mkdir(parents=True)
            (partial / "deep" / file).touch()
    assert names(tmp_path / "folder/deep") == ["new"] and names(tmp_path) == ["folder"]
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "folder"):
        pass  # a block that writes nothing must not cost what was there
    assert names(tmp_path / "folder/deep") == ["new"] and names(tmp_path) == ["folder"]


def test_a_folder_is_whole_even_while_the_old_one_is_deleted(tmp_path, monkeypatch):
    def fill(value):
        with atomic(tmp_path / "folder") as partial:
            partial.mkdir()
            for i in range(3):
                (partial / f"{i}").write_text(value)

    def interrupted(path):
        (Path(path) / "0").unlink()
        raise KeyboardInterrupt

    fill("old")
    monkeypatch.setattr(files.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill("new")
    assert [(tmp_path / "folder" / f"{i}").read_text() for i in range(3)] == ["new"] * 3


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "value.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys; from langscale.core.files import atomic\n"
        "with atomic(sys.argv[1]) as partial:\n"
        "    partial.write_text('half of n'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[2])}
    killed = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL and path.read_text() == "old"


def test_remove_does_not_follow_links(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove(tmp_path / "link")
    remove(tmp_path / "nothing")
    assert names(tmp_path) == ["kept"] and names(tmp_path / "kept") == ["file"]
    remove(tmp_path / "kept")
    assert names(tmp_path) == []


def test_json_and_digest(tmp_path):
    write_json(tmp_path / "value.json", {"b": 1, "a": "ü"})
    assert (tmp_path / "value.json").read_text(encoding="utf-8") == '{\n  "a": "ü",\n  "b": 1\n}\n'
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
