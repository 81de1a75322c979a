"""Who may call: a token for every method but the first, an enrolment key for that one."""

from __future__ import annotations

import hmac
from pathlib import Path

from omega_core import validate
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc.call import Caller, Principal
from omega_rpc.tokens import TokenKeys, bearer, read_secret

_OPEN = "/omega.sync.v1.SyncService/RegisterDevice"


class DeviceTokens:
    """The authenticator of the gateway."""

    def __init__(self, keys: TokenKeys) -> None:
        self._keys = keys

    def __call__(self, caller: Caller) -> Principal | None:
        """The device behind the bearer token; None for RegisterDevice.

        Raises:
            OmegaError: UNAUTHENTICATED.
        """
        if caller.method == _OPEN:
            return None
        return Principal(self._keys.verify(bearer(caller.metadata)))


class Enrolment:
    """The operator's enrolment key, or none."""

    def __init__(self, key: str | None) -> None:
        self._key = None if key is None else key.encode()

    @classmethod
    def read(cls, name: str, path: Path | None) -> Enrolment:
        """Reads the key; `name` is the setting that holds the file's path.

        Raises:
            OmegaError: INVALID_FIELD when the file cannot be used.
        """
        return cls(None if path is None else validate.text(name, read_secret(name, path), 256, 1))

    def check(self, shown: str) -> None:
        """Compares in constant time.

        Raises:
            OmegaError: ENROLMENT_REFUSED.
        """
        if self._key is not None and not hmac.compare_digest(self._key, shown.encode()):
            raise OmegaError(ErrorCode.ENROLMENT_REFUSED, field="enrolment_key")
