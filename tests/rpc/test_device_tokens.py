from __future__ import annotations

import string
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.tokens import TokenKeys, bearer, new_key_line, read_secret

DEVICE = "tv-" + "0123456789abcdef" * 2
ISSUED = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
KEYS = TokenKeys("k1", {"k1": bytes(range(32)), "k2": bytes(range(1, 33))})
TOKEN = KEYS.sign(DEVICE, ISSUED)


def refused(token: str, keys: TokenKeys = KEYS) -> bool:
    try:
        keys.verify(token)
    except OmegaError as error:
        return error.code is ErrorCode.UNAUTHENTICATED
    return False


def key_file(directory: Path, lines: Sequence[str], mode: int = 0o600) -> Path:
    path = directory / "token.keys"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)
    return path


def test_a_token_names_its_device_and_is_the_same_for_the_same_instant() -> None:
    assert KEYS.verify(TOKEN) == DEVICE
    assert KEYS.sign(DEVICE, ISSUED) == TOKEN
    assert KEYS.sign(DEVICE, ISSUED.replace(hour=7)) != TOKEN
    assert len(TOKEN) <= 256


def test_the_form_of_a_token_stays(tmp_path: Path) -> None:
    # TVs in the field hold tokens of this form for years.
    keys = TokenKeys.read("token_keys", key_file(tmp_path, ["a:" + "00" * 32]))
    assert keys.sign("tv-" + "0" * 32, datetime(2026, 1, 1, tzinfo=UTC)) == (
        "v1.a.tv-00000000000000000000000000000000.1767225600."
        "9CIHk-OAgUI_Po9gvyafgg03B6NiKP5Gk4xDNRtWz88"
    )


def test_no_character_of_a_token_can_be_exchanged_for_another_of_its_alphabet() -> None:
    alphabet = string.ascii_letters + string.digits + "-_."
    for position, own in enumerate(TOKEN):
        for other in alphabet.replace(own, ""):
            assert refused(TOKEN[:position] + other + TOKEN[position + 1 :])


@given(
    position=st.integers(0, len(TOKEN) - 1),
    character=st.sampled_from(string.printable) | st.characters(),
)
def test_any_altered_character_is_refused(position: int, character: str) -> None:
    altered = TOKEN[:position] + character + TOKEN[position + 1 :]
    assert refused(altered) == (altered != TOKEN)


@given(st.text(max_size=120) | st.just(TOKEN + "A") | st.just(TOKEN[:-1]) | st.just(" " + TOKEN))
def test_any_other_text_is_refused(text: str) -> None:
    assert refused(text)


def test_keys_rotate_by_a_new_line_on_top(tmp_path: Path) -> None:
    old_line, new_line = new_key_line(), new_key_line()
    old = TokenKeys.read("token_keys", key_file(tmp_path, [old_line]))
    both = TokenKeys.read("token_keys", key_file(tmp_path, [new_line, old_line]))
    new = TokenKeys.read("token_keys", key_file(tmp_path, [new_line]))
    before, after = old.sign(DEVICE, ISSUED), both.sign(DEVICE, ISSUED)
    assert both.verify(before) == both.verify(after) == new.verify(after) == DEVICE
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


def test_a_bearer_is_read_from_the_authorization_only() -> None:
    assert bearer({"authorization": "Bearer abc"}) == "abc"
    assert bearer({"authorization": "Basic abc"}) == ""
    assert bearer({"x-token": "abc"}) == ""
