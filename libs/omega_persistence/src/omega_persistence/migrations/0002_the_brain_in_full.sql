-- What the brain learns beside its viewings. profile_id '' is the household as a whole.

ALTER TABLE contents ADD COLUMN minimum_age INTEGER CHECK (minimum_age BETWEEN 0 AND 21);

ALTER TABLE events ADD COLUMN recorded_at INTEGER NOT NULL DEFAULT 0
    CHECK (recorded_at BETWEEN 0 AND 253402300799999999);
ALTER TABLE events ADD COLUMN action INTEGER NOT NULL DEFAULT 0 CHECK (action IN (0, 4, 5, 8));
ALTER TABLE events ADD COLUMN watch_seconds INTEGER NOT NULL DEFAULT 0
    CHECK (watch_seconds BETWEEN 0 AND 86400);
ALTER TABLE events ADD COLUMN interaction_count INTEGER NOT NULL DEFAULT 0
    CHECK (interaction_count BETWEEN 0 AND 10000);
ALTER TABLE events ADD COLUMN source INTEGER NOT NULL DEFAULT 0 CHECK (source BETWEEN 0 AND 5);
ALTER TABLE events ADD COLUMN verdict INTEGER NOT NULL DEFAULT 0 CHECK (verdict BETWEEN 0 AND 2);
ALTER TABLE events ADD COLUMN mood INTEGER NOT NULL DEFAULT 0 CHECK (mood BETWEEN 0 AND 4);
ALTER TABLE events ADD COLUMN device_kind INTEGER NOT NULL DEFAULT 0
    CHECK (device_kind BETWEEN 0 AND 4);
ALTER TABLE events ADD COLUMN profile_id TEXT NOT NULL DEFAULT '';
-- Until now events were kept for ever; their month begins when they happened.
DROP TRIGGER events_are_final;
UPDATE events SET recorded_at = occurred_at;
CREATE TRIGGER events_are_final BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;
CREATE INDEX events_by_arrival ON events (recorded_at, seq);
CREATE INDEX events_by_title ON events (content_rowid, occurred_at, seq);

-- Moments of viewings under way, kept for a day.
CREATE TABLE interactions (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id          TEXT NOT NULL UNIQUE,
    content_rowid     INTEGER NOT NULL REFERENCES contents (content_rowid),
    profile_id        TEXT NOT NULL,
    action            INTEGER NOT NULL CHECK (action IN (1, 2, 3, 6, 7)),
    watch_percentage  REAL NOT NULL CHECK (watch_percentage BETWEEN 0 AND 1),
    occurred_at       INTEGER NOT NULL CHECK (occurred_at BETWEEN 0 AND 253402300799999999),
    recorded_at       INTEGER NOT NULL CHECK (recorded_at BETWEEN 0 AND 253402300799999999),
    session_id        TEXT NOT NULL
) STRICT;
CREATE INDEX interactions_by_arrival ON interactions (recorded_at);

-- What remains of events that left the episodic tier: all that ranking needs of a title.
CREATE TABLE title_records (
    profile_id       TEXT NOT NULL,
    content_rowid    INTEGER NOT NULL REFERENCES contents (content_rowid),
    viewings         INTEGER NOT NULL CHECK (viewings >= 1),
    successes        INTEGER NOT NULL CHECK (successes BETWEEN 0 AND viewings),
    best_reward      REAL NOT NULL CHECK (best_reward BETWEEN 0 AND 1),
    circumstances    INTEGER NOT NULL CHECK (circumstances >= 0),
    first_at         INTEGER NOT NULL,
    first_success_at INTEGER,
    last_at          INTEGER NOT NULL,
    last_seq         INTEGER NOT NULL,
    liked_at         INTEGER,
    disliked_at      INTEGER,
    PRIMARY KEY (profile_id, content_rowid)
) STRICT, WITHOUT ROWID;

-- chain: content ids shown on the pages before this one.
ALTER TABLE recommendations ADD COLUMN chain TEXT NOT NULL DEFAULT '[]';
ALTER TABLE recommendations ADD COLUMN profile_id TEXT NOT NULL DEFAULT '';

CREATE TABLE profiles (
    profile_id     TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    max_age_rating INTEGER CHECK (max_age_rating BETWEEN 0 AND 21),
    blocked_genres TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The tiers that have no table of their own. strength = importance + 0.1 ln(1 + access_count).
CREATE TABLE memories (
    memory_rowid  INTEGER PRIMARY KEY,
    tier          INTEGER NOT NULL CHECK (tier BETWEEN 1 AND 12),
    profile_id    TEXT NOT NULL,
    key           TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 160),
    strength      REAL NOT NULL CHECK (strength >= importance),
    importance    REAL NOT NULL CHECK (importance BETWEEN 0 AND 1),
    confidence    REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    access_count  INTEGER NOT NULL CHECK (access_count >= 0),
    created_at    INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999999),
    accessed_at   INTEGER NOT NULL CHECK (accessed_at BETWEEN 0 AND 253402300799999999),
    expires_at    INTEGER CHECK (expires_at BETWEEN 0 AND 253402300799999999),
    content_id    TEXT NOT NULL,
    text          TEXT NOT NULL,
    metadata      TEXT NOT NULL,
    model_version TEXT NOT NULL,
    embedding     BLOB CHECK (length(embedding) = 768),
    UNIQUE (tier, profile_id, key)
) STRICT;
CREATE INDEX memories_by_strength ON memories (tier, strength);
CREATE INDEX memories_by_expiry ON memories (tier, expires_at) WHERE expires_at IS NOT NULL;

-- Faded counts of viewings by genre, time, mood, month and holiday, a JSON object a profile.
CREATE TABLE habits (
    profile_id TEXT PRIMARY KEY,
    body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Taste patterns. viewings and successes decay; they hold as of updated_at.
CREATE TABLE skills (
    skill_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    profile_id    TEXT NOT NULL,
    name          TEXT NOT NULL,
    centroid      BLOB NOT NULL CHECK (length(centroid) = 1536),
    model_version TEXT NOT NULL,
    viewings      REAL NOT NULL CHECK (viewings >= 0),
    successes     REAL NOT NULL CHECK (successes >= 0),
    sample_count  INTEGER NOT NULL CHECK (sample_count >= 0),
    contexts      TEXT NOT NULL,
    members       INTEGER NOT NULL CHECK (members >= 0),
    resultant     REAL NOT NULL CHECK (resultant >= 0),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX skills_by_profile ON skills (profile_id, skill_id);
-- A pattern's statistics are the sums of its members', as of each one's updated_at.
CREATE TABLE skill_members (
    profile_id    TEXT NOT NULL,
    content_rowid INTEGER NOT NULL REFERENCES contents (content_rowid),
    skill_id      INTEGER NOT NULL REFERENCES skills (skill_id) ON DELETE CASCADE,
    viewings      REAL NOT NULL CHECK (viewings >= 0),
    successes     REAL NOT NULL CHECK (successes >= 0),
    sample_count  INTEGER NOT NULL CHECK (sample_count >= 0),
    contexts      TEXT NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (profile_id, content_rowid)
) STRICT, WITHOUT ROWID;
CREATE INDEX skill_members_by_skill ON skill_members (skill_id);

-- What led to what. Weights decay; they hold as of last_observed.
CREATE TABLE causal_edges (
    profile_id     TEXT NOT NULL,
    cause          TEXT NOT NULL,
    effect         TEXT NOT NULL,
    joint          REAL NOT NULL CHECK (joint >= 0),
    first_observed INTEGER NOT NULL,
    last_observed  INTEGER NOT NULL,
    PRIMARY KEY (profile_id, cause, effect)
) STRICT, WITHOUT ROWID;
-- kind: 0 as a cause, 1 as an effect, 2 all transitions (name '').
CREATE TABLE causal_totals (
    profile_id    TEXT NOT NULL,
    kind          INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
    name          TEXT NOT NULL,
    total         REAL NOT NULL CHECK (total >= 0),
    last_observed INTEGER NOT NULL,
    PRIMARY KEY (profile_id, kind, name)
) STRICT, WITHOUT ROWID;
-- The last viewing, which the next one follows.
CREATE TABLE causal_tails (
    profile_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    ended_at   INTEGER NOT NULL,
    causes     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Vectors that a program in the brain's process stored for itself.
CREATE TABLE vectors (
    vector_id TEXT PRIMARY KEY,
    vector    BLOB NOT NULL CHECK (length(vector) = 768),
    metadata  TEXT NOT NULL,
    value     REAL NOT NULL CHECK (value BETWEEN 0 AND 1),
    stored_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ranking settings with their lineage. One row at most is in force.
CREATE TABLE settings (
    version    INTEGER PRIMARY KEY AUTOINCREMENT,
    parent     INTEGER REFERENCES settings (version),
    state      TEXT NOT NULL CHECK (state IN ('in_force', 'rejected', 'superseded', 'rolled_back')),
    attempt    INTEGER NOT NULL UNIQUE CHECK (attempt >= 1),
    parameters TEXT NOT NULL,
    fitness    TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    watch      TEXT NOT NULL,
    decided_at INTEGER NOT NULL CHECK (decided_at BETWEEN 0 AND 253402300799999999),
    ended_at   INTEGER CHECK (ended_at BETWEEN 0 AND 253402300799999999)
) STRICT;
CREATE UNIQUE INDEX settings_in_force ON settings (state) WHERE state = 'in_force';

-- Periodic loops: how far each has come, and the reports of late.
CREATE TABLE loops (
    name         TEXT PRIMARY KEY,
    completed_at INTEGER NOT NULL,
    cycle        INTEGER NOT NULL CHECK (cycle >= 0)
) STRICT, WITHOUT ROWID;
CREATE TABLE loop_reports (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    cycle       INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    changes     TEXT NOT NULL,
    coalesced   INTEGER NOT NULL,
    runs        INTEGER NOT NULL,
    over_budget INTEGER NOT NULL,
    yields      INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    seconds     REAL NOT NULL,
    lateness    REAL NOT NULL,
    error       TEXT NOT NULL
) STRICT;
CREATE INDEX loop_reports_by_name ON loop_reports (name, seq);

-- Identities that the fleet is still to forget.
CREATE TABLE erasures (
    device_id  TEXT PRIMARY KEY,
    auth_token TEXT NOT NULL,
    queued_at  INTEGER NOT NULL,
    attempts   INTEGER NOT NULL CHECK (attempts >= 0)
) STRICT, WITHOUT ROWID;
