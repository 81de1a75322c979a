"""What a relay carries: the published example of RFC 9458, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhpke import CipherSuite, KEMKeyPair

from omega_core.errors import OmegaError
from omega_threshold import envelope
from omega_threshold.envelope import Gateway, KeyConfig, Labels, encapsulate, pad, unpad

# RFC 9458, appendix A.
PRIVATE = "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a"
EPHEMERAL = "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73"
CONFIG = (
    "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003"
)
REQUEST = "00034745540568747470730b6578616d706c652e636f6d012f"
ENCAPSULATED = (
    "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472"
    "6374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525"
)
SECRET = "62d87a6ba569ee81014c2641f52bea36"  # noqa: S105 - published
RESPONSE = "0140c8"
ANSWER = "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"
HTTP = Labels(b"message/bhttp request", b"message/bhttp response")

GATEWAY = Gateway({1: bytes.fromhex(PRIVATE), 2: b"\2" * 32})
SUITE: CipherSuite = envelope._SUITE


def _ephemeral() -> KEMKeyPair:
    private = SUITE.kem.deserialize_private_key(bytes.fromhex(EPHEMERAL))
    public = Gateway({0: bytes.fromhex(EPHEMERAL)}).config(0).public
    return KEMKeyPair(private, SUITE.kem.deserialize_public_key(public))


def test_a_tvs_side_is_as_published() -> None:
    config = KeyConfig.decode(bytes.fromhex(CONFIG))
    sent, exchange = encapsulate(config, bytes.fromhex(REQUEST), HTTP, _ephemeral())
    assert sent.hex() == ENCAPSULATED
    assert exchange.secret.hex() == SECRET
    assert exchange.open(bytes.fromhex(ANSWER)).hex() == RESPONSE


def test_a_gateways_side_is_as_published() -> None:
    request, exchange = GATEWAY.decapsulate(bytes.fromhex(ENCAPSULATED), HTTP)
    assert request.hex() == REQUEST
    assert exchange.secret.hex() == SECRET
    assert exchange.seal(bytes.fromhex(RESPONSE), bytes.fromhex(ANSWER)[:16]).hex() == ANSWER


def test_a_key_is_told_as_published() -> None:
    config = GATEWAY.config(1)
    assert config == KeyConfig.decode(bytes.fromhex(CONFIG)) == KeyConfig.decode(config.encode())


@pytest.mark.parametrize(
    "changed",
    [
        "",
        CONFIG[:-2],
        CONFIG[:-20] + "0004" + "00010003",
        CONFIG.replace("010020", "010010"),
        CONFIG.replace("00080001", "00040001"),
        CONFIG + "00010001",
    ],
    ids=["empty", "cut", "another AEAD", "another KEM", "length too small", "too long"],
)
def test_another_key_configuration_is_refused(changed: str) -> None:
    with pytest.raises(OmegaError, match="key_config must be a key for X25519"):
        KeyConfig.decode(bytes.fromhex(changed))


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([1, 2]))
def test_both_sides_read_what_the_other_wrote(request: bytes, response: bytes, key: int) -> None:
    sent, waiting = encapsulate(GATEWAY.config(key), request)
    assert len(sent) == len(request) + envelope.REQUEST_OVERHEAD
    read, answering = GATEWAY.decapsulate(sent)
    assert read == request
    answer = answering.seal(response)
    assert len(answer) == len(response) + envelope.RESPONSE_OVERHEAD
    assert waiting.open(answer) == response


def test_the_same_request_is_never_sent_in_the_same_bytes() -> None:
    sent = [encapsulate(GATEWAY.config(1), b"the same")[0] for _ in range(8)]
    assert len({each[7:39] for each in sent}) == len({each[39:] for each in sent}) == 8


def _sent() -> bytes:
    return encapsulate(GATEWAY.config(1), b"a request")[0]


def test_what_was_changed_on_the_way_is_refused() -> None:
    sent = _sent()
    for at in range(len(sent)):
        changed = sent[:at] + bytes([sent[at] ^ 1]) + sent[at + 1 :]
        with pytest.raises(OmegaError, match="encapsulated must be sealed for"):
            GATEWAY.decapsulate(changed)


@pytest.mark.parametrize("length", [0, 6, 7, 38, 54])
def test_what_is_too_short_is_refused(length: int) -> None:
    with pytest.raises(OmegaError, match="encapsulated must be at least 55 bytes"):
        GATEWAY.decapsulate(_sent()[:length])


def test_a_request_of_another_kind_is_refused() -> None:
    sent, _ = encapsulate(GATEWAY.config(1), b"a request", HTTP)
    with pytest.raises(OmegaError, match="encapsulated must be sealed for key 1"):
        GATEWAY.decapsulate(sent)


def test_a_response_to_another_request_is_refused() -> None:
    _, waiting = encapsulate(GATEWAY.config(1), b"a request")
    _, answering = GATEWAY.decapsulate(_sent())
    answer = answering.seal(b"a response")
    for wrong in (answer, answer[:20], b""):
        with pytest.raises(OmegaError, match="encapsulated must be a response to this"):
            waiting.open(wrong)


def test_keys_of_small_order_are_refused() -> None:
    config = replace(GATEWAY.config(1), public=bytes(32))
    with pytest.raises(OmegaError, match="key_config must be a key that is no element of small"):
        encapsulate(config, b"a request")


@given(st.binary(max_size=60), st.integers(62, 100))
def test_messages_of_all_lengths_look_alike(message: bytes, size: int) -> None:
    assert len(pad(message, size)) == size
    assert unpad(pad(message, size)) == message


def test_padding_has_bounds() -> None:
    with pytest.raises(OmegaError, match="message must be at most 8 bytes"):
        pad(bytes(9), 10)
    for wrong in (b"", b"\0", b"\0\2a", b"\0\1ab"):
        with pytest.raises(OmegaError, match="message must be its length"):
            unpad(wrong)
