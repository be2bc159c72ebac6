-- The views know every way that an incident begins and ends. Begun by drift.seen or extra.seen it is in v_incidents, and while it is open in
-- v_open; begun by rollout.seen or object.absent it is no drift, and in v_rollouts. Each is over the chained rows and open_incidents.
DROP VIEW v_mttr;
DROP VIEW v_by_user;
DROP VIEW v_by_actor;
DROP VIEW v_incidents;
DROP VIEW v_open;
DROP VIEW v_findings;
DROP VIEW v_who;
DROP INDEX events_seen;

CREATE INDEX events_seen ON events (seen_at) WHERE type IN ('drift.seen', 'extra.seen');
CREATE INDEX events_kind ON events (kind) WHERE kind IS NOT NULL;

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
WHERE w.type IN ('drift.seen', 'extra.seen', 'drift.attributed')
  AND instr(w.detail, '"who":') AND json_valid(w.detail)
  AND json_extract(w.detail, '$.who.user') IS NOT NULL;

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
        WHEN 'rollout.confirmed' THEN 'corrected'
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
      AND x.type IN ('correction.confirmed', 'rollout.confirmed', 'drift.healed', 'drift.dismissed')
      AND x.id > (
          SELECT max(y.id) FROM events y WHERE y.incident = s.incident
            AND y.type IN ('drift.seen', 'extra.seen', 'rollout.seen', 'object.absent', 'correction.intended',
                           'correction.sent', 'correction.blocked', 'correction.failed', 'correction.partial')))
WHERE s.type IN ('drift.seen', 'extra.seen')
  AND s.incident IS NOT NULL
  AND s.id = (SELECT min(z.id) FROM events z WHERE z.incident = s.incident AND z.type IN ('drift.seen', 'extra.seen'));

CREATE VIEW v_open AS
SELECT
    o.incident,
    f.target, f.space, f.unit, f.api_version, f.kind, f.namespace, f.name,
    f.manager, f.operation,
    f.drifted_at,
    coalesce(f.seen_at, f.at) AS seen_at,
    l.type AS latest,
    l.at AS latest_at,
    l.message,
    o.first_id,
    o.last_id
FROM open_incidents o
JOIN events f ON f.id = o.first_id
JOIN events l ON l.id = o.last_id
WHERE EXISTS (SELECT 1 FROM events s WHERE s.incident = o.incident AND s.type IN ('drift.seen', 'extra.seen'));

CREATE VIEW v_rollouts AS
SELECT
    s.incident,
    s.target, s.space, s.unit, s.revision, s.api_version, s.kind, s.namespace, s.name,
    CASE s.type WHEN 'object.absent' THEN 'new object' ELSE 'new content' END AS what,
    coalesce(s.seen_at, s.at) AS seen_at,
    coalesce(e.corrected_at, e.at) AS ended_at,
    CASE e.type
        WHEN 'drift.dismissed' THEN 'dismissed'
        ELSE CASE WHEN e.id IS NULL THEN 'open' ELSE 'live' END
    END AS outcome,
    s.message,
    s.id AS first_id,
    e.id AS last_id
FROM events s
LEFT JOIN events e ON e.id = (
    SELECT max(x.id) FROM events x
    WHERE x.incident = s.incident
      AND x.type IN ('correction.confirmed', 'rollout.confirmed', 'drift.healed', 'drift.dismissed')
      AND x.id > (
          SELECT max(y.id) FROM events y WHERE y.incident = s.incident
            AND y.type IN ('drift.seen', 'extra.seen', 'rollout.seen', 'object.absent', 'correction.intended',
                           'correction.sent', 'correction.blocked', 'correction.failed', 'correction.partial')))
WHERE s.type IN ('rollout.seen', 'object.absent')
  AND s.incident IS NOT NULL
  AND s.id = (
      SELECT min(z.id) FROM events z WHERE z.incident = s.incident
        AND z.type IN ('drift.seen', 'extra.seen', 'rollout.seen', 'object.absent'));

-- One row a finding: which path, by whom, from what to what.
CREATE VIEW v_findings AS
SELECT
    e.incident,
    e.target, e.space, e.unit, e.api_version, e.kind, e.namespace, e.name,
    e.seen_at,
    json_extract(f.value, '$.path') AS path,
    json_extract(f.value, '$.readable') AS readable,
    json_extract(f.value, '$.class') AS class,
    json_extract(f.value, '$.desired') AS desired,
    json_extract(f.value, '$.live') AS live,
    coalesce(json_extract(f.value, '$.manager'), e.manager) AS manager,
    coalesce(json_extract(f.value, '$.operation'), e.operation) AS operation,
    json_extract(f.value, '$.at') AS written_at,
    e.id AS event_id
FROM events e
JOIN json_each(CASE WHEN json_valid(e.detail) THEN e.detail ELSE '{}' END, '$.findings') f
WHERE e.type IN ('drift.seen', 'extra.seen');

CREATE VIEW v_by_actor AS
SELECT
    coalesce(manager, 'not known') AS manager,
    operation,
    count(*) AS incidents,
    count(DISTINCT coalesce(target, '') || '/' || coalesce(namespace, '') || '/' || coalesce(kind, '') || '/' || coalesce(name, '')) AS objects,
    sum(outcome = 'open') AS open,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_seen_at
FROM v_incidents
GROUP BY 1, 2;

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

CREATE VIEW v_mttr AS
WITH ended AS (
    SELECT target, space, unit, seconds_to_see, seconds_to_end,
           row_number() OVER (PARTITION BY target, space, unit ORDER BY seconds_to_end) AS place,
           count(*) OVER (PARTITION BY target, space, unit) AS total
    FROM v_incidents
    WHERE outcome = 'corrected' AND seconds_to_end IS NOT NULL
)
SELECT
    target, space, unit,
    total AS corrected,
    round(avg(seconds_to_see), 3) AS mean_seconds_to_see,
    round(avg(seconds_to_end), 3) AS mean_seconds_to_correct,
    max(CASE WHEN place = (total + 1) / 2 THEN seconds_to_end END) AS p50_seconds_to_correct,
    max(CASE WHEN place = (total * 95 + 99) / 100 THEN seconds_to_end END) AS p95_seconds_to_correct,
    max(seconds_to_end) AS max_seconds_to_correct
FROM ended
GROUP BY target, space, unit;
