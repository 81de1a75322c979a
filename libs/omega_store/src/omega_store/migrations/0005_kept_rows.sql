-- What rounds keep between refreshes. The release before works on beside it: it reads none of it,
-- and what it erases goes here, too.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- What the last refresh decoded with. At most one row.
CREATE TABLE decoders (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    basis        text COLLATE "C" NOT NULL CHECK (length(basis) BETWEEN 1 AND 128),
    refreshed_at timestamptz NOT NULL,
    body         bytea NOT NULL
);

-- What a device's sketches were decoded to, and on how many of its pushes that rests.
CREATE TABLE kept_rows (
    device_id text COLLATE "C" PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    pushes    integer NOT NULL CHECK (pushes >= 1),
    body      bytea NOT NULL
);

-- Newest factors at the refresh that first left an erased device out; absent = none has yet.
ALTER TABLE erasures ADD COLUMN replaced_in bigint CHECK (replaced_in >= 0);
