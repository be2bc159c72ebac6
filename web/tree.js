// A tree of any length of which only what can be seen is in the document: rows of one height, moved by the arrows of the keyboard.
import { element } from "./dom.js";

const ROW = 44;
const MARGIN = 12;

// rows: [{id, level, size, position, open, make()}], open true or false for what can be opened, else undefined.
export function makeTree(box, { label, toggle, enter }) {
  let rows = [];
  let active = 0;
  let first = -1;
  let last = -1;
  const canvas = element("div", { class: "canvas" });
  const viewport = element("div", { class: "viewport", role: "tree", "aria-label": label, tabindex: "0" }, canvas);
  box.replaceChildren(viewport);

  function item(row, i) {
    const made = element("div", { id: "row-" + i, class: "row", role: "treeitem", "aria-level": String(row.level), "aria-setsize": String(row.size),
      "aria-posinset": String(row.position), "aria-selected": String(i === active), "data-at": String(i),
      "aria-expanded": row.open === undefined ? null : String(row.open), "data-level": String(row.level) }, ...row.make());
    made.style.top = i * ROW + "px";
    return made;
  }

  function draw(force) {
    const from = Math.max(0, Math.floor(viewport.scrollTop / ROW) - MARGIN);
    const to = Math.min(rows.length, Math.ceil((viewport.scrollTop + viewport.clientHeight) / ROW) + MARGIN);
    if (!force && from === first && to === last) return;
    first = from;
    last = to;
    canvas.replaceChildren(...rows.slice(from, to).map((row, i) => item(row, from + i)));
    if (active >= from && active < to) viewport.setAttribute("aria-activedescendant", "row-" + active);
    else viewport.removeAttribute("aria-activedescendant");
  }

  function moveTo(i) {
    active = Math.max(0, Math.min(rows.length - 1, i));
    const top = active * ROW;
    if (top < viewport.scrollTop) viewport.scrollTop = top;
    else if (top + ROW > viewport.scrollTop + viewport.clientHeight) viewport.scrollTop = top + ROW - viewport.clientHeight;
    draw(true);
  }

  const parentOf = (i) => {
    let at = i;
    while (at > 0 && rows[at].level >= rows[i].level) at--;
    return at;
  };
  const page = () => Math.max(1, Math.floor(viewport.clientHeight / ROW) - 1);
  const KEYS = {
    ArrowDown: () => moveTo(active + 1),
    ArrowUp: () => moveTo(active - 1),
    PageDown: () => moveTo(active + page()),
    PageUp: () => moveTo(active - page()),
    Home: () => moveTo(0),
    End: () => moveTo(rows.length - 1),
    ArrowRight: () => (rows[active].open === false ? toggle(rows[active].id) : moveTo(active + 1)),
    ArrowLeft: () => (rows[active].open === true ? toggle(rows[active].id) : moveTo(parentOf(active))),
    Enter: () => enter(rows[active].id),
    " ": () => enter(rows[active].id),
  };
  viewport.addEventListener("keydown", (press) => {
    if (press.ctrlKey || press.metaKey || press.altKey || !KEYS[press.key] || rows.length === 0) return;
    press.preventDefault();
    KEYS[press.key]();
  });
  viewport.addEventListener("scroll", () => draw(false), { passive: true });
  viewport.addEventListener("click", (click) => {
    const node = click.target.closest(".row");
    if (!node || click.target.closest("a")) return;
    active = Number(node.dataset.at);
    enter(rows[active].id);
    draw(true);
  });
  new ResizeObserver(() => draw(false)).observe(viewport);

  return {
    show(wanted) {
      const id = rows[active] && rows[active].id;
      rows = wanted;
      const again = rows.findIndex((row) => row.id === id);
      active = again >= 0 ? again : Math.min(active, Math.max(0, rows.length - 1));
      canvas.style.height = rows.length * ROW + "px";
      viewport.style.height = Math.min(rows.length, 16) * ROW + 2 + "px";
      viewport.hidden = rows.length === 0;
      draw(true);
    },
  };
}
