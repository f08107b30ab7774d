"""Sizes: parameters as published, operations as torch counts them, a size for every data set and model."""

import pytest
from support.planned_study import TINY

from langscale.models.known import ENCODERS
from langscale.planning.sizes import Encoder


@pytest.mark.parametrize(
    "hub, millions, embeddings",
    [
        ("FacebookAI/xlm-roberta-base", 278, 192),
        ("FacebookAI/xlm-roberta-large", 560, 256),
        ("sentence-transformers/LaBSE", 471, 385),
        ("google-bert/bert-base-multilingual-cased", 178, 92),
        ("intfloat/multilingual-e5-small", 118, 96),
        ("intfloat/multilingual-e5-base", 278, 192),
        ("jhu-clsp/mmBERT-base", 307, 197),
        ("microsoft/Multilingual-MiniLM-L12-H384", 118, 96),
    ],
)
def test_encoders_have_the_parameters_that_their_cards_print(hub, millions, embeddings):
    encoder = Encoder.known(ENCODERS[hub])
    assert encoder.parameters == pytest.approx(millions * 1e6, rel=0.01)
    assert encoder.parameters - encoder.matrix == pytest.approx(embeddings * 1e6, rel=0.005)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
@pytest.mark.parametrize("length", [1, 7])
def test_operations_of_a_text_are_those_that_torch_counts(kind, length):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModel

    fields = TINY | {"model_type": kind, "num_attention_heads": 2}
    config = AutoConfig.for_model(
        **fields, vocab_size=50, pad_token_id=0, attn_implementation="eager", reference_compile=False
    )
    model = AutoModel.from_config(config).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.ones(1, length, dtype=torch.long))
    pooler = 2 * 8 * 8 * (kind == "bert")  # which retrieval does not use
    assert counter.get_total_flops() - pooler == Encoder.of(fields, 50).forward(length)


def test_what_a_config_leaves_out_is_as_in_bert_base():
    assert Encoder.of({"model_type": "bert"}, 30522) == Encoder(12, 768, 3072, 30522)
    assert Encoder.of({"hidden_size": 128, "vocab_size": 7}, 30522) == Encoder(12, 128, 512, 7)
