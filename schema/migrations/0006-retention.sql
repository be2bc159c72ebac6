-- Retention: rows go only when a row here names their ids. It proves nothing: the proof is in the chain (audit.removed).
CREATE TABLE removals (
    first_id INTEGER PRIMARY KEY,
    last_id INTEGER NOT NULL,
    event_id INTEGER NOT NULL -- of the audit.removed that tells of it
) STRICT;

DROP TRIGGER events_no_delete;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
WHEN coalesce((SELECT last_id FROM removals WHERE first_id <= OLD.id ORDER BY first_id DESC LIMIT 1), 0) < OLD.id
BEGIN
    SELECT RAISE(ABORT, 'the trail is append-only: events are not deleted');
END;
