// Times: local and relative, with UTC on hover.
import { element } from "./dom.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + "\u00a0s";
  if (s < 3600) return Math.floor(s / 60) + "\u00a0min";
  if (s < 86400) return Math.floor(s / 3600) + "\u00a0h";
  return Math.floor(s / 86400) + "\u00a0d";
}

function tellTime(node) {
  const at = new Date(node.getAttribute("datetime"));
  if (Number.isNaN(at.getTime())) return;
  const now = Date.now();
  const date = Math.abs(now - at) < 20 * 3600 * 1000 ? "" : day.format(at) + " ";
  const distance = at > now + 1500 ? "in\u00a0" + age(at - now) : age(now - at) + "\u00a0ago";
  const text = date + clock.format(at) + " · " + distance;
  if (node.textContent !== text) node.textContent = text;
}

export function time(iso) {
  const at = iso ? new Date(iso) : null;
  if (!at || Number.isNaN(at.getTime())) return element("span", { class: "dim" }, "not known");
  const utc = at.toISOString();
  const node = element("time", { datetime: utc, title: utc.replace("T", " ").replace("Z", " UTC") });
  tellTime(node);
  return node;
}

export function keepTimes() {
  const all = () => document.querySelectorAll("time").forEach(tellTime);
  all();
  setInterval(all, 1000);
}

export function took(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "not known";
  if (ms < 1000) return Math.round(ms) + "\u00a0ms";
  if (ms < 60000) return (ms / 1000).toFixed(1) + "\u00a0s";
  if (ms < 3600000) return Math.round(ms / 60000) + "\u00a0min";
  return (ms / 3600000).toFixed(1) + "\u00a0h";
}

export const between = (from, to) => (from && to ? new Date(to) - new Date(from) : null);
export const localClock = (at) => clock.format(at);
export const localDay = (at) => day.format(at);
