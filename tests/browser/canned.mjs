// What the fixture server does not have of its own: figures of the trail, rules, who is signed in, and acts that go their way.
const minute = 60000;

function timeline(url) {
  const buckets = Number(url.searchParams.get("buckets"));
  const now = Date.now();
  const items = Array.from({ length: buckets }, (_, i) => ({
    from: new Date(now - (buckets - i) * minute).toISOString(), to: new Date(now - (buckets - i - 1) * minute).toISOString(),
    seen: i % 7 === 3 ? 4 : i % 5 === 0 ? 1 : 0, corrected: i % 7 === 3 ? 3 : i % 5 === 1 ? 1 : 0, blocked: i % 19 === 3 ? 1 : 0, open: i % 7 === 3 ? 2 : 0,
  }));
  return { items };
}

const OPERATOR = { user: "olivia", role: "operator", by: "cookie", csrf: "c-5f21", may: ["read", "act"], login: true };
const READER = { user: null, role: "viewer", by: "loopback", csrf: null, may: ["read"], login: false };
const AUDITOR = { user: "arthur", role: "auditor", by: "cookie", csrf: "c-77", may: ["read", "audit"], login: true };
export const SESSIONS = { operator: OPERATOR, reader: READER, auditor: AUDITOR };

const incident = (id, name, outcome) => ({
  id, name, kind: "Deployment", namespace: "traderx-dev", target: "dev", unit: name, outcome, severity: "warning", manager: "kubectl-edit",
  seen_at: new Date(Date.now() - 30 * minute).toISOString(), ended_at: outcome === "open" ? null : new Date(Date.now() - 29 * minute).toISOString(),
  message: name + " differs from its unit",
});

const RULES = {
  packs: [{ name: "security", description: "changes that touch who may do what", rules: [
    { name: "images", description: "what runs", match: { path: ["/spec/template/spec/containers/*/image"] }, severity: "critical", fired: 7 },
    { name: "access", match: { kind: "rbac.authorization.k8s.io/*" }, severity: "critical", added: "strict", fired: 0 },
  ] }],
};

// acts: what was posted is kept there; each goes through the states given, one a question.
export async function can(page, { session = READER, acts = [], states = ["waiting", "taken", "done"], message = "put back: 2 paths", replace = {} } = {}) {
  const asked = new Map();
  const answers = {
    "/api/v1/session": () => session,
    "/api/v1/spaces": () => ({ items: [{ target: "dev", space: "traderx", units: 10, counts: { in_sync: 16, drifted: 1 } }] }),
    "/api/v1/stats": () => ({ incidents: 12, see_ms: { p50: 40, p95: 310, max: 900 }, correct_ms: { p50: 380, p95: 1200, max: 5100 } }),
    "/api/v1/stats/timeline": timeline,
    "/api/v1/incidents": (url) => ({ items: [incident("inc-1", "trade-service", "open"), incident("inc-0", "web-gui", "corrected")]
      .filter((one) => !url.searchParams.get("state") || (one.outcome === "open") === (url.searchParams.get("state") === "open")), next: null }),
    "/api/v1/rules": () => RULES,
    "/api/v1/rules/explain": (url) => ({ kind: url.searchParams.get("kind"), severity: { value: "critical", rule: "security/images" } }),
    "/api/v1/trail": () => ({ events: 4, head: "sha256:" + "ab".repeat(32), verified_at: new Date().toISOString(), problem: null }),
    "/api/v1/pauses": () => ({ items: [] }),
    ...replace,
  };
  await page.route("**/api/v1/**", async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    if (url.pathname === "/api/v1/actions" && request.method() === "POST") {
      acts.push({ body: request.postDataJSON(), csrf: request.headers()["x-csrf-token"] });
      const id = "a-" + acts.length;
      asked.set(id, 0);
      await route.fulfill({ status: 202, json: { id, state: states[0], href: "/api/v1/actions/" + id } });
      return;
    }
    const action = url.pathname.match(/^\/api\/v1\/actions\/(.*)$/);
    if (action) {
      const turn = Math.min(asked.get(action[1]) + 1, states.length - 1);
      asked.set(action[1], turn);
      await route.fulfill({ json: { id: action[1], state: states[turn], answers: states.slice(1, turn + 1)
        .map((state) => ({ at: new Date().toISOString(), state, message: state === "done" || state === "refused" ? message : "" })) } });
      return;
    }
    const answer = answers[url.pathname];
    if (answer) await route.fulfill({ json: answer(url) });
    else await route.fallback();
  });
}
