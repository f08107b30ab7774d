"""Downloads of URLs and of hub files, tried again and resumed, and what the hub says of a repository."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

TRIES, PAUSE = 5, 1.0  # seconds before the second try, then doubled
TIMEOUT = 60  # seconds without a byte
PASSING = (408, 416, 425, 429)  # HTTP statuses below 500 that may be gone at the next try
HUB: str | None = None  # None: $HF_ENDPOINT, else huggingface.co


@cache
def errors() -> tuple[type[Exception], ...]:
    """What downloads raise: OSError, with requests' errors, and those of the hub and of its HTTP client."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    # the client is httpx or httpx2, by version; the first base is the root of its errors
    return OSError, EntryNotFoundError, HfHubHTTPError.__bases__[0]


def status(error: Exception) -> int | None:
    """HTTP status of an error, None where no server answered."""
    return getattr(getattr(error, "response", None), "status_code", None)


def reason(error: Exception) -> str:
    """An error's name and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {line[:200]}"


def persist(act: Callable[[], Any]) -> Any:
    """The result of `act`, tried again after a pause where its error may pass."""
    for attempt in range(TRIES):
        try:
            return act()
        except errors() as error:
            code = status(error)
            final = code is not None and code < 500 and code not in PASSING
            if final or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE * 2**attempt)


def download(url: str, partial: Path) -> None:
    """Fetch `url` into `partial`, going on where it ends if the server can; raises one of `errors()`."""
    persist(lambda: _go_on(url, partial))


def _go_on(url: str, partial: Path) -> None:
    import pooch

    with open(partial, "ab") as file:

        def begin(response: Any, **_: Any) -> None:
            # 200: the server sends all of it; 416: it has nothing after the end of what is here
            if response.status_code in (200, 416):
                file.truncate(0)

        headers = {"Accept-Encoding": "identity"}
        if file.tell():
            headers["Range"] = f"bytes={file.tell()}-"
        options = {"headers": headers, "hooks": {"response": begin}, "timeout": TIMEOUT}
        pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), **options)(url, file, None)


def download_from_hub(repo: str, repo_type: str, revision: str, name: str, partial: Path) -> None:
    """Fetch a hub file by name and revision; raises one of `errors()`.

    The hub's library tries again by itself, and keeps what it has in a folder beside `partial` for a later
    run.
    """
    from huggingface_hub import hf_hub_download

    folder = partial.with_name(f"{partial.name}.hub")
    file = hf_hub_download(repo, name, repo_type=repo_type, revision=revision, local_dir=folder, endpoint=HUB)
    os.replace(file, partial)
    shutil.rmtree(folder)


def get_json(url: str) -> Any:
    """The JSON at `url`; raises one of `errors()`, as for any other status than 200."""
    import requests

    def ask() -> Any:
        answer = requests.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.json()

    return persist(ask)


def size(url: str) -> int | None:
    """Bytes at `url` by a HEAD request, None where the server does not say; raises one of `errors()`."""
    import requests

    headers = {"Accept-Encoding": "identity"}
    answer = requests.head(url, allow_redirects=True, timeout=TIMEOUT, headers=headers)
    answer.raise_for_status()
    length = answer.headers.get("Content-Length")
    return int(length) if length else None


@cache
def tree(repo: str, repo_type: str, revision: str) -> dict[str, dict[str, Any]]:
    """File name -> size and, for large files, sha256 of all files of a hub repository.

    Raises one of `errors()`, after the hub's library has tried again by itself.
    """
    from huggingface_hub import HfApi

    items = HfApi(endpoint=HUB).list_repo_tree(repo, recursive=True, revision=revision, repo_type=repo_type)
    files = (item for item in items if hasattr(item, "blob_id"))
    return {f.path: {"size": f.size, "sha256": f.lfs.sha256 if f.lfs else None} for f in files}
