// What the fixture server has not: figures of the trail, spaces, pauses. The real agent's are tested in real/.
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

const ANSWERS = {
  "/api/v1/spaces": () => ({ items: [{ target: "dev", space: "traderx", units: 10, counts: { in_sync: 16, drifted: 1 } }] }),
  "/api/v1/stats": () => ({ incidents: 12, see_ms: { p50: 40, p95: 310, max: 900 }, correct_ms: { p50: 380, p95: 1200, max: 5100 } }),
  "/api/v1/stats/timeline": timeline,
};

export const can = (page) => page.route("**/api/v1/**", async (route) => {
  const url = new URL(route.request().url());
  const answer = ANSWERS[url.pathname];
  if (answer) await route.fulfill({ json: answer(url) });
  else await route.fallback();
});
