from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.device_keys import DeviceKey
from omega_rpc.tokens import TokenClaims, TokenKeys, new_key_line, read_secret

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEYS = TokenKeys("k1", {"k1": bytes(range(32)), "k2": bytes(range(1, 33))})
CLAIMS = TokenClaims(
    "tv-" + "0123456789abcdef" * 2,
    "shard-1",
    DeviceKey.generate().public.thumbprint,
    NOW,
    NOW + timedelta(days=1),
)
TOKEN = KEYS.issue(CLAIMS)


def refused(token: str, keys: TokenKeys = KEYS, now: datetime = NOW) -> bool:
    try:
        keys.check(token, now)
    except OmegaError as error:
        return (error.code, error.field) == (ErrorCode.UNAUTHENTICATED, "authorization")
    return False


def key_file(directory: Path, lines: list[str], mode: int = 0o600) -> Path:
    path = directory / "token.keys"
    path.write_text("\n".join(lines))
    path.chmod(mode)
    return path


def test_a_token_says_whose_it_is_and_until_when() -> None:
    assert KEYS.check(TOKEN, NOW) == CLAIMS
    assert len(TOKEN) <= 512


@given(
    shard=st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True),
    seconds=st.integers(-(10**9), 10**9),
    lifetime=st.integers(1, 10**8),
)
def test_every_claim_comes_back(shard: str, seconds: int, lifetime: int) -> None:
    issued = NOW + timedelta(seconds=seconds)
    claims = TokenClaims(
        CLAIMS.device_id, shard, CLAIMS.thumbprint, issued, issued + timedelta(seconds=lifetime)
    )
    assert KEYS.check(KEYS.issue(claims), issued) == claims
    assert len(KEYS.issue(claims)) <= 512


def test_the_form_of_a_token_stays() -> None:
    keys = TokenKeys("a", {"a": bytes(32)})
    claims = TokenClaims("tv-" + "0" * 32, "one", "t" * 43, NOW, NOW + timedelta(days=1))
    assert keys.issue(claims) == (
        f"v2.a.tv-{'0' * 32}.one.{'t' * 43}.1795953600.1796040000."
        "Fjs3zI5nse4oAczaJ_FgkBhMmAshTIStJz90WhPgkfs"
    )


def test_a_token_ends() -> None:
    assert not refused(TOKEN, now=CLAIMS.expires_at - timedelta(microseconds=1))
    assert refused(TOKEN, now=CLAIMS.expires_at)


def test_no_character_of_a_token_can_be_exchanged_for_another_of_its_alphabet() -> None:
    alphabet = string.ascii_letters + string.digits + "-_."
    for position, own in enumerate(TOKEN):
        for other in alphabet.replace(own, ""):
            assert refused(TOKEN[:position] + other + TOKEN[position + 1 :])


@given(st.text(max_size=300) | st.sampled_from([TOKEN + "A", TOKEN[:-1], " " + TOKEN, TOKEN * 2]))
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(text)


def test_keys_rotate_by_a_new_line_on_top(tmp_path: Path) -> None:
    old_line, new_line = new_key_line(), new_key_line()
    old = TokenKeys.read("token_keys", key_file(tmp_path, [old_line]))
    both = TokenKeys.read("token_keys", key_file(tmp_path, [new_line, old_line]))
    new = TokenKeys.read("token_keys", key_file(tmp_path, [new_line]))
    before, after = old.issue(CLAIMS), both.issue(CLAIMS)
    assert both.check(before, NOW) == both.check(after, NOW) == new.check(after, NOW) == CLAIMS
    assert refused(before, new)
    assert refused(after, old)


def test_a_key_shows_in_no_representation() -> None:
    assert KEYS.keys["k1"].hex() not in repr(KEYS)
    assert repr(KEYS.keys["k1"]) not in repr(KEYS)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644, 0o777])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, [new_key_line()], mode)
    with pytest.raises(OmegaError, match="token_keys must be a file that others cannot read"):
        TokenKeys.read("token_keys", path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_owner_and_group_may_read_a_key_file(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, [new_key_line()], mode)
    assert len(TokenKeys.read("token_keys", path).keys) == 1


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["k1"],
        ["k1:" + "0" * 63],
        ["k1:" + "0" * 65],
        ["k1:" + "A" * 64],
        ["k-1:" + "0" * 64],
        ["k1:" + "0" * 64, "k1:" + "1" * 64],
        ["k1:" + "0" * 64, "# comment"],
    ],
)
def test_a_key_file_of_another_form_is_refused(tmp_path: Path, lines: list[str]) -> None:
    path = key_file(tmp_path, lines)
    with pytest.raises(OmegaError, match="token_keys must be lines of KEY_ID:64"):
        TokenKeys.read("token_keys", path)


def test_an_absent_or_binary_secret_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with pytest.raises(OmegaError, match="the_setting must be a readable file"):
        read_secret("the_setting", path)
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(OmegaError, match="the_setting must be a readable file"):
        read_secret("the_setting", path)
