-- One household's truth. STRICT and the CHECKs are also what `PRAGMA integrity_check` holds rows to.
-- Instants are microseconds since 1970 in UTC. Vectors are little-endian: float16, noise float32.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- content_rowid is the title's label in the vector index: AUTOINCREMENT never gives one twice.
CREATE TABLE contents (
    content_rowid INTEGER PRIMARY KEY AUTOINCREMENT,
    content_id    TEXT NOT NULL UNIQUE,
    ordinal       INTEGER CHECK (ordinal >= 0),
    title         TEXT NOT NULL,
    kind          INTEGER NOT NULL,
    genres        TEXT NOT NULL,
    year          INTEGER NOT NULL,
    country       TEXT NOT NULL,
    description   TEXT NOT NULL,
    providers     TEXT NOT NULL,
    model_version TEXT NOT NULL,
    embedding     BLOB NOT NULL CHECK (length(embedding) = 768),
    rev           INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX contents_by_model ON contents (model_version);

CREATE TABLE events (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id          TEXT NOT NULL UNIQUE,
    content_rowid     INTEGER NOT NULL REFERENCES contents (content_rowid),
    watch_percentage  REAL NOT NULL CHECK (watch_percentage BETWEEN 0 AND 1),
    engagement_score  REAL NOT NULL CHECK (engagement_score BETWEEN 0 AND 1),
    reward            REAL NOT NULL CHECK (reward BETWEEN 0 AND 1),
    occurred_at       INTEGER NOT NULL CHECK (occurred_at BETWEEN 0 AND 253402300799999999),
    session_id        TEXT NOT NULL,
    recommendation_id TEXT NOT NULL,
    time_of_day       INTEGER NOT NULL CHECK (time_of_day BETWEEN 0 AND 4),
    day_type          INTEGER NOT NULL CHECK (day_type BETWEEN 0 AND 3),
    audience          INTEGER NOT NULL CHECK (audience BETWEEN 0 AND 4)
) STRICT;
CREATE INDEX events_by_time ON events (occurred_at, seq);
CREATE TRIGGER events_are_final BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;

CREATE TABLE recommendations (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    recommendation_id TEXT NOT NULL UNIQUE,
    served_at         INTEGER NOT NULL,
    content_ids       TEXT NOT NULL
) STRICT;

-- state: 0 waiting, 1 in the open push, 2 acknowledged.
CREATE TABLE sketches (
    content_rowid INTEGER PRIMARY KEY REFERENCES contents (content_rowid),
    noise         BLOB NOT NULL CHECK (length(noise) = 1536),
    model_version TEXT NOT NULL,
    sketch        BLOB NOT NULL CHECK (length(sketch) = 48),
    class_byte    INTEGER NOT NULL CHECK (class_byte BETWEEN 0 AND 255),
    state         INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    request_id    TEXT,
    position      INTEGER,
    queued_at     INTEGER NOT NULL,
    CHECK ((state = 1) = (request_id IS NOT NULL) AND (state = 1) = (position IS NOT NULL))
) STRICT;
CREATE INDEX sketches_by_state ON sketches (state, model_version);
-- Two draws for one title could be averaged, and each draw takes from the privacy of the other.
CREATE TRIGGER sketches_noise_is_final BEFORE UPDATE OF noise ON sketches
WHEN NEW.noise IS NOT OLD.noise
BEGIN
    SELECT RAISE(ABORT, 'noise is drawn once');
END;

CREATE TABLE global_patterns (
    pattern_id         INTEGER PRIMARY KEY,
    embedding          BLOB NOT NULL CHECK (length(embedding) = 768),
    success_rate       REAL NOT NULL CHECK (success_rate BETWEEN 0 AND 1),
    device_count_floor INTEGER NOT NULL,
    weight             REAL NOT NULL CHECK (weight BETWEEN 0 AND 1)
) STRICT;

CREATE TABLE resources (
    kind          INTEGER PRIMARY KEY,
    version       INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,
    sha256        BLOB NOT NULL CHECK (length(sha256) = 32),
    model_version TEXT NOT NULL,
    body          BLOB NOT NULL
) STRICT;

-- A chunk a row: appending to one growing blob would write it all again each time.
CREATE TABLE resource_transfers (
    kind          INTEGER PRIMARY KEY,
    version       INTEGER NOT NULL,
    size_bytes    INTEGER NOT NULL,
    sha256        BLOB NOT NULL CHECK (length(sha256) = 32),
    model_version TEXT NOT NULL,
    received      INTEGER NOT NULL
) STRICT;
CREATE TABLE resource_chunks (
    kind   INTEGER NOT NULL REFERENCES resource_transfers (kind) ON DELETE CASCADE,
    offset INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (kind, offset)
) STRICT;
