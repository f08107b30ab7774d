"""Where every data set and model lives: URL or hub file, revision, SHA-256, size and licence.

`files(name, languages)` lists what a data set needs for some languages. A fact that is not known is None, and
`note` says so; `langscale.fetch.check` compares all entries with the web.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from langscale.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One file: either at `url`, or `file` of the hub's `repo` at `revision`.

    name: of the data set or model; repo_type: "dataset" or "model"; sha256: hex digest of the file's bytes;
    size: bytes; licence: SPDX identifier where there is one; restricted: for non-commercial use only, so that it
    needs `accept_licence` in the config; note: what is not known, or not as it seems.
    """

    name: str
    url: str | None = None
    repo: str | None = None
    repo_type: str = "dataset"
    revision: str = "main"
    file: str | None = None
    sha256: str | None = None
    size: int | None = None
    licence: str | None = None
    restricted: bool = False
    note: str = ""

    @property
    def address(self) -> str:
        """The URL that the file is downloaded from."""
        if self.url is not None:
            return self.url
        kind = "datasets/" if self.repo_type == "dataset" else ""
        revision, file = quote(self.revision, safe=""), quote(self.file)
        return f"https://huggingface.co/{kind}{self.repo}/resolve/{revision}/{file}"

    @property
    def path(self) -> str:
        """`<host>/<path of the URL>`: where the file lies in resources/ and in a mirror."""
        parts = urlsplit(self.address)
        return parts.netloc + parts.path


def codes(name: str, languages: Sequence[str], table: dict[str, str]) -> dict[str, str]:
    """BCP 47 code -> the data set's own code, for `languages`; raises UserError for one that it lacks."""
    missing = [code for code in languages if code not in table]
    if missing:
        raise UserError(f"{name}: no data in {', '.join(missing)}; there are {', '.join(sorted(table))}")
    return {code: table[code] for code in languages}


def files(name: str, languages: Sequence[str] = ()) -> list[Entry]:
    """The files of data set `name` for BCP 47 `languages`; raises UserError for an unknown name or language."""
    if name not in DATASETS:
        raise UserError(f"registry: {name} is unknown; there are {', '.join(sorted(DATASETS))}")
    return DATASETS[name](languages)


DATASETS: dict[str, Callable[[Sequence[str]], list[Entry]]] = {}
