import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { keep, live, openPage, startBrowser, startServer } from "./browser.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser.close();
  await server.stop();
});

const row = (page, name) => page.locator("#rows tr", { has: page.locator("a.object", { hasText: name }) }).first();

test("a drift appears without reload, is opened, and shows who changed what; its end appears too", async () => {
  await server.say("well");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.getByText("All is well: 17 objects").waitFor();
  await page.getByText("Every object is as its unit says.").waitFor();
  await keep(page, "well");
  const from = Date.now();
  await server.say("drift");
  await page.getByText("Being put back: 1 object").waitFor();
  await row(page, "trade-service").locator('[data-verdict="drifted"]').waitFor();
  assert.ok(Date.now() - from < 2000, `it took ${Date.now() - from} ms`);
  await page.locator("#events").getByText("differs from its unit").first().waitFor();
  await row(page, "trade-service").locator("a.object").click();
  await page.waitForURL(server.address + "/incidents/inc-1");
  await page.locator(".diff").waitFor();
  const replicas = page.locator('tr[data-path="spec.replicas"]');
  assert.equal(await replicas.locator("td.desired ins").textContent(), "3");
  assert.equal(await replicas.locator("td.live del").textContent(), "10");
  assert.match(await page.locator(".facts").textContent(), /Whoalice.*From10\.1\.2\.3.*Rulesecurity\/images/);
  await keep(page, "incident");
  await server.say("fix");
  await page.locator('.badge[data-outcome="corrected"]').waitFor();
  await page.locator("#events").getByText("correction.confirmed").waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("All is well: 17 objects").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("what wants a person stands on top and is said first", async () => {
  await server.say("block");
  const { page, wrong, close } = await openPage(browser, server.address, { scheme: "dark" });
  await live(page);
  await page.getByText("You have to act: 1 is blocked.").waitFor();
  assert.match(await page.title(), /^Act/);
  assert.match(await page.locator("#rows tr").first().textContent(), /blocked.*position-service/);
  assert.match(await row(page, "trade-feed").textContent(), /not in the cluster/);
  await keep(page, "act-dark");
  await server.say("lost");
  await page.locator("#problems").getByText("connection refused").waitFor();
  await page.locator('.stand[data-state="act"]').getByText("connection refused").waitFor();
  await keep(page, "cluster-lost-dark");
  assert.deepEqual(wrong, []);
  await close();
});

test("the incidents of the last hour, day or week are drawn, said in a sentence, and told as a table", async () => {
  await server.say("block");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.locator("#chart svg").waitFor();
  assert.equal(await page.locator("#chart .bucket").count(), 48);
  await page.getByRole("button", { name: "Last hour" }).click();
  await page.waitForFunction(() => document.querySelectorAll("#chart .bucket").length === 60);
  assert.equal(await page.locator("#chart svg").getAttribute("aria-label"), await page.locator("#chart figcaption").textContent());
  assert.match(await page.locator("#chart figcaption").textContent(), /In the last hour: \d+ incidents seen, \d+ put back, \d+ blocked/);
  await page.getByText("As a table").click();
  assert.ok(await page.locator("#chart tbody tr").count() > 5);
  assert.match(await page.locator("#figures").textContent(), /Until it was put back380.ms \(p95 1\.2.s, longest 5\.1.s\)/);
  assert.equal(await page.getByRole("button", { name: "Last hour" }).getAttribute("aria-pressed"), "true");
  await keep(page, "timeline", true);
  assert.deepEqual(wrong, []);
  await close();
});

test("an agent that does not serve the figures shows the rest all the same", async () => {
  await server.say("block");
  const { page, close } = await openPage(browser, server.address, { mayFail: true, canned: false });
  await page.route(/\/api\/v1\/(stats|spaces|session)/, (route) => route.fulfill({ status: 404, json: { detail: "There is nothing at this path." } }));
  await page.reload();
  await live(page);
  await row(page, "position-service").waitFor();
  assert.equal(await page.locator("#timeline").isVisible(), false);
  await close();
});

test("all of it works from the keyboard", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await row(page, "trade-service").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.className)) !== "object"; i++) await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "trade-service");
  await page.keyboard.press("Enter");
  await page.waitForURL(server.address + "/incidents/inc-1");
  await page.locator(".diff").waitFor();
  await page.goBack();
  await row(page, "trade-service").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("a link that has the focus keeps it while the list is made anew", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await row(page, "trade-service").locator("a.object").focus();
  await server.say("block");
  await row(page, "position-service").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "trade-service");
  assert.deepEqual(wrong, []);
  await close();
});

test("a lost stream is seen, and what was missed is there when it is back", async () => {
  let own = await startServer();
  const { page, close } = await openPage(browser, own.address, { mayFail: true });
  await live(page);
  const port = own.address.split(":").pop();
  await own.stop();
  await page.getByText("Connection lost: what is shown may be old").waitFor();
  await keep(page, "stream-lost");
  own = await startServer("127.0.0.1:" + port);
  await own.say("drift");
  await live(page);
  await page.getByText("Being put back: 1 object").waitFor();
  await page.locator("#events").getByText("drift.seen").first().waitFor();
  await close();
  await own.stop();
});

test("times are local, with UTC on hover", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  const time = row(page, "trade-service").locator("time");
  const at = new Date(await time.getAttribute("datetime"));
  const local = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  await page.waitForFunction((text) => document.querySelector("#rows time").textContent.startsWith(text), local.format(at) + " · ");
  assert.equal(await time.getAttribute("title"), at.toISOString().replace("T", " ").replace("Z", " UTC"));
  assert.deepEqual(wrong, []);
  await close();
});
