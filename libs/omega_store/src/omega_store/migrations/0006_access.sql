-- Keys of devices, one-time claims, certificates and what was revoked. The release before works on
-- beside it: it neither reads nor has to fill what is new here.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- SHA-256 of the SubjectPublicKeyInfo; absent = a device that has not shown a key yet.
ALTER TABLE devices ADD COLUMN key_sha256 bytea CHECK (octet_length(key_sha256) = 32);

-- A claim is kept as its SHA-256 alone, until it has ended. One that was spent stays spent when its
-- device is erased.
CREATE TABLE claims (
    sha256     bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    expires_at timestamptz NOT NULL,
    spent_at   timestamptz,
    spent_by   text COLLATE "C" REFERENCES devices ON DELETE SET NULL,
    CHECK (spent_by IS NULL OR spent_at IS NOT NULL)
);
CREATE INDEX claims_by_end ON claims (expires_at);
CREATE INDEX claims_by_device ON claims (spent_by) WHERE spent_by IS NOT NULL;

-- Certificates that have not ended, big-endian serial numbers.
CREATE TABLE certificates (
    serial     bytea PRIMARY KEY CHECK (octet_length(serial) BETWEEN 1 AND 20),
    device_id  text COLLATE "C" NOT NULL REFERENCES devices ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX certificates_by_device ON certificates (device_id);

-- Revoked devices in the order in which they became visible to readers.
CREATE TABLE revocations (
    cursor    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id text COLLATE "C" NOT NULL UNIQUE REFERENCES devices ON DELETE CASCADE
);
INSERT INTO revocations (device_id)
    SELECT device_id FROM devices WHERE revoked_at IS NOT NULL ORDER BY revoked_at, device_id;
