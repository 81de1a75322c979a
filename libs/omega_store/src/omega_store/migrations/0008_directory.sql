-- Which shards there are, and devices that go to another one. The release before works on beside it:
-- it neither reads nor has to fill what is new here.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- The directories that were held, as serialised omega.constellation.v1.Directory; the highest version
-- holds.
CREATE TABLE directories (
    version      bigint PRIMARY KEY CHECK (version >= 1),
    body         bytea NOT NULL CHECK (octet_length(body) <= 1048576),
    published_at timestamptz NOT NULL
);

-- Shard that the device is on its way to: until it is there, nothing of it is stored or counted here.
-- Absent = it stays.
ALTER TABLE devices ADD COLUMN leaving_for text COLLATE "C"
    CHECK (leaving_for ~ '^[a-z0-9-]{1,63}$');
CREATE INDEX devices_leaving ON devices (device_id) WHERE leaving_for IS NOT NULL;

-- Devices that have left, and where they went.
CREATE TABLE moved_devices (
    device_id text COLLATE "C" PRIMARY KEY CHECK (device_id ~ '^tv-[0-9a-f]{32}$'),
    shard     text COLLATE "C" NOT NULL CHECK (shard ~ '^[a-z0-9-]{1,63}$'),
    moved_at  timestamptz NOT NULL
);
