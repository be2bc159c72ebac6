-- What is rare among many events is found by an index, not by reading all that is newer.
CREATE INDEX events_critical ON events (severity) WHERE severity = 'critical';
CREATE INDEX events_namespace ON events (namespace) WHERE namespace IS NOT NULL;
