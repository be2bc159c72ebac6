// What several pages show alike: verdicts, objects, events.
import { cut, element, isolated } from "./dom.js";
import { query } from "./api.js";
import { time } from "./times.js";

const WORDS = { in_sync: "in sync" };
export const VERDICTS = ["blocked", "unknown", "missing", "drifted", "extra", "terminating", "pending", "in_sync"];
export const MEANINGS = {
  missing: "not in the cluster", extra: "in the cluster, and no unit holds it", terminating: "being deleted",
  pending: "a newer revision is not applied yet", unknown: "can't be judged",
};

export const words = (verdict) => WORDS[verdict] || verdict;
export const badge = (verdict) => element("span", { class: "badge", "data-verdict": verdict }, words(verdict));

const OUTCOMES = { open: "open", corrected: "put back", healed: "healed by itself", dismissed: "dismissed", blocked: "blocked" };
export const outcomeBadge = (outcome) => element("span", { class: "badge", "data-outcome": outcome }, OUTCOMES[outcome] || outcome);

export const keyOf = (object) => query({ target: object.target, kind: object.kind, namespace: object.namespace, name: object.name,
  api_version: object.api_version });
export const objectLink = (object) => "/object?" + keyOf(object);
export const incidentLink = (id) => "/incidents/" + encodeURIComponent(id);
export const subjectLink = (object) => (object.incident ? incidentLink(object.incident) : objectLink(object));

export function place(object) {
  const node = element("p", { class: "dim" });
  const part = (text, before) => {
    if (text) node.append(node.childNodes.length ? " · " : "", before || "", isolated(text));
  };
  part(object.kind);
  part(object.namespace);
  part(object.unit, "unit ");
  if (object.revision > 0) node.append(" @" + object.revision);
  part(object.target);
  return node;
}

export const code = (text, most = 4000) => element("code", {}, text === null || text === undefined ? "(absent)" : cut(text, most));

// What an object's row says of it.
export function whatDiffers(object) {
  const parts = [];
  if (!object.finding_count && MEANINGS[object.verdict]) parts.push(element("p", {}, MEANINGS[object.verdict]));
  if (object.reason) parts.push(element("p", {}, cut(object.reason, 300)));
  const first = object.findings && object.findings[0];
  if (first) {
    parts.push(element("p", {}, code(first.readable || first.path || "", 200), " is ", code(first.live, 80), ", should be ", code(first.desired, 80)));
    if (first.manager) parts.push(element("p", { class: "dim" }, "by ", isolated(first.manager)));
    if (object.finding_count > 1) parts.push(element("p", { class: "dim" }, "and " + (object.finding_count - 1) + " more"));
  }
  return parts;
}

// Who did it: as whom the API server knew them, else the field manager.
export function whoOf(event) {
  const who = event.detail && event.detail.who;
  return (who && who.user) || event.user || event.manager || null;
}

export function eventItem(item, isNew) {
  const text = element("div", { class: "what" });
  if (item.name) {
    text.append(element("a", { class: "where", href: item.incident ? incidentLink(item.incident) : objectLink(item) }, isolated(item.name)), " ");
  }
  if (item.kind) text.append(element("span", { class: "dim" }, cut(item.kind, 100)), " ");
  if (item.message) text.append(element("p", {}, cut(item.message, 1000)));
  const who = (item.type || "").startsWith("correction.") ? null : whoOf(item); // of a correction it is whom it undid
  if (who) text.append(element("p", { class: "dim" }, "by ", isolated(who)));
  return element("li", { class: isNew ? "event new" : "event", "data-severity": item.severity || "info" },
    time(item.at), element("span", { class: "type" }, cut(item.type || "", 60)), text);
}

export const none = (text) => element("li", { class: "dim none" }, text);

// Newest first, added to as events come.
export function eventList(list, most, empty, wanted = () => true) {
  let newest = 0;
  return {
    fill(items) {
      newest = items.length ? items[0].id : 0;
      const shown = items.filter(wanted).slice(0, most);
      list.replaceChildren(...(shown.length ? shown.map((item) => eventItem(item, false)) : [none(empty)]));
    },
    add(item) {
      if (item.id <= newest || !wanted(item)) return;
      if (newest === 0) list.replaceChildren();
      newest = item.id;
      list.prepend(eventItem(item, true));
      while (list.children.length > most) list.lastElementChild.remove();
    },
  };
}
