-- The collective state as it was coded, beside the patterns that it says; one row, or none where
-- the state came in another form. What comes next is coded against it.
CREATE TABLE coded_state (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    version     INTEGER NOT NULL CHECK (version > 0),
    codebook_id INTEGER NOT NULL CHECK (codebook_id BETWEEN 0 AND 4294967295),
    body        BLOB NOT NULL
) STRICT;

-- Vectors of titles that the fleet's catalogue holds and this TV's does not yet.
CREATE TABLE title_vectors (
    ordinal           INTEGER PRIMARY KEY CHECK (ordinal BETWEEN 0 AND 4294967295),
    catalogue_version INTEGER NOT NULL CHECK (catalogue_version > 0),
    model_version     TEXT NOT NULL,
    embedding         BLOB NOT NULL CHECK (length(embedding) = 768)
) STRICT;

CREATE INDEX contents_by_ordinal ON contents (ordinal) WHERE ordinal IS NOT NULL;

-- What proves to the fleet that an old identity was this TV's; empty = of an earlier release.
ALTER TABLE erasures ADD COLUMN device_key TEXT NOT NULL DEFAULT '';
ALTER TABLE erasures ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
