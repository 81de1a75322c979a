import math
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omega_embed.bert import Bert, _erf, embed, read_bert
from omega_embed.graph import build_graph, quantise, word_table
from omega_embed.sentences import sentences


@pytest.fixture(scope="module")
def small_bert(small_model: Any) -> Bert:
    return read_bert(small_model.weights, small_model.recipe.heads)


def _cosines(bert: Bert, ids: np.ndarray, shifts: dict[int, int]) -> np.ndarray:
    """Of the graph's rows to those of the float32 pass."""
    session = ort.InferenceSession(
        build_graph(bert, shifts).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    values, steps = word_table(bert)
    rows = session.run(None, {"words": values[ids] * steps[ids]})[0]
    cosines: np.ndarray = (rows * embed(bert, ids.tolist())).sum(axis=1)
    return cosines


def _random_ids(bert: Bert, batch: int, tokens: int) -> np.ndarray:
    return np.random.default_rng(tokens).integers(0, len(bert.words), (batch, tokens))


@pytest.mark.parametrize("tokens", [1, 2, 17, 256])
def test_the_int8_graph_follows_the_float32_pass(small_bert: Bert, tokens: int) -> None:
    cosines = _cosines(small_bert, _random_ids(small_bert, 3, tokens), {})
    assert cosines.shape == (3,)
    assert cosines.min() > 0.995


def test_shifting_an_outlier_channel_saves_precision(small_bert: Bert) -> None:
    outlier = int(small_bert.norm.bias.argmin())
    ids = _random_ids(small_bert, 20, 20)
    plain = _cosines(small_bert, ids, {})
    shifted = _cosines(small_bert, ids, {outlier: 2})
    assert 1 - shifted.mean() < 0.7 * (1 - plain.mean())


def test_texts_of_one_pass_do_not_attend_to_each_other(small_bert: Bert) -> None:
    texts = [_random_ids(small_bert, 1, n)[0].tolist() for n in (3, 11, 1, 40)]
    apart = np.concatenate([embed(small_bert, [ids]) for ids in texts])
    assert np.allclose(embed(small_bert, texts), apart, atol=1e-5)


def test_word_order_matters(small_bert: Bert) -> None:
    ids = _random_ids(small_bert, 1, 12).tolist()
    there, back = embed(small_bert, [ids[0], ids[0][::-1]])
    assert there @ back < 0.999


def test_conversion_is_repeatable_to_the_byte(small_bert: Bert) -> None:
    first, second = (build_graph(small_bert, {}).SerializeToString() for _ in range(2))
    assert first == second


@given(
    arrays(np.float32, (5, 4), elements=st.floats(-1e3, 1e3, width=32)),
    st.integers(1, 127),
    st.sampled_from([0, 1]),
)
@settings(deadline=None, max_examples=100)
def test_rounding_errs_by_half_a_step_at_most(matrix: np.ndarray, peak: int, axis: int) -> None:
    integers, steps = quantise(matrix, peak, axis)
    assert np.abs(integers.astype(int)).max() <= peak
    assert np.all(np.abs(integers * steps - matrix) <= steps * 0.5001)


def test_the_error_function_is_that_of_the_standard_library() -> None:
    x = np.linspace(-5, 5, 2_001, dtype=np.float32)
    expected = [math.erf(float(v)) for v in x]
    assert np.abs(_erf(x) - expected).max() < 5e-7


def test_sentences_are_distinct_varied_and_repeatable() -> None:
    made = sentences(200, 20_240)
    assert len(set(made)) == 200
    assert made == sentences(200, 20_240)
    assert made != sentences(200, 20_241)
    lengths = [len(s.split()) for s in made]
    assert min(lengths) <= 3
    assert max(lengths) >= 25
    assert not any("{" in s for s in made)
