// Elements and text. Everything that comes from outside is set by textContent; nothing is ever parsed as markup.

export const $ = (id) => document.getElementById(id);

// Controls and the marks that turn the reading direction become visible: a name must not be able to pose as another.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const escaped = (c) => "\\u" + c.codePointAt(0).toString(16).padStart(4, "0");
export const visible = (text) => String(text).replace(UNSAFE, (c) => (c === "\n" ? "\\n" : c === "\t" ? "\\t" : escaped(c)));

const add = (made, child) => {
  if (child !== null && child !== undefined && child !== false) made.append(child instanceof Node ? child : visible(child));
};

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  children.flat().forEach((child) => add(made, child));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";
export function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  children.forEach((child) => add(made, child));
  return made;
}

// A long text is cut, never between the halves of one character.
export function cut(text, most) {
  const whole = String(text);
  if (whole.length <= most) return whole;
  const last = whole.charCodeAt(most - 1);
  return whole.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most) + "…";
}

// What others have named, kept from turning the line around it.
export const isolated = (text, most = 253) => element("bdi", {}, cut(text, most));

export function button(text, act, attributes) {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

// Only what has changed is told to a screen reader, and a selection of text outlives a refresh.
export function setText(node, text) {
  const wanted = visible(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

// A link or button that has the focus keeps it when its list is made anew.
export function replaceKeepingFocus(list, children) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const mark = focused && (focused.getAttribute("href") || focused.textContent);
  list.replaceChildren(...children);
  if (!mark) return;
  for (const candidate of list.querySelectorAll("a, button")) {
    if ((candidate.getAttribute("href") || candidate.textContent) === mark) {
      candidate.focus();
      return;
    }
  }
}

export const plural = (count, one, many = one + "s") => count + " " + (count === 1 ? one : many);
