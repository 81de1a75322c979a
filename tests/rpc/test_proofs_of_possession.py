from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from omega_core.clock import ManualClock
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.device_keys import DeviceKey, encoded
from omega_rpc.dpop import MAX_PROOF, Prover, Replays, hashed, shown_token, verify

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CLOCK = ManualClock(NOW)
METHOD = "/omega.sync.v1.SyncService/Sync"
KEY = DeviceKey.generate()
EDWARDS = DeviceKey(ed25519.Ed25519PrivateKey.generate())
TOKEN = "a.token"  # noqa: S105 - stands for one
CLAIMS = {"jti": "one", "htm": "POST", "htu": METHOD, "iat": int(NOW.timestamp())}


def shown(token: str = "", key: DeviceKey = KEY, method: str = METHOD) -> str:
    return dict(Prover(key, token, CLOCK).metadata(method))["dpop"]


def signed(claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    stated = {"typ": "dpop+jwt", "jwk": KEY.public.jwk} if header is None else header
    return jwt.encode(claims, KEY.private, KEY.algorithm, stated)


def refused(act: Callable[[], object]) -> OmegaError:
    with pytest.raises(OmegaError) as caught:
        act()
    assert (caught.value.code, caught.value.field) == (ErrorCode.UNAUTHENTICATED, "dpop")
    return caught.value


@pytest.mark.parametrize("key", [KEY, EDWARDS], ids=["ES256", "EdDSA"])
@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_proof_says_who_holds_which_key(key: DeviceKey, token: str) -> None:
    assert verify(shown(token, key), METHOD, CLOCK, token).key == key.public


def test_metadata_show_the_token_and_a_fresh_proof() -> None:
    prover = Prover(KEY, TOKEN, CLOCK)
    first, second = dict(prover.metadata(METHOD)), dict(prover.metadata(METHOD))
    assert shown_token(first) == TOKEN
    assert first["dpop"] != second["dpop"]
    assert set(dict(Prover(KEY, clock=CLOCK).metadata(METHOD))) == {"dpop"}


@pytest.mark.parametrize("value", ["", "Bearer t", "Basic t", "t", "DPoP"])
def test_another_scheme_shows_no_token(value: str) -> None:
    assert shown_token({"authorization": value}) == ""
    assert shown_token({"authorization": "dpop t"}) == "t"


def test_a_proof_is_for_one_method_and_one_token() -> None:
    refused(lambda: verify(shown(), METHOD + "x", CLOCK))
    refused(lambda: verify(shown(), METHOD, CLOCK, TOKEN))
    refused(lambda: verify(shown("other"), METHOD, CLOCK, TOKEN))


@pytest.mark.parametrize("seconds", [-61, 61, -3_600, 10**9])
def test_a_proof_of_another_time_is_refused(seconds: int) -> None:
    refused(lambda: verify(shown(), METHOD, ManualClock(NOW + timedelta(seconds=seconds))))


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_may_be_a_minute_off(seconds: int) -> None:
    verify(shown(), METHOD, ManualClock(NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize(
    "changed",
    [
        {"htm": "GET"},
        {"htm": None},
        {"htu": None},
        {"htu": f"https://host{METHOD}"},
        {"iat": None},
        {"iat": True},
        {"iat": str(int(NOW.timestamp()))},
        {"iat": float("inf")},
        {"iat": 10**400},
        {"jti": ""},
        {"jti": None},
        {"jti": 7},
        {"jti": "j" * 65},
    ],
)
def test_a_claim_of_another_form_is_refused(changed: dict[str, Any]) -> None:
    verify(signed(CLAIMS), METHOD, CLOCK)
    refused(lambda: verify(signed({**CLAIMS, **changed}), METHOD, CLOCK))


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": KEY.public.jwk},
        {"typ": "JWT", "jwk": KEY.public.jwk},
        {"typ": "dpop+jwt"},
        {"typ": "dpop+jwt", "jwk": "no object"},
        {"typ": "dpop+jwt", "jwk": {}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "d": "AQ"}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "crv": "P-384"}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "y": "AQ"}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "y": KEY.public.jwk["x"]}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "y": 5}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "y": None}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "y": ["AQ"]}},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "crv": 5}},
        {"typ": ["dpop+jwt"], "jwk": KEY.public.jwk},
        {"typ": "dpop+jwt", "jwk": {**KEY.public.jwk, "kty": ["EC"]}},
        {"typ": "dpop+jwt", "jwk": EDWARDS.public.jwk},
        {"typ": "dpop+jwt", "jwk": KEY.public.jwk, "crit": ["x"], "x": 1},
    ],
)
def test_a_header_of_another_form_is_refused(header: dict[str, Any]) -> None:
    refused(lambda: verify(signed(CLAIMS, header), METHOD, CLOCK))


def test_another_algorithm_than_the_keys_own_is_refused() -> None:
    jwk = KEY.public.jwk
    header = {"typ": "dpop+jwt", "jwk": jwk}
    refused(lambda: verify(jwt.encode(CLAIMS, "", "none", header), METHOD, CLOCK))
    # The public key as a secret of HMAC is a classic mistake of verifiers.
    stem = ".".join(
        encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", **header}, CLAIMS)
    )
    secret = json.dumps(jwk, sort_keys=True).encode()
    mac = hmac.new(secret, stem.encode(), hashlib.sha256).digest()
    refused(lambda: verify(f"{stem}.{encoded(mac)}", METHOD, CLOCK))
    other = rsa.generate_private_key(65537, 2048)
    refused(lambda: verify(jwt.encode(CLAIMS, other, "RS256", header), METHOD, CLOCK))


def test_the_proof_of_another_key_is_refused() -> None:
    header = {"typ": "dpop+jwt", "jwk": DeviceKey.generate().public.jwk}
    refused(lambda: verify(signed(CLAIMS, header), METHOD, CLOCK))


PROOF = signed(CLAIMS)


@given(at=st.integers(0, len(PROOF) - 1), character=st.sampled_from("AZaz09-_.="))
def test_no_character_of_a_proof_can_change(at: int, character: str) -> None:
    altered = PROOF[:at] + character + PROOF[at + 1 :]
    # The last character of each part also carries bits that mean nothing.
    if _decoded(altered) != _decoded(PROOF):
        refused(lambda: verify(altered, METHOD, CLOCK))


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(
    header=PARTS | st.fixed_dictionaries({"typ": PARTS, "alg": PARTS, "jwk": PARTS}),
    claims=PARTS,
    signature=st.binary(max_size=70),
)
def test_whatever_json_it_holds_a_stranger_is_refused(
    header: object, claims: object, signature: bytes
) -> None:
    stem = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    refused(lambda: verify(f"{stem}.{encoded(signature)}", METHOD, CLOCK))


@given(st.text(max_size=200) | st.just(PROOF + "A" * MAX_PROOF) | st.just(""))
def test_any_other_text_is_refused(text: str) -> None:
    refused(lambda: verify(text, METHOD, CLOCK))


def test_a_proof_is_taken_once_while_it_is_good() -> None:
    clock = ManualClock(NOW)
    replays = Replays(clock)
    ahead = Prover(KEY, "", ManualClock(NOW + timedelta(seconds=60))).metadata(METHOD)[0][1]
    replays.take(verify(ahead, METHOD, clock))
    for _ in range(12):
        again = verify(ahead, METHOD, clock)
        refused(partial(replays.take, again))
        replays.take(verify(shown_at(clock), METHOD, clock))
        clock.advance(timedelta(seconds=10))
    clock.advance(timedelta(seconds=1))
    refused(lambda: verify(ahead, METHOD, clock))


def shown_at(clock: ManualClock) -> str:
    return Prover(KEY, "", clock).metadata(METHOD)[0][1]


def test_the_same_jti_of_two_keys_is_two_proofs() -> None:
    replays = Replays(CLOCK)
    other = jwt.encode(
        CLAIMS, EDWARDS.private, "EdDSA", {"typ": "dpop+jwt", "jwk": EDWARDS.public.jwk}
    )
    replays.take(verify(signed(CLAIMS), METHOD, CLOCK))
    replays.take(verify(other, METHOD, CLOCK))
    refused(lambda: replays.take(verify(signed(CLAIMS), METHOD, CLOCK)))


def test_what_is_remembered_is_bounded_and_a_full_memory_lets_nothing_through() -> None:
    clock = ManualClock(NOW)
    replays = Replays(clock, most=3)
    first = verify(shown_at(clock), METHOD, clock)
    replays.take(first)
    for _ in range(2):
        replays.take(verify(shown_at(clock), METHOD, clock))
    with pytest.raises(OmegaError) as caught:
        replays.take(verify(shown_at(clock), METHOD, clock))
    assert caught.value.code is ErrorCode.OVERLOADED
    clock.advance(timedelta(seconds=caught.value.retry_after))
    replays.take(verify(shown_at(clock), METHOD, clock))
    refused(lambda: replays.take(first))


def test_the_hash_of_a_token_is_that_of_the_standards_own_example() -> None:
    # RFC 9449, section 7.1.
    assert (
        hashed("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU")
        == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    )


def _decoded(token: str) -> list[bytes]:
    try:
        return [base64.urlsafe_b64decode(part + "==") for part in token.split(".")]
    except ValueError:
        return []
