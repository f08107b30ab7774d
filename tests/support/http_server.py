"""Servers of this machine that fail in every way that servers do, and small files, for tests of fetching.

PYTEST_DONT_REWRITE: nothing is asserted here.
"""

import hashlib
import json
import re
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants, file_download

from langscale.data import http as web
from langscale.data.remote_files import Entry

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """Serves `files` (path -> bytes); a GET takes the next of `faults`: a status, or "cut 9", to hang up."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.trees: dict[str, list[dict]] = {}
        self.faults: list[int | str] = []
        self.ranges = True
        self.log: list[tuple[str, str, str | None]] = []
        handler = partial(Handler, self)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def gets(self):
        return [path for method, path, _ in self.log if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server, *args):
        self.of = server
        super().__init__(*args)

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = urlsplit(self.path).path
        self.of.log.append((self.command, path, self.headers.get("Range")))
        fault = self.of.faults.pop(0) if body and self.of.faults else None
        if path.startswith("/api/"):
            return self.send(200, json.dumps(self.of.trees[unquote(path)]).encode(), {})
        # a static server undoes one level of quoting; the hub's own paths keep theirs
        content = self.of.files.get(path, self.of.files.get(unquote(path)))
        if isinstance(fault, int) or content is None:
            return self.send(fault or 404, b"", {})
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        status, start = 200, 0
        same = self.headers.get("If-Range") in (None, headers["ETag"])
        if self.of.ranges and same and (wanted := self.headers.get("Range")):
            start, status = int(re.match(r"bytes=(\d+)-", wanted)[1]), 206
            if start >= len(content):
                return self.send(416, b"", {})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = int(fault.removeprefix("cut ")) if fault else None
        return self.send(status, content[start:], headers, body, cut)

    def send(self, status, content, headers, body=True, cut=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
        if cut is not None:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path_factory):
    """No waiting between tries, an empty hub cache, nothing that sends the hub's library elsewhere."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
    monkeypatch.setattr(web, "PAUSE", 0)
    monkeypatch.setattr(file_download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    web.tree.cache_clear()


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setattr(web, "HUB", server.url)
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def offline(monkeypatch):
    """Every attempt to open a connection is an error of the test."""

    def refuse(*args, **kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def put(root, path, content=CONTENT):
    file = Path(root) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def kept(root):
    """The finished files below a folder, without locks and what is left for resuming."""
    found = (f.relative_to(root) for f in Path(root).rglob("*") if f.is_file())
    return sorted(str(f) for f in found if not any(part.startswith(".") for part in f.parts))


def web_entry(server, **facts):
    return Entry("set", url=f"{server.url}/data/a.json", **facts)


def hub_entry(file="data/a.bin", **facts):
    return Entry("set", repo="some/set", revision=COMMIT, file=file, **facts)


ANYWHERE = Entry("set", url="https://example.org/data/a.json", sha256=SHA, size=len(CONTENT))
