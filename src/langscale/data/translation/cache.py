"""Translation memory: pieces of text and their translations, in shards, for all studies."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from langscale.core.errors import UserError
from langscale.core.files import atomic, sha256

WEIGHTS = (".json", ".safetensors", ".bin", ".model", ".txt")


def identity(files: Mapping[str, str]) -> str:
    """16 hex digits of a model: names and SHA-256 of its files, because a revision such as main can move."""
    lines = sorted(f"{Path(path).name} {digest}" for path, digest in files.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def digests(folder: str | Path) -> dict[str, str]:
    """Path -> SHA-256 of a local model's files."""
    return {str(file): sha256(file) for file in sorted(Path(folder).iterdir()) if file.suffix in WEIGHTS}


class Memory:
    """Translations by one model between two languages: `<root>/<model>/<origin>-<target>/<hash>.parquet`.

    A shard has the columns key (of model, languages and text), text and translation. Its name is a hash of
    its keys. A shard is written once, so jobs at the same time do not collide. The first shard by name
    counts.
    """

    def __init__(self, root: str | Path, model: str, origin: str, target: str) -> None:
        """`model`: a readable name and the `identity`."""
        self.folder = Path(root) / model / f"{origin}-{target}"
        self._facts = (model, origin, target)

    def key(self, text: str) -> str:
        """32 hex digits of model, origin, target and text."""
        return hashlib.sha256("\x1f".join((*self._facts, text)).encode()).hexdigest()[:32]

    def known(self, texts: Iterable[str]) -> dict[str, str]:
        """Text -> translation, of the kept texts. Raises UserError for an unreadable shard."""
        wanted = {self.key(text): text for text in texts}
        found: dict[str, str] = {}
        for file in sorted(self.folder.glob("*.parquet")):
            try:
                shard = pq.read_table(file, columns=["key", "translation"])
            except pa.ArrowInvalid as error:
                raise UserError(f"{file}: {error}; delete it, and its texts are translated again") from None
            for key, translation in zip(*(column.to_pylist() for column in shard.columns), strict=True):
                if key in wanted:
                    found.setdefault(wanted[key], translation)
        return found

    def add(self, translations: Mapping[str, str]) -> None:
        """Keep a shard."""
        texts = sorted(translations)
        keys = [self.key(text) for text in texts]
        file = self.folder / f"{hashlib.sha256(''.join(keys).encode()).hexdigest()[:16]}.parquet"
        if not file.exists():
            table = {"key": keys, "text": texts, "translation": [translations[text] for text in texts]}
            with atomic(file) as partial:
                pq.write_table(pa.table(table), partial)
