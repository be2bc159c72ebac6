// The timeline of incidents: what was seen stands above the line, what was put back below it, what stayed open as a line across.
import { drawn, element, plural } from "./dom.js";
import { localClock, localDay } from "./times.js";

const WIDEST = 960;
const NARROWEST = 300; // it is drawn as wide as there is room, so that its words keep their size
const ROOMY = 560; // for a word in the middle
const HEIGHT = 190;
const LEFT = 34;
const TOP = 10;
const BOTTOM = 24;

const total = (buckets, name) => buckets.reduce((sum, bucket) => sum + (bucket[name] || 0), 0);

export function sentence(buckets, span) {
  const now = buckets.length ? buckets[buckets.length - 1].open || 0 : 0;
  return `In the last ${span}: ${plural(total(buckets, "seen"), "incident")} seen, ${total(buckets, "corrected")} put back, ` +
    `${total(buckets, "blocked")} blocked, ${now} open now.`;
}

const label = (bucket, isLong) => (isLong ? localDay(new Date(bucket.from)) + " " : "") + localClock(new Date(bucket.from)).slice(0, 5);

function bars(buckets, scale, step, axis) {
  const made = [];
  buckets.forEach((bucket, i) => {
    const x = LEFT + i * step + step * 0.12;
    const width = Math.max(1, step * 0.76);
    const group = drawn("g", { class: "bucket" });
    group.append(drawn("title", {}, `${label(bucket, true)}: ${bucket.seen} seen, ${bucket.corrected} put back, ${bucket.blocked} blocked, ${bucket.open} open`));
    group.append(drawn("rect", { class: "catch", x: LEFT + i * step, y: TOP, width: step, height: HEIGHT - TOP - BOTTOM }));
    const bar = (name, height, y) => {
      if (height > 0) group.append(drawn("rect", { class: name, x, y, width, height, rx: Math.min(2, width / 3) }));
    };
    const seen = bucket.seen * scale;
    const blocked = Math.min(bucket.blocked, bucket.seen || bucket.blocked) * scale;
    bar("seen", seen, axis - seen);
    bar("blocked", blocked, axis - blocked);
    bar("corrected", bucket.corrected * scale, axis + 1);
    made.push(group);
  });
  return made;
}

function openLine(buckets, scale, step, axis) {
  const points = buckets.map((bucket, i) => `${(LEFT + (i + 0.5) * step).toFixed(1)},${(axis - Math.min(bucket.open * scale, axis - TOP)).toFixed(1)}`);
  return drawn("polyline", { class: "open", points: points.join(" ") });
}

function table(buckets, isLong) {
  const rows = buckets.filter((bucket) => bucket.seen || bucket.corrected || bucket.blocked);
  const cell = (text) => element("td", {}, String(text));
  const body = rows.length ? rows.map((bucket) => element("tr", {}, element("th", { scope: "row" }, label(bucket, isLong)),
    cell(bucket.seen), cell(bucket.corrected), cell(bucket.blocked), cell(bucket.open)))
    : [element("tr", {}, element("td", { colspan: "5" }, "Nothing was seen in this span."))];
  return element("details", {}, element("summary", {}, "As a table"),
    element("table", { class: "plain" }, element("thead", {}, element("tr", {},
      ...["From", "Seen", "Put back", "Blocked", "Open at its end"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...body)));
}

export function chart(buckets, span, isLong, room) {
  const width = Math.max(NARROWEST, Math.min(WIDEST, room));
  const most = (name) => Math.max(0, ...buckets.map((bucket) => bucket[name] || 0));
  const up = Math.max(1, most("seen"), most("blocked"), most("open"));
  const down = most("corrected");
  const scale = (HEIGHT - TOP - BOTTOM) / (up + Math.max(down, up * 0.25));
  const axis = TOP + up * scale;
  const step = (width - LEFT) / Math.max(1, buckets.length);
  const text = (x, y, content, anchor) => drawn("text", { x, y, "text-anchor": anchor }, content);
  const words = sentence(buckets, span);
  const picture = drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": words });
  picture.append(drawn("line", { class: "axis", x1: LEFT, x2: width, y1: axis, y2: axis }));
  picture.append(text(LEFT - 6, TOP + 9, String(up), "end"), text(LEFT - 6, axis + 4, "0", "end"));
  if (down > 0) picture.append(text(LEFT - 6, axis + down * scale + 4, String(down), "end"));
  picture.append(...bars(buckets, scale, step, axis), openLine(buckets, scale, step, axis));
  if (buckets.length) {
    picture.append(text(LEFT, HEIGHT - 6, label(buckets[0], isLong), "start"), text(width, HEIGHT - 6, "now", "end"));
    const middle = Math.floor(buckets.length / 2);
    if (width >= ROOMY) picture.append(text(LEFT + middle * step, HEIGHT - 6, label(buckets[middle], isLong), "middle"));
  }
  const legend = element("ul", { class: "legend" }, ...[["seen", "seen"], ["blocked", "blocked"], ["corrected", "put back"], ["open", "open"]]
    .map(([name, title]) => element("li", {}, element("span", { class: "key " + name, "aria-hidden": "true" }), title)));
  return [element("figcaption", {}, words), legend, picture, table(buckets, isLong)];
}
