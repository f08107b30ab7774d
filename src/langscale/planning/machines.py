"""Rates of machines, for `langscale.planning.costs`.

The rates of a core were measured by performance/rates.py, see `rates` in performance/growth.json, and a test
compares them. The rates of GPUs are assumed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """A processor and its rates.

    training: operations per second in training, padding included. embedding: the same in embedding.
    bandwidth: bytes per second. step: further seconds of each training step.
    """

    name: str
    training: float
    embedding: float
    bandwidth: float
    step: float = 0.0

    def seconds(self, training: float, embedding: float, moved: float) -> float:
        """Time of the operations of training and embedding, and of the moved bytes."""
        return training / self.training + embedding / self.embedding + moved / self.bandwidth


SHARE = 0.3  # assumed: share of the peak (dense, bf16) of a GPU, for encoders of usual size with padding
DECODING = 0.05  # assumed: the same for greedy translation, token by token


def _card(name: str, peak: float, bandwidth: float) -> Machine:
    return Machine(name, SHARE * peak, SHARE * peak, bandwidth)


CARDS = (
    _card("A100", 312e12, 2.0e12),
    _card("H100", 989e12, 3.3e12),
    _card("RTX 4090", 165e12, 1.0e12),
    _card("L4", 121e12, 0.3e12),
)
CORE = Machine("core", training=80e9, embedding=124e9, bandwidth=7e9, step=0.035)  # float32

ADAM = 28  # bytes per parameter and step: reads weight, gradient and two moments, writes all but the gradient
WIDTH = 384  # dimensions of the vectors in the measurement of LISTS and RANKS
LISTS = 15e-9  # seconds per query and candidate of a search for the top of the list
RANKS = 12e-9  # seconds per query and candidate of the exact ranks of a benchmark of translations
STATISTICS = 1.55e-3  # seconds per run and quantity, with 10,000 resamples and the 240 clusters of XQuAD-R
ADAPTER_STEP = 0.002  # further seconds of a training step of an adapter, on any machine
JOB = 0.8  # CPU seconds to start a job (performance/overhead.md)
TORCH = 3.5  # further CPU seconds of a job with an import of torch (performance/overhead.md)
