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

-- Reports as they came, each with the number of the token that paid for it. Where a row lies tells
-- which came after which, so a round takes them out of here, and puts them on in the order of their
-- tags.
CREATE TABLE threshold_inbox (
    epoch  bigint NOT NULL CHECK (epoch >= 0),
    nonce  bytea NOT NULL CHECK (octet_length(nonce) = 32),
    report bytea NOT NULL CHECK (octet_length(report) = 118),
    PRIMARY KEY (epoch, nonce)
);

-- Numbers of tokens that were spent, and the SHA-256 of the report that each paid for: of reports that
-- are in the inbox no more.
CREATE TABLE threshold_spent (
    epoch    bigint NOT NULL CHECK (epoch >= 0),
    nonce    bytea NOT NULL CHECK (octet_length(nonce) = 32),
    spent_on bytea NOT NULL CHECK (octet_length(spent_on) = 32),
    PRIMARY KEY (epoch, nonce)
);

-- Whoever takes a report out of the inbox, its number stays spent; in the order of the numbers, which
-- are chance. By the SHA-256 alone, rows in the order of their arrival would tell that of the reports.
CREATE FUNCTION threshold_keep_spent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO threshold_spent (epoch, nonce, spent_on)
        SELECT epoch, nonce, sha256(report) FROM gone ORDER BY epoch, nonce
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER threshold_keep_spent AFTER DELETE ON threshold_inbox
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION threshold_keep_spent();

-- Takes a report: true where it is new, false where the very same came before, null where its number
-- was spent on another. Each statement sees what was committed before it. It looks before it stores,
-- since to store a number that a round is just moving would wait for the whole round; and again after
-- that, since another call may have stored the number, and a round moved it, in between.
CREATE FUNCTION threshold_take(of_epoch bigint, number bytea, given bytea) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    paid bytea;
BEGIN
    LOOP
        SELECT spent_on INTO paid FROM (
            SELECT spent_on FROM threshold_spent WHERE epoch = of_epoch AND nonce = number
            UNION ALL
            SELECT sha256(report) FROM threshold_inbox WHERE epoch = of_epoch AND nonce = number
        ) AS held LIMIT 1;
        IF FOUND THEN
            RETURN CASE WHEN paid = sha256(given) THEN false END;
        END IF;
        INSERT INTO threshold_inbox (epoch, nonce, report) VALUES (of_epoch, number, given)
            ON CONFLICT DO NOTHING;
        IF FOUND THEN
            PERFORM FROM threshold_spent WHERE epoch = of_epoch AND nonce = number;
            IF NOT FOUND THEN
                RETURN true;
            END IF;
            DELETE FROM threshold_inbox WHERE epoch = of_epoch AND nonce = number;
        END IF;
    END LOOP;
END $$;

-- Public keys of the randomness server, as it first told them: what TVs are told of an epoch never
-- changes, whoever of this shard is asked.
CREATE TABLE threshold_randomness (
    epoch      bigint PRIMARY KEY CHECK (epoch >= 0),
    public_key bytea NOT NULL CHECK (octet_length(public_key) = 32)
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

-- The first epoch that is not forgotten: what comes of earlier ones counts no more. One row at most.
CREATE TABLE threshold_forgotten (
    first_kept bigint PRIMARY KEY CHECK (first_kept >= 0)
);

-- What was opened: how many reports of two titles, by their keys, or of one title with itself.
CREATE TABLE threshold_pairs (
    low     bytea NOT NULL CHECK (octet_length(low) = 16),
    high    bytea NOT NULL CHECK (octet_length(high) = 16 AND low <= high),
    reports bigint NOT NULL CHECK (reports >= 2),
    PRIMARY KEY (low, high)
);
