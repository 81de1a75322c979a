-- How far a move is, what was erased while devices move, and claims that any shard's device can
-- spend. The release before works on beside it: it neither reads nor has to fill what is new here.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- Devices that the directory of this version gives to another shard, and that are still here. At most
-- one row.
CREATE TABLE moves (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    directory_version bigint NOT NULL CHECK (directory_version >= 1),
    remaining         bigint NOT NULL CHECK (remaining >= 0)
);

-- Devices that were erased where there are several shards, by the SHA-256 of their id: a copy that is
-- on its way from another shard is not taken over. Kept for a while.
CREATE TABLE erased_devices (
    sha256    bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    erased_at timestamptz NOT NULL
);
CREATE INDEX erased_devices_by_age ON erased_devices (erased_at);

CREATE INDEX moved_devices_by_age ON moved_devices (moved_at);

-- For whom a claim was spent: SHA-256 over claim and device, which nobody can tell a device from who
-- does not hold the claim. spent_by, which needs the device in the same database, is filled no more.
ALTER TABLE claims ADD COLUMN spent_for bytea
    CHECK (spent_for IS NULL OR octet_length(spent_for) = 32 AND spent_at IS NOT NULL);
