"""Downloads of URLs and of hub files, with retries and resuming, and the file list of a hub repository."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from langscale.core.files import sha256

TRIES, PAUSE = 5, 1.0  # seconds before the second try, then doubled
TIMEOUT = 60  # seconds without a byte
LONGEST = 300.0  # seconds of a pause that a server asks for
PASSING = (408, 416, 425, 429)  # HTTP statuses below 500 that may be gone at the next try
HUB: str | None = None  # None: $HF_ENDPOINT, else huggingface.co


@cache
def errors() -> tuple[type[Exception], ...]:
    """The errors of downloads: OSError, with requests' errors, and errors of the hub and its client."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # the client is httpx or httpx2, by version; the first base is the root of its errors
    return OSError, EntryNotFoundError, HfHubHTTPError.__bases__[0]


def status(error: Exception) -> int | None:
    """HTTP status of an error; None: no server answered."""
    return getattr(getattr(error, "response", None), "status_code", None)


def reason(error: Exception) -> str:
    """An error's name and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {line[:200]}"


def persist(act: Callable[[], Any]) -> Any:
    """The result of `act`, tried again after a pause if its error may pass."""
    for attempt in range(TRIES):
        try:
            return act()
        except errors() as error:
            code = status(error)
            final = code is not None and code < 500 and code not in PASSING
            if final or isinstance(error, TooLong) or attempt == TRIES - 1:
                raise
            time.sleep(max(PAUSE * 2**attempt, wanted_pause(error)))


def wanted_pause(error: Exception) -> float:
    """Seconds of a server's Retry-After, at most LONGEST. Without this header 0."""
    wanted = getattr(getattr(error, "response", None), "headers", {}).get("Retry-After", "")
    if wanted.isdigit():
        return min(float(wanted), LONGEST)
    try:
        date = parsedate_to_datetime(wanted).timestamp()
    except (TypeError, ValueError):
        return 0.0
    return min(max(date - time.time(), 0.0), LONGEST)


class TooLong(OSError):
    """A body longer than the known size of its file."""


class _Bounded:
    """A file of at most a known number of bytes."""

    def __init__(self, file: BinaryIO, size: int | None) -> None:
        self.file, self.size = file, size

    def write(self, data: bytes) -> None:
        if self.size is not None and self.file.tell() + len(data) > self.size:
            raise TooLong(f"more than the {self.size} bytes of the file")
        self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


def download(url: str, partial: Path, size: int | None = None) -> None:
    """Fetch `url` into `partial`, and resume it if the server still has the same version.

    size: bytes of the file, if known. A longer body is an error. Raises one of `errors()`.
    """
    persist(lambda: _go_on(url, partial, size))
    _version(partial).unlink(missing_ok=True)


def _version(partial: Path) -> Path:
    """The file with the ETag of the version in `partial`."""
    return partial.with_name(f"{partial.name}.etag")


def _go_on(url: str, partial: Path, size: int | None) -> None:
    import pooch

    version = _version(partial)
    with partial.open("ab") as file:

        def begin(response: Any, **_: Any) -> None:
            # 200: the server sends all of it; 416: it has nothing after the end of what is here
            if response.status_code in (200, 416):
                file.truncate(0)
            if response.status_code == 200:
                version.write_text(response.headers.get("ETag", ""), encoding="utf-8")

        headers = {"Accept-Encoding": "identity"}
        etag = version.read_text(encoding="utf-8") if version.exists() else ""
        if not etag.startswith('"'):  # none or a weak one: parts of two versions could be joined
            file.truncate(0)
        elif file.tell():
            headers |= {"Range": f"bytes={file.tell()}-", "If-Range": etag}
        options = {"headers": headers, "hooks": {"response": begin}, "timeout": TIMEOUT}
        downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), **options)
        downloader(url, _Bounded(file, size), None)


def download_from_hub(
    repo: str, repo_type: str, revision: str, name: str, partial: Path, digest: str | None = None
) -> None:
    """Fetch a hub file by name and revision, through the hub's own cache. Raises one of `errors()`.

    The hub's library has its own retries, resumes by itself, and obeys HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE
    and HF_TOKEN. `partial` is a link to the cached bytes, or a copy on another file system. digest: the
    SHA-256, if known. A cached file with another one is downloaded again.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(repo, name, repo_type=repo_type, revision=revision)
    damaged = digest is not None and isinstance(cached, str) and sha256(cached) != digest
    file = hf_hub_download(
        repo, name, repo_type=repo_type, revision=revision, endpoint=HUB, force_download=damaged
    )
    link(Path(file), partial)


def link(source: Path, target: Path) -> None:
    """Make `target` the same bytes: a hard link, else a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def cached_names(repo: str, repo_type: str, revision: str, pattern: str) -> list[str]:
    """Sorted names in the hub's cache that match `pattern`; none for a repository without a snapshot."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            repo, repo_type=repo_type, revision=revision, allow_patterns=pattern, local_files_only=True
        )
    except (IncompleteSnapshotError, LocalEntryNotFoundError):
        return []
    return sorted(file.relative_to(folder).as_posix() for file in Path(folder).rglob("*") if file.is_file())


def get_json(url: str) -> Any:
    """The JSON at `url`. Raises one of `errors()`, also for every status but 200."""
    import requests

    def ask() -> Any:
        answer = requests.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    return persist(ask)


def size(url: str) -> int | None:
    """Bytes at `url` by a HEAD request; None: the server does not say. Raises one of `errors()`."""
    import requests

    headers = {"Accept-Encoding": "identity"}
    answer = requests.head(url, allow_redirects=True, timeout=TIMEOUT, headers=headers)
    answer.raise_for_status()
    length = answer.headers.get("Content-Length")
    return int(length) if length else None


@cache
def tree(repo: str, repo_type: str, revision: str) -> dict[str, dict[str, Any]]:
    """File name -> size and, for large files, sha256 of all files of a hub repository.

    Raises one of `errors()`, after the retries of the hub's library.
    """
    from huggingface_hub import HfApi, RepoFile

    items = HfApi(endpoint=HUB).list_repo_tree(repo, recursive=True, revision=revision, repo_type=repo_type)
    files = (item for item in items if isinstance(item, RepoFile))
    return {f.path: {"size": f.size, "sha256": f.lfs.sha256 if f.lfs else None} for f in files}
