"""Where every data set lives: URL or hub file, revision, SHA-256, size and licence.

`files(name, languages)` lists what a data set needs for some languages. Known hashes and sizes are in
checksums.txt beside this file, a line `sha256  size  path` each. A fact that is not known is None, and `note`
says so; `langscale.data.download.check` compares all entries with the web.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files as package_files
from urllib.parse import quote, urlsplit

from langscale.core.errors import UserError
from langscale.languages import codes

Files = Callable[[Sequence[str]], list["Entry"]]

LAREQA = "https://raw.githubusercontent.com/google-research-datasets/lareqa"
NTREX = "https://raw.githubusercontent.com/MicrosoftTranslator/NTREX/8561f6a622db9edad1217683e5c83daefd8bb2bf"
SQUADSHIFTS = "https://raw.githubusercontent.com/modestyachts/squadshifts-website/master/datasets"
TRANSLATE_TRAIN = "https://storage.googleapis.com/xtreme_translations/SQuAD/translate-train"
UNPINNED = "revision unknown: main moves"


@dataclass(frozen=True)
class Entry:
    """One file: either at `url`, or `file` of the hub's `repo` at `revision`.

    name: of the data set or model; repo_type: "dataset" or "model"; file: name in the repository, where a `*`
    stands for all files of one folder that match it, because their number is not known; optional: such a
    pattern may match nothing; sha256: hex digest of the file's bytes; size: bytes; licence: SPDX identifier,
    None where there is none or it is not known; restricted: for non-commercial use only, so that it needs
    `accept_licence` in the config; note: what is not known, or not as it seems.
    """

    name: str
    url: str | None = None
    repo: str | None = None
    repo_type: str = "dataset"
    revision: str = "main"
    file: str | None = None
    optional: bool = False
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

    @property
    def pattern(self) -> bool:
        """Whether the entry stands for several files."""
        return self.file is not None and "*" in self.file


def chosen(name: str, languages: Sequence[str], known: Mapping[str, str] | Sequence[str]) -> list[str]:
    """Those of `languages` that data set `name` has, in their order; raises UserError where there is none."""
    found = [code for code in languages if code in known]
    if not found:
        given = " ".join(languages) or "none"
        raise UserError(f"{name}: languages: {given}; right: at least one of {' '.join(sorted(known))}")
    return found


@cache
def checksums() -> dict[str, tuple[str, int | None]]:
    """Path -> (SHA-256, size) of the files whose content is known."""
    lines = (package_files("langscale.data") / "checksums.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split("  ", 2) for line in lines)
    return {path: (digest, None if size == "-" else int(size)) for digest, size, path in rows}


def files(name: str, languages: Sequence[str] = ()) -> list[Entry]:
    """The files of data set `name` for BCP 47 `languages`, of those that it has.

    A data set in one language ignores `languages`. Raises UserError for an unknown name, and
    where a data set has none of the languages.
    """
    if name not in DATASETS:
        raise UserError(f"registry: {name} is unknown; there are {', '.join(sorted(DATASETS))}")
    return complete(DATASETS[name](languages))


def everything() -> list[Entry]:
    """All entries in all their languages, for `langscale.data.download.check`."""
    return [entry for name in DATASETS for entry in files(name, LANGUAGES.get(name, ()))]


def complete(entries: list[Entry]) -> list[Entry]:
    """The entries with hash and size from checksums.txt."""
    known = checksums()
    return [
        replace(entry, sha256=known[entry.path][0], size=known[entry.path][1])
        if entry.path in known
        else entry
        for entry in entries
    ]


_SQUAD, _MIRACL = "ar de el en es hi ru th tr vi zh", "ar bn de en es fa fi fr hi id ja ko ru sw te th yo zh"
LANGUAGES: dict[str, tuple[str, ...]] = {
    "xquad-r": tuple(_SQUAD.split()),
    "mlqa-r": ("ar", "de", "en", "es", "hi", "vi", "zh"),
    "miracl": tuple(_MIRACL.split()),
    "miracl-hard": tuple(_MIRACL.split()),
    "tatoeba": ("en", *codes.TATOEBA),
    "belebele": tuple(codes.BELEBELE),
    "mewsli-x": ("ar", "de", "en", "es", "fa", "ja", "pl", "ro", "ta", "tr", "uk"),
    "mmarco": tuple(codes.MMARCO),
    "squad": tuple(_SQUAD.split()),
    "ntrex": tuple(codes.NTREX),
}
"""The languages of every multilingual data set, BCP 47."""


def _lareqa(name: str, commit: str, licence: str, restricted: bool, notes: Mapping[str, str]) -> Files:
    def of(languages: Sequence[str]) -> list[Entry]:
        return [
            Entry(
                name,
                f"{LAREQA}/{commit}/{name}/{code}.json",
                licence=licence,
                restricted=restricted,
                note=notes.get(code, ""),
            )
            for code in chosen(name, languages, LANGUAGES[name])
        ]

    return of


def _hub(
    name: str, repo: str, names: Sequence[str], own: Mapping[str, str] | None = None, shared=(), **facts
) -> Files:
    """Files of a hub data set: `names` with {} for each language's own code, then the `shared` ones."""
    one = Entry(name, repo=repo, **facts)

    def of(languages: Sequence[str]) -> list[Entry]:
        if name not in LANGUAGES:
            return [replace(one, file=file) for file in names]
        theirs = [(own or {}).get(code, code) for code in chosen(name, languages, LANGUAGES[name])]
        found = [file.format(code) for code in theirs for file in names]
        return [replace(one, file=file) for file in [*found, *shared]]

    return of


def _tatoeba(languages: Sequence[str]) -> list[Entry]:
    """English is the other side of every pair and has no file of its own."""
    asked = [code for code in languages if code != "en"]
    return _hub(
        "tatoeba",
        "mteb/tatoeba-bitext-mining",
        ["test/{}-eng.jsonl.gz"],
        codes.TATOEBA,
        revision="69e8f12da6e31d59addadda9a9c8a2e601a0e282",
        licence="CC-BY-2.0",
    )(asked)


def _squad(languages: Sequence[str]) -> list[Entry]:
    """English is SQuAD v1.1 itself; the others are its translations of XTREME."""
    original = "https://rajpurkar.github.io/SQuAD-explorer/dataset/train-v1.1.json"
    return [
        Entry(
            "squad",
            original if code == "en" else f"{TRANSLATE_TRAIN}/squad.translate.train.en-{code}.json",
            licence="CC-BY-SA-4.0",
        )
        for code in chosen("squad", languages, LANGUAGES["squad"])
    ]


def _ntrex(languages: Sequence[str]) -> list[Entry]:
    """The documents' ids, then one text per language, line by line the same; English is the source."""
    own = [codes.NTREX[code] for code in chosen("ntrex", languages, codes.NTREX)]
    texts = ["src.eng" if code == "eng" else f"ref.{code}" for code in own]
    names = ["DOCUMENT_IDS.tsv", *(f"NTREX-128/newstest2019-{text}.txt" for text in texts)]
    return [Entry("ntrex", f"{NTREX}/{name}", licence="CC-BY-SA-4.0") for name in names]


def _urls(name: str, urls: Sequence[str], **facts: object) -> Files:
    return lambda languages: [Entry(name, url, **facts) for url in urls]


def _miracl(name: str, repo: str, revision: str, note: str) -> Files:
    names = [f"{{}}-{part}/*.parquet" for part in ("corpus", "queries", "qrels")]
    return _hub(name, repo, names, revision=revision, licence="Apache-2.0", note=note)


# [S] seen in code that loads it, [M] remembered, as in docs/DATA.md
ODD_HASH = "SHA-256 unknown: the only source prints 65 digits of it"
CONVERTED = "columns [S]; the hub's own parquet copy, which has no fixed revision; licence unknown"
SHARDS = "number of parquet files unknown, layout [S]"
CONVERT = (
    "pickles and bare sentencepiece models are not read: convert the model once (docs/METHOD.md, Encoder) and give the "
    "folder as path"
)
DATASETS: dict[str, Files] = {
    "xquad-r": _lareqa("xquad-r", "9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c", "CC-BY-SA-4.0", False, {}),
    "mlqa-r": _lareqa(
        "mlqa-r", "354d67d1cd066854cdfbf5ad0e6105528976141d", "CC-BY-NC-4.0", True, {"zh": ODD_HASH}
    ),
    "miracl": _miracl("miracl", "mteb/MIRACLRetrieval", "9c09abc13478308c27598f350e31d8f06b9b5481", SHARDS),
    "miracl-hard": _miracl(
        "miracl-hard", "mteb/MIRACLRetrievalHardNegatives", "d7d94fa4b946cec4a27c84653aa0cf6b33f74a3c", SHARDS
    ),
    "tatoeba": _tatoeba,
    "belebele": _hub(
        "belebele", "facebook/belebele", ["data/{}.jsonl"], codes.BELEBELE,
        revision="75b399394a9803252cfec289d103de462763db7c", licence="CC-BY-SA-4.0",
    ),
    "mewsli-x": _hub(
        "mewsli-x", "izhx/mewsli-x", ["{}/test/*.parquet"], shared=["candidate_entities/test/*.parquet"],
        revision="refs/convert/parquet", note=CONVERTED,
    ),
    "mmarco": _hub(
        "mmarco", "unicamp-dl/mmarco",
        ["data/google/collections/{}_collection.tsv", "data/google/queries/train/{}_queries.train.tsv"],
        codes.MMARCO, ["data/triples.train.ids.small.tsv"], licence="Apache-2.0",
        note=UNPINNED + "; MS MARCO's own terms ask for non-commercial research [M]",
    ),
    "squad": _squad,
    "ntrex": _ntrex,
    "nq": _hub("nq", "sentence-transformers/natural-questions", ["pair/*.parquet"],
               revision="f9e894e1081e206e577b4eaa9ee6de2b06ae6f17", licence="CC-BY-SA-3.0",
               note="layout [S], licence [M]"),
    "wikiqa": _hub("wikiqa", "microsoft/wiki_qa", ["data/*.parquet"],
                   revision="3f104672b5de699878fe7907afc486f0de325eb5",
                   note="licence: Microsoft Research Data License [M]"),
    "duorc": _hub("duorc", "ibm-research/duorc", ["ParaphraseRC/*.parquet", "SelfRC/*.parquet"],
                  revision="2de12436b8945030c283bf4af83925d60efe10c6", licence="MIT"),
    "newsqa": _hub("newsqa", "lucadiliello/newsqa", ["data/*.parquet"],
                   revision="2520ea19a937069bb0937ab5aae731d05fc8779f", note="columns [S]; licence unknown"),
    "entity-questions": _urls(
        "entity-questions", ["https://nlp.cs.princeton.edu/projects/entity-questions/dataset.zip"],
        note="SHA-256 and licence unknown",
    ),
    "mfaq": _hub("mfaq", "clips/mfaq", ["data/en/train.jsonl"],
                 revision="72248e10c1bbe5e3c3710e5e969a41947ca43937", licence="CC0-1.0"),
    "mr-tydi": _hub("mr-tydi", "castorini/mr-tydi", ["mrtydi-v1.1-english/train.jsonl.gz"],
                    revision="bec23fcae5f1545771873972e3d1c92b682861dc", licence="Apache-2.0"),
    "yahoo-qa": _hub("yahoo-qa", "sentence-transformers/yahoo-answers",
                     ["title-question-answer-pair/*.parquet"],
                     revision="93b3605c508cf93e3666c9d3e34640b5fe62b507",
                     note="columns [M]; licence unknown"),
    "squadshifts": _urls(
        "squadshifts",
        [f"{SQUADSHIFTS}/{part}_v1.0.json" for part in ("new_wiki", "nyt", "reddit", "amazon_reviews")],
        licence="CC-BY-4.0",
    ),
}  # fmt: skip
