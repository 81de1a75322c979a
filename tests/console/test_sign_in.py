"""Who gets in, and as what."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from tests.console.conftest import Site, Start

from omega_rpc.local_operators import AUDIENCE, ISSUER, OperatorKey

LIVE = "content/imports"
"""A path that every role may read, and that asks nobody else."""


@pytest.fixture
def site(shared_site: Site) -> Site:
    return shared_site


def claims(**changed: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    given = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "roles": ["viewer"],
        "exp": now + timedelta(hours=1),
    }
    return {name: value for name, value in (given | changed).items() if value is not None}


def signed(site: Site, given: dict[str, Any], **header: Any) -> str:
    key = serialization.load_pem_private_key(site.key.pem(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return jwt.encode(given, key, "ES256", {"kid": site.key.kid} | header)


def ask(site: Site, token: str, path: str = LIVE) -> httpx.Response:
    with site.client() as client:
        return client.get(path, headers={"Authorization": f"Bearer {token}"})


def unauthenticated(answer: httpx.Response, *, shown: bool = True) -> None:
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith('Bearer realm="omega-console"')
    assert ('error="invalid_token"' in answer.headers["www-authenticate"]) is shown
    problem = answer.json()
    assert (problem["code"], problem["field"]) == ("UNAUTHENTICATED", "authorization")
    assert "bearer token" in problem["detail"]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _encoded(part: dict[str, Any]) -> str:
    return _text(json.dumps(part).encode())


def test_a_good_token_gets_in(site: Site) -> None:
    assert ask(site, site.token()).json() == {"imports": []}
    assert ask(site, signed(site, claims())).status_code == 200


@pytest.mark.parametrize("value", ["", "Basic YTpi", "Bearer"])
def test_without_a_token_nothing_is_told(site: Site, value: str) -> None:
    with site.client() as client:
        for path in (LIVE, "shards", "no-such-path"):
            unauthenticated(client.get(path, headers={"Authorization": value}), shown=False)


def _past(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": _past(0.1)},
        {"nbf": _past(-1)},
        {"iss": "somebody"},
        {"aud": "another"},
        {"exp": None},
        {"iss": None},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 129},
        {"sub": "naïve"},
        {"sub": "a\nb"},
    ],
    # Not the values: processes that share the tests out would name an instant differently.
    ids=lambda changed: next(iter(changed)),
)
def test_what_a_token_says_is_checked(site: Site, changed: dict[str, Any]) -> None:
    unauthenticated(ask(site, signed(site, claims(**changed))))


def test_a_forged_token_is_refused(site: Site) -> None:
    other = OperatorKey.generate()
    forged = other.sign("ada", ["admin"], datetime.now(UTC), timedelta(hours=1))
    head, body, signature = site.token("viewer").split(".")
    raised = _encoded({"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "roles": ["admin"]})
    for token in (
        forged,
        f"{head}.{raised}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "x" * 9_000,
        "a.b.c",
        signed(site, claims(), kid="unknown"),
        f"{head}.{body}.{signature[:-4]}AAAA",
    ):
        unauthenticated(ask(site, token))


def test_the_token_does_not_choose_its_algorithm(site: Site) -> None:
    """RFC 8725, sections 2.1 and 3.1: none, and the public key as an HMAC secret."""
    head = {"kid": site.key.kid}
    unauthenticated(ask(site, jwt.encode(claims(), "", "none", head)))
    parts = [_encoded({"alg": "HS256", "typ": "JWT", **head}), site.token().split(".")[1]]
    for secret in (json.dumps(site.key.public).encode(), site.jwks.read_bytes()):
        mac = hmac.digest(secret, ".".join(parts).encode(), "sha256")
        unauthenticated(ask(site, ".".join([*parts, _text(mac)])))


def _elliptic(curve: ec.EllipticCurve) -> tuple[Any, str]:
    key = ec.generate_private_key(curve)
    return key, ECAlgorithm.to_jwk(key.public_key())


def _edwards() -> tuple[Any, str]:
    key = ed25519.Ed25519PrivateKey.generate()
    return key, OKPAlgorithm.to_jwk(key.public_key())


def _rsa(bits: int) -> tuple[Any, str]:
    key = rsa.generate_private_key(65_537, bits)
    return key, RSAAlgorithm.to_jwk(key.public_key())


@pytest.mark.parametrize(
    ("algorithm", "made", "good"),
    [
        ("ES256", lambda: _elliptic(ec.SECP256R1()), True),
        ("EdDSA", _edwards, True),
        ("RS256", lambda: _rsa(2_048), True),
        ("RS512", lambda: _rsa(2_048), False),
        ("PS256", lambda: _rsa(2_048), False),
        ("ES384", lambda: _elliptic(ec.SECP384R1()), False),
    ],
)
def test_three_algorithms_are_good(
    start: Start, tmp_path: Path, algorithm: str, made: Callable[[], tuple[Any, str]], *, good: bool
) -> None:
    key, public = made()
    jwks = tmp_path / "of-the-provider.jwks"
    other = OperatorKey.generate().public
    jwks.write_text(json.dumps({"keys": [{**json.loads(public), "kid": "k"}, other]}))
    site = start(jwks=str(jwks))
    answer = ask(site, jwt.encode(claims(), key, algorithm, {"kid": "k"}))
    if good:
        assert answer.json() == {"imports": []}
    else:
        unauthenticated(answer)


@pytest.mark.parametrize(
    ("roles", "status"),
    [("admin", 200), (["viewer", "x"], 200), ([], 403), (None, 403), (["x"], 403), ({}, 403)],
)
def test_roles_are_a_text_or_a_list(site: Site, roles: Any, status: int) -> None:
    answer = ask(site, signed(site, claims(roles=roles)))
    assert answer.status_code == status
    if status == 403:
        problem = answer.json()
        assert (problem["code"], problem["bound"]) == ("ROLE_MISSING", "viewer")


def test_roles_may_lie_deeper_and_have_a_prefix(start: Start) -> None:
    site = start(role_claim="realm_access.roles", role_prefix="omega-")
    token = signed(site, claims(realm_access={"roles": ["omega-operator"]}))
    assert ask(site, token, "releases/1/x").status_code == 404
    assert ask(site, signed(site, claims(realm_access=["omega-viewer"]))).status_code == 403
    assert ask(site, signed(site, claims(roles=["viewer"]))).status_code == 403


WORDS = ("viewer", "operator", "admin")


@pytest.mark.parametrize(
    ("verb", "path", "body", "needed"),
    [
        ("POST", "content", None, "operator"),
        ("POST", "federation/trigger", {}, "operator"),
        ("POST", f"devices/tv-{'0' * 32}/revoke", None, "operator"),
        ("DELETE", f"devices/tv-{'0' * 32}", None, "admin"),
        ("POST", "releases/1/end", {"complete": False}, "admin"),
        ("POST", "claims", {"count": 1, "valid_for_seconds": 60}, "admin"),
    ],
)
def test_what_changes_something_needs_a_role(
    site: Site, verb: str, path: str, body: object, needed: str
) -> None:
    for role in WORDS[: WORDS.index(needed)]:
        with site.client(role) as client:
            answer = client.request(verb, path, json=body)
        assert answer.status_code == 403
        problem = answer.json()
        assert (problem["code"], problem["bound"]) == ("ROLE_MISSING", needed)
        assert problem["detail"] == f"the role {needed} is needed"
    with site.client(needed) as client:
        assert client.request(verb, path, json=body).status_code != 403


def test_refused_tokens_are_counted_by_network(start: Start) -> None:
    site = start(failures_per_minute=1.0, failure_burst=3)
    statuses = [ask(site, "a.b.c").status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    answer = ask(site, "a.b.c")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert answer.json()["retry_after"] == int(answer.headers["retry-after"])
    # Whoever holds a good one is not kept out by a neighbour.
    assert ask(site, site.token()).status_code == 200
