-- The trail. Times are RFC 3339 in UTC with milliseconds, so they sort as text. See docs/trail.md.
-- A migration that has shipped is never edited, not even a space: trails are compared with what it makes. Add a new one.
PRAGMA application_id = 1751540084; -- 0x68666174: "hfat"

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    type TEXT NOT NULL,
    severity TEXT,
    incident TEXT,
    target TEXT,
    space TEXT,
    unit TEXT,
    revision INTEGER,
    api_version TEXT,
    kind TEXT,
    namespace TEXT,
    name TEXT,
    uid TEXT,
    resource_version TEXT,
    verdict TEXT,
    manager TEXT,
    operation TEXT,
    subresource TEXT,
    drifted_at TEXT,
    seen_at TEXT,
    corrected_at TEXT,
    message TEXT,
    detail TEXT,
    alert INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT;

CREATE INDEX events_at ON events (at);
CREATE INDEX events_type ON events (type);
CREATE INDEX events_incident ON events (incident, type) WHERE incident IS NOT NULL;
CREATE INDEX events_unit ON events (unit) WHERE unit IS NOT NULL;
CREATE INDEX events_name ON events (name) WHERE name IS NOT NULL;
CREATE INDEX events_manager ON events (manager) WHERE manager IS NOT NULL;
CREATE INDEX events_seen ON events (seen_at) WHERE type = 'drift.seen';

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the trail is append-only: events are not changed');
END;

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the trail is append-only: events are not deleted');
END;

-- INSERT OR REPLACE fires no delete trigger; an id that is not above all others would replace or slip in between.
CREATE TRIGGER events_only_append BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id >= NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'the trail is append-only: events are added at the end');
END;

-- Kept in the same transaction as the event that opens, continues or ends an incident.
CREATE TABLE open_incidents (
    incident TEXT PRIMARY KEY,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE objects (
    target TEXT NOT NULL,
    api_group TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT,
    space TEXT,
    unit TEXT,
    revision INTEGER,
    verdict TEXT,
    reason TEXT,
    uid TEXT,
    incident TEXT,
    since TEXT,
    corrections INTEGER NOT NULL,
    PRIMARY KEY (target, api_group, kind, namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    incident TEXT,
    key TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT
) STRICT;

CREATE INDEX outbox_due ON outbox (channel, due_at, id);
CREATE INDEX outbox_incident ON outbox (channel, incident, id) WHERE incident IS NOT NULL;
