"""Fetching without a network: mirrors, wrong content, licences, patterns."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.http_server import ANYWHERE, COMMIT, CONTENT, SHA, hub_entry, kept, put, web_entry

from langscale.core.errors import UserError
from langscale.data.download import expand, fetch, fetch_all, local
from langscale.data.remote_files import Entry

pytest_plugins = ["support.http_server"]


# mirrors


def test_folder_works_without_network(tmp_path, offline):
    put(tmp_path / "mirror", ANYWHERE.path)
    found = fetch(ANYWHERE, tmp_path / "raw", str(tmp_path / "mirror"))
    assert found == tmp_path / "raw/example.org/data/a.json" and found.read_bytes() == CONTENT
    record = json.loads(Path(f"{found}.json").read_text())
    assert record == {"sha256": SHA, "size": len(CONTENT), "origin": str(tmp_path / "mirror" / ANYWHERE.path)}
    assert found.stat().st_ino == (tmp_path / "mirror" / ANYWHERE.path).stat().st_ino  # no second copy
    (tmp_path / "mirror" / ANYWHERE.path).unlink()
    assert fetch(ANYWHERE, tmp_path / "raw", str(tmp_path / "mirror")).read_bytes() == CONTENT


def test_a_file_system_without_links_gets_a_copy(tmp_path, offline, monkeypatch):
    put(tmp_path / "mirror", ANYWHERE.path)

    def no_links(*args):
        raise PermissionError("links are not permitted")

    monkeypatch.setattr("langscale.data.http.os.link", no_links)
    assert fetch(ANYWHERE, tmp_path / "raw", str(tmp_path / "mirror")).read_bytes() == CONTENT


def test_what_was_fetched_is_a_mirror(tmp_path, server):
    """resources/ and mirrors have one layout, so a login node's folder serves a compute node, hub files
    included."""
    entries = [web_entry(server), hub_entry("en/*.parquet")]
    server.files = {"/data/a.json": b"a"}
    server.files |= {f"/datasets/some/set/resolve/{COMMIT}/en/{n}.parquet": b"%d" % n for n in range(3)}
    server.trees[f"/api/datasets/some/set/tree/{COMMIT}"] = [
        {"type": "file", "path": f"en/{n}.parquet", "size": 1, "oid": "0" * 40} for n in range(3)
    ]
    first = fetch_all(entries, tmp_path / "one")
    asked = len(server.log)
    second = fetch_all(entries, tmp_path / "two", str(tmp_path / "one"))
    assert len(first) == 4 and [f.read_bytes() for f in first] == [f.read_bytes() for f in second]
    assert len(server.log) == asked
    server.files = {
        f"/mirror/{path}": (tmp_path / "one" / path).read_bytes() for path in kept(tmp_path / "one")
    }
    server.trees = {}
    third = fetch_all(entries, tmp_path / "three", f"{server.url}/mirror/")
    assert [f.relative_to(tmp_path / "three") for f in third] == [
        f.relative_to(tmp_path / "one") for f in first
    ]
    assert all(path.startswith("/mirror/") for path in server.gets()[asked:])


def test_url_prefix_comes_first_and_the_web_after_it(tmp_path, server):
    entry = Entry("set", repo="a/b", revision="refs/convert/parquet", file="en/0.parquet")
    server.files = {"/m/huggingface.co/datasets/a/b/resolve/refs%2Fconvert%2Fparquet/en/0.parquet": CONTENT}
    found = fetch(entry, tmp_path, f"{server.url}/m")
    assert found.read_bytes() == CONTENT
    # a static server undoes the quoting, and then finds the file of that name
    assert "/m/huggingface.co/datasets/a/b/resolve/refs%252Fconvert%252Fparquet/" in server.gets()[0]
    entry = web_entry(server)
    server.files = {"/data/a.json": b"web"}
    assert fetch(entry, tmp_path, f"{server.url}/m").read_bytes() == b"web"
    assert server.gets()[-2:] == [f"/m/{entry.path}", "/data/a.json"]


def test_folder_without_the_file_asks_the_web(tmp_path, server):
    server.files["/data/a.json"] = CONTENT
    assert fetch(web_entry(server), tmp_path / "raw", str(tmp_path / "none")).read_bytes() == CONTENT


# wrong content


def test_wrong_file_of_a_mirror_is_named_and_not_kept(tmp_path, offline):
    source = put(tmp_path / "mirror", ANYWHERE.path, CONTENT[:-1] + b"?")
    wrong = hashlib.sha256(source.read_bytes()).hexdigest()
    with pytest.raises(
        UserError, match=f"SHA-256 mismatch for .*a.json: expected {SHA}, got {wrong}. The file was deleted."
    ):
        fetch(ANYWHERE, tmp_path / "raw", str(tmp_path / "mirror"))
    assert kept(tmp_path / "raw") == [] and source.exists()


def test_wrong_size_is_found_first(tmp_path, offline):
    put(tmp_path / "mirror", ANYWHERE.path, b"short")
    with pytest.raises(UserError, match=f"size mismatch for .*: expected {len(CONTENT)}, got 5"):
        fetch(ANYWHERE, tmp_path / "raw", str(tmp_path / "mirror"))


def test_wrong_download_is_not_kept(tmp_path, server):
    server.files["/data/a.json"] = b"something else"
    with pytest.raises(UserError, match=f"SHA-256 mismatch for .*a.json: expected {SHA}, got [0-9a-f]{{64}}"):
        fetch(web_entry(server, sha256=SHA), tmp_path)
    assert [f for f in tmp_path.rglob("*") if f.is_file() and f.stat().st_size] == []
    server.files["/data/a.json"] = CONTENT
    assert fetch(web_entry(server, sha256=SHA), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [SHA, None])
def test_a_file_is_verified_before_each_use(tmp_path, server, sha256):
    """One changed byte, the same size: found by the registry's hash, or by that of the first download."""
    server.files["/data/a.json"] = CONTENT
    entry = web_entry(server, sha256=sha256)
    found = fetch(entry, tmp_path)
    found.unlink()
    found.write_bytes(b"?" + CONTENT[1:])
    with pytest.raises(UserError, match=f"expected {SHA}"):
        fetch(entry, tmp_path)
    assert not found.exists()
    assert fetch(entry, tmp_path).read_bytes() == CONTENT
    server.files["/data/a.json"] = b"the next version"
    found.unlink()
    with pytest.raises(
        UserError, match=r"recorded at the first download; delete .*a.json.json" if sha256 is None else SHA
    ):
        fetch(entry, tmp_path)


def test_a_file_that_was_put_in_place_by_hand_is_taken_and_pinned(tmp_path, offline):
    entry = Entry("set", url="https://example.org/a")
    put(tmp_path, entry.path)
    assert fetch(entry, tmp_path) == local(entry, tmp_path)[0]
    put(tmp_path, entry.path, b"other")
    with pytest.raises(UserError, match=f"expected {SHA} .recorded at the first download"):
        fetch(entry, tmp_path)


# licences


def test_restricted_data_is_not_touched_without_acceptance(tmp_path, server):
    entry = web_entry(server, licence="CC-BY-NC-4.0", restricted=True)
    server.files["/data/a.json"] = CONTENT
    put(tmp_path / "mirror", entry.path)
    for accepted in ((), ("other",)):
        with pytest.raises(UserError, match=r"set: .*CC-BY-NC-4.0.* accept_licence: \[set\]"):
            fetch(entry, tmp_path / "raw", str(tmp_path / "mirror"), accepted)
    free = Entry("free", url=f"{server.url}/data/free.json")
    with pytest.raises(UserError, match="accept_licence"):
        fetch_all([free, entry], tmp_path / "raw")
    assert server.log == [] and not (tmp_path / "raw").exists()
    assert fetch(entry, tmp_path / "raw", None, ["set"]).read_bytes() == CONTENT
    with pytest.raises(UserError, match="accept_licence"):  # also where the file is there already
        fetch(entry, tmp_path / "raw")


# patterns


def test_pattern_in_a_folder_without_network(tmp_path, offline):
    folder = f"huggingface.co/datasets/some/set/resolve/{COMMIT}/en"
    for n in (2, 0):
        put(tmp_path / "mirror", f"{folder}/train-0000{n}-of-00003.parquet", b"%d" % n)
    entry = hub_entry("en/*.parquet")
    with pytest.raises(UserError, match="has 2 files of train, right: 3"):
        expand(entry, tmp_path / "raw", str(tmp_path / "mirror"))
    put(tmp_path / "mirror", f"{folder}/train-00001-of-00003.parquet", b"1")
    put(tmp_path / "mirror", f"{folder}/README.md")
    found = fetch_all([entry], tmp_path / "raw", str(tmp_path / "mirror"))
    assert [file.read_bytes() for file in found] == [b"0", b"1", b"2"] and local(
        entry, tmp_path / "raw"
    ) == found


def test_a_model_in_a_folder_without_network(tmp_path, offline):
    """A folder made by hand lacks the optional files, a resources/ holds records beside the files."""
    one = Entry("some/model", repo="some/model", repo_type="model", revision=COMMIT)
    files = ["*.json", "model.safetensors", "1_Pooling/config.json"]
    entries = [replace(one, file=file) for file in files]
    entries += [replace(one, file=file, optional=True) for file in ("*.model", "*.txt")]
    names = ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json", "vocab.txt"]
    for name in names:
        put(tmp_path / "mirror", f"huggingface.co/some/model/resolve/{COMMIT}/{name}", name.encode())
    for source, target in (("mirror", "one"), ("one", "two")):
        found = fetch_all(entries, tmp_path / target, str(tmp_path / source))
        folder = tmp_path / target / f"huggingface.co/some/model/resolve/{COMMIT}"
        assert sorted(str(file.relative_to(folder)) for file in found) == names
        assert all(file.read_text() == str(file.relative_to(folder)) for file in found)


def test_what_was_not_fetched_is_named(tmp_path):
    for entry in (ANYWHERE, hub_entry("en/*.parquet")):
        with pytest.raises(UserError, match="set: .* is missing; run `snakemake download`"):
            local(entry, tmp_path)


# bodies and listings that cannot be right


@pytest.mark.parametrize(
    "body, told",
    [(b"", "the body is empty"), (b"\n<!DOCTYPE html><html>log in</html>", "the body is an HTML page")],
)
def test_an_empty_body_or_a_page_is_refused(tmp_path, server, body, told):
    server.files["/data/a.json"] = body
    with pytest.raises(UserError, match=told) as error:
        fetch(web_entry(server), tmp_path)
    assert kept(tmp_path) == [] and "\n" not in str(error.value)
    server.files["/data/a.json"] = CONTENT
    assert fetch(web_entry(server), tmp_path).read_bytes() == CONTENT


def test_a_body_longer_than_the_file_is_cut_off(tmp_path, server):
    server.files["/data/a.json"] = CONTENT * 8
    with pytest.raises(UserError, match="TooLong: more than the 1048576 bytes of the file"):
        fetch(web_entry(server, size=len(CONTENT)), tmp_path)
    largest = max((f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()), default=0)
    assert kept(tmp_path) == [] and largest <= len(CONTENT) and len(server.gets()) == 1


@pytest.mark.parametrize("file", ["../../../x", "/tmp/x", "en/../../x.parquet", "en/a/b.parquet", 3, None])
@pytest.mark.parametrize("kind", ["folder", "url"])
def test_a_listing_of_a_mirror_names_files_of_its_pattern_only(tmp_path, server, file, kind):
    entry = hub_entry("en/*.parquet")
    listing = json.dumps({"files": [{"file": file, "url": "https://example.org/evil", "size": 1}]})
    put(tmp_path / "mirror", f"{entry.path}.json", listing.encode())
    server.files[f"/m/{entry.path}.json"] = listing.encode()
    mirror = str(tmp_path / "mirror") if kind == "folder" else f"{server.url}/m"
    with pytest.raises(UserError, match="lists .*; right: files that match en/"):
        expand(entry, tmp_path / "raw", mirror)
    assert not (tmp_path / "raw").exists()


def test_a_listing_of_a_mirror_sets_no_address(tmp_path, offline):
    entry = hub_entry("en/*.parquet")
    row = {"file": "en/a.parquet", "url": "https://example.org/evil", "repo": "evil/set", "size": 1}
    put(tmp_path / "mirror", f"{entry.path}.json", json.dumps({"files": [row]}).encode())
    (found,) = expand(entry, tmp_path / "raw", str(tmp_path / "mirror"))
    assert (found.url, found.repo, found.size) == (None, "some/set", 1)
