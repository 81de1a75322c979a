"""The int8 ONNX graph of a BERT encoder, written by hand in the operators that run it.

Weights are symmetric int8, one step an output column, kept to 7 bits: the sum of two products then
fits 16 bits, where x86 without VNNI would saturate, so every machine computes the same integers.
Activations are quantised at run time with one step a token (Dettmers et al. 2022, LLM.int8(),
"vector-wise quantization"), never one a tensor: a text's vector does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from omega_core.vectors import FloatArray
from omega_embed.bert import EPSILON, Bert, Dense, Layer, Norm

_OPSET = 18
_IR_VERSION = 9
_CONTRIB = "com.microsoft"
_WEIGHT_PEAK = 63
_TABLE_PEAK = 127
_ACTIVATION_ZERO = 128


def quantise(matrix: FloatArray, peak: int, axis: int) -> tuple[NDArray[np.int8], FloatArray]:
    """Symmetric rounding to -peak..peak, one step for each slice along `axis`.

    Args:
        matrix: (m, n) float32.
        peak: largest magnitude, 1 to 127.
        axis: the axis that shares a step: 0 = one a column, 1 = one a row.

    Returns:
        The integers (m, n) and the steps, (1, n) or (m, 1).
    """
    largest = np.abs(matrix).max(axis=axis, keepdims=True)
    steps = np.asarray(np.maximum(largest, 1e-12) / peak, np.float32)
    return np.rint(matrix / steps).astype(np.int8), steps


def word_table(bert: Bert) -> tuple[NDArray[np.int8], FloatArray]:
    """The embeddings of the vocabulary: integers (tokens, width), steps (tokens, 1)."""
    return quantise(bert.words, _TABLE_PEAK, axis=1)


def build_graph(bert: Bert, outlier_shifts: Mapping[int, int]) -> onnx.ModelProto:
    """The graph: words (batch, tokens, width) float32 -> embedding (batch, width), unit rows.

    `words` are the rows of word_table() that the token ids name: the table is no part of the
    graph, so that it need not be in memory. All texts of a batch have the same number of tokens,
    at most that of bert.positions.

    Args:
        bert: the weights.
        outlier_shifts: channel of the layer norms -> s, its activations are divided by 2^s before
            they are quantised and its weights multiplied (Xiao et al. 2023, SmoothQuant).
    """
    return _Writer(bert, outlier_shifts).model()


class _Writer:
    def __init__(self, bert: Bert, outlier_shifts: Mapping[int, int]) -> None:
        self._bert = bert
        self._width = bert.words.shape[1]
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._shift = np.ones(self._width, np.float32)
        for channel, shift in outlier_shifts.items():
            self._shift[channel] = 2.0**shift
        self._constant("last_axis", np.array([-1]))
        self._constant("token_axis", np.array([1]))
        self._constant("unit_step", np.float32(1 / 127))
        self._constant("zero_point", np.uint8(_ACTIVATION_ZERO))
        self._constant("unshift", 1 / self._shift)

    def model(self) -> onnx.ModelProto:
        x = self._embeddings()
        for number, layer in enumerate(self._bert.layers):
            x = self._layer(f"layer{number}", layer, x)
        mean = self._node("ReduceMean", x, "token_axis", keepdims=0)
        self._node("LpNormalization", mean, output="embedding", axis=-1, p=2)
        return helper.make_model(
            helper.make_graph(
                self._nodes,
                "sentence_encoder",
                [
                    helper.make_tensor_value_info(
                        "words", TensorProto.FLOAT, ["batch", "tokens", self._width]
                    )
                ],
                [
                    helper.make_tensor_value_info(
                        "embedding", TensorProto.FLOAT, ["batch", self._width]
                    )
                ],
                self._constants,
            ),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)],
            ir_version=_IR_VERSION,
            producer_name="omega-embed",
        )

    def _embeddings(self) -> str:
        positions = self._node(
            "Slice",
            self._constant("positions", self._bert.positions),
            self._constant("first", np.array([0])),
            self._node("Shape", "words", start=1, end=2),
        )
        return self._norm("embeddings", self._bert.norm, self._node("Add", "words", positions))

    def _layer(self, name: str, layer: Layer, x: str) -> str:
        queries, keys, values = self._split(
            self._dense(f"{name}.attend", layer.attend, x, shifted=True)
        )
        attended = self._node(
            "MultiHeadAttention",
            queries,
            keys,
            values,
            self._constant(f"{name}.attend.bias", layer.attend.bias),
            domain=_CONTRIB,
            num_heads=self._bert.heads,
        )
        x = self._residual(f"{name}.project", layer.project, layer.middle_norm, attended, x)
        inner = self._node(
            "BiasGelu",
            self._dense(f"{name}.expand", layer.expand, x, shifted=True),
            self._constant(f"{name}.expand.bias", layer.expand.bias),
            domain=_CONTRIB,
        )
        return self._residual(f"{name}.contract", layer.contract, layer.final_norm, inner, x)

    def _residual(self, name: str, dense: Dense, norm: Norm, x: str, residual: str) -> str:
        bias = self._constant(f"{name}.bias", dense.bias)
        biased = self._node("Add", self._dense(name, dense, x), bias)
        return self._norm(name, norm, self._node("Add", residual, biased))

    def _dense(self, name: str, dense: Dense, x: str, *, shifted: bool = False) -> str:
        """Product with the int8 matrix, without the bias: the operator that follows adds it."""
        matrix = dense.matrix
        if shifted:
            matrix = matrix * self._shift[:, None]
            x = self._node("Mul", x, "unshift")
        weights, steps = quantise(matrix, _WEIGHT_PEAK, axis=0)
        peak = self._node("ReduceMax", self._node("Abs", x), "last_axis", keepdims=1)
        product = self._node(
            "MatMulIntegerToFloat",
            self._node("QuantizeLinear", self._node("Div", x, peak), "unit_step", "zero_point"),
            self._constant(f"{name}.weights", weights),
            "unit_step",
            self._constant(f"{name}.steps", steps[0]),
            "zero_point",
            domain=_CONTRIB,
        )
        return self._node("Mul", product, peak)

    def _norm(self, name: str, norm: Norm, x: str) -> str:
        return self._node(
            "LayerNormalization",
            x,
            self._constant(f"{name}.norm.gain", norm.gain),
            self._constant(f"{name}.norm.bias", norm.bias),
            axis=-1,
            epsilon=EPSILON,
        )

    def _split(self, x: str) -> tuple[str, str, str]:
        parts = (f"{x}.queries", f"{x}.keys", f"{x}.values")
        self._nodes.append(helper.make_node("Split", [x], parts, axis=-1, num_outputs=3))
        return parts

    def _node(
        self, kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any
    ) -> str:
        output = output or f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def _constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name
