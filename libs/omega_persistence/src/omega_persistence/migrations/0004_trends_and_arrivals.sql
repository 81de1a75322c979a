-- What the fleet says is on the rise; it comes and goes as a whole.
CREATE TABLE trends (
    ordinal  INTEGER PRIMARY KEY CHECK (ordinal BETWEEN 0 AND 4294967295),
    score    REAL NOT NULL CHECK (score > 0 AND score <= 1),
    regional INTEGER NOT NULL CHECK (regional IN (0, 1))
) STRICT;

-- When a title came to this TV; absent = before it was noted.
ALTER TABLE contents ADD COLUMN added_at INTEGER
    CHECK (added_at BETWEEN 0 AND 253402300799999999);
