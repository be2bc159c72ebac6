// The packs as loaded, which rules fire and which never did, and why a path is judged as it is.
import { $, cut, element, isolated, plural } from "./dom.js";
import { get, getIfThere, query } from "./api.js";
import { keepLive } from "./live.js";
import { code } from "./parts.js";

const FACTS = ["action", "severity", "added", "grace", "limits", "correct_only_during", "hold_during", "apply_by"];

const told = (value) => (value === null || value === undefined || value === "" ? null : typeof value === "string" ? value : JSON.stringify(value));
const VALUES_MOST = 4;

// What a rule matches, a line for each property; a long list is folded.
function matches(match) {
  const spaced = (list) => list.flatMap((one, i) => (i ? [" ", one] : [one]));
  return element("ul", { class: "matches" }, ...Object.entries(match).map(([name, value]) => {
    const values = (Array.isArray(value) ? value : [value]).map((one) => code(told(one), 300));
    const rest = values.slice(VALUES_MOST);
    return element("li", {}, name + " ", spaced(values.slice(0, VALUES_MOST)),
      rest.length ? element("details", {}, element("summary", {}, `and ${rest.length} more`), element("p", {}, spaced(rest))) : null);
  }));
}

function fired(rule) {
  const count = rule.fired ?? rule.count ?? 0;
  return count > 0 ? element("b", {}, String(count)) : element("span", { class: "dim" }, "never");
}

function rule(item) {
  const does = FACTS.map((name) => [name, told(item[name])]).filter(([, value]) => value)
    .flatMap(([name, value], i) => [i ? " · " : null, name + " ", code(value, 200)]);
  return element("tr", {},
    element("th", { scope: "row" }, isolated(item.name || ""), item.description ? element("p", { class: "dim" }, cut(item.description, 500)) : null),
    element("td", {}, item.match ? matches(item.match) : "everything"),
    element("td", {}, ...does),
    element("td", {}, fired(item)));
}

function pack(item) {
  const rules = item.rules || [];
  const never = rules.filter((one) => !((one.fired ?? one.count ?? 0) > 0)).length;
  return element("details", { open: true, class: "pack" },
    element("summary", {}, element("b", {}, isolated(item.name || item.pack || "")), " ",
      element("span", { class: "dim" }, plural(rules.length, "rule") + (never ? `, ${never} never fired since the start` : ""))),
    item.description ? element("p", { class: "dim" }, cut(item.description, 500)) : null,
    element("table", { class: "plain rules" }, element("thead", {}, element("tr", {},
      ...["Rule", "Matches", "Says", "Fired"].map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, ...rules.map(rule))));
}

async function showPacks() {
  const list = await getIfThere("/api/v1/rules");
  if (!list) {
    $("packs").replaceChildren(element("p", {}, "This agent does not serve its rules; `holdfast rules list` tells them."));
    return;
  }
  const open = new Map([...$("packs").querySelectorAll("details.pack")].map((node, i) => [i, node.open]));
  const made = (list.packs || list.items || []).map(pack);
  made.forEach((node, i) => {
    node.open = open.get(i) ?? matchMedia("(min-width: 46rem)").matches;
  });
  $("packs").replaceChildren(...made);
  $("explain").hidden = false;
}

// Which rule decides each property, then every rule in the order asked with why it did not match, or what it decided.
function answer(body) {
  const decisions = Object.entries(body.decisions || {}).map(([name, decided]) => element("li", {}, name + " ", code(told(decided.value), 200), " · ",
    decided.rule ? isolated(decided.rule) : "no rule says so"));
  const steps = (body.steps || []).map((step) => element("li", step.matched ? { "data-state": "done" } : {}, element("b", {}, isolated(step.rule || "")), " · ",
    cut(told(step.matched ? step.decided : step.why) || "", 600)));
  return [element("p", {}, element("b", {}, cut(body.outcome || "", 200))), element("ul", { class: "answers" }, ...decisions),
    element("h3", {}, "In the order asked"), element("ol", { class: "answers" }, ...steps)];
}

export function start() {
  $("question").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const asked = Object.fromEntries([...new FormData($("question")).entries()].map(([name, value]) => [name, String(value).trim()]));
    try {
      $("answer").replaceChildren(...answer(await get("/api/v1/rules/explain?" + query(asked))));
    } catch (problem) {
      $("answer").replaceChildren(element("p", { class: "reason" }, problem.message));
    }
  });
  keepLive({ refresh: () => showPacks().catch(() => {}), pause: () => 5000 });
}
