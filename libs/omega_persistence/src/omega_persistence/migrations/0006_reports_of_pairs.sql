-- Reports of pairs of titles, which nobody reads before enough TVs have sent the same.

-- What this TV tells, once and for ever: two titles, or one with itself. State 0 = its report is
-- ready and was never tried, 1 = it was tried, 2 = it is told or lost, 3 = it was refused for good.
-- Of what is told, nothing but the pair stays.
CREATE TABLE pair_reports (
    low        INTEGER NOT NULL REFERENCES contents (content_rowid),
    high       INTEGER NOT NULL REFERENCES contents (content_rowid),
    state      INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    epoch      INTEGER CHECK (epoch BETWEEN 0 AND 4294967295),
    report     BLOB CHECK (length(report) = 118),
    -- What pays for it; NULL = the last one was refused, another one is to come.
    token      BLOB CHECK (length(token) = 68),
    -- Tokens of it that were refused.
    refusals   INTEGER NOT NULL DEFAULT 0 CHECK (refusals >= 0),
    tries      INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    batch      INTEGER CHECK (batch > 0),
    release_at INTEGER CHECK (release_at BETWEEN 0 AND 253402300799999999),
    PRIMARY KEY (low, high),
    CHECK (low <= high),
    CHECK ((state < 2) = (report IS NOT NULL) AND (state < 2) = (epoch IS NOT NULL)
        AND (state < 2) = (batch IS NOT NULL) AND (state < 2) = (release_at IS NOT NULL)
        AND (state < 2 OR token IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX pair_reports_that_wait ON pair_reports (release_at) WHERE state < 2;
-- A second report of a pair would count a second time, and so would other bytes of the same one.
CREATE TRIGGER pairs_are_told_once BEFORE UPDATE OF state ON pair_reports
WHEN NEW.state < OLD.state
BEGIN
    SELECT RAISE(ABORT, 'what was tried was tried, and what is told is told');
END;
CREATE TRIGGER reports_are_final BEFORE UPDATE OF report ON pair_reports
WHEN NEW.report IS NOT NULL AND NEW.report IS NOT OLD.report
BEGIN
    SELECT RAISE(ABORT, 'a report comes again in the same bytes');
END;

-- Tokens that no report has.
CREATE TABLE pair_tokens (
    token BLOB PRIMARY KEY CHECK (length(token) = 68),
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;

-- The one request for tokens that was not answered yet, so that it comes again as it was.
CREATE TABLE pair_token_request (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    request_id TEXT NOT NULL,
    epoch      INTEGER NOT NULL CHECK (epoch BETWEEN 0 AND 4294967295),
    nonces     BLOB NOT NULL,
    blinds     BLOB NOT NULL CHECK (length(blinds) = length(nonces))
) STRICT;

-- Bytes that reports of pairs cost, by day since 1970 (UTC).
CREATE TABLE pair_days (
    day   INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

-- Keys of reports that this TV was told and believed, by epoch: it takes no others for the same.
CREATE TABLE reporting_keys (
    epoch       INTEGER PRIMARY KEY CHECK (epoch BETWEEN 0 AND 4294967295),
    threshold   INTEGER NOT NULL CHECK (threshold BETWEEN 2 AND 32),
    epoch_days  INTEGER NOT NULL CHECK (epoch_days BETWEEN 1 AND 366),
    grace_hours INTEGER NOT NULL CHECK (grace_hours BETWEEN 0 AND 720),
    gateway     BLOB NOT NULL,
    tokens      BLOB NOT NULL CHECK (length(tokens) = 32),
    randomness  BLOB NOT NULL CHECK (length(randomness) = 32)
) STRICT;
