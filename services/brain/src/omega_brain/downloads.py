"""Large bodies from the fleet: fetched in pieces, verified, then put in force as a whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from omega.common.v1 import resource_pb2
from omega_brain import factor_steps, facts
from omega_brain.fleet import Fleet
from omega_brain.state import CATALOGUE, FACTORS
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import CataloguePack, FactorPack, decode_catalogue, decode_factors
from omega_persistence.resources import ResourceKey

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_log = logging.getLogger(__name__)


class Downloads:
    """Fetches what the fleet announces and this TV can use. Not safe for threads."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._stores = brain.stores

    def held(self) -> list[resource_pb2.HeldResource]:
        """What this TV holds, as it tells the fleet."""
        factors = [key.version for key in self._complete() if key.kind == FACTORS]
        versions = [(CATALOGUE, facts.catalogue_version(self._stores.meta))]
        versions += [(FACTORS, version) for version in factors]
        return [
            resource_pb2.HeldResource(kind=kind, version=version)
            for kind, version in versions
            if version
        ]

    def take(self, fleet: Fleet, announced: Iterable[resource_pb2.ResourceInfo]) -> int:
        """Fetches and applies every announced body that is newer than what is held, and due.

        Nothing on a metered network; a transfer under way stops when one is told of.

        A transfer goes on where an earlier one stopped. A catalogue comes before the factors that
        use its ordinals.

        Returns:
            Bytes that were transferred.

        Raises:
            ServiceError: the server refused or the transfer broke; its parts are kept.
            OmegaError: INVALID_FIELD or CORRUPT_RESOURCE when a body is not what was announced or
                breaks a bound: nothing was replaced. STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        held = {resource.kind: resource.version for resource in self.held()}
        fetched = 0
        for info in sorted(announced, key=lambda info: info.kind):
            if not self._may_fetch():
                break
            if info.kind not in {CATALOGUE, FACTORS} or info.version <= held.get(info.kind, 0):
                continue
            if info.kind == CATALOGUE or self._factors_due(info):
                fetched += self._take(fleet, info)
        return fetched

    def _take(self, fleet: Fleet, info: resource_pb2.ResourceInfo) -> int:
        key = ResourceKey(info.kind, info.version, info.size_bytes, info.sha256, info.model_version)
        if info.kind == FACTORS:
            return self._take_factors(fleet, info, key)
        # A catalogue may lie here complete, its application having failed or been cut short.
        fetched = 0 if key in self._complete() else self._fetch(fleet, info, key)
        if self._is_here(key):
            self._apply_catalogue(key)
        return fetched

    def _factors_due(self, info: resource_pb2.ResourceInfo) -> bool:
        hours = self._brain.config.factors_hours
        return factor_steps.due(self._stores, info, hours, self._brain.clock.now())

    def _take_factors(
        self,
        fleet: Fleet,
        info: resource_pb2.ResourceInfo,
        key: ResourceKey,
    ) -> int:
        """As a delta where there is a sound one, else whole."""
        fetched = factor_steps.fetch(self._stores, fleet, key)
        if fetched.body is not None:
            with self._stores.database.transaction():
                made = factor_steps.stored_key(key, fetched.body)
                self._stores.resources.store(made, fetched.body)
                factor_steps.note_taken(self._stores, self._brain.clock.now())
            return fetched.size
        rest = 0 if fetched.whole else self._fetch(fleet, info, key)
        if self._is_here(key):
            self._keep_factors(key)
        return fetched.size + rest

    def _fetch(
        self,
        fleet: Fleet,
        info: resource_pb2.ResourceInfo,
        key: ResourceKey,
    ) -> int:
        resources = self._stores.resources
        begun = received = resources.received(key)
        if received == key.size_bytes:
            return 0
        try:
            for chunk in fleet.get_resource(info.kind, info.version, begun):
                received = resources.append(key, received, chunk.data)
                if not self._may_fetch():
                    break
        finally:
            self._stores.meta.add_traffic(resources=received - begun)
        return received - begun

    def _apply_catalogue(self, key: ResourceKey) -> None:
        resources = self._stores.resources
        stored = resources.get(CATALOGUE) if key in self._complete() else None
        pack = decode_catalogue((stored or resources.complete(key)).body)
        _require_announced(pack, key)
        if not pack.contents:
            raise invalid("entries", f"1 to {limits.MAX_CATALOGUE:,} titles")
        self._brain.apply_catalogue(pack)

    def _keep_factors(self, key: ResourceKey) -> None:
        """Replaces the factors by fetched ones that can be read, or leaves them as they are."""
        damage = None
        with self._stores.database.transaction():
            try:
                body = self._stores.resources.complete(key).body
            except OmegaError as error:
                if error.code != ErrorCode.CORRUPT_RESOURCE:
                    raise
                # Not raised in here: that its parts were dropped is to be durable.
                damage = error
            else:
                _require_announced(decode_factors(body), key)
                factor_steps.note_taken(self._stores, self._brain.clock.now())
        if damage:
            raise damage

    def _may_fetch(self) -> bool:
        switches = self._brain.switches
        return switches.may_ask and not switches.metered

    def _is_here(self, key: ResourceKey) -> bool:
        """Whether all of a body has come, or none of it where a damaged transfer was dropped."""
        resources = self._stores.resources
        return key in self._complete() or resources.received(key) in {0, key.size_bytes}

    def _complete(self) -> list[ResourceKey]:
        return self._stores.resources.held()


def _require_announced(pack: CataloguePack | FactorPack, key: ResourceKey) -> None:
    if pack.version != key.version:
        raise invalid("version", f"{key.version:,}, as announced")
    if pack.model_version != key.model_version:
        raise invalid("model_version", f"{key.model_version}, as announced")
