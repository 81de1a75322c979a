-- Reports of pairs of titles. Nothing here names a device but threshold_issued, which knows how many
-- tokens a device had and no token; and nothing tells when a report came but its epoch.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it.
SET LOCAL lock_timeout = '2s';

-- Tokens that devices had. blinded_sha256: over the elements, so that a call that is repeated counts
-- once, and counts nothing else.
CREATE TABLE threshold_issued (
    device_id      text COLLATE "C" NOT NULL REFERENCES devices ON DELETE CASCADE,
    request_id     uuid NOT NULL,
    epoch          bigint NOT NULL CHECK (epoch >= 0),
    tokens         integer NOT NULL CHECK (tokens BETWEEN 1 AND 128),
    blinded_sha256 bytea NOT NULL CHECK (octet_length(blinded_sha256) = 32),
    PRIMARY KEY (device_id, request_id)
);
CREATE INDEX threshold_issued_by_epoch ON threshold_issued (epoch);

-- Numbers of tokens that were spent, and the SHA-256 of the report that each paid for.
CREATE TABLE threshold_spent (
    epoch    bigint NOT NULL CHECK (epoch >= 0),
    nonce    bytea NOT NULL CHECK (octet_length(nonce) = 32),
    spent_on bytea NOT NULL CHECK (octet_length(spent_on) = 32),
    PRIMARY KEY (epoch, nonce)
);

-- Reports as they came; a round moves them on in the order of their tags, so that where a row lies
-- does not tell which came after which.
CREATE TABLE threshold_inbox (
    report bytea NOT NULL CHECK (octet_length(report) = 118)
);

-- Reports of pairs that are not open. What tag and sealed say is the same in all reports of a pair.
CREATE TABLE threshold_sealed (
    epoch     bigint NOT NULL CHECK (epoch >= 0),
    threshold smallint NOT NULL CHECK (threshold BETWEEN 2 AND 32),
    tag       bytea NOT NULL CHECK (octet_length(tag) = 16),
    sealed    bytea NOT NULL CHECK (octet_length(sealed) = 48),
    x         bytea NOT NULL CHECK (octet_length(x) = 16),
    y         bytea NOT NULL CHECK (octet_length(y) = 32),
    PRIMARY KEY (epoch, tag, sealed, threshold, x, y)
);

-- Groups that are open, until their epoch closes: by the secret, later reports of the pair count.
CREATE TABLE threshold_opened (
    epoch     bigint NOT NULL CHECK (epoch >= 0),
    threshold smallint NOT NULL CHECK (threshold BETWEEN 2 AND 32),
    tag       bytea NOT NULL CHECK (octet_length(tag) = 16),
    sealed    bytea NOT NULL CHECK (octet_length(sealed) = 48),
    secret    bytea NOT NULL CHECK (octet_length(secret) = 32),
    PRIMARY KEY (epoch, tag, sealed, threshold)
);

-- Points of the shares that were counted in open groups, so that a report that comes again counts
-- once. They are drawn by chance; nothing else of these reports is left.
CREATE TABLE threshold_points (
    epoch bigint NOT NULL CHECK (epoch >= 0),
    tag   bytea NOT NULL CHECK (octet_length(tag) = 16),
    x     bytea NOT NULL CHECK (octet_length(x) = 16),
    PRIMARY KEY (epoch, tag, x)
);

-- Groups that a round has to look at, for reports of them have come: the others have not changed.
-- spoiled: a quick try did not open it, for there are wrong shares in it.
CREATE TABLE threshold_grown (
    epoch     bigint NOT NULL CHECK (epoch >= 0),
    threshold smallint NOT NULL CHECK (threshold BETWEEN 2 AND 32),
    tag       bytea NOT NULL CHECK (octet_length(tag) = 16),
    sealed    bytea NOT NULL CHECK (octet_length(sealed) = 48),
    spoiled   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (epoch, tag, sealed, threshold)
);

-- What was opened: how many reports of two titles, by their keys, or of one title with itself.
CREATE TABLE threshold_pairs (
    low     bytea NOT NULL CHECK (octet_length(low) = 16),
    high    bytea NOT NULL CHECK (octet_length(high) = 16 AND low <= high),
    reports bigint NOT NULL CHECK (reports >= 2),
    PRIMARY KEY (low, high)
);
