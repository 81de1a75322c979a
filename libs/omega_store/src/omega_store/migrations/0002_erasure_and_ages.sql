-- Age ratings, erased devices and withdrawn resources. The release before works on beside it: it
-- neither reads nor has to fill what is new here.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- Absent = not rated.
ALTER TABLE contents ADD COLUMN minimum_age smallint CHECK (minimum_age BETWEEN 0 AND 21);

-- A row for each erased device whose sketches may stand behind what is published. Which device it
-- was is not kept.
CREATE TABLE erasures (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);

-- The newest withdrawn version of a kind: TVs hold it, so numbers go on behind it.
CREATE TABLE withdrawn_resources (
    kind    smallint PRIMARY KEY CHECK (kind BETWEEN 1 AND 2),
    version bigint NOT NULL CHECK (version >= 1)
);
