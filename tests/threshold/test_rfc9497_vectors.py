"""Every published vector of ristretto255-SHA512 in modes OPRF and VOPRF, byte by byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from omega_threshold.oprf import Evaluation, SecretKey, blind, evaluate
from omega_threshold.suite import Mode

SUITES = json.loads(Path(__file__).with_name("rfc9497.json").read_text("utf-8"))["suites"]
VECTORS = [(suite, vector) for suite in SUITES for vector in suite["vectors"]]
each_vector = pytest.mark.parametrize(
    ("suite", "vector"),
    VECTORS,
    ids=[f"{Mode(suite['mode']).name}-{n}" for n, (suite, _) in enumerate(VECTORS)],
)


def _bytes(texts: list[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, texts))


def _key(suite: dict[str, Any]) -> SecretKey:
    return SecretKey(bytes.fromhex(suite["secret"]), Mode(suite["mode"]))


def test_there_are_all_of_them() -> None:
    assert [(suite["mode"], len(suite["vectors"])) for suite in SUITES] == [(0, 2), (1, 3)]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: Mode(suite["mode"]).name)
def test_keys_are_derived_from_a_seed(suite: dict[str, Any]) -> None:
    seed, info = bytes.fromhex(suite["seed"]), bytes.fromhex(suite["key_info"])
    assert SecretKey.derived(seed, info, Mode(suite["mode"])) == _key(suite)
    if "public" in suite:
        assert _key(suite).public.hex() == suite["public"]


@each_vector
def test_a_tv_blinds_as_published(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    asked = blind(_bytes(vector["input"]), mode=Mode(suite["mode"]), blinds=_bytes(vector["blind"]))
    assert asked.elements == _bytes(vector["blinded"])


@each_vector
def test_a_server_evaluates_and_proves_as_published(
    suite: dict[str, Any], vector: dict[str, Any]
) -> None:
    nonce = bytes.fromhex(vector.get("nonce", ""))
    answer = evaluate(_key(suite), _bytes(vector["blinded"]), nonce=nonce)
    assert answer.elements == _bytes(vector["evaluated"])
    assert answer.proof.hex() == vector.get("proof", "")


@each_vector
def test_a_tv_finalizes_as_published(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    asked = blind(_bytes(vector["input"]), mode=Mode(suite["mode"]), blinds=_bytes(vector["blind"]))
    answer = Evaluation(_bytes(vector["evaluated"]), bytes.fromhex(vector.get("proof", "")))
    outputs = asked.finalize(answer, bytes.fromhex(suite.get("public", "")))
    assert tuple(outputs) == _bytes(vector["output"])


@each_vector
def test_who_holds_the_key_needs_no_exchange(suite: dict[str, Any], vector: dict[str, Any]) -> None:
    found = tuple(map(_key(suite).evaluate, _bytes(vector["input"])))
    assert found == _bytes(vector["output"])
