// All incidents, newest first, a page at a time.
import { $, button, cut, element, isolated, plural, replaceKeepingFocus } from "./dom.js";
import { get, query } from "./api.js";
import { keepLive } from "./live.js";
import { incidentLink, none, outcomeBadge, place } from "./parts.js";
import { between, time, took } from "./times.js";

const PAGE = 50;
const page = { limit: PAGE };

function item(incident) {
  const id = incident.id || incident.incident;
  const end = incident.ended_at ? " · after " + took(between(incident.seen_at, incident.ended_at)) : "";
  const who = incident.user || incident.manager;
  return element("li", { class: "event", "data-severity": incident.severity || "info" }, time(incident.seen_at || incident.at),
    element("span", {}, outcomeBadge(incident.outcome), element("span", { class: "dim" }, end)),
    element("div", { class: "what" }, element("a", { class: "where", href: incidentLink(id) }, isolated(incident.name || id)), place(incident),
      incident.message ? element("p", {}, cut(incident.message, 500)) : null,
      who ? element("p", { class: "dim" }, "by ", isolated(who)) : null));
}

export function start() {
  const state = new URLSearchParams(location.search).get("state");
  $("state-choice").addEventListener("change", () => $("filter").requestSubmit());
  const refresh = keepLive({
    async refresh() {
      const list = await get("/api/v1/incidents?" + query({ state, limit: page.limit }));
      replaceKeepingFocus($("events"), list.items.length ? list.items.map(item) : [none("There is none.")]);
      $("count").textContent = plural(list.items.length, "incident") + (list.next ? ", the newest" : "");
      $("more").replaceChildren(...(list.next && page.limit < 1000 ? [button("Show more", () => {
        page.limit = Math.min(1000, page.limit * 2);
        refresh();
      })] : []));
    },
    pause: () => 500,
  });
}
