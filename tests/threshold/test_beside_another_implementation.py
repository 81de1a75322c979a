"""TVs and servers of ours beside those of the Rust implementation that PyPI has as `voprf`."""

from __future__ import annotations

import pytest
from voprf import ristretto as peer

from omega_threshold import Evaluation, SecretKey, blind, evaluate

SEED, INFO = b"\7" * 32, b"beside another"
VALUES = (b"", b"one", b"a longer input " * 20)
KEY = SecretKey.derived(SEED, INFO)
PEER = peer.Evaluator.from_seed(SEED, INFO)


def test_both_derive_one_key_and_one_output() -> None:
    assert PEER.public_key.serialize() == KEY.public
    for value in VALUES[1:]:
        assert PEER.evaluate_known_input(value) == KEY.evaluate(value)


@pytest.mark.parametrize("value", VALUES[1:], ids=["short", "long"])
def test_a_tv_of_ours_takes_the_answer_of_theirs(value: bytes) -> None:
    asked = blind([value])
    told = PEER.evaluate(peer.BlindedInput.deserialize(asked.elements[0])).serialize()
    answers = [Evaluation((part,), proof) for part, proof in _cut(told)]
    assert [answer.elements[0] for answer in answers] == list(
        evaluate(KEY, asked.elements).elements
    )
    assert asked.finalize(answers[0], KEY.public) == [KEY.evaluate(value)]


@pytest.mark.parametrize("value", VALUES[1:], ids=["short", "long"])
def test_a_tv_of_theirs_takes_the_answer_of_ours(value: bytes) -> None:
    client, asked = peer.Client.blind(value)
    answer = evaluate(KEY, [asked.serialize()])
    told = peer.VerifiableOutput.deserialize(answer.elements[0] + answer.proof)
    assert client.finalize(told, PEER.public_key) == KEY.evaluate(value)
