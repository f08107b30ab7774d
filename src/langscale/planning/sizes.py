"""Sizes of encoders, sources and benchmarks, for the plan only.

Numbers of texts are published or were counted. Lengths are mean tokens of XLM-R's vocabulary, without prefix.
They were measured for xquad-r, the queries of squad, ntrex and cldr, and are estimates from English words
otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langscale.models.known import KnownEncoder


@dataclass(frozen=True)
class Encoder:
    """Sizes of a transformer. `gated` feed-forward layers have three matrices, others two."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    gated: bool = False

    @property
    def matrix(self) -> int:
        """Parameters of the matrices: per layer four of attention, two or three of the feed-forward part."""
        return self.layers * self.hidden * (4 * self.hidden + (2 + self.gated) * self.intermediate)

    @property
    def parameters(self) -> int:
        """Matrices and token embeddings. Biases, norms and positions are less than one per cent."""
        return self.matrix + self.vocabulary * self.hidden

    def forward(self, length: float) -> float:
        """Operations of one text of `length` tokens.

        2 per matrix parameter and token, and 4 x length x hidden per layer and token for the two products of
        attention (Kaplan et al. 2020, arXiv:2001.08361, section 2.1).
        """
        return length * (2 * self.matrix + 4 * length * self.hidden * self.layers)

    @classmethod
    def known(cls, record: KnownEncoder) -> "Encoder":
        """From the record of a known model."""
        return cls(record.layers, record.hidden, record.intermediate, record.vocabulary, record.gated)

    @classmethod
    def of(cls, config: Mapping[str, Any], vocabulary: int) -> "Encoder":
        """From a transformers config. Missing fields are as in BERT base."""
        hidden = config.get("hidden_size", 768)
        return cls(
            config.get("num_hidden_layers", 12),
            hidden,
            config.get("intermediate_size", 4 * hidden),
            config.get("vocab_size", vocabulary),
            config.get("model_type") == "modernbert",
        )


@dataclass(frozen=True)
class Source:
    """Size of a source.

    pairs: pair ids. query, passage: tokens. negatives: hard negatives of a pair. download: bytes per
    language, if the registry has no sizes.
    """

    pairs: int
    query: float
    passage: float
    negatives: int = 0
    download: float | None = None


SOURCES = {
    "cldr": Source(1_900, 8, 22),
    "ntrex": Source(856, 38, 120),
    "squad": Source(87_599, 19, 165),
    "mmarco": Source(39_780_811, 11, 85, 1, 4.5e9),
    "nq": Source(100_231, 12, 150),
    "wikiqa": Source(1_469, 9, 35),
    "duorc": Source(33_298, 11, 215),
    "newsqa": Source(59_496, 9, 215),
    "entity-questions": Source(176_975, 10, 5),
    "mfaq": Source(3_567_659, 15, 90),
    "mr-tydi": Source(3_547, 9, 130, 5),
    "yahoo-qa": Source(135_557, 30, 110),
    "squadshifts": Source(37_700, 13, 190),
}

Counts = int | Mapping[str, int]


@dataclass(frozen=True)
class Benchmark:
    """Size of a benchmark.

    questions, candidates: texts per language (one number: the same in all). question, candidate: their
    tokens. paragraph: tokens of a candidate with its paragraph. corpus: whether each language is searched by
    itself, in shards.
    """

    questions: Counts
    candidates: Counts
    question: float
    candidate: float
    paragraph: float | None = None
    corpus: bool = False


def _counts(codes: str, *numbers: int) -> dict[str, int]:
    return dict(zip(codes.split(), numbers, strict=True))


_MIRACL = "ar bn de en es fa fi fr hi id ja ko ru sw te th yo zh"
_DEV = _counts(
    _MIRACL, 2896, 411, 305, 799, 648, 632, 1271, 343, 350, 960, 860, 213, 1252, 482, 828, 733, 119, 393
)
BENCHMARKS = {
    "cldr": Benchmark(2_900, 1_165, 10, 15),
    "xquad-r": Benchmark(
        1190,
        _counts(
            "ar de el en es hi ru th tr vi zh",
            1222, 1276, 1234, 1180, 1215, 1244, 1219, 852, 1167, 1209, 1196,
        ),
        19, 45, 230,
    ),
    "mlqa-r": Benchmark(
        _counts("ar de en es hi vi zh", 517, 512, 1148, 500, 507, 511, 504),
        _counts("ar de en es hi vi zh", 2545, 2362, 6264, 1787, 2426, 2828, 2322),
        19, 45, 230,
    ),
    "belebele": Benchmark(900, 488, 22, 130),
    "tatoeba": Benchmark(2_000, 2_000, 12, 12),  # both sides of a language's pairs
    "mewsli-x": Benchmark(1_365, 90_000, 60, 60),  # 15,000 and a million in 11 languages
    "miracl": Benchmark(
        _DEV,
        _counts(
            _MIRACL, 2_061_414, 297_265, 15_866_222, 32_893_221, 10_373_953, 2_207_172, 1_883_509, 14_636_953,
            506_264, 1_446_315, 6_953_614, 1_486_752, 9_543_918, 131_924, 518_079, 542_166, 49_043, 4_934_368,
        ),
        14, 130, corpus=True,
    ),
    "miracl-hard": Benchmark(_DEV, 136_000, 14, 130, corpus=True),  # 2.45 million in 18 languages
}  # fmt: skip
