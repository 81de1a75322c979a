-- The noise scale that a push states. The release before works on beside it: it does not fill it.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- In hundredths; absent = not stated.
ALTER TABLE pushes ADD COLUMN sigma_hundredths smallint
    CHECK (sigma_hundredths BETWEEN 50 AND 6400);
