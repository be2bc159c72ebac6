// Is anything wrong, is it being handled, do I have to act?
import { $, button, element, isolated, plural, replaceKeepingFocus, setText } from "./dom.js";
import { changed, get, getIfThere, query } from "./api.js";
import { keepLive, showState } from "./live.js";
import { badge, eventList, keyOf, place, subjectLink, VERDICTS, whatDiffers, words } from "./parts.js";
import { time, took } from "./times.js";
import { chart } from "./chart.js";

const ROWS = 100;
const EVENTS = 20;
const NOT_WELL = VERDICTS.filter((verdict) => verdict !== "in_sync").join(",");
const SPANS = [
  { name: "hour", since: "1h", buckets: 60 },
  { name: "day", since: "24h", buckets: 48, long: true },
  { name: "week", since: "7d", buckets: 84, long: true },
];

const shown = { rows: ROWS, verdicts: new Map(), span: SPANS[1], drawn: 0, spaces: [] };
// That an alert has arrived is told by its channel above, and by its incident.
const events = eventList($("events"), EVENTS, "Nothing has happened yet.", (item) => item.type !== "alert.delivered");

// --- what wants attention ---

function row(object) {
  const name = keyOf(object);
  const before = shown.verdicts.get(name);
  shown.verdicts.set(name, object.verdict);
  return element("tr", before && before !== object.verdict ? { class: "changed" } : {},
    element("td", {}, badge(object.verdict)),
    element("td", {}, element("a", { class: "object", href: subjectLink(object) }, isolated(object.name || "")), place(object)),
    element("td", {}, ...whatDiffers(object)),
    element("td", {}, time(object.since)));
}

async function refreshNow() {
  const list = await changed("now", "/api/v1/objects?" + query({ findings: "true", verdict: NOT_WELL, limit: shown.rows }));
  if (!list) return;
  replaceKeepingFocus($("rows"), list.items.length ? list.items.map(row)
    : [element("tr", { class: "none" }, element("td", { colspan: "4" }, "Every object is as its unit says."))]);
  setText($("count"), `${list.matched} of ${plural(list.total, "object")} not in sync`);
  const more = list.next ? [button(`Show more (${list.items.length} of ${list.matched} shown)`, () => {
    shown.rows = Math.min(5000, shown.rows * 3);
    refresh();
  })] : [];
  $("more").replaceChildren(...more);
}

// --- targets and spaces ---

const line = (title, ...children) => element("div", {}, element("dt", {}, title), element("dd", {}, ...children));

function counts(of, parameters) {
  const some = Object.entries(of).filter(([, count]) => count > 0);
  if (some.length === 0) some.push(["in_sync", 0]);
  return element("ul", { class: "counts" }, ...some.map(([verdict, count]) => element("li", {},
    element("a", { class: "badge", "data-verdict": verdict, href: "/units?" + query({ verdict, ...parameters }) },
      element("b", {}, String(count)), " " + words(verdict)))));
}

function spacesOf(target) {
  const own = shown.spaces.filter((space) => space.target === target);
  if (own.length === 0) return null;
  return element("ul", { class: "spaces" }, ...own.map((space) => element("li", {},
    element("a", { href: "/units?" + query({ target, space: space.space || space.name }) }, isolated(space.space || space.name || "", 100)),
    counts(space.counts || {}, { target, space: space.space || space.name }))));
}

function target(item) {
  return element("li", { class: "target", "data-cluster": item.cluster.state || "" },
    element("h3", {}, isolated(item.name || "")),
    element("p", { class: "dim" }, item.server || ""),
    counts(item.counts, { target: item.name }),
    spacesOf(item.name),
    element("dl", {},
      line("Correction", (item.correction || "") + ", " + item.corrections_confirmed + " put back, " +
        (item.corrections_in_flight + item.corrections_queued) + " under way")));
}

// --- what it stands on ---

function stand(name, state, isWell, ...more) {
  return element("li", { class: "stand", "data-state": isWell ? "well" : "act" },
    element("span", { class: "mark", "aria-hidden": "true" }), element("b", {}, name), " ", isolated(state, 300), ...more);
}

function stands(summary) {
  const made = [];
  for (const item of summary.targets || []) {
    const well = item.cluster.state === "synced" && !item.cluster.problem;
    made.push(stand("Cluster " + item.name, item.cluster.problem || item.cluster.state || "not known", well, element("p", { class: "dim" }, "since ", time(item.cluster.since))));
    made.push(stand("Source of " + item.name, item.source.problem || "read", !item.source.problem, element("p", { class: "dim" }, time(item.source.read_at))));
  }
  if (summary.trail) {
    made.push(stand("Trail", summary.trail.problem || "written", !summary.trail.problem,
      element("p", { class: "dim" }, plural(summary.trail.events, "event") + " since the start" + (summary.trail.queued ? ", " + summary.trail.queued + " queued" : ""))));
  }
  for (const channel of summary.channels || []) {
    made.push(stand("Channel " + channel.name, channel.failing ? "failing" : "delivering", !channel.failing,
      element("p", { class: "dim" }, `${channel.delivered} delivered, ${channel.failed_attempts} attempts failed, ${channel.given_up} given up`)));
  }
  if (summary.channels && summary.channels.length === 0) made.push(stand("Channels", "none: nobody is told of anything", true));
  return made;
}

async function refreshSummary() {
  const summary = await changed("summary", "/api/v1/summary");
  if (!summary) return;
  showState(summary);
  if (!summary.targets) return;
  replaceKeepingFocus($("targets"), summary.targets.map(target));
  $("stands").replaceChildren(...stands(summary));
}

// --- over time ---

const figure = (title, value) => element("div", {}, element("dt", {}, title), element("dd", {}, value));

function figures(stats) {
  const all = stats.all || stats.total || stats;
  const spread = (values) => (values && values.p50 !== undefined && values.p50 !== null
    ? `${took(values.p50)} (p95 ${took(values.p95)}, longest ${took(values.max)})` : "nothing to measure yet");
  $("figures").replaceChildren(
    figure("Until it was seen", spread(all.see_ms)),
    figure("Until it was put back", spread(all.correct_ms)));
}

async function refreshTimeline() {
  const { since, buckets, name, long } = shown.span;
  shown.drawn = Date.now();
  const [line, stats] = await Promise.all([
    getIfThere("/api/v1/stats/timeline?" + query({ since, buckets })),
    getIfThere("/api/v1/stats?" + query({ since })),
  ]);
  if (name !== shown.span.name) return;
  $("timeline").hidden = !line;
  if (!line) return;
  const isOpen = $("chart").querySelector("details[open]") !== null;
  $("chart").replaceChildren(...chart(line.items || line, name, long, $("chart").clientWidth - 36));
  if (isOpen) $("chart").querySelector("details").open = true;
  if (stats) figures(stats);
}

function spanButtons() {
  $("spans").replaceChildren(...SPANS.map((span) => button("Last " + span.name, () => {
    shown.span = span;
    for (const other of $("spans").children) other.setAttribute("aria-pressed", String(other.textContent === "Last " + span.name));
    refreshTimeline().catch(() => {});
  }, { "aria-pressed": String(span === shown.span) })));
}

// --- all of it ---

async function refreshSpaces() {
  const list = await getIfThere("/api/v1/spaces");
  if (list) shown.spaces = list.items;
}

let refresh;
let waiting = 0;

export function start() {
  spanButtons();
  refreshTimeline().catch(() => {});
  matchMedia("(max-width: 46rem)").addEventListener("change", () => refreshTimeline().catch(() => {}));
  setInterval(() => refreshTimeline().catch(() => {}), 30000);
  refresh = keepLive({
    async refresh() {
      await refreshSpaces().catch(() => {});
      await Promise.all([refreshSummary(), refreshNow()]);
    },
    event(item) {
      events.add(item);
      if (/^(drift|correction|extra)\./.test(item.type) && !waiting) {
        waiting = setTimeout(() => {
          waiting = 0;
          refreshTimeline().catch(() => {});
        }, Math.max(1000, 5000 - (Date.now() - shown.drawn)));
      }
    },
    gap() {
      get("/api/v1/events?limit=" + 3 * EVENTS).then((list) => events.fill(list.items)).catch(() => {});
    },
  });
}
