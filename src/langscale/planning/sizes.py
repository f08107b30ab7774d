"""How large encoders, sources and benchmarks are, and how fast machines: the facts that `langscale.planning.summary` counts with.

Numbers of texts are published or counted ones. Lengths are in tokens of XLM-R's vocabulary, without prefix: of xquad-r,
squad's questions, ntrex and cldr they were measured, mean over languages, the others are estimates from English words.
They make a plan, nothing else reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Encoder:
    """A transformer: `gated` feed-forward layers have three matrices, others two."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    gated: bool = False

    @property
    def matrix(self) -> int:
        """Parameters that every token is multiplied with: four of attention and the feed-forward ones, per layer."""
        return self.layers * self.hidden * (4 * self.hidden + (2 + self.gated) * self.intermediate)

    @property
    def parameters(self) -> int:
        """Matrices and token embeddings; biases, norms and positions are less than one per cent."""
        return self.matrix + self.vocabulary * self.hidden

    def forward(self, length: float) -> float:
        """Operations of one text of `length` tokens: 2 per matrix parameter and token, and attention's two products,
        4 x length x hidden per layer and token (Kaplan et al. 2020, arXiv:2001.08361, section 2.1, with both)."""
        return length * (2 * self.matrix + 4 * length * self.hidden * self.layers)

    @classmethod
    def of(cls, config: Mapping[str, Any], vocabulary: int) -> "Encoder":
        """From a transformers config; what it leaves out is as in BERT base."""
        hidden = config.get("hidden_size", 768)
        return cls(
            config.get("num_hidden_layers", 12),
            hidden,
            config.get("intermediate_size", 4 * hidden),
            config.get("vocab_size", vocabulary),
            config.get("model_type") == "modernbert",
        )


ENCODERS = {
    "FacebookAI/xlm-roberta-base": Encoder(12, 768, 3072, 250002),
    "FacebookAI/xlm-roberta-large": Encoder(24, 1024, 4096, 250002),
    "sentence-transformers/LaBSE": Encoder(12, 768, 3072, 501153),
    "google-bert/bert-base-multilingual-cased": Encoder(12, 768, 3072, 119547),
    "intfloat/multilingual-e5-small": Encoder(12, 384, 1536, 250037),
    "intfloat/multilingual-e5-base": Encoder(12, 768, 3072, 250002),
    "jhu-clsp/mmBERT-base": Encoder(22, 768, 1152, 256000, gated=True),
    "microsoft/Multilingual-MiniLM-L12-H384": Encoder(12, 384, 1536, 250037),
}


# parameters of translation models without embeddings
TRANSLATORS = {
    "google/madlad400-3b-mt": 2.42e9,
    "facebook/m2m100_418M": 0.35e9,
    "facebook/nllb-200-distilled-600M": 0.35e9,
}


@dataclass(frozen=True)
class Machine:
    """rate: operations per second that training reaches, padding included, and embedding that many `times`; bandwidth:
    bytes per second; step: seconds of a training step beyond those, for all that is small."""

    name: str
    rate: float
    bandwidth: float
    step: float = 0.0
    times: float = 1.0

    def seconds(self, training: float, embedding: float, moved: float, steps: int) -> float:
        """Time of the matrix products, of what only moves memory, and of what each step costs at least."""
        products = training / self.rate + embedding / (self.times * self.rate)
        return products + moved / self.bandwidth + steps * self.step


SHARE = 0.3  # of a card's peak (dense, bf16) that is reached: assumed, for encoders of this size with padding
DECODING = 0.05  # the same for greedy translation, word by word: assumed
CARDS = (
    Machine("A100", SHARE * 312e12, 2.0e12),
    Machine("H100", SHARE * 989e12, 3.3e12),
    Machine("RTX 4090", SHARE * 165e12, 1.0e12),
    Machine("L4", SHARE * 121e12, 0.3e12),
)
# One core in float32: performance/growth.json, `rates`, which performance/rates.py measures; a test compares them.
CORE = Machine("core", 80e9, 7e9, 0.035, 1.55)
WIDTH = 384  # dimensions of the vectors that these are measured with
# seconds per question and candidate: all exact ranks of a benchmark; a list's search
RANKS, LISTS = 12e-9, 15e-9
STATISTICS = 1.55e-3  # seconds per run and quantity, with 10,000 resamples and XQuAD-R's 240 clusters


@dataclass(frozen=True)
class Source:
    """Pair ids, tokens of a query and of a passage, hard negatives of a pair, and, where the registry knows no sizes,
    bytes to download per language."""

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
    """Questions and candidates per language (one number: the same in all), and their tokens.

    paragraph: tokens of a candidate with its paragraph; corpus: every language is searched by itself, in shards that
    are not kept.
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
        _counts("ar de el en es hi ru th tr vi zh", 1222, 1276, 1234, 1180, 1215, 1244, 1219, 852, 1167, 1209, 1196),
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
            _MIRACL, 2_061_414, 297_265, 15_866_222, 32_893_221, 10_373_953, 2_207_172, 1_883_509, 14_636_953, 506_264,
            1_446_315, 6_953_614, 1_486_752, 9_543_918, 131_924, 518_079, 542_166, 49_043, 4_934_368,
        ),
        14, 130, corpus=True,
    ),
    "miracl-hard": Benchmark(_DEV, 136_000, 14, 130, corpus=True),  # 2.45 million in 18 languages
}  # fmt: skip
