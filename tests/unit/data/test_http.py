"""Downloads from servers that fail, files of a hub, and the check of the registry, all on this machine."""

import hashlib
import os
import re
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from huggingface_hub import constants, file_download
from support.http_server import COMMIT, CONTENT, SHA, hub_entry, kept, web_entry

from langscale.core.errors import UserError
from langscale.data import http as web
from langscale.data.download import check, expand, fetch, fetch_all, local
from langscale.data.remote_files import Entry

pytest_plugins = ["support.http_server"]


# failing servers


def test_two_failures_then_success_without_sending_anything_twice(tmp_path, server):
    server.files["/data/a.json"] = CONTENT
    server.faults = [503, "cut 400000", "cut 300000"]
    assert fetch(web_entry(server, sha256=SHA), tmp_path).read_bytes() == CONTENT
    ranges = [wanted for method, _, wanted in server.log if method == "GET"]
    assert ranges[:2] == [None, None] and len(ranges) == 4
    first, second = (int(re.match(r"bytes=(\d+)-", wanted)[1]) for wanted in ranges[2:])
    assert 0 < first <= 400000 and first < second <= first + 300000


def test_a_server_without_ranges_starts_again(tmp_path, server):
    server.files["/data/a.json"], server.ranges = CONTENT, False
    server.faults = ["cut 400000", "cut 400000"]
    assert fetch(web_entry(server, sha256=SHA), tmp_path).read_bytes() == CONTENT


def test_a_later_run_resumes(tmp_path, server):
    server.files["/data/a.json"] = CONTENT
    server.faults = ["cut 400000"] + [500] * 4
    with pytest.raises(UserError, match="could not be fetched .*500 Server Error"):
        fetch(web_entry(server), tmp_path)
    assert kept(tmp_path) == []
    assert fetch(web_entry(server), tmp_path).read_bytes() == CONTENT
    assert server.log[-1][2] is not None and server.log[-1][2] != "bytes=0-"


def test_parts_of_two_versions_are_never_joined(tmp_path, server, monkeypatch):
    server.files["/data/a.json"], server.faults = CONTENT, ["cut 400000"]
    get, new = web._go_on, CONTENT[::-1]

    def change_between(*args):
        try:
            get(*args)
        finally:
            server.files["/data/a.json"] = new

    monkeypatch.setattr(web, "_go_on", change_between)
    assert fetch(web_entry(server), tmp_path).read_bytes() == new
    assert server.log[-1][2] is not None and not list(tmp_path.rglob("*.etag"))


@pytest.mark.parametrize(
    "header, low, high",
    [("7", 7, 7), ("100000", 300, 300), ("soon", 0, 0), ("", 0, 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_the_pause_that_a_server_asks_for(header, low, high):
    error = OSError()
    error.response = SimpleNamespace(headers={"Retry-After": header}, status_code=429)
    assert low <= web.wanted_pause(error) <= high
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    error.response.headers["Retry-After"] = later
    assert 60 < web.wanted_pause(error) <= 90


def test_a_missing_file_is_asked_for_once(tmp_path, server):
    with pytest.raises(UserError) as error:
        fetch(web_entry(server), tmp_path)
    assert server.gets() == ["/data/a.json"]
    assert "404" in str(error.value) and "check_registry" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("place", [None, "there"])
def test_offline_says_what_to_do(tmp_path, server, place):
    server.http.shutdown()
    server.http.server_close()
    for entry in (web_entry(server), hub_entry()):
        mirror = place and str(tmp_path / place)
        with pytest.raises(UserError) as error:
            fetch(entry, tmp_path / "raw", mirror)
        text = str(error.value)
        assert (
            f"offline: put the file at {mirror or 'MIRROR'}/{entry.path} or run `snakemake download`" in text
        )
        assert text.startswith("set: ") and "\n" not in text
    assert kept(tmp_path) == []


def test_two_jobs_that_want_one_file_download_it_once(tmp_path, server):
    server.files["/data/a.json"] = CONTENT
    jobs = [threading.Thread(target=fetch, args=(web_entry(server), tmp_path)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert server.gets() == ["/data/a.json"] and len(kept(tmp_path)) == 2


# the hub


def test_hub_file_by_name_and_revision(tmp_path, server):
    path = f"/datasets/some/set/resolve/{COMMIT}/data/a.bin"
    server.files[path], server.faults = CONTENT, ["cut 400000", "cut 300000"]
    found = fetch(hub_entry(sha256=SHA), tmp_path)
    assert found == tmp_path / f"huggingface.co{path}" and found.read_bytes() == CONTENT
    assert [wanted for method, _, wanted in server.log if method == "GET"][-1] is not None  # resumed
    assert kept(tmp_path) == [f"huggingface.co{path}", f"huggingface.co{path}.json"]
    with pytest.raises(UserError, match="could not be fetched"):
        fetch(hub_entry("data/b.bin"), tmp_path)


def test_hub_pattern_is_resolved_with_hashes(tmp_path, server):
    contents = {f"en/train-0000{n}-of-00002.parquet": b"%d" % n for n in range(2)}
    big = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    server.files = {f"/datasets/some/set/resolve/{COMMIT}/{n}": c for n, c in contents.items()}
    server.trees[f"/api/datasets/some/set/tree/{COMMIT}"] = [
        {"type": "directory", "path": "en", "oid": "0" * 40},
        *(
            {"type": "file", "path": name, "size": 1, "oid": "0" * 40,
             "lfs": {"oid": digest, "size": 1, "pointerSize": 1}}
            for name, digest in reversed(big.items())
        ),
        {"type": "file", "path": "en/deep/0.parquet", "size": 1, "oid": "0" * 40},
        {"type": "file", "path": "de/0.parquet", "size": 1, "oid": "0" * 40},
    ]  # fmt: skip
    entry = hub_entry("en/*.parquet")
    found = expand(entry, tmp_path)
    assert [(one.file, one.sha256, one.size) for one in found] == [(n, big[n], 1) for n in sorted(contents)]
    assert [file.read_bytes() for file in fetch_all([entry], tmp_path)] == [b"0", b"1"]
    assert [file.read_bytes() for file in local(entry, tmp_path)] == [b"0", b"1"]
    with pytest.raises(UserError, match="has no fr/.*; right: one at least"):
        expand(hub_entry("fr/*.parquet"), tmp_path)
    assert expand(hub_entry("*.txt", optional=True), tmp_path) == []


def cached(path, content=CONTENT, commit=COMMIT):
    """Put a file into the cache of the hub's library, as it lays it out."""
    folder = Path(constants.HF_HUB_CACHE) / "datasets--some--set"
    blob, link = folder / "blobs" / hashlib.sha256(content).hexdigest(), folder / "snapshots" / commit / path
    for file in (blob, link):
        file.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    link.symlink_to(os.path.relpath(blob, link.parent))
    return blob


@pytest.mark.parametrize("offline", [True, False])
def test_the_cache_of_the_hub_serves_without_network(tmp_path, monkeypatch, server, offline):
    """With HF_HUB_OFFLINE the hub gets no request; without it an unreachable hub leaves the cached files."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    if not offline:
        server.http.shutdown()
        server.http.server_close()
    for name in ("en/0.parquet", "en/1.parquet", "de/0.parquet"):
        cached(name, name.encode())
    found = fetch_all([hub_entry("en/*.parquet"), hub_entry("de/0.parquet")], tmp_path)
    assert [file.read_bytes() for file in found] == [b"en/0.parquet", b"en/1.parquet", b"de/0.parquet"]
    with pytest.raises(UserError, match="could not be fetched"):
        fetch(hub_entry("fr/0.parquet"), tmp_path)
    with pytest.raises(UserError, match="names of .* are unknown"):
        fetch_all([hub_entry("fr/*.parquet")], tmp_path)
    assert server.log == []


def test_a_damaged_file_of_the_cache_is_downloaded_again(tmp_path, server):
    server.files[f"/datasets/some/set/resolve/{COMMIT}/data/a.bin"] = CONTENT
    cached("data/a.bin").write_bytes(CONTENT[:-512] + bytes(512))
    assert fetch(hub_entry(sha256=SHA), tmp_path).read_bytes() == CONTENT


# the check


def test_check_tells_what_is_there(server):
    good = hub_entry("data/a.bin", size=len(CONTENT), sha256=SHA)
    server.files = {"/data/a.json": CONTENT}
    server.trees[f"/api/datasets/some/set/tree/{COMMIT}"] = [
        {"type": "file", "path": "data/a.bin", "size": len(CONTENT), "oid": "0" * 40,
         "lfs": {"oid": SHA, "size": len(CONTENT), "pointerSize": 1}},
    ]  # fmt: skip
    entries = [
        web_entry(server, size=len(CONTENT), note="a note"),
        web_entry(server, size=5),
        Entry("set", url=f"{server.url}/gone.json"),
        good,
        hub_entry("data/b.bin"),
        hub_entry("data/a.bin", sha256="0" * 64),
        hub_entry("data/*.bin"),
        hub_entry("*.txt", optional=True),
    ]
    rows = check(entries)
    status = ["ok", "moved", "moved", "ok", "moved", "moved", "ok", "ok"]
    assert [row["status"] for row in rows] == status
    assert [row["path"] for row in rows] == [entry.path for entry in entries]
    assert "size is 1048576, the registry's is 5" in rows[1]["detail"] and "404" in rows[2]["detail"]
    assert rows[0]["note"] == "a note" and server.gets() and "/data/a.json" not in server.gets()


def test_check_survives_without_network(server, monkeypatch):
    waits = []
    monkeypatch.setattr(file_download.time, "sleep", waits.append)
    server.http.shutdown()
    server.http.server_close()
    rows = check([web_entry(server), web_entry(server), hub_entry(), hub_entry("*.txt")])
    assert [row["status"] for row in rows] == ["unreachable"] * 4
    assert all(row["detail"] for row in rows)
    assert sum(waits) < 30  # seconds: the hub's library waits by itself, and nobody repeats that


def test_the_hub_is_asked_for_the_listing_of_a_repository_once(server):
    server.trees[f"/api/datasets/some/set/tree/{COMMIT}"] = []
    check([hub_entry(f"{n}.bin") for n in range(5)])
    assert len(server.gets()) == 1 and parse_qs(urlsplit(server.log[0][1]).query) == {}
