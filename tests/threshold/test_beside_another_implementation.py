"""TVs and servers of ours beside those of the Rust implementation that PyPI has as `voprf`."""

from __future__ import annotations

from voprf import ristretto as peer

from omega_threshold import Evaluation, SecretKey, blind, evaluate

SEED, INFO = b"\7" * 32, b"beside another"
VALUES = (b"1", b"one", b"a longer input " * 20)
KEY = SecretKey.derived(SEED, INFO)
PEER = peer.Evaluator.from_seed(SEED, INFO)
OUTPUTS = [KEY.evaluate(value) for value in VALUES]


def test_both_derive_one_key_and_one_output() -> None:
    assert PEER.public_key.serialize() == KEY.public
    assert [PEER.evaluate_known_input(value) for value in VALUES] == OUTPUTS


def test_a_tv_of_ours_takes_the_answer_of_theirs() -> None:
    asked = blind(VALUES)
    told = PEER.evaluate_batch(list(map(peer.BlindedInput.deserialize, asked.elements)))
    # Theirs is the proof, then the elements.
    parts = [told.serialize()[at : at + 32] for at in range(0, 160, 32)]
    answer = Evaluation(tuple(parts[2:]), parts[0] + parts[1])
    assert asked.finalize(answer, PEER.public_key.serialize()) == OUTPUTS


def test_a_tv_of_theirs_takes_the_answer_of_ours() -> None:
    clients, asked = zip(*map(peer.Client.blind, VALUES), strict=True)
    answer = evaluate(KEY, [each.serialize() for each in asked])
    told = peer.VerifiableBatchOutput.deserialize(answer.proof + b"".join(answer.elements))
    public = peer.PublicKey.deserialize(KEY.public)
    assert peer.Client.finalize_batch(list(clients), told, public) == OUTPUTS
