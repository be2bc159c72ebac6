-- Who it was by name, where the API server's audit events told it: docs/attribution.md.

-- JSON functions are not for an index: SQLite before 3.41 refuses them there where a schema is not trusted.
CREATE INDEX events_who ON events (id) WHERE instr(detail, '"who":');

-- One row for each time it was told; a drift that was recorded first is completed by an event of its own.
CREATE VIEW v_who AS
SELECT
    w.incident,
    json_extract(w.detail, '$.who.user') AS user,
    json_extract(w.detail, '$.who.impersonated') AS impersonated,
    json_extract(w.detail, '$.who.groups') AS groups,
    json_extract(w.detail, '$.who.userAgent') AS user_agent,
    json_extract(w.detail, '$.who.source') AS source,
    json_extract(w.detail, '$.who.how') AS joined_by,
    w.id AS event_id
FROM events w
WHERE w.type IN ('drift.seen', 'drift.attributed')
  AND instr(w.detail, '"who":') AND json_valid(w.detail)
  AND json_extract(w.detail, '$.who.user') IS NOT NULL;

DROP VIEW v_incidents;
CREATE VIEW v_incidents AS
SELECT
    s.incident,
    s.target, s.space, s.unit, s.revision, s.api_version, s.kind, s.namespace, s.name,
    s.verdict, s.severity, s.manager, s.operation, s.subresource,
    s.drifted_at,
    s.seen_at,
    coalesce(e.corrected_at, e.at) AS ended_at,
    CASE e.type
        WHEN 'correction.confirmed' THEN 'corrected'
        WHEN 'drift.healed' THEN 'healed'
        WHEN 'drift.dismissed' THEN 'dismissed'
        ELSE 'open'
    END AS outcome,
    round((julianday(s.seen_at) - julianday(s.drifted_at)) * 86400, 3) AS seconds_to_see,
    round((julianday(coalesce(e.corrected_at, e.at)) - julianday(s.seen_at)) * 86400, 3) AS seconds_to_end,
    s.message,
    s.id AS first_id,
    e.id AS last_id,
    (SELECT w.user FROM v_who w WHERE w.incident = s.incident ORDER BY w.event_id LIMIT 1) AS user
FROM events s
LEFT JOIN events e ON e.id = (
    SELECT max(x.id) FROM events x
    WHERE x.incident = s.incident
      AND x.type IN ('correction.confirmed', 'drift.healed', 'drift.dismissed')
      AND x.id > (SELECT max(y.id) FROM events y WHERE y.incident = s.incident AND y.type = 'drift.seen'))
WHERE s.type = 'drift.seen'
  AND s.incident IS NOT NULL
  AND s.id = (SELECT min(z.id) FROM events z WHERE z.incident = s.incident AND z.type = 'drift.seen');

CREATE VIEW v_by_user AS
SELECT
    coalesce(user, 'not known') AS user,
    count(*) AS incidents,
    count(DISTINCT coalesce(target, '') || '/' || coalesce(namespace, '') || '/' || coalesce(kind, '') || '/' || coalesce(name, '')) AS objects,
    sum(outcome = 'open') AS open,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_seen_at
FROM v_incidents
GROUP BY 1;
