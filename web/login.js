// Signing in by a token. Without JavaScript the form is posted as it is.
import { $ } from "./dom.js";
import { post } from "./api.js";

// Only a path of this server: an address that somebody has sent must not lead elsewhere.
function next() {
  const wanted = new URLSearchParams(location.search).get("next") || "/";
  const there = new URL(wanted, location.origin);
  return there.origin === location.origin && /^\/(?!\/)/.test(wanted) ? there.pathname + there.search : "/";
}

export function start() {
  $("login").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const problem = $("login-problem");
    problem.hidden = true;
    try {
      await post("/api/v1/login", { token: $("token").value.trim() });
      location.assign(next());
    } catch (wrong) {
      problem.textContent = wrong.status === 401 ? "This token is not known, or has run out." : wrong.message;
      problem.hidden = false;
      $("token").select();
    }
  });
  $("token").focus();
}
