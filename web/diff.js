// Desired and live side by side, the changed paths marked in their place.
import { cut, element } from "./dom.js";

const VALUE_MOST = 20000;
const LINES_MOST = 400;

// Compact JSON in lines, from its own text: no number passes through a double.
function indented(json) {
  let out = "";
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (quoted) {
      out += c === "\\" ? c + json[++i] : c;
      quoted = c !== '"';
    } else if (c === '"') {
      quoted = true;
      out += c;
    } else if ((c === "{" || c === "[") && (json[i + 1] === "}" || json[i + 1] === "]")) {
      out += c + json[++i];
    } else if (c === "{" || c === "[") {
      out += c + "\n" + "  ".repeat(++depth);
    } else if (c === "}" || c === "]") {
      depth = Math.max(0, depth - 1);
      out += "\n" + "  ".repeat(depth) + c;
    } else if (c === ",") {
      out += ",\n" + "  ".repeat(depth);
    } else out += c === ":" ? ": " : c;
  }
  return out;
}

// A text of several lines (a file in a ConfigMap) is shown as its lines; all else as JSON.
function linesOf(value) {
  if (value === null || value === undefined) return null;
  const hidden = /^"hmac-sha256:([0-9a-f]{8})[0-9a-f]*( \([0-9]+ bytes\))?"$/.exec(value);
  if (hidden) return [`not shown${hidden[2] || ""}, digest ${hidden[1]}…`];
  const text = cut(value, VALUE_MOST);
  if (text.startsWith('"') && text === value && text.includes("\\n")) {
    try {
      return JSON.parse(text).split("\n");
    } catch {
      return [text];
    }
  }
  return /^[[{]/.test(text) ? indented(text).split("\n") : [text];
}

// [same, left, right] steps between two lists of lines: the longest common subsequence, where they are short enough for one.
function steps(left, right) {
  if (left.length > LINES_MOST || right.length > LINES_MOST) return [...left.map((line) => ["left", line]), ...right.map((line) => ["right", line])];
  const longest = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      longest[i][j] = left[i] === right[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const made = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) {
      made.push(["same", left[i++]]);
      j++;
    } else if (j >= right.length || (i < left.length && longest[i + 1][j] >= longest[i][j + 1])) made.push(["left", left[i++]]);
    else made.push(["right", right[j++]]);
  }
  return made;
}

// The part in the middle that is not the same, marked.
function marked(name, text, other) {
  let from = 0;
  while (from < text.length && from < other.length && text[from] === other[from]) from++;
  let tail = 0;
  while (tail < text.length - from && tail < other.length - from && text[text.length - 1 - tail] === other[other.length - 1 - tail]) tail++;
  const whole = from + tail === 0 || text.length - from - tail > text.length * 0.8;
  if (whole) return [element(name, {}, text)];
  return [text.slice(0, from), element(name, {}, text.slice(from, text.length - tail)), text.slice(text.length - tail)];
}

const absent = () => element("span", { class: "absent" }, "not there");

function side(lines, other, name) {
  if (lines === null) return [absent()];
  if (lines.length === 1 && other && other.length === 1) return [element("code", {}, ...marked(name, lines[0], other[0]))];
  if (other === null) return [element("code", {}, element(name, {}, ...withBreaks(lines)))];
  const wanted = name === "del" ? ["left", "right"] : ["right", "left"];
  const all = name === "del" ? steps(lines, other) : steps(other, lines);
  return [element("code", {}, ...all.filter(([kind]) => kind !== wanted[1]).flatMap(([kind, line], i) => [
    i > 0 ? document.createElement("br") : null, kind === "same" ? line : element(name, {}, line || " ")]))];
}

const withBreaks = (lines) => lines.flatMap((line, i) => (i > 0 ? [document.createElement("br"), line] : [line]));

// The steps of a path, those into keyed lists by their keys: spec, containers, [name=web], image.
function segments(finding) {
  const keys = (finding.readable || "").match(/\[[^[\]=]+=[^\]]*\]/g) || [];
  return (finding.path || "").split("/").slice(1)
    .map((part) => (/^\d+$/.test(part) && keys.length ? keys.shift() : part.replaceAll("~1", "/").replaceAll("~0", "~")));
}

function context(text, depth) {
  const cell = () => {
    const made = element("td", {}, element("code", {}, cut(text, 200) + ":"));
    made.style.paddingInlineStart = 0.8 + depth * 0.9 + "rem";
    return made;
  };
  return element("tr", { class: "context", "aria-hidden": "true" }, cell(), cell());
}

function changed(finding, name, depth) {
  const desired = linesOf(finding.desired);
  const live = linesOf(finding.live);
  const cell = (kind, title, content) => {
    const made = element("td", { class: kind, "data-title": title }, name ? element("code", { class: "name" }, cut(name, 200) + ": ") : null, ...content);
    made.style.paddingInlineStart = 0.8 + depth * 0.9 + "rem";
    return made;
  };
  const row = element("tr", { class: "changed-path" },
    cell("desired", "Should be", side(desired, live, "ins")), cell("live", "Live", side(live, desired, "del")));
  row.setAttribute("data-path", cut(finding.readable || finding.path || "", 500));
  return row;
}

export function diff(findings) {
  const sorted = [...findings].sort((a, b) => ((a.path || "") < (b.path || "") ? -1 : 1));
  const rows = [];
  let shown = [];
  for (const finding of sorted) {
    const parts = segments(finding);
    const parents = parts.slice(0, -1);
    let same = 0;
    while (same < parents.length && shown[same] === parents[same]) same++;
    parents.slice(same).forEach((part, i) => rows.push(context(part, same + i)));
    rows.push(changed(finding, parts[parts.length - 1] || finding.readable || "", parents.length));
    shown = parts;
  }
  return element("table", { class: "diff" },
    element("caption", {}, "What differs"),
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Should be"), element("th", { scope: "col" }, "Live"))),
    element("tbody", {}, ...rows));
}
