-- What a channel has been told of and not yet been told the end of: so that a restart neither forgets to say that it is
-- over nor begins a new thread. No part of the chain: it says nothing about the cluster.
CREATE TABLE told (
    channel TEXT NOT NULL,
    incident TEXT NOT NULL,
    message_group TEXT NOT NULL, -- what its messages share: PagerDuty's dedup_key
    thread TEXT,                 -- the service's name for it, where it has one
    told_at TEXT NOT NULL,
    event_id INTEGER NOT NULL,   -- the newest event of it that was told
    PRIMARY KEY (channel, incident)
) STRICT, WITHOUT ROWID;

-- One message may carry many rows: those of an incident are given out together, in order.
CREATE INDEX outbox_waiting ON outbox (channel, incident, due_at) WHERE incident IS NOT NULL;
