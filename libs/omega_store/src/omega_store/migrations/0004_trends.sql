-- Regions of devices, and titles that rise in them. The release before works on beside it: what it
-- publishes states no trends.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- As the device stated it; empty = not stated.
ALTER TABLE devices ADD COLUMN region text COLLATE "C" NOT NULL DEFAULT ''
    CHECK (region ~ '^[A-Za-z0-9-]{0,16}$');

-- Trends of the newest state; region '' = over all regions.
CREATE TABLE trends (
    region  text COLLATE "C" NOT NULL CHECK (region ~ '^[A-Za-z0-9-]{0,16}$'),
    ordinal integer NOT NULL CHECK (ordinal >= 0),
    score   real NOT NULL CHECK (score > 0 AND score <= 1),
    PRIMARY KEY (region, ordinal)
);

-- Which catalogue's ordinals a state's trends use, and when their scores held; 0 = it has none.
ALTER TABLE states ADD COLUMN trends_catalogue_version bigint NOT NULL DEFAULT 0
    CHECK (trends_catalogue_version >= 0);
ALTER TABLE states ADD COLUMN trends_at timestamptz
    CHECK ((trends_at IS NULL) = (trends_catalogue_version = 0));
