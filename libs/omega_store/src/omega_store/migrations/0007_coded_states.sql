-- Codebooks, and states as they are coded under them. The release before works on beside it: it
-- gives out no codebook, and what it publishes names no catalogue.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

ALTER TABLE resources DROP CONSTRAINT resources_kind_check,
    ADD CONSTRAINT resources_kind_check CHECK (kind BETWEEN 1 AND 3);
ALTER TABLE withdrawn_resources DROP CONSTRAINT withdrawn_resources_kind_check,
    ADD CONSTRAINT withdrawn_resources_kind_check CHECK (kind BETWEEN 1 AND 3);

-- The newest catalogue when a state was published; 0 = none. What came into it later comes with the
-- states after it.
ALTER TABLE states ADD COLUMN catalogue_version bigint NOT NULL DEFAULT 0
    CHECK (catalogue_version >= 0);

-- A state under a codebook. What was stored first is what every TV is led to.
CREATE TABLE coded_states (
    version     bigint NOT NULL REFERENCES states ON DELETE CASCADE,
    codebook_id bigint NOT NULL CHECK (codebook_id BETWEEN 1 AND 4294967295),
    body        bytea NOT NULL,
    PRIMARY KEY (version, codebook_id)
);
