// What the server has put into the page is kept current here; each page has a module of its own.
import { keepTimes } from "./times.js";
import { showSession } from "./session.js";

const PAGES = {
  overview: () => import("./overview.js"),
  units: () => import("./units.js"),
  object: () => import("./subject.js"),
  incident: () => import("./subject.js"),
  incidents: () => import("./incidents.js"),
  trail: () => import("./trail.js"),
  rules: () => import("./rules.js"),
};

document.documentElement.classList.add("live");
keepTimes();
const session = showSession();
const open = PAGES[document.body.dataset.page];
if (open) (await open()).start(session);

// "/" goes to the page's filter, as in other tools.
document.addEventListener("keydown", (press) => {
  const field = document.querySelector('main input[type="search"], main .search input');
  if (press.key === "/" && field && !press.ctrlKey && !press.metaKey && !press.target.closest("input, select, textarea, dialog")) {
    press.preventDefault();
    field.focus();
  }
});
