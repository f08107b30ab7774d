"""Records of data sets: one per set, at the top of the file of its reader.

All other packages read the record (`langscale.data.catalogue` finds it by name). A record is immutable and
opens no file. `reader` is a function without arguments and returns the reading function, because the record
is above the reader in its file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from langscale.core.errors import UserError
from langscale.data.remote_files import Entry, complete

if TYPE_CHECKING:
    import pandas as pd  # whoever asks for a fact needs none

Frames = tuple["pd.DataFrame", "pd.DataFrame", "pd.DataFrame"]
PairTables = tuple["pd.DataFrame", "pd.DataFrame"]
Counts = int | Mapping[str, int]

TABLES = ("questions", "candidates", "qrels")
PARTS = ("train", "validation")
SHOWN = 20  # languages in a message


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """The facts that training sets and benchmarks share.

    name: in configs, paths and tables.
    languages: BCP 47 code -> the set's own code.
    locate: returns the files of own codes. None: the set comes with an installed package.
    licence: SPDX identifier. None: no licence, or not known.
    restricted: for non-commercial use only. The config must accept the licence.
    note: unknown facts of the set.
    every_language: a language outside the record is an error. Other sets skip it.
    needs: languages with files for every language, such as an English original.
    """

    name: str
    languages: Mapping[str, str]
    locate: Callable[[Sequence[str]], list[Entry]] | None
    licence: str | None = None
    restricted: bool = False
    note: str = ""
    every_language: bool = False
    needs: tuple[str, ...] = ()

    @property
    def bundled(self) -> bool:
        """Whether the set comes with an installed package and needs no download."""
        return self.locate is None

    def chosen(self, languages: Sequence[str]) -> list[str]:
        """The `languages` of the set, in the given order.

        Raises UserError if there is none, or if `every_language` is set and one is missing.
        """
        found = [code for code in languages if code in self.languages]
        lacking = [code for code in languages if code not in self.languages]
        if self.every_language and lacking:
            base = lacking[0].lower().replace("_", "-").split("-")[0]
            near = [base] if base in self.languages else get_close_matches(base, self.languages, cutoff=0)
            raise UserError(
                f"{self.name} has no language {lacking[0]!r}; nearest of its {len(self.languages)}: "
                f"{', '.join(near)}"
            )
        if not found:
            raise UserError(
                f"{self.name} has none of the languages {_shown(languages)}; it has "
                f"{_shown(sorted(self.languages))}"
            )
        return found

    def files(self, languages: Sequence[str]) -> list[Entry]:
        """The files to download for BCP 47 `languages`; raises UserError as `chosen`."""
        codes = self.chosen(languages)
        return self.files_of([*(code for code in self.needs if code not in codes), *codes])

    def files_of(self, languages: Sequence[str]) -> list[Entry]:
        """The files of these languages alone; raises UserError as `chosen`."""
        codes = self.chosen(languages)
        if self.locate is None:
            return []
        facts: dict[str, Any] = {
            "name": self.name, "licence": self.licence, "restricted": self.restricted, "note": self.note
        }  # fmt: skip
        return complete(
            [replace(entry, **facts) for entry in self.locate([self.languages[c] for c in codes])]
        )


def _shown(codes: Sequence[str]) -> str:
    """The first codes, and how many there are if more."""
    return " ".join(codes[:SHOWN]) + (f" ... ({len(codes)})" if len(codes) > SHOWN else "")


@dataclass(frozen=True)
class SourceSize:
    """Numbers for the plan of a study, published or counted.

    pairs: pair ids.
    query, passage: mean length in tokens of XLM-R's vocabulary, without prefix.
    negatives: hard negatives per pair.
    download: bytes per language, if the registry has no file sizes.
    """

    pairs: int
    query: float
    passage: float
    negatives: int = 0
    download: float | None = None


@dataclass(frozen=True)
class BenchmarkSize:
    """Numbers for the plan of a study, published or counted.

    queries, candidates: number of texts per language. One number: the same in all languages.
    query, candidate: mean length in tokens of XLM-R's vocabulary, without prefix.
    paragraph: mean length of a candidate with its paragraph.
    paragraphs: number of distinct paragraphs per language.
    """

    queries: Counts
    candidates: Counts
    query: float
    candidate: float
    paragraph: float | None = None
    paragraphs: Counts | None = None


@dataclass(frozen=True, kw_only=True)
class SourceRecord(DataSet):
    """A training set: query-passage pairs, parallel or in English only.

    reader: returns `build(part, languages, raw, pairs, seed)`. Its tables: `langscale.data.sources.common`.
    parts: "train" and "validation", or one of them.
    needs_pairs: the whole set does not fit into memory. The config must give a number of pairs.
    machine_translated: all languages but one are machine translations.
    counted: number of pairs with query and passage in all of some languages. None: not known before a build.
    """

    reader: Callable[[], Callable[..., PairTables]]
    size: SourceSize
    parts: tuple[str, ...] = PARTS
    needs_pairs: bool = False
    machine_translated: bool = False
    counted: Callable[[Sequence[str]], int] | None = None

    def build(
        self, part: str, languages: Sequence[str], raw: str | Path, pairs: int | None = None, seed: int = 0
    ) -> PairTables:
        """The tables (pairs, passages) of one part in BCP 47 `languages`.

        raw: folder of fetched files. pairs: sample size, by hash and `seed`; None: all pair ids. Raises
        UserError for a missing or malformed file, and for a missing part or missing languages.
        """
        return self.reader()(part, languages, raw, pairs, seed)


class XtremeTask(NamedTuple):
    """A retrieval task of XTREME-R (arXiv:2104.07412): its name, and the ranked text and setting there."""

    name: str
    candidate_text: str
    setting: str


@dataclass(frozen=True, kw_only=True)
class BenchmarkRecord(DataSet):
    """An evaluation set: queries, candidates and relevance judgements.

    reader: returns `build(languages, queries, raw, **options)`: `langscale.data.benchmarks.common`. Of a set
        larger than memory, `write(folder, languages, queries, raw)`: `langscale.data.benchmarks.miracl`.
    candidate_text: the ranked text, by default.
    options: config keys of the reader.
    akin: training data that make the set not zero-shot, besides the set itself.
    own_training_part: the set has training pairs of its own by design. Tables carry no zero-shot mark.
    larger_than_memory: searched in shards, monolingual, scored from lists, without BM25.
    resampled: the column with the clusters that intervals resample: `cluster`, or the coarser `group`, where
        queries of one group are alike.
    xtreme_r: the task of XTREME-R on this set.
    """

    reader: Callable[[], Callable[..., Any]]
    size: BenchmarkSize
    candidate_text: str = "sentence"
    options: tuple[Literal["candidate_text", "every_article", "every_paragraph"], ...] = ()
    akin: tuple[str, ...] = ()
    own_training_part: bool = False
    larger_than_memory: bool = False
    resampled: Literal["cluster", "group"] = "cluster"
    xtreme_r: XtremeTask | None = None

    def write(
        self,
        folder: str | Path,
        languages: Sequence[str],
        queries: int | None,
        raw: str | Path,
        **options: Any,
    ) -> None:
        """Write the three tables into the existing `folder`.

        raw: folder of fetched files. queries: sample size per language, by hash; None: all. A sample keeps
        all candidates. Raises UserError for a missing or malformed file, and for missing languages.
        """
        read = self.reader()
        if self.larger_than_memory:
            read(folder, languages, queries, raw, **options)
            return
        for name, table in zip(TABLES, read(languages, queries, raw, **options), strict=True):
            table.to_parquet(Path(folder) / f"{name}.parquet", index=False)
