-- Rounds that are asked for, and rounds over several shards. The release before works on beside it:
-- it neither reads nor has to fill what is new here.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- Status 4 is a round that is asked for: neither begun nor ended.
ALTER TABLE rounds DROP CONSTRAINT rounds_status_check,
    ADD CONSTRAINT rounds_status_check CHECK (status BETWEEN 1 AND 4);
ALTER TABLE rounds DROP CONSTRAINT rounds_check,
    ADD CONSTRAINT rounds_check CHECK ((status IN (1, 4)) = (finished_at IS NULL));
-- Whether whoever asked for it wants everything decoded anew.
ALTER TABLE rounds ADD COLUMN refresh boolean NOT NULL DEFAULT false;
CREATE INDEX rounds_open ON rounds (round_id) WHERE status IN (1, 4);

-- What stands here from when on: a round over several shards counts a device where it was at the
-- round's cut-off. Filled by the insert itself, whichever release makes it.
ALTER TABLE devices ADD COLUMN here_since timestamptz NOT NULL DEFAULT now();

-- In the home shard: rounds over several shards. `cutoff_at` is the instant up to which pushes count.
CREATE TABLE fleet_rounds (
    round_id  bigint PRIMARY KEY REFERENCES rounds,
    cutoff_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    refresh   boolean NOT NULL,
    basis     text COLLATE "C" NOT NULL CHECK (length(basis) BETWEEN 1 AND 128),
    catalogue_version bigint NOT NULL CHECK (catalogue_version >= 1),
    CHECK (ends_at > cutoff_at)
);

-- What all shards are told at the beginning of each phase of the open round; `brought` names those
-- whose parts count, once the phase has ended.
CREATE TABLE round_plans (
    round_id bigint NOT NULL REFERENCES fleet_rounds,
    number   smallint NOT NULL CHECK (number >= 1),
    phase    text COLLATE "C" NOT NULL CHECK (length(phase) BETWEEN 1 AND 16),
    body     bytea NOT NULL,
    ends_at  timestamptz NOT NULL,
    brought  text[],
    PRIMARY KEY (round_id, number),
    UNIQUE (round_id, phase)
);

-- What each shard answered, in pieces: all of them or none.
CREATE TABLE round_parts (
    round_id bigint NOT NULL,
    phase    text COLLATE "C" NOT NULL,
    shard    text COLLATE "C" NOT NULL CHECK (shard ~ '^[a-z0-9-]{1,63}$'),
    piece    integer NOT NULL CHECK (piece >= 0),
    body     bytea NOT NULL,
    PRIMARY KEY (round_id, phase, shard, piece),
    FOREIGN KEY (round_id, phase) REFERENCES round_plans (round_id, phase) ON DELETE CASCADE
);
-- Compressed by whoever writes it.
ALTER TABLE round_plans ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE round_parts ALTER COLUMN body SET STORAGE EXTERNAL;

-- What became of each shard in a round; 0 = it is at work, else as in omega.federation.v1.
CREATE TABLE round_shards (
    round_id bigint NOT NULL REFERENCES rounds,
    shard    text COLLATE "C" NOT NULL CHECK (shard ~ '^[a-z0-9-]{1,63}$'),
    region   text COLLATE "C" NOT NULL CHECK (region ~ '^[A-Za-z0-9-]{0,16}$'),
    outcome  smallint NOT NULL DEFAULT 0 CHECK (outcome BETWEEN 0 AND 3),
    devices  bigint NOT NULL DEFAULT 0 CHECK (devices >= 0),
    sketches bigint NOT NULL DEFAULT 0 CHECK (sketches >= 0),
    PRIMARY KEY (round_id, shard)
);

-- What the fleet's last published refresh decoded with. At most one row.
CREATE TABLE fleet_decoder (
    singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    basis        text COLLATE "C" NOT NULL CHECK (length(basis) BETWEEN 1 AND 128),
    refreshed_at timestamptz NOT NULL,
    body         bytea NOT NULL
);

-- Sums that a shard, and then a region, last made between rounds.
CREATE TABLE current_sums (
    region   text COLLATE "C" NOT NULL CHECK (region ~ '^[A-Za-z0-9-]{0,16}$'),
    shard    text COLLATE "C" NOT NULL CHECK (shard ~ '^[a-z0-9-]{0,63}$'),  -- '' = of the region
    made_at  timestamptz NOT NULL,
    basis    text COLLATE "C" NOT NULL CHECK (length(basis) BETWEEN 1 AND 128),
    devices  bigint NOT NULL CHECK (devices >= 0),
    sketches bigint NOT NULL CHECK (sketches >= 0),
    body     bytea NOT NULL,
    PRIMARY KEY (region, shard)
);
