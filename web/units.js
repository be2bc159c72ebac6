// Space → unit → object in the order in which they depend on each other. The whole list is asked for once; then only what is not in sync.
import { $, element, isolated, plural, setText } from "./dom.js";
import { changed, get, query } from "./api.js";
import { keepLive } from "./live.js";
import { badge, keyOf, subjectLink, VERDICTS, words } from "./parts.js";
import { makeTree } from "./tree.js";

const PAGE = 5000;
const NOT_WELL = VERDICTS.filter((verdict) => verdict !== "in_sync").join(",");
const OPEN_AT_FIRST = 60; // units; where there are more, only those with something to see are open

const known = { objects: new Map(), units: [], total: -1, asked: new URLSearchParams(location.search) };
const opened = new Map(); // what a person has opened or closed, by id
let tree;

// --- what is known ---

async function loadAll() {
  const objects = new Map();
  let cursor = null;
  let total = 0;
  do {
    const list = await get("/api/v1/objects?" + query({ sort: "order", limit: PAGE, cursor }));
    for (const object of list.items) objects.set(keyOf(object), object);
    cursor = list.next;
    total = list.total;
  } while (cursor);
  known.objects = objects;
  known.total = total;
}

async function patch() {
  const list = await changed("not-well", "/api/v1/objects?" + query({ verdict: NOT_WELL, limit: PAGE }));
  if (!list) return;
  if (list.total !== known.total || list.next) {
    await loadAll();
    return;
  }
  const now = new Map(list.items.map((object) => [keyOf(object), object]));
  for (const [key, object] of now) {
    if (!known.objects.has(key)) {
      await loadAll();
      return;
    }
    known.objects.set(key, object);
  }
  for (const [key, object] of known.objects) {
    if (object.verdict !== "in_sync" && !now.has(key)) known.objects.set(key, { ...object, verdict: "in_sync", incident: null });
  }
}

// --- what of it is shown ---

const worst = (objects) => VERDICTS.find((verdict) => objects.some((object) => object.verdict === verdict)) || "in_sync";

function holds(object, wanted) {
  if (wanted.verdict && object.verdict !== wanted.verdict) return false;
  for (const part of ["target", "space", "unit"]) {
    if (known.asked.get(part) && object[part] !== known.asked.get(part)) return false;
  }
  if (!wanted.words.length) return true;
  const text = [object.name, object.kind, object.namespace, object.unit, object.space, object.target, words(object.verdict), object.verdict]
    .join("\n").toLowerCase();
  return wanted.words.every((word) => text.includes(word));
}

// [{id, target, space, units: [{id, slug, objects}]}] of the objects that are wanted, in the API's order.
function grouped(wanted) {
  const spaces = new Map();
  let count = 0;
  for (const object of known.objects.values()) {
    if (!holds(object, wanted)) continue;
    count++;
    const id = JSON.stringify([object.target, object.space]);
    if (!spaces.has(id)) spaces.set(id, { id, target: object.target, space: object.space, units: new Map() });
    const units = spaces.get(id).units;
    const unitId = JSON.stringify([object.target, object.space, object.unit]);
    if (!units.has(unitId)) units.set(unitId, { id: unitId, slug: object.unit, objects: [] });
    units.get(unitId).objects.push(object);
  }
  return { spaces: [...spaces.values()], count };
}

const unitOf = (id) => {
  const [target, space, slug] = JSON.parse(id);
  return known.units.find((unit) => unit.target === target && unit.space === space && unit.slug === slug);
};

function revisions(unit) {
  if (!unit) return null;
  const parts = [];
  if (unit.mode) {
    parts.push(`head ${unit.head_revision}, applied ${unit.applied_revision || "none"}, live ${unit.live_revision || "none"}`);
    if (unit.upstream_revision > 0) parts.push(`upstream ${unit.upstream_revision}` + (unit.upstream_head > unit.upstream_revision ? ` (${unit.upstream_head} is there)` : ""));
  } else if (unit.revision > 0) parts.push("revision " + unit.revision);
  if (unit.state && unit.state !== "ready") parts.push(unit.state.replaceAll("_", " ") + (unit.state_reason ? ": " + unit.state_reason : ""));
  if (unit.problem) parts.push(unit.problem);
  return element("span", { class: "dim", title: parts.join(" · ").slice(0, 500) }, isolated(parts.join(" · "), 300));
}

const twist = (open) => element("span", { class: "twist", "aria-hidden": "true" }, open ? "▾" : "▸");
const summed = (objects) => {
  const off = objects.filter((object) => object.verdict !== "in_sync").length;
  return element("span", { class: "dim sum" }, plural(objects.length, "object") + (off ? `, ${off} not in sync` : ""));
};

function unitRow(unit, size, position, open) {
  return { id: unit.id, level: 2, size, position, open, make: () => [twist(open), badge(worst(unit.objects)),
    element("span", { class: "label" }, isolated(unit.slug || "")), revisions(unitOf(unit.id)), summed(unit.objects)] };
}

function objectRow(object, size, position) {
  return { id: "o" + keyOf(object), level: 3, size, position, make: () => [badge(object.verdict),
    element("a", { class: "object label", href: subjectLink(object), tabindex: "-1" }, isolated(object.name || "")),
    element("span", { class: "dim" }, isolated(object.kind || ""), object.namespace ? " · " : null, object.namespace ? isolated(object.namespace) : null)] };
}

function rowsOf(spaces, isFiltered) {
  const units = spaces.reduce((sum, space) => sum + space.units.size, 0);
  const rows = [];
  spaces.forEach((space, i) => {
    const all = [...space.units.values()];
    const objects = all.flatMap((unit) => unit.objects);
    const isOpen = opened.get(space.id) ?? true;
    rows.push({ id: space.id, level: 1, size: spaces.length, position: i + 1, open: isOpen, make: () => [twist(isOpen), badge(worst(objects)),
      element("b", { class: "label" }, isolated(space.space || "no space")), element("span", { class: "dim" }, isolated(space.target || "")), summed(objects)] });
    if (!isOpen) return;
    all.forEach((unit, j) => {
      const open = opened.get(unit.id) ?? (isFiltered || units <= OPEN_AT_FIRST || worst(unit.objects) !== "in_sync");
      rows.push(unitRow(unit, all.length, j + 1, open));
      if (open) unit.objects.forEach((object, k) => rows.push(objectRow(object, unit.objects.length, k + 1)));
    });
  });
  return rows;
}

function show() {
  const wanted = { verdict: $("verdict").value, words: $("q").value.trim().toLowerCase().split(/\s+/).filter(Boolean) };
  const { spaces, count } = grouped(wanted);
  const total = known.objects.size;
  tree.show(rowsOf(spaces, wanted.words.length > 0 || wanted.verdict !== ""));
  setText($("count"), count === total ? plural(total, "object") : count === 0 ? "No object to show." : `${count} of ${plural(total, "object")}`);
}

// --- what the person does ---

function toggle(id) {
  const row = document.querySelector(`.row[aria-expanded]`) && id;
  const wanted = { verdict: $("verdict").value, words: $("q").value.trim().toLowerCase().split(/\s+/).filter(Boolean) };
  const rows = rowsOf(grouped(wanted).spaces, wanted.words.length > 0 || wanted.verdict !== "");
  const found = rows.find((candidate) => candidate.id === row);
  if (found && found.open !== undefined) opened.set(id, !found.open);
  show();
}

function enter(id) {
  if (!id.startsWith("o")) {
    toggle(id);
    return;
  }
  const object = known.objects.get(id.slice(1));
  if (object) location.assign(subjectLink(object));
}

let typing = 0;
function filterChanged() {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const kept = {};
    for (const part of ["target", "space", "unit"]) kept[part] = known.asked.get(part);
    const made = query({ q: $("q").value.trim(), verdict: $("verdict").value, ...kept });
    history.replaceState(null, "", made ? "/units?" + made : "/units");
    show();
  }, 60);
}

export function start() {
  $("plain").remove();
  $("tree").hidden = false;
  tree = makeTree($("tree"), { label: "Spaces, units and objects", toggle, enter });
  $("filter").addEventListener("submit", (submit) => {
    submit.preventDefault();
    filterChanged();
  });
  $("q").addEventListener("input", filterChanged);
  $("verdict").addEventListener("change", filterChanged);
  keepLive({
    async refresh() {
      const units = await changed("units", "/api/v1/units");
      if (units) known.units = units.items;
      if (known.total < 0) await loadAll();
      else await patch();
      show();
    },
    pause: () => (known.total > 2000 ? 1000 : 100),
  });
}
