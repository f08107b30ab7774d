"""Translations for the missing languages of a source. Ids stay: a translated pair is the same pair."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pandas as pd
from tqdm import tqdm

from langscale.core.errors import UserError
from langscale.core.files import atomic
from langscale.data.sources import built as sources
from langscale.data.translation.cache import Memory
from langscale.data.translation.translator import Translator

if TYPE_CHECKING:
    from datasets import Features

SHARD = 1024  # pieces that a killed job loses at most
TABLES = {"pairs": ("pair_id", "query"), "passages": ("passage_id", "text")}  # name -> (id, text)


def lacking(table: pd.DataFrame, key: str, origin: str, target: str) -> pd.DataFrame:
    """The rows in language `origin` with an id that has no row in `target`."""
    has = set(table.loc[table["language"] == target, key])
    return table[(table["language"] == origin) & ~table[key].isin(has)]


def fill(
    table: pd.DataFrame,
    key: str,
    text: str,
    origin: str,
    languages: Sequence[str],
    translate: Callable[[list[str], str], list[str]],
) -> pd.DataFrame:
    """The table with a row in each of `languages` for each id in `origin`, sorted by language and `key`.

    A new row is the `origin` row with language and `text` changed and `translated` true. An empty translation
    gives no row: the text is still missing in the language.
    """
    found = [table.assign(translated=False)]
    for target in languages:
        rows = lacking(table, key, origin, target)
        if len(rows):
            texts = translate(rows[text].tolist(), target)
            new = rows.assign(language=target, translated=True)
            new[text] = texts
            found.append(new[new[text] != ""])
    return pd.concat(found).sort_values(["language", key], ignore_index=True)


def fill_source(
    folder: str | Path,
    output: str | Path,
    origin: str,
    languages: Sequence[str],
    translator: Translator,
    memory: Callable[[str], Memory],
    shard: int = SHARD,
    terminal: TextIO | None = None,
) -> None:
    """Write the source in `folder` to `output`, every part filled in `languages`.

    memory: returns the translation memory of a target language. Raises UserError, before weights are loaded,
    for a part without `origin` texts, and for a missing language that the model does not write.
    """
    wanted = [code for code in languages if code != origin]
    tables = {
        (part, name): sources.table(folder, part, name) for part in sources.parts(folder) for name in TABLES
    }
    frames = {where: table.to_pandas() for where, table in tables.items()}
    needed = []
    for (part, name), frame in frames.items():
        if not (frame["language"] == origin).any():
            raise UserError(
                f"{folder}: its {part} {name} have no {origin} to translate from; set `translate: false` for "
                "this source or translation.from to a language of the source"
            )
        needed += [code for code in wanted if len(lacking(frame, TABLES[name][0], origin, code))]
    translator.check(list(dict.fromkeys(needed)))

    def translate(texts: list[str], target: str) -> list[str]:
        return translate_texts(texts, target, translator, memory(target), shard, terminal)

    with atomic(output) as partial:
        for (part, name), frame in frames.items():
            filled = fill(frame, *TABLES[name], origin, wanted, translate)
            features = tables[part, name].features.copy()
            save(filled, features, partial / part / name)


def save(frame: pd.DataFrame, features: "Features", folder: Path) -> None:
    """Write a table with the `features` of the source and the column `translated`."""
    from datasets import Dataset, Value

    features["translated"] = Value("bool")
    Dataset.from_pandas(frame, features=features, preserve_index=False).save_to_disk(folder)


def translate_texts(
    texts: Sequence[str],
    target: str,
    translator: Translator,
    memory: Memory,
    shard: int = SHARD,
    terminal: TextIO | None = None,
) -> list[str]:
    """Translations of texts, piece by piece. New translations are kept shard by shard."""
    cut = [translator.pieces(text) for text in texts]
    distinct = list(dict.fromkeys(piece for pieces in cut for piece in pieces))
    known = memory.known(distinct)
    missing = sorted((piece for piece in distinct if piece not in known), key=translator.order)
    with tqdm(
        total=len(missing), desc=memory.folder.name, unit="piece", file=terminal, disable=None, leave=False
    ) as bar:
        for start in range(0, len(missing), shard):
            pieces = missing[start : start + shard]
            new = dict(zip(pieces, translator.translate(pieces, target), strict=True))
            memory.add(new)
            known |= new
            bar.update(len(pieces))
    return [translator.join([known[piece] for piece in pieces], target) for pieces in cut]
