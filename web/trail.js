// The auditor's search, with the filters of `holdfast audit log`.
import { $, button, element, plural } from "./dom.js";
import { get, getIfThere, query } from "./api.js";
import { keepLive } from "./live.js";
import { code, eventItem, none } from "./parts.js";
import { time } from "./times.js";

const PAGE = 100;
const page = { items: [], next: null, serial: 0, session: null };

const asked = () => Object.fromEntries([...new FormData($("search")).entries()].map(([name, value]) => [name, String(value).trim()]));

function show() {
  $("events").replaceChildren(...(page.items.length ? page.items.map((item) => eventItem(item, false)) : [none("Nothing on record answers to this.")]));
  $("count").textContent = plural(page.items.length, "event") + (page.next ? ", the newest" : "");
  $("more").replaceChildren(...(page.next ? [button("Show more", () => search(true))] : []));
}

function links() {
  const filters = asked();
  const may = page.session.may.includes("audit");
  $("exports").replaceChildren(...(may ? ["Export what answers to this: ",
    element("a", { href: "/api/v1/export?" + query({ format: "jsonl", ...filters }), download: "" }, "JSON lines"), " · ",
    element("a", { href: "/api/v1/export?" + query({ format: "csv", ...filters }), download: "" }, "CSV")]
    : [element("span", { class: "dim" }, "Exports are for the role auditor; `holdfast audit export` makes one on the agent's machine.")]));
}

async function search(isMore) {
  const serial = ++page.serial;
  const filters = asked();
  history.replaceState(null, "", query(filters) ? "/trail?" + query(filters) : "/trail");
  links();
  try {
    const list = await get("/api/v1/events?" + query({ ...filters, limit: PAGE, before: isMore ? page.next : null }));
    if (serial !== page.serial) return;
    page.items = isMore ? [...page.items, ...list.items] : list.items;
    page.next = list.next_before;
    show();
  } catch (problem) {
    if (serial !== page.serial) return;
    $("count").textContent = problem.message;
  }
}

async function chain() {
  const state = await getIfThere("/api/v1/trail");
  if (!state) return;
  const facts = [plural(state.events, "event"), state.verified_at ? [" · verified ", time(state.verified_at)] : null,
    state.checkpoint ? [" · checkpoint ", time(state.checkpoint.at || state.checkpoint)] : null,
    state.head ? [" · head ", code(typeof state.head === "string" ? state.head : state.head.digest || String(state.head.id || ""), 90)] : null];
  $("chain").dataset.state = state.problem ? "act" : "well";
  $("chain").replaceChildren(element("span", { class: "mark", "aria-hidden": "true" }),
    element("b", {}, state.problem ? "The trail is not well: " + state.problem
      : state.verified_at ? "The chain is whole so far as it was looked at" : "The chain is being verified"), " · ", ...facts.flat().filter(Boolean));
}

export async function start(session) {
  page.session = await session;
  let typing = 0;
  const soon = () => {
    clearTimeout(typing);
    typing = setTimeout(() => search(false), 250);
  };
  $("search").addEventListener("submit", (submit) => {
    submit.preventDefault();
    search(false);
  });
  $("search").addEventListener("input", soon);
  await search(false);
  keepLive({
    refresh: () => chain().catch(() => {}),
    pause: () => 2000,
    event() {
      if (page.items.length <= PAGE) soon();
    },
  });
}
