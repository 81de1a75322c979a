-- The inbox by months and devices, counts of devices and traffic, and the log of operators' deeds.
-- The release before works on beside it: a trigger stores what it pushes once, as it expects.

-- Behind a long transaction, this gives up and is tried again, rather than hold up all that comes
-- after it. Both tables in the order in which pushes lock them; and where a reader holds them the
-- other way round, this gives up before the server ends either for a deadlock (after 1 s).
SET LOCAL lock_timeout = '500ms';
LOCK TABLE devices, pushes IN ACCESS EXCLUSIVE MODE;
SET LOCAL lock_timeout = '2s';

-- Pushes that are there stay where they are, as the first partition: moving them would stop a shard
-- for hours. No foreign key leads from pushes to devices any more: with one, whoever makes or drops
-- a month would lock the devices, too.
ALTER TABLE pushes DROP CONSTRAINT pushes_device_id_fkey;
ALTER TABLE pushes RENAME TO pushes_before;
ALTER TABLE pushes_before RENAME CONSTRAINT pushes_pkey TO pushes_before_pkey;
CREATE TABLE pushes (LIKE pushes_before INCLUDING CONSTRAINTS) PARTITION BY RANGE (received_at);

-- Takes what no month takes: a push never fails for want of a partition.
CREATE TABLE pushes_rest PARTITION OF pushes DEFAULT;
ALTER TABLE pushes_rest ADD PRIMARY KEY (device_id, request_id);

-- The release before, and whoever does not do it himself, stores a push of a device once in all
-- months, and none of a device that is not there. Devices are locked for it in the order of the rows.
CREATE FUNCTION store_push_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM devices WHERE device_id = NEW.device_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = 'a push of a device that is not there';
    END IF;
    PERFORM FROM pushes WHERE device_id = NEW.device_id AND request_id = NEW.request_id;
    RETURN CASE WHEN FOUND THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER store_push_once BEFORE INSERT ON pushes FOR EACH ROW
    WHEN (current_setting('omega.stores_once', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION store_push_once();

-- Which of these pushes are stored. Always through the index: what a month holds is never read whole.
CREATE FUNCTION stored_pushes(devices text[], requests uuid[])
RETURNS TABLE (device_id text, request_id uuid, count integer)
LANGUAGE plpgsql STABLE SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY SELECT p.device_id, p.request_id, p.count
        FROM unnest(devices, requests) AS w (device_id, request_id) JOIN pushes AS p
            ON p.device_id = w.device_id COLLATE "C" AND p.request_id = w.request_id;
END $$;

-- Makes the partition of an instant's month (UTC), with what pushes_rest holds of it; false where that
-- time has one. A month has 8 parts by device, of which each keeps a push of a device once.
CREATE FUNCTION add_pushes_month(instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', instant, 'UTC');
    following timestamptz := (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    name text := 'pushes_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE pushes INCLUDING CONSTRAINTS,'
        ' PRIMARY KEY (device_id, request_id)) PARTITION BY HASH (device_id)', name);
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 8, REMAINDER %s)',
            name || '_' || part, name, part);
    END LOOP;
    -- Nothing slips in between the move and the attachment.
    LOCK TABLE pushes_rest IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM pushes_rest WHERE received_at >= %L'
        ' AND received_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        first, following, name);
    EXECUTE format('ALTER TABLE pushes ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, first, following);
    RETURN true;
EXCEPTION WHEN invalid_object_definition THEN
    RETURN false;  -- pushes_before takes that month
END $$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pushes_before) THEN
        EXECUTE format('ALTER TABLE pushes ATTACH PARTITION pushes_before'
            ' FOR VALUES FROM (MINVALUE) TO (%L)', (
                SELECT (date_trunc('month', greatest(max(received_at), now()), 'UTC')
                    AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' FROM pushes_before));
    ELSE
        DROP TABLE pushes_before;
    END IF;
    FOR month IN 0..2 LOOP
        PERFORM add_pushes_month(now() + month * interval '1 month');
    END LOOP;
END $$;

-- Devices by where they stand, counted in the transactions that change them. A backend counts in its
-- own row as far as there are rows, so that transactions do not wait for each other.
CREATE TABLE device_counts (
    slot    smallint PRIMARY KEY CHECK (slot BETWEEN 0 AND 63),
    welcome bigint NOT NULL,  -- neither revoked nor on their way to another shard
    revoked bigint NOT NULL,  -- and not on their way
    leaving bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION count_devices(welcome bigint, revoked bigint, leaving bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO device_counts AS held VALUES (pg_backend_pid() % 64, welcome, revoked, leaving)
    ON CONFLICT (slot) DO UPDATE SET welcome = held.welcome + EXCLUDED.welcome,
        revoked = held.revoked + EXCLUDED.revoked, leaving = held.leaving + EXCLUDED.leaving
$$;

CREATE FUNCTION count_devices_that_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_devices(count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NULL),
        count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NOT NULL),
        count(*) FILTER (WHERE leaving_for IS NOT NULL)) FROM came HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER count_devices_that_came AFTER INSERT ON devices REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION count_devices_that_came();

CREATE FUNCTION count_devices_that_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_devices(
        (NEW.leaving_for IS NULL AND NEW.revoked_at IS NULL)::int
        - (OLD.leaving_for IS NULL AND OLD.revoked_at IS NULL)::int,
        (NEW.leaving_for IS NULL AND NEW.revoked_at IS NOT NULL)::int
        - (OLD.leaving_for IS NULL AND OLD.revoked_at IS NOT NULL)::int,
        (NEW.leaving_for IS NOT NULL)::int - (OLD.leaving_for IS NOT NULL)::int);
    RETURN NULL;
END $$;
CREATE TRIGGER count_devices_that_changed AFTER UPDATE OF revoked_at, leaving_for ON devices
    FOR EACH ROW WHEN ((OLD.revoked_at IS NULL) <> (NEW.revoked_at IS NULL)
        OR (OLD.leaving_for IS NULL) <> (NEW.leaving_for IS NULL))
    EXECUTE FUNCTION count_devices_that_changed();

-- What operators did, written in the transaction that did it.
CREATE TABLE audit (
    entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL CHECK (length(actor) <= 128),
    action   text COLLATE "C" NOT NULL CHECK (length(action) BETWEEN 1 AND 64),
    subject  text COLLATE "C" NOT NULL CHECK (length(subject) <= 128)
);
CREATE INDEX audit_of_devices ON audit (subject) WHERE subject LIKE 'tv-%';

-- How the log names a device that is not here any more: whoever knows the id finds its entries.
CREATE FUNCTION gone_device(device_id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'device-' || left(encode(sha256(convert_to(device_id, 'UTF8')), 'hex'), 32)
$$;

CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.subject = gone_device(OLD.subject)
        AND (NEW.entry_id, NEW.at, NEW.actor, NEW.action)
            IS NOT DISTINCT FROM (OLD.entry_id, OLD.at, OLD.actor, OLD.action) THEN
        RETURN NEW;
    END IF;
    RAISE restrict_violation USING MESSAGE = 'the audit log only grows';
END $$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows();

-- A device that goes takes its pushes along, whoever deletes it, and its name out of the log.
CREATE FUNCTION devices_go_whole() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM pushes USING gone WHERE pushes.device_id = gone.device_id;
    UPDATE audit SET subject = gone_device(subject) FROM gone
        WHERE subject = gone.device_id AND subject LIKE 'tv-%';
    PERFORM count_devices(-count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NULL),
        -count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NOT NULL),
        -count(*) FILTER (WHERE leaving_for IS NOT NULL)) FROM gone HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER devices_go_whole AFTER DELETE ON devices REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION devices_go_whole();

-- Nobody comes, goes or changes before this is committed: the triggers hold the table.
INSERT INTO device_counts
    SELECT 0, count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NULL),
        count(*) FILTER (WHERE leaving_for IS NULL AND revoked_at IS NOT NULL),
        count(*) FILTER (WHERE leaving_for IS NOT NULL) FROM devices HAVING count(*) > 0;

-- Devices page by page.
CREATE INDEX devices_by_region ON devices (region, device_id);
CREATE INDEX devices_revoked ON devices (device_id) WHERE revoked_at IS NOT NULL;

-- What was stored in a minute, by the writer that stored it, in the transactions that stored it.
CREATE TABLE traffic_minutes (
    minute     timestamptz NOT NULL,
    slot       integer NOT NULL CHECK (slot >= 0),
    exchanges  bigint NOT NULL,
    sketches   bigint NOT NULL,
    duplicates bigint NOT NULL,
    refused    bigint NOT NULL,
    latency    bigint[] NOT NULL CHECK (cardinality(latency) = 20),
    rates      bigint[] NOT NULL CHECK (cardinality(rates) = 8),
    PRIMARY KEY (minute, slot)
) WITH (fillfactor = 50);

-- What a pull asks for: what changed or went since a version.
CREATE INDEX global_patterns_changed ON global_patterns (changed_version)
    WHERE removed_version IS NULL;
CREATE INDEX global_patterns_removed ON global_patterns (removed_version, created_version)
    INCLUDE (pattern_id) WHERE removed_version IS NOT NULL;
