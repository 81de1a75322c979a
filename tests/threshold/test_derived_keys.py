"""Keys that follow from one secret: the same for all who hold it, others for all else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_core.errors import ErrorCode, OmegaError
from omega_threshold import DerivedKeys, Schedule, SecretKey
from omega_threshold.derived import INFO, KEY_IDS, MAX_SECRET_BYTES, MIN_SECRET_BYTES
from omega_threshold.envelope import encapsulate

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SECRETS = st.binary(min_size=MIN_SECRET_BYTES, max_size=64)
SCHEDULES = st.builds(Schedule, days=st.integers(1, 366), grace_hours=st.integers(0, 720))
INSTANTS = st.floats(1e8, 4e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def keys_of(held: DerivedKeys, now: datetime) -> list[bytes]:
    """All keys of the epochs that are open."""
    served = held.schedule.open(now)
    tokens = [held.key(epoch, now).secret for epoch in served]
    return tokens + [held.gateway(now).keys[epoch % KEY_IDS] for epoch in served]


@given(SECRETS, SCHEDULES, INSTANTS)
def test_who_holds_the_secret_has_the_same_keys(
    secret: bytes, schedule: Schedule, now: datetime
) -> None:
    one, other = DerivedKeys(secret, schedule), DerivedKeys(secret, schedule)
    epochs = schedule.open(now)
    asked_before = [one.key(epoch, now) for epoch in reversed(epochs)]
    assert asked_before[::-1] == [other.key(epoch, now) for epoch in epochs]
    assert keys_of(one, now) == keys_of(other, now)
    configs = [[held.config(epoch, now) for epoch in epochs] for held in (one, other)]
    assert configs[0] == configs[1]
    assert [config.key_id for config in configs[0]] == [epoch % 256 for epoch in epochs]


@given(SECRETS, SECRETS, SCHEDULES, INSTANTS)
def test_no_two_purposes_epochs_or_secrets_share_a_key(
    secret: bytes, another: bytes, schedule: Schedule, now: datetime
) -> None:
    held = DerivedKeys(secret, schedule)
    later = schedule.closes(schedule.at(now))
    found = keys_of(held, now) + keys_of(held, later)
    if secret != another:
        found += keys_of(DerivedKeys(another, schedule), now)
    assert len(set(found)) == len(found)
    # Nor does a key of the gateway give one of tokens.
    given = {SecretKey.derived(key, INFO).secret for key in held.gateway(now).keys.values()}
    assert not given & set(found)


@given(SCHEDULES, INSTANTS)
def test_only_epochs_that_are_open_have_keys(schedule: Schedule, now: datetime) -> None:
    held = DerivedKeys(bytes(32), schedule)
    served = schedule.open(now)
    keys_of(held, now)
    for epoch in (served.start - 1, served.stop):
        for ask in (held.key, held.config):
            with pytest.raises(OmegaError) as refused:
                ask(epoch, now)
            assert refused.value.code is ErrorCode.EPOCH_CLOSED
    read = range(max(0, served.start - 1), served.stop)
    assert set(held.gateway(now).keys) == {epoch % KEY_IDS for epoch in read}
    with pytest.raises(OmegaError, match="epoch must be"):
        held.key(served.stop - 1, schedule.closes(served.stop - 1))


def test_what_is_sealed_for_an_epoch_is_read_until_the_next_one_closes_too() -> None:
    schedule = Schedule()
    held, epoch = DerivedKeys(bytes(32), schedule), schedule.at(NOW)
    sent, _ = encapsulate(held.config(epoch, NOW), b"a report")
    for late in (schedule.ends(epoch), schedule.closes(epoch)):
        assert held.gateway(late).decapsulate(sent)[0] == b"a report"
    with pytest.raises(OmegaError, match="encapsulated must be"):
        held.gateway(schedule.closes(epoch + 1)).decapsulate(sent)


@pytest.mark.parametrize("length", [0, MIN_SECRET_BYTES - 1, MAX_SECRET_BYTES + 1])
def test_a_secret_has_bounds(length: int) -> None:
    with pytest.raises(OmegaError, match="secret must be 32 to 1,024 bytes"):
        DerivedKeys(bytes(length), Schedule())
