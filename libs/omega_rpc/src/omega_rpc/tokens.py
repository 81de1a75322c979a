"""Device tokens, checked without a database: HMAC-SHA256 over whose they are and until when.

A token is bound to the device's key and worth nothing without a proof of it (omega_rpc.dpop). A key
file holds lines `KEY_ID:64 hexadecimal digits`; the first signs and all verify, so keys rotate by
putting a new line on top. Form: v2.KEY_ID.DEVICE_ID.SHARD.JKT.ISSUED.EXPIRES.MAC (RFC 2104), the
instants in seconds since 1970, JKT (RFC 7638) and the MAC as base64url.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from omega_core.errors import ErrorCode, OmegaError, invalid

_LINE = re.compile(r"([A-Za-z0-9]{1,16}):([0-9a-f]{64})\Z")
_TOKEN = re.compile(
    r"v2\.([A-Za-z0-9]{1,16})\.(tv-[0-9a-f]{32})\.([a-z0-9-]{1,63})\.([\w-]{43})"
    r"\.([0-9]{1,12})\.([0-9]{1,12})\.([\w-]{43})\Z",
    re.ASCII,
)


@dataclass(frozen=True)
class TokenClaims:
    """What a token says."""

    device_id: str
    """`tv-` and 32 hexadecimal digits."""
    shard: str
    """Where the device is registered, 1 to 63 characters of [a-z0-9-]."""
    thumbprint: str
    """Of the device's key (RFC 7638), 43 characters."""
    issued_at: datetime
    """Aware, exact to the second."""
    expires_at: datetime
    """Aware, exact to the second."""


@dataclass(frozen=True)
class TokenKeys:
    """Keys that sign and verify device tokens."""

    signer: str
    """Id of the key that signs."""
    keys: dict[str, bytes] = field(repr=False)
    """Key id -> 32 bytes."""

    @classmethod
    def read(cls, name: str, path: Path) -> TokenKeys:
        """Reads a key file; `name` is the setting that holds its path.

        Raises:
            OmegaError: INVALID_FIELD when it cannot be read, others may read it, or a
                line is wrong.
        """
        lines = read_secret(name, path).split()
        found = [match.groups() for line in lines if (match := _LINE.match(line))]
        keys = {key_id: bytes.fromhex(digits) for key_id, digits in found}
        if not keys or len(keys) != len(lines):
            raise invalid(name, "lines of KEY_ID:64 hexadecimal digits, each KEY_ID once")
        return cls(found[0][0], keys)

    def issue(self, claims: TokenClaims) -> str:
        """A token; instants are cut to the second."""
        issued, expires = int(claims.issued_at.timestamp()), int(claims.expires_at.timestamp())
        stem = (
            f"v2.{self.signer}.{claims.device_id}.{claims.shard}.{claims.thumbprint}"
            f".{issued}.{expires}"
        )
        return f"{stem}.{self._mac(self.signer, stem)}"

    def check(self, token: str, now: datetime) -> TokenClaims:
        """What a token says that is genuine and has not ended.

        Raises:
            OmegaError: UNAUTHENTICATED with field `authorization`.
        """
        match = _TOKEN.match(token)
        if not match or match[1] not in self.keys:
            raise OmegaError(ErrorCode.UNAUTHENTICATED, field="authorization", detail="no token")
        stem, _, mac = token.rpartition(".")
        if not hmac.compare_digest(mac, self._mac(match[1], stem)):
            raise OmegaError(ErrorCode.UNAUTHENTICATED, field="authorization", detail="forged")
        issued, expires = (datetime.fromtimestamp(int(match[i]), UTC) for i in (5, 6))
        if now >= expires:
            raise OmegaError(ErrorCode.UNAUTHENTICATED, field="authorization", detail="expired")
        return TokenClaims(match[2], match[3], match[4], issued, expires)

    def _mac(self, key_id: str, stem: str) -> str:
        digest = hmac.new(self.keys[key_id], stem.encode("ascii"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def new_key_line() -> str:
    """A line for a key file with a fresh key; its id is drawn, so lines of two draws differ."""
    return f"{secrets.token_hex(4)}:{secrets.token_hex(32)}"


def read_secret(name: str, path: Path) -> str:
    """Text of a file that others may not read, without white space around it.

    Raises:
        OmegaError: INVALID_FIELD when it cannot be read or others may read it; `name` is the
            setting that holds its path.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(name, "a readable file of ASCII text") from error
    if mode & 0o007:
        raise invalid(name, "a file that others cannot read (chmod o-rwx)")
    return text
