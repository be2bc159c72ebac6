// Who is signed in, and what they may do.
import { $, button, element, isolated } from "./dom.js";
import { getIfThere, leave, post } from "./api.js";

const NOBODY = { user: null, role: null, by: null, csrf: null, may: ["read"], login: false };
let known = Promise.resolve(NOBODY);

export const session = () => known;

async function logout(current) {
  await post("/api/v1/logout", {}, current.csrf).catch(() => {});
  leave("/login");
}

function tell(current) {
  const node = $("session");
  if (current.user) {
    node.replaceChildren(isolated(current.user, 60), current.role ? " (" + current.role + ")" : "");
    if (current.by === "cookie") node.append(" ", button("Log out", () => logout(current), { class: "quiet" }));
  } else if (current.login && document.body.dataset.page !== "login") {
    node.replaceChildren(element("a", { href: "/login?next=" + encodeURIComponent(location.pathname + location.search) }, "Log in"));
  } else if (!current.login) {
    node.replaceChildren(element("span", { title: "Without access control the dashboard answers on loopback, for reading." }, "Read-only"));
  }
}

export function showSession() {
  known = getIfThere("/api/v1/session").then((found) => ({ ...NOBODY, ...found })).catch(() => NOBODY);
  known.then(tell);
  return known;
}
