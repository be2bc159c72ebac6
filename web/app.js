"use strict";
// What the server has put into the page is kept current here: one event stream tells that something changed, the API tells what.
// All text is set by textContent; nothing is ever parsed as markup.
(() => {
  const ROWS = 200;
  const EVENTS = 50;
  const WORDS = { in_sync: "in sync" };
  const $ = (id) => document.getElementById(id);

  const page = {
    rows: ROWS,
    tags: new Map(),
    verdicts: new Map(),
    lastEvent: 0,
    shownObject: null,
  };

  // --- small parts ---

  // Controls and the marks that turn the reading direction become visible: a name must not be able to pose as another.
  const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  const visible = (text) =>
    String(text).replace(UNSAFE, (c) => (c === "\n" ? "\\n" : c === "\t" ? "\\t" : "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0")));

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      made.setAttribute(key, value);
    }
    for (const child of children) {
      if (child !== null && child !== undefined) {
        made.append(child instanceof Node ? child : visible(child));
      }
    }
    return made;
  }

  const isolated = (text) => element("bdi", {}, text);
  const cut = (text, most) => (text.length > most ? text.slice(0, most) + "…" : text);
  const words = (verdict) => WORDS[verdict] || verdict;
  const badge = (verdict) => element("span", { class: "badge", "data-verdict": verdict }, words(verdict));

  // --- times: local and relative, UTC in the title ---

  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

  function ago(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return s + "\u00a0s\u00a0ago";
    if (s < 3600) return Math.floor(s / 60) + "\u00a0min\u00a0ago";
    if (s < 86400) return Math.floor(s / 3600) + "\u00a0h\u00a0ago";
    return Math.floor(s / 86400) + "\u00a0d\u00a0ago";
  }

  function tellTime(node) {
    const at = new Date(node.getAttribute("datetime"));
    if (Number.isNaN(at.getTime())) return;
    const now = Date.now();
    const date = now - at < 20 * 3600 * 1000 ? "" : day.format(at) + " ";
    const text = date + clock.format(at) + " · " + ago(now - at);
    if (node.textContent !== text) node.textContent = text;
  }

  function time(iso) {
    if (!iso) return element("span", { class: "dim" }, "not known");
    const node = element("time", { datetime: iso, title: iso.replace("T", " ").replace("Z", " UTC") });
    tellTime(node);
    return node;
  }

  function tellTimes() {
    for (const node of document.querySelectorAll("time")) tellTime(node);
  }

  // --- the API ---

  // null: not changed since it was last asked under this name.
  async function ask(name, path) {
    const headers = {};
    const known = page.tags.get(name);
    if (known && known.path === path) headers["If-None-Match"] = known.tag;
    const answer = await fetch(path, { headers, cache: "no-store", credentials: "omit" });
    if (answer.status === 304) return null;
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    const body = await answer.json();
    const tag = answer.headers.get("ETag");
    if (tag) page.tags.set(name, { path, tag });
    else page.tags.delete(name);
    return body;
  }

  const key = (object) => ["target", "kind", "namespace", "name", "api_version"]
    .filter((part) => object[part]).map((part) => part + "=" + encodeURIComponent(object[part])).join("&");

  // --- state, problems, targets ---

  function showState(view) {
    $("state").dataset.state = view.state;
    const sentence = $("sentence");
    if (sentence.textContent !== visible(view.sentence)) sentence.textContent = visible(view.sentence);
    $("problems").replaceChildren(...(view.problems || []).map((problem) => element("li", {}, problem)));
    const titles = { well: "All is well", handled: "Being handled", act: "Act", starting: "Starting" };
    document.title = (titles[view.state] || view.state) + " · holdfast";
  }

  function target(item) {
    const counts = Object.entries(item.counts).filter(([, count]) => count > 0);
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    if (total === 0) counts.push(["in_sync", 0]);
    const line = (title, ...children) => element("div", {}, element("dt", {}, title), element("dd", {}, ...children));
    return element("li", { class: "target", "data-cluster": item.cluster.state || "" },
      element("h3", {}, isolated(item.name || "")),
      element("p", { class: "dim" }, item.server || ""),
      element("ul", { class: "counts" }, ...counts.map(([verdict, count]) => element("li", {},
        element("a", { class: "badge", "data-verdict": verdict, href: "/?verdict=" + verdict + "&target=" + encodeURIComponent(item.name) },
          element("b", {}, String(count)), " " + words(verdict))))),
      element("dl", {},
        line("Cluster", (item.cluster.state || "not known") + " since ", time(item.cluster.since)),
        line("Units read", time(item.source.read_at)),
        line("Correction", (item.correction || "") + ", " + item.corrections_confirmed + " put back, " +
          (item.corrections_in_flight + item.corrections_queued) + " under way")));
  }

  async function refreshSummary() {
    const summary = await ask("summary", "/api/v1/summary");
    if (!summary) return;
    showState(summary);
    if (summary.targets) replaceKeepingFocus($("targets"), summary.targets.map(target));
  }

  // A link that has the focus keeps it when its list is made anew.
  function replaceKeepingFocus(list, children) {
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    list.replaceChildren(...children);
    if (focused) {
      for (const link of list.querySelectorAll("a")) {
        if (link.getAttribute("href") === focused) link.focus();
      }
    }
  }

  // --- objects ---

  function place(object) {
    const node = element("p", { class: "dim" }, isolated(object.kind || ""));
    if (object.namespace) node.append(" · ", isolated(object.namespace));
    node.append(" · unit ", isolated(object.unit || ""));
    if (object.revision > 0) node.append(" @" + object.revision);
    node.append(" · ", isolated(object.target || ""));
    return node;
  }

  const value = (text, most) => element("code", {}, text === null ? "(absent)" : cut(text, most));

  const MEANINGS = {
    missing: "not in the cluster", extra: "in the cluster, and no unit holds it", terminating: "being deleted",
    pending: "a newer revision is not applied yet", unknown: "can't be judged",
  };

  function took(ms) {
    return ms < 1000 ? ms + " ms" : ms < 60000 ? (ms / 1000).toFixed(1) + " s" : Math.round(ms / 60000) + " min";
  }

  function what(object) {
    const cell = element("td");
    if (!object.reason && !object.finding_count && MEANINGS[object.verdict]) cell.append(element("p", {}, MEANINGS[object.verdict]));
    if (object.reason) cell.append(element("p", {}, cut(object.reason, 300)));
    const first = object.findings && object.findings[0];
    if (first) {
      cell.append(element("p", {}, element("code", {}, cut(first.readable || first.path || "", 200)), " is ",
        value(first.live, 80), ", should be ", value(first.desired, 80)));
      if (object.finding_count > 1) cell.append(element("p", { class: "dim" }, "and " + (object.finding_count - 1) + " more"));
    }
    return cell;
  }

  function row(object) {
    const name = key(object);
    const before = page.verdicts.get(name);
    const made = element("tr", before && before !== object.verdict ? { class: "changed" } : {},
      element("td", {}, badge(object.verdict)),
      element("td", {}, element("a", { class: "object", href: "/?" + name }, isolated(cut(object.name || "", 253))), place(object)),
      what(object),
      element("td", {}, time(object.since)));
    page.verdicts.set(name, object.verdict);
    return made;
  }

  function filter() {
    const asked = new URLSearchParams(location.search);
    const parameters = new URLSearchParams({ findings: "true", limit: String(page.rows) });
    const q = $("q").value.trim();
    const verdict = $("verdict").value;
    if (q) parameters.set("q", q);
    if (verdict) parameters.set("verdict", verdict);
    if (!asked.get("name")) {
      for (const part of ["target", "space", "unit"]) {
        if (asked.get(part)) parameters.set(part, asked.get(part));
      }
    }
    return parameters;
  }

  async function refreshObjects() {
    const list = await ask("objects", "/api/v1/objects?" + filter());
    if (!list) return;
    const body = $("rows");
    replaceKeepingFocus(body, list.items.length ? list.items.map(row)
      : [element("tr", { class: "none" }, element("td", { colspan: "4" }, "No object to show."))]);
    const count = list.matched === list.total ? list.total + (list.total === 1 ? " object" : " objects")
      : list.matched + " of " + list.total + " objects";
    if ($("count").textContent !== count + ", worst first") $("count").textContent = count + ", worst first";
    const more = $("more");
    more.replaceChildren();
    if (list.next) {
      const button = element("button", { type: "button" }, "Show more (" + list.items.length + " of " + list.matched + " shown)");
      button.addEventListener("click", () => {
        page.rows = Math.min(5000, page.rows * 3);
        refresh();
      });
      more.append(button);
    }
  }

  // --- one object ---

  function finding(item) {
    const part = (name, title, text) => element("div", name ? { class: name } : {}, element("dt", {}, title),
      element("dd", {}, text === null ? element("span", { class: "dim" }, "not there") : element("code", {}, text)));
    return element("li", { class: "finding" },
      element("h4", {}, element("code", {}, item.readable || item.path || ""), " ", element("span", { class: "class" }, item.class || "")),
      element("dl", {}, part("live", "Live", item.live), part("desired", "Should be", item.desired),
        element("div", {}, element("dt", {}, "Who"), element("dd", {}, isolated(item.manager || "not known"),
          item.operation ? " (" + item.operation + ")" : null)),
        element("div", {}, element("dt", {}, "When"), element("dd", {}, time(item.at)))));
  }

  function objectBody(object, events) {
    const parts = [element("p", {}, badge(object.verdict), " since ", time(object.since)), place(object)];
    if (object.reason) parts.push(element("p", { class: "reason" }, object.reason));
    if (object.corrections > 0) {
      parts.push(element("p", { class: "dim" }, "Put back " + object.corrections + (object.corrections === 1 ? " time" : " times") +
        (object.last_correction_ms === null ? "" : ", the last time in " + took(object.last_correction_ms)) + "."));
    }
    parts.push(element("h3", {}, object.findings.length ? "What differs" : MEANINGS[object.verdict] || "Nothing differs from the unit now"));
    if (object.findings.length) parts.push(element("ol", { class: "findings" }, ...object.findings.map(finding)));
    parts.push(element("h3", {}, "What happened to it"));
    parts.push(element("ol", { class: "events" }, ...(events.length ? events.map((item) => event(item, false))
      : [element("li", { class: "dim" }, "Nothing is on record.")])));
    return parts;
  }

  async function fillPanel() {
    const asked = page.shownObject;
    const parameters = new URLSearchParams(asked);
    const parts = new URLSearchParams({ limit: "20" });
    for (const part of ["target", "kind", "namespace", "name"]) {
      if (parameters.get(part)) parts.set(part, parameters.get(part));
    }
    try {
      const [object, events] = await Promise.all([
        fetch("/api/v1/object?" + asked, { cache: "no-store" }).then((answer) => (answer.ok ? answer.json() : null)),
        fetch("/api/v1/events?" + parts, { cache: "no-store" }).then((answer) => (answer.ok ? answer.json() : { items: [] })),
      ]);
      if (page.shownObject !== asked) return;
      $("panel-body").replaceChildren(...(object ? objectBody(object, events.items)
        : [element("p", {}, "No unit holds this object any more.")]));
    } catch (problem) {
      $("panel-body").replaceChildren(element("p", {}, "It can't be read now: " + problem.message));
    }
  }

  function openPanel(query) {
    page.shownObject = query;
    $("panel-title").textContent = visible(new URLSearchParams(query).get("name") || "");
    $("panel-body").replaceChildren(element("p", { class: "dim" }, "Reading…"));
    if (!$("panel").open) $("panel").showModal();
    $("panel-title").focus();
    fillPanel();
  }

  function closePanel() {
    page.shownObject = null;
    if (history.state && history.state.object) history.back();
  }

  // --- events ---

  function event(item, isNew) {
    const text = element("div", { class: "what" });
    if (item.name) text.append(element("bdi", { class: "where" }, cut(item.name, 253)), " ");
    if (item.kind) text.append(element("span", { class: "dim" }, item.kind), " ");
    if (item.message) text.append(element("p", {}, item.message));
    if (item.manager) text.append(element("p", { class: "dim" }, "by ", isolated(item.manager)));
    return element("li", { class: isNew ? "event new" : "event", "data-severity": item.severity || "info" },
      time(item.at), element("span", { class: "type" }, item.type || ""), text);
  }

  async function refreshEvents() {
    const list = await ask("events", "/api/v1/events?limit=" + EVENTS);
    if (!list) return;
    page.lastEvent = list.items.length ? list.items[0].id : 0;
    $("events").replaceChildren(...(list.items.length ? list.items.map((item) => event(item, false))
      : [element("li", { class: "dim" }, "Nothing has happened yet.")]));
  }

  function addEvent(item) {
    if (item.id <= page.lastEvent) return;
    const list = $("events");
    if (page.lastEvent === 0) list.replaceChildren();
    page.lastEvent = item.id;
    list.prepend(event(item, true));
    while (list.children.length > EVENTS) list.lastElementChild.remove();
  }

  // --- keeping current ---

  let refreshing = false;
  let again = false;

  // One refresh at a time, at most four a second, however fast views are published.
  async function refresh() {
    if (refreshing) {
      again = true;
      return;
    }
    refreshing = true;
    do {
      again = false;
      try {
        await Promise.all([refreshSummary(), refreshObjects()]);
        if (page.shownObject) await fillPanel();
      } catch (problem) {
        again = true;
      }
      await new Promise((done) => setTimeout(done, again ? 250 : 100));
    } while (again && stream.readyState === EventSource.OPEN);
    refreshing = false;
  }

  let stream;
  let heard = 0;

  function tellStream(state) {
    const node = $("stream");
    const text = state === "live" ? "Live" : "Connection lost: what is shown may be old. Trying again…";
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      $("stream-text").textContent = text;
    }
  }

  function openStream() {
    stream = new EventSource("/api/v1/stream");
    stream.addEventListener("open", () => {
      heard = Date.now();
      tellStream("live");
      page.tags.clear();
      refresh();
      refreshEvents().catch(() => {});
    });
    stream.addEventListener("error", () => {
      tellStream("lost");
      if (stream.readyState === EventSource.CLOSED) setTimeout(openStream, 3000);
    });
    stream.addEventListener("view", (message) => {
      heard = Date.now();
      showState(JSON.parse(message.data));
      refresh();
    });
    stream.addEventListener("event", (message) => {
      heard = Date.now();
      addEvent(JSON.parse(message.data));
    });
    stream.addEventListener("still", () => {
      heard = Date.now();
    });
    stream.addEventListener("gap", () => refreshEvents().catch(() => {}));
  }

  // A line that died without a word (a laptop that slept): the server speaks every 15 s at least.
  setInterval(() => {
    if (stream.readyState === EventSource.OPEN && Date.now() - heard > 40000) {
      stream.close();
      tellStream("lost");
      openStream();
    }
  }, 5000);

  // --- what the person does ---

  let typing = 0;
  function filterChanged() {
    clearTimeout(typing);
    typing = setTimeout(() => {
      page.rows = ROWS;
      const parameters = new URLSearchParams();
      if ($("q").value.trim()) parameters.set("q", $("q").value.trim());
      if ($("verdict").value) parameters.set("verdict", $("verdict").value);
      history.replaceState(null, "", parameters.size ? "/?" + parameters : "/");
      refresh();
    }, 120);
  }

  document.addEventListener("click", (click) => {
    const link = click.target.closest("a.object");
    if (!link || click.ctrlKey || click.metaKey || click.shiftKey || click.button !== 0) return;
    click.preventDefault();
    const query = link.getAttribute("href").replace(/^\/\?/, "");
    history.pushState({ object: query }, "", "/?" + query);
    openPanel(query);
  });
  window.addEventListener("popstate", () => {
    if (history.state && history.state.object) openPanel(history.state.object);
    else if ($("panel").open) $("panel").close();
  });
  $("panel-close").addEventListener("click", () => $("panel").close());
  $("panel").addEventListener("close", closePanel);
  $("panel").addEventListener("click", (click) => {
    if (click.target === $("panel")) $("panel").close();
  });
  $("filter").addEventListener("submit", (submit) => {
    submit.preventDefault();
    filterChanged();
  });
  $("q").addEventListener("input", filterChanged);
  $("verdict").addEventListener("change", filterChanged);
  document.addEventListener("keydown", (press) => {
    if (press.key === "/" && !press.target.closest("input, select, textarea, dialog") && !press.ctrlKey && !press.metaKey) {
      press.preventDefault();
      $("q").focus();
    }
  });

  document.documentElement.classList.add("live");
  tellTimes();
  setInterval(tellTimes, 1000);
  openStream();
})();
