// An object, or one incident of it: what differs, who did it, what was done about it, and what a person can do now.
import { $, cut, element, isolated, plural } from "./dom.js";
import { changed, get, getIfThere, query } from "./api.js";
import { keepLive } from "./live.js";
import { badge, code, eventItem, keyOf, MEANINGS, none, outcomeBadge, place, whoOf } from "./parts.js";
import { between, time, took } from "./times.js";
import { diff } from "./diff.js";
import { actionBar, pauseList } from "./actions.js";

const ENDS = { "correction.confirmed": "corrected", "drift.healed": "healed", "drift.dismissed": "dismissed" };
const page = { incident: null, key: null, session: null, asked: "" };

// --- what the trail and the view say, in one shape ---

const firstWith = (events, wanted) => events.find(wanted) || {};
const lastWith = (events, wanted) => firstWith([...events].reverse(), wanted);
const findingsOf = (event) => (event.detail && event.detail.findings) || [];

function incidentOf(body) {
  const events = body.items || body.events || [];
  const seen = firstWith(events, (event) => event.type === "drift.seen" || event.type === "extra.seen" || event.type === "rollout.seen");
  const end = lastWith(events, (event) => event.type in ENDS);
  const told = lastWith(events, (event) => event.detail && event.detail.who);
  const base = seen.id ? seen : events[0] || {};
  return {
    ...base, events, seen: base.seen_at || base.at, drifted: base.drifted_at, ended: end.id ? end.corrected_at || end.at : null,
    outcome: body.outcome || ENDS[end.type] || "open", findings: findingsOf(base),
    unitUrl: base.detail && base.detail.unit_url,
    rule: base.detail && base.detail.rule, who: told.detail ? told.detail.who : null, actor: whoOf(told.id ? told : base),
    deliveries: body.deliveries || [],
  };
}

// --- parts of the page ---

const fact = (title, ...children) => element("div", {}, element("dt", {}, title), element("dd", {}, ...children));

function whoFacts(incident, findings) {
  const facts = [];
  const writers = [...new Set(findings.map((finding) => finding.manager).filter(Boolean))];
  const { who } = incident;
  if (who && who.user) {
    facts.push(fact("Who", element("b", {}, isolated(who.user)), who.impersonated ? " as " : null, who.impersonated ? isolated(who.impersonated) : null));
    if (who.userAgent) facts.push(fact("By", isolated(who.userAgent, 200)));
    if (who.source) facts.push(fact("From", isolated(who.source, 100)));
  } else facts.push(fact("Who", incident.actor || writers[0] ? element("b", {}, isolated(incident.actor || writers[0])) : "not known"));
  if (writers.length) {
    facts.push(fact("Field manager", ...writers.flatMap((writer, i) => [i ? ", " : null, isolated(writer)]),
      findings[0].operation ? ` (${cut(findings[0].operation, 40)})` : null));
  }
  return facts;
}

function timeFacts(incident) {
  const facts = [];
  if (incident.drifted) facts.push(fact("Changed", time(incident.drifted)));
  const late = between(incident.drifted, incident.seen);
  facts.push(fact("Seen", time(incident.seen), late !== null && late >= 0 ? ` · after ${took(late)}` : null));
  if (incident.ended) {
    const words = { corrected: "Put back", healed: "Healed", dismissed: "Dismissed" };
    facts.push(fact(words[incident.outcome] || "Ended", time(incident.ended), ` · after ${took(between(incident.seen, incident.ended))}`));
  }
  return facts;
}

function heading(object, ...badges) {
  return element("header", {}, element("h1", { id: "subject-title" }, isolated(object.name || "")), element("p", {}, ...badges), place(object));
}

function unitLink(object) {
  return object.unit ? element("a", { href: "/units?" + query({ target: object.target, space: object.space, unit: object.unit }) }, "Its unit") : null;
}

// Its page in ConfigHub, of the units that come from there.
const hubLink = (url) => (/^https?:\/\//.test(url || "") ? [" · ", element("a", { href: url, rel: "noreferrer" }, "in ConfigHub")] : []);

function shownDiff(findings, verdict) {
  if (findings.length) return diff(findings);
  return element("p", { class: "calm" }, MEANINGS[verdict] ? `The object is ${MEANINGS[verdict]}.` : "Nothing differs from the unit now.");
}

// A bar that a person is using (it has the focus) is not taken from under the hand: it is kept as the node it is.
function put(subject, parts) {
  const old = subject.querySelector(".actions");
  const made = parts.filter(Boolean);
  const at = made.findIndex((part) => part.classList.contains("actions"));
  if (old && at >= 0 && old.dataset.for === made[at].dataset.for) {
    made[at] = old;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    subject.replaceChildren(...made);
    if (focused) focused.focus();
    return;
  }
  subject.replaceChildren(...made);
}

const pausesNow = async () => ((await getIfThere("/api/v1/pauses")) || { items: [] }).items;

// --- an incident ---

function step(event, from) {
  const item = eventItem(event, false);
  const after = between(from, event.at);
  if (after !== null && after > 0) item.querySelector(".type").append(element("span", { class: "dim after" }, " +" + took(after)));
  return item;
}

function delivery(item) {
  const state = item.delivered_at || item.state === "delivered" ? "delivered" : item.given_up || item.state === "given_up" || item.state === "failed" ? "not delivered" : "waits";
  return element("li", { class: "event" }, time(item.delivered_at || item.at || item.due_at || item.told_at), element("span", { class: "type" }, state),
    element("div", { class: "what" }, element("b", {}, isolated(item.channel || "")), item.attempts ? ` · ${plural(item.attempts, "attempt")}` : null,
      item.last_error || item.error ? element("p", { class: "dim" }, cut(item.last_error || item.error, 300)) : null));
}

function steps(incident) {
  $("events").replaceChildren(...(incident.events.length ? incident.events.map((event) => step(event, incident.seen)) : [none("Nothing is on record.")]),
    ...incident.deliveries.map(delivery));
}

async function related(incident) {
  const same = { target: incident.target, kind: incident.kind, namespace: incident.namespace, name: incident.name, limit: 30 };
  const lists = [get("/api/v1/events?" + query(same))];
  if (incident.manager) lists.push(get("/api/v1/events?" + query({ manager: incident.manager, type: "drift.", limit: 20 })));
  const known = new Map();
  for (const list of await Promise.all(lists)) {
    for (const item of list.items) if (item.incident !== page.incident) known.set(item.id, item);
  }
  const items = [...known.values()].sort((a, b) => b.id - a.id).slice(0, 15);
  $("related").hidden = items.length === 0;
  $("related-events").replaceChildren(...items.map((item) => eventItem(item, false)));
}

async function refreshIncident() {
  const body = await changed("incident", "/api/v1/incidents/" + encodeURIComponent(page.incident));
  const incident = body ? incidentOf(body) : page.known;
  const isNew = body !== null && (!page.known || page.known.events.length !== incident.events.length);
  page.known = incident;
  // A name that no address can hold has an incident all the same.
  const object = incident.name ? await getIfThere("/api/v1/object?" + keyOf(incident)).catch((problem) => {
    if (problem.status !== 400) throw problem;
    return null;
  }) : null;
  const isNow = object && object.incident === page.incident;
  const findings = isNow && object.findings.length ? object.findings : incident.findings;
  const pauses = await pausesNow();
  const isOpen = incident.outcome === "open";
  const verdict = isNow ? object.verdict : null;
  const asked = JSON.stringify([isNew ? incident.events.length : page.asked.length, findings, verdict, incident.outcome, pauses]);
  if (asked === page.asked && !isNew) return;
  page.asked = asked;
  const why = (isNow && object.reason) || incident.message;
  put($("subject"), [
    heading(incident, outcomeBadge(incident.outcome), verdict ? " " : null, verdict ? badge(verdict) : null),
    why ? element("p", { class: isNow && object.reason ? "reason" : "" }, cut(why, 2000)) : null,
    element("dl", { class: "facts" }, ...whoFacts(incident, findings), ...timeFacts(incident),
      fact("Rule", incident.rule ? code(incident.rule, 200) : "the target's own setting"),
      fact("Incident", code(page.incident, 100)), incident.unit ? fact("Unit", unitLink(incident), ...hubLink(incident.unitUrl)) : null),
    pauseList(pauses, incident, page.session),
    actionBar({ ...incident, isOpen, incident: page.incident }, page.session),
    shownDiff(findings, isOpen ? verdict : null),
  ]);
  steps(incident);
  if (isNew) await related(incident).catch(() => {});
}

// --- an object ---

async function refreshObject() {
  const [object, events, pauses] = await Promise.all([
    getIfThere("/api/v1/object?" + page.key),
    get("/api/v1/events?" + query({ ...Object.fromEntries(page.names), limit: 50 })),
    pausesNow(),
  ]);
  $("events").replaceChildren(...(events.items.length ? events.items.map((item) => eventItem(item, false)) : [none("Nothing is on record.")]));
  if (!object) {
    $("subject").replaceChildren(element("h1", {}, isolated(page.names.get("name") || "")), element("p", {}, "No unit holds an object of this name now."));
    return;
  }
  const findings = object.findings || [];
  put($("subject"), [
    heading(object, badge(object.verdict), " since ", time(object.since)),
    object.reason ? element("p", { class: "reason" }, cut(object.reason, 2000)) : null,
    element("dl", { class: "facts" }, ...(findings.length ? whoFacts({}, findings) : []),
      fact("Put back", object.corrections ? plural(object.corrections, "time") + (object.last_correction_ms === null ? "" : ", the last time in " + took(object.last_correction_ms)) : "never"),
      object.unit ? fact("Unit", unitLink(object)) : null),
    pauseList(pauses, object, page.session),
    actionBar({ ...object, isOpen: object.verdict !== "in_sync" }, page.session),
    shownDiff(findings, object.verdict),
  ]);
}

// --- all of it ---

function missing(problem) {
  $("subject").replaceChildren(element("h1", {}, "No such incident"), element("p", {}, problem.message));
}

export async function start(session) {
  page.session = await session;
  const asked = new URLSearchParams(location.search);
  const isObject = document.body.dataset.page === "object";
  if (isObject) {
    page.names = new Map(["target", "kind", "namespace", "name"].map((part) => [part, asked.get(part)]));
    page.key = query({ ...Object.fromEntries(page.names), api_version: asked.get("api_version") });
  } else page.incident = asked.get("incident") || decodeURIComponent(location.pathname.replace(/^\/incidents\//, ""));
  const refresh = keepLive({
    event(item) {
      if (/^(pause|snooze)\./.test(item.type)) refresh();
    },
    async refresh() {
      try {
        await (isObject ? refreshObject() : refreshIncident());
      } catch (problem) {
        if (problem.status === 404 || problem.status === 400) missing(problem);
        throw problem;
      }
    },
  });
}
