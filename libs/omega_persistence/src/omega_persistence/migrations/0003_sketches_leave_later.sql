-- Sketches leave hours after the event, and never under a second noise scale.

-- Standard deviation of the noise times sqrt(384), in hundredths. NULL = a release before this one
-- made the sketch and did not note it.
ALTER TABLE sketches ADD COLUMN sigma_hundredths INTEGER
    CHECK (sigma_hundredths BETWEEN 50 AND 6400);
-- It joins no push before this instant. What waited under the release before may go at once.
ALTER TABLE sketches ADD COLUMN release_at INTEGER NOT NULL DEFAULT 0
    CHECK (release_at BETWEEN 0 AND 253402300799999999);
-- 1 = a sketch with this noise was in a push, under whatever encoder. Of older rows that wait it is
-- not known, so it is taken for granted.
ALTER TABLE sketches ADD COLUMN has_left INTEGER NOT NULL DEFAULT 1 CHECK (has_left IN (0, 1));

-- The same noise under two scales would tell which components of it are small.
CREATE TRIGGER sketches_sigma_is_final BEFORE UPDATE OF sigma_hundredths ON sketches
WHEN OLD.has_left AND OLD.sigma_hundredths IS NOT NULL
    AND NEW.sigma_hundredths IS NOT OLD.sigma_hundredths
BEGIN
    SELECT RAISE(ABORT, 'the noise scale of what has left stays');
END;
CREATE TRIGGER sketches_that_left_have_left BEFORE UPDATE OF has_left ON sketches
WHEN OLD.has_left AND NOT NEW.has_left
BEGIN
    SELECT RAISE(ABORT, 'what has left has left');
END;
