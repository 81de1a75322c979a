"""Large bodies from the fleet: fetched in pieces, verified, then put in force as a whole."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from omega.common.v1 import resource_pb2
from omega_brain import catalogue_steps, factor_steps, facts, resource_steps, resource_times
from omega_brain.deltas import CODEBOOK
from omega_brain.fleet import Fleet
from omega_brain.state import CATALOGUE, FACTORS
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import (
    CataloguePack,
    FactorPack,
    decode_catalogue,
    decode_catalogue_delta,
    decode_factors,
)
from omega_delta.transform import Codebook
from omega_persistence.resources import ResourceKey

if TYPE_CHECKING:
    from omega_brain.brain import Brain

_log = logging.getLogger(__name__)
_ORDER = {CODEBOOK: 0, CATALOGUE: 1, FACTORS: 2}
"""Small ones first; a catalogue before the factors that use its ordinals."""


class Downloads:
    """Fetches what the fleet announces and this TV can use. Not safe for threads."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._stores = brain.stores

    def held(self) -> list[resource_pb2.HeldResource]:
        """What this TV holds, as it tells the fleet."""
        versions = [(CATALOGUE, facts.catalogue_version(self._stores.meta))]
        versions += [
            (resource_pb2.ResourceKind.ValueType(key.kind), key.version)
            for key in self._complete()
            if key.kind in {FACTORS, CODEBOOK}
        ]
        return [
            resource_pb2.HeldResource(kind=kind, version=version)
            for kind, version in versions
            if version
        ]

    def take(
        self,
        fleet: Fleet,
        announced: Iterable[resource_pb2.ResourceInfo],
        recalled: Collection[int] = (),
    ) -> int:
        """Fetches and applies every announced body that is newer than what is held, and due.

        What is held of a recalled kind was taken back: what is announced of it does not wait.

        Nothing on a metered network; a transfer under way stops when one is told of. A transfer
        goes on where an earlier one stopped.

        Returns:
            Bytes that were transferred.

        Raises:
            ServiceError: the server refused or the transfer broke; its parts are kept.
            OmegaError: INVALID_FIELD or CORRUPT_RESOURCE when a body is not what was announced or
                breaks a bound: nothing was replaced. STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        held = {resource.kind: resource.version for resource in self.held()}
        useful = [info for info in announced if info.kind in _ORDER]
        fetched = 0
        for info in sorted(useful, key=lambda info: _ORDER[info.kind]):
            if not self._may_fetch():
                break
            due = info.kind in recalled or self._is_due(info)
            if info.version > held.get(info.kind, 0) and due:
                fetched += self._take(fleet, info)
        return fetched

    def _take(self, fleet: Fleet, info: resource_pb2.ResourceInfo) -> int:
        key = ResourceKey(info.kind, info.version, info.size_bytes, info.sha256, info.model_version)
        if info.kind == FACTORS:
            return self._take_factors(fleet, key)
        if info.kind == CATALOGUE:
            return self._take_catalogue(fleet, key)
        if self._renumber(key):
            return 0
        fetched = self._fetch(fleet, key)
        if self._is_here(key):
            self._keep(key)
        return fetched

    def _renumber(self, key: ResourceKey) -> bool:
        """Whether the held body is the announced one under a lower number; it has the new one then.

        So it is where the version between the two was taken back.
        """
        if not any(replace(held, version=key.version) == key for held in self._complete()):
            return False
        stored = self._stores.resources.get(key.kind)
        if stored is None:
            return False
        self._stores.resources.store(key, stored.body)
        return True

    def _is_due(self, info: resource_pb2.ResourceInfo) -> bool:
        """Whether it is time; what this TV has nothing of does not wait."""
        config = self._brain.config
        hours = config.factors_hours if info.kind == FACTORS else config.catalogue_hours
        model = next((key.model_version for key in self._complete() if key.kind == info.kind), "")
        if info.kind == CATALOGUE:
            model = facts.model_version(self._stores.meta)
        now = self._brain.clock.now()
        return model != info.model_version or resource_times.due(
            self._stores, info.kind, hours, now
        )

    def _take_factors(self, fleet: Fleet, key: ResourceKey) -> int:
        """As a delta where there is a sound one, else whole."""
        base = factor_steps.base(self._stores, key)
        came = self._step(fleet, key, base)
        body = factor_steps.applied(self._stores, came.delta, key) if came.delta else None
        if body is not None:
            with self._stores.database.transaction():
                self._stores.resources.store(factor_steps.stored_key(key, body), body)
                self._note_taken(key)
            return came.size
        rest = self._fetch(fleet, key)
        if self._is_here(key):
            self._keep(key)
        return came.size + rest

    def _take_catalogue(self, fleet: Fleet, key: ResourceKey) -> int:
        """As titles that changed where the held ones are a base for them, else whole."""
        # One may lie here complete, its application having failed or been cut short.
        if key in self._complete():
            self._apply_catalogue(key)
            return 0
        base = None
        if not self._stores.resources.received(key):
            encoder = self._brain.model_version
            base = catalogue_steps.base(self._stores, encoder, key.model_version)
        came = self._step(fleet, key, base)
        if came.delta and self._apply_catalogue_delta(key, came.delta):
            return came.size
        rest = self._fetch(fleet, key)
        if self._is_here(key):
            self._apply_catalogue(key)
        return came.size + rest

    def _step(
        self, fleet: Fleet, key: ResourceKey, base: tuple[int, bytes] | None
    ) -> resource_steps.Fetched:
        if base is None:
            return resource_steps.Fetched()
        return resource_steps.fetch(self._stores, fleet, key, base, self._may_fetch)

    def _fetch(self, fleet: Fleet, key: ResourceKey) -> int:
        """The rest of a body; bytes that were transferred."""
        resources = self._stores.resources
        begun = received = resources.received(key)
        if received == key.size_bytes or not self._may_fetch():
            return 0
        kind = resource_pb2.ResourceKind.ValueType(key.kind)
        try:
            for chunk in fleet.get_resource(kind, key.version, begun):
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
        self._brain.apply_catalogue(pack, key.sha256)

    def _apply_catalogue_delta(self, key: ResourceKey, data: bytes) -> bool:
        """Moves the catalogue on; False when the delta is not to be trusted."""
        try:
            delta = decode_catalogue_delta(data)
            if delta.base_version != facts.catalogue_version(self._stores.meta):
                raise invalid("base_version", "the held version")
            if (delta.version, delta.model_version) != (key.version, key.model_version):
                raise invalid("version", "as announced")
            self._brain.apply_catalogue_delta(delta, key.sha256)
        except OmegaError as error:
            if error.code not in {ErrorCode.CORRUPT_RESOURCE, ErrorCode.INVALID_FIELD}:
                raise
            _log.warning("a delta to catalogue %d is thrown away: %s", key.version, error)
            return False
        return True

    def _keep(self, key: ResourceKey) -> None:
        """Replaces factors or codebook by fetched ones that can be read; else they stay."""
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
                if key.kind == FACTORS:
                    _require_announced(decode_factors(body), key)
                elif Codebook.decode(body).model_version != key.model_version:
                    raise invalid("model_version", f"{key.model_version}, as announced")
                self._note_taken(key)
        if damage:
            raise damage

    def _note_taken(self, key: ResourceKey) -> None:
        resource_times.note_taken(self._stores, key.kind, self._brain.clock.now())

    def _may_fetch(self) -> bool:
        switches = self._brain.switches
        return switches.may_ask and not switches.metered

    def _is_here(self, key: ResourceKey) -> bool:
        """Whether all of a body has come, or none of it where a damaged transfer was dropped."""
        return self._stores.resources.received(key) in {0, key.size_bytes}

    def _complete(self) -> list[ResourceKey]:
        return self._stores.resources.held()


def _require_announced(pack: CataloguePack | FactorPack, key: ResourceKey) -> None:
    if pack.version != key.version:
        raise invalid("version", f"{key.version:,}, as announced")
    if pack.model_version != key.model_version:
        raise invalid("model_version", f"{key.model_version}, as announced")
