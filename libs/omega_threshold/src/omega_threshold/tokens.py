"""Anonymous tokens that limit how much a TV reports (Privacy Pass: Davidson et al. 2018, RFC 9576).

The operator, who knows its TVs, gives each so many tokens an epoch: it evaluates blinded random
numbers. A report carries one token. The operator sees that it gave that token out, and not to whom.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_threshold.epochs import MAX_EPOCH
from omega_threshold.oprf import MAX_BATCH, Blinded, Evaluation, SecretKey, blind

NONCE_BYTES, MAC_BYTES = 32, 32
"""Length of a token's number, and of what shows that it was given out."""
_LAYOUT = struct.Struct(f">I{NONCE_BYTES}s{MAC_BYTES}s")
TOKEN_BYTES = _LAYOUT.size
"""Length of every token."""


@dataclass(frozen=True)
class Token:
    """The right to one report in one epoch."""

    epoch: int
    """When it may be spent."""
    nonce: bytes
    """A number that only the TV knew when it asked; NONCE_BYTES."""
    mac: bytes = field(repr=False)
    """The first MAC_BYTES of the function's output for the nonce."""

    def __post_init__(self) -> None:
        validate.integer("epoch", self.epoch, 0, MAX_EPOCH)
        validate.size("nonce", self.nonce, NONCE_BYTES)
        validate.size("mac", self.mac, MAC_BYTES)

    def encode(self) -> bytes:
        """TOKEN_BYTES."""
        return _LAYOUT.pack(self.epoch, self.nonce, self.mac)

    @classmethod
    def decode(cls, data: bytes) -> Token:
        """The token that encode() wrote.

        Raises:
            OmegaError: INVALID_FIELD token.
        """
        return cls(*_LAYOUT.unpack(validate.size("token", data, TOKEN_BYTES)))


@dataclass(frozen=True)
class TokenRequest:
    """A TV's side of an issue. The server's side is oprf.evaluate with the epoch's key."""

    epoch: int
    """Whose tokens are asked for."""
    nonces: tuple[bytes, ...] = field(repr=False)
    """A number a token."""
    blinded: Blinded
    """What the server gets: `blinded.elements`."""

    @classmethod
    def drawn(cls, epoch: int, count: int) -> TokenRequest:
        """Asks for `count` tokens, 1 to MAX_BATCH.

        Raises:
            OmegaError: INVALID_FIELD count.
        """
        validate.integer("count", count, 1, MAX_BATCH)
        nonces = tuple(os.urandom(NONCE_BYTES) for _ in range(count))
        return cls(epoch, nonces, blind([_value(epoch, nonce) for nonce in nonces]))

    @classmethod
    def again(cls, epoch: int, nonces: Sequence[bytes], blinds: Sequence[bytes]) -> TokenRequest:
        """The same request, of what it was drawn from: a server counts it once.

        Args:
            epoch: as it was.
            nonces: 1 to MAX_BATCH.
            blinds: `blinded.blinds`, as many.

        Raises:
            OmegaError: INVALID_FIELD values.
        """
        values = [_value(epoch, nonce) for nonce in nonces]
        return cls(epoch, tuple(nonces), blind(values, blinds=blinds))

    def finalize(self, answer: Evaluation, public: bytes) -> list[Token]:
        """The tokens.

        Args:
            answer: the server's.
            public: the epoch's key as every TV knows it.

        Raises:
            OmegaError: as Blinded.finalize; PROOF_REFUSED where the server used another key, by
                which it would know these tokens again.
        """
        outputs = self.blinded.finalize(answer, public)
        return [
            Token(self.epoch, nonce, output[:MAC_BYTES])
            for nonce, output in zip(self.nonces, outputs, strict=True)
        ]


class Keys(Protocol):
    """Keys, one an epoch: derived.DerivedKeys, or a keyring.KeyRing."""

    def key(self, epoch: int, now: datetime) -> SecretKey:
        """The key of an epoch that is open.

        Raises:
            OmegaError: EPOCH_CLOSED epoch.
        """
        ...


class Spent(Protocol):
    """What tokens were spent on: a table of the operator's, or a spent.SpentTokens."""

    def spend(self, epoch: int, nonce: bytes, spent_on: bytes) -> bool:
        """Notes that a token was spent, durably; false when it was on the same thing before.

        Raises:
            OmegaError: TOKEN_REFUSED token where it was spent on something else.
        """
        ...


@dataclass(frozen=True)
class Redeemer:
    """Takes tokens, each once."""

    keys: Keys
    """Those that tokens are given out with."""
    spent: Spent
    """What was taken."""

    def redeem(self, token: Token, spent_on: bytes, now: datetime) -> bool:
        """Takes a token for something; true the first time, false when that very thing comes again.

        Args:
            token: as it came.
            spent_on: what it pays for. A call that is repeated after a lost answer pays for the
                same.
            now: the time.

        Raises:
            OmegaError: EPOCH_CLOSED epoch; TOKEN_REFUSED token for one that was not given out, or
                was spent on something else.
        """
        output = self.keys.key(token.epoch, now).evaluate(_value(token.epoch, token.nonce))
        if not hmac.compare_digest(output[:MAC_BYTES], token.mac):
            raise OmegaError(ErrorCode.TOKEN_REFUSED, field="token")
        return self.spent.spend(token.epoch, token.nonce, spent_on)


def _value(epoch: int, nonce: bytes) -> bytes:
    return b"omega.threshold.v1 token %d\0" % epoch + nonce
