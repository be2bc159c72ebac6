// What people do: see a drift, open it, decide; and what the trail says of it afterwards.
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { expectAccessible, keep, live, openPage, startBrowser } from "../browser.mjs";
import { act, enter, field, holdfast, hubUnit, isReal, kubectlAsCarol, logIn, sql, startAgent, token, until, url } from "./world.mjs";

let agent;
let browser;

before(async () => {
  agent = await startAgent("people");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await agent?.stop();
});

const row = (page, name) => page.locator("#rows tr", { has: page.locator("a.object", { hasText: name }) });
const replicas = (name) => field("deployment/" + name, "{.spec.replicas}");
// As someone at the cluster's own door, past ConfigHub.
const scale = (name, count) => kubectlAsCarol("-n", "traderx-dev", "patch", "deployment/" + name, "--type=merge", "--field-manager=kubectl-edit",
  "-p", JSON.stringify({ spec: { replicas: count } }));
const menu = (page, name) => page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();

// From the overview to the incident of a drift that is made meanwhile.
async function openDrift(page, name, count) {
  await live(page);
  scale(name, count);
  await row(page, name).locator('[data-verdict="drifted"]').waitFor();
  await row(page, name).locator("a.object").click();
  await page.locator(".diff").waitFor();
}

test("who has no token is shown nothing; a wrong one is told so, a right one leads to where one wanted to go; after the logout nothing is shown again", async () => {
  const { page, wrong, close } = await openPage(browser, url, { path: "/units", canned: false, passed: [/status of 401/] });
  await page.waitForURL(/\/login\?next=/);
  assert.doesNotMatch(await page.content(), /trade-service/);
  await expectAccessible(page);
  await page.getByLabel("Token").fill("holdfast_of-somebody-else");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("This token is not known, or has run out.").waitFor();
  await expectAccessible(page);
  await keep(page, "login-wrong");
  await logIn(page, "olivia");
  assert.equal(page.url(), url + "/units");
  await page.getByText("olivia (operator)").waitFor();
  await page.getByRole("treeitem", { name: /trade-service/ }).first().waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(url + "/login");
  await page.goBack();
  await page.waitForURL(/\/login/);
  await page.goto(url + "/units");
  await page.waitForURL(/\/login/);
  assert.deepEqual(wrong, []);
  await close();
});

test("a drift appears without reload, is opened, its diff and who did it are right, is put back by the button, and the trail names the person and why", async () => {
  const { page, wrong, close } = await enter(browser, "olivia");
  await live(page);
  await page.getByText("All is well: 18 objects").waitFor();
  await keep(page, "well", true);
  await page.evaluate(() => { globalThis.notReloaded = true; });
  scale("trade-service", 7);
  await row(page, "trade-service").locator('[data-verdict="drifted"]').waitFor();
  assert.ok(await page.evaluate(() => globalThis.notReloaded));
  await page.locator("#events").getByText("drift.seen").first().waitFor();
  await keep(page, "drifted", true);
  await row(page, "trade-service").locator("a.object").click();
  await page.waitForURL(/\/incidents\//);
  const changed = page.locator('tr[data-path="spec.replicas"]');
  assert.equal(await changed.locator("td.desired ins").textContent(), "3");
  assert.equal(await changed.locator("td.live del").textContent(), "7");
  assert.equal(await page.locator(".diff tr.changed-path").count(), 1);
  // The server's audit event may come after the drift: the page completes itself.
  await page.locator(".facts").getByText(isReal ? "carol" : "kubectl-edit").first().waitFor();
  if (isReal) assert.match(await page.locator(".facts").textContent(), /Whocarol.*Bykubectl.*From127\.0\.0\.1/);
  assert.match(await page.locator(".facts").getByRole("link", { name: "in ConfigHub" }).getAttribute("href"),
    new RegExp("^" + process.env.HF_HUB.replace(/\/api$/, "") + "/units/[0-9a-f-]{36}/[0-9a-f-]{36}$"));
  const incident = page.url().split("/").pop();
  await keep(page, "incident-open", true);

  const dialog = await act(page, "Put back now", "the desk calls: orders <b>twice</b>");
  await keep(page, "put-back-done");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.locator('header .badge[data-outcome="corrected"]').waitFor();
  await page.getByText("Nothing differs from the unit now.").or(page.locator(".diff")).first().waitFor();
  assert.equal(replicas("trade-service"), "3");
  await keep(page, "incident-ended", true);

  await menu(page, "Trail");
  await page.getByLabel("Type").fill("put_back.");
  await page.locator("#events").getByText("the desk calls: orders <b>twice</b>").first().waitFor();
  await page.locator("#events").getByText("olivia").first().waitFor();
  await keep(page, "trail-put-back");
  const [asked] = sql(agent, `select json_extract(detail, '$.by') as person, json_extract(detail, '$.reason') as reason, kind, name, incident
    from events where type like 'put_back.%' and name = 'trade-service' order by id desc limit 1`);
  assert.equal(asked.person, "olivia");
  assert.equal(asked.reason, "the desk calls: orders <b>twice</b>");
  assert.deepEqual(sql(agent, `select outcome from v_incidents where incident = '${incident}'`), [{ outcome: "corrected" }]);
  if (isReal) assert.equal(sql(agent, `select count(*) as n from events where incident = '${incident}' and json_extract(detail, '$.who.user') = 'carol'`)[0].n > 0, true);
  assert.deepEqual(wrong, []);
  await close();
});

test("what is live is accepted into ConfigHub after a preview that changes nothing", async () => {
  const unit = "70-trade-feed-deployment";
  const { page, wrong, close } = await enter(browser, "olivia");
  const before = await hubUnit(unit);
  await openDrift(page, "trade-feed", 3);
  await page.getByRole("button", { name: "Accept into ConfigHub…" }).click();
  const dialog = page.getByRole("dialog", { name: "Accept into ConfigHub" });
  await dialog.getByLabel("Reason").fill("three it is: INC-4711");
  await dialog.getByRole("button", { name: "Preview" }).click();
  await dialog.locator('.answers li[data-state="preview"]').getByText("replicas: 3").waitFor();
  await keep(page, "accept-preview");
  assert.equal((await hubUnit(unit)).HeadRevisionNum, before.HeadRevisionNum);
  await dialog.getByRole("button", { name: "Accept into ConfigHub" }).click();
  await dialog.locator('.answers li[data-state="done"]').getByText("olivia accepted what was live").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.equal((await hubUnit(unit)).LiveRevisionNum, before.LiveRevisionNum + 1);
  assert.equal(replicas("trade-feed"), "3");
  const [done] = sql(agent, "select json_extract(detail, '$.by') as person, json_extract(detail, '$.reason') as reason from events where type = 'accept.done' order by id desc limit 1");
  assert.deepEqual(done, { person: "olivia", reason: "three it is: INC-4711" });
  await menu(page, "Units");
  await page.getByLabel("Filter").fill("trade-feed");
  await page.getByRole("treeitem", { name: /70-trade-feed-deployment/ }).getByText(`live ${before.LiveRevisionNum + 1}`).waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("alerts of an object are snoozed for the span one chooses, and its drift is there all the same", async () => {
  const { page, wrong, close } = await enter(browser, "olivia");
  await openDrift(page, "people-service", 4);
  await page.getByRole("button", { name: "Snooze alerts…" }).click();
  const dialog = page.getByRole("dialog", { name: "Snooze alerts" });
  await dialog.getByLabel("For").selectOption("30m");
  await dialog.getByLabel("Reason").fill("the load test of tonight");
  await dialog.getByRole("button", { name: "Snooze alerts" }).click();
  await dialog.locator('.answers li[data-state="done"]').waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.locator(".pauses").getByText(/Alerts snoozed by olivia/).waitFor();
  await keep(page, "snoozed", true);
  await until("the trail has the snooze", () => sql(agent, "select message from events where type = 'snooze.set' and message like '%olivia%the load test of tonight%'").length === 1);
  assert.equal(replicas("people-service"), "4");
  await act(page, "Put back now", "the test is over");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.locator('header .badge[data-outcome="corrected"]').waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("a unit is paused and resumed; all who look see until when, by whom and why", async () => {
  const { page, wrong, close } = await enter(browser, "olivia");
  await openDrift(page, "web-gui", 5);
  await act(page, "Pause the unit", "the vendor looks at it");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.locator(".pauses").getByText(/Paused by olivia/).waitFor();
  await keep(page, "paused", true);
  await until("the trail has the pause", () => sql(agent, "select message from events where type = 'pause.set' and message like 'paused by olivia until %the vendor looks at it%'").length === 1);
  const other = await enter(browser, "victor", { path: new URL(page.url()).pathname });
  await other.page.locator(".pauses").getByText(/Paused by olivia/).waitFor();
  assert.equal(await other.page.getByRole("button", { name: "Put back now…" }).count(), 0);
  assert.equal(await other.page.getByRole("button", { name: "Resume…" }).count(), 0);
  await other.page.getByText("Your role may read, not act.").waitFor();
  assert.deepEqual(other.wrong, []);
  await other.close();
  await act(page, "Resume", "the vendor has gone");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await page.locator(".pauses").waitFor({ state: "detached" });
  await until("the trail has its end", () => sql(agent, "select message from events where type = 'pause.ended' and message like '%is ended by olivia%'").length === 1);
  await act(page, "Put back now", "as it was");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await until("it is put back", () => replicas("web-gui") === "1");
  assert.deepEqual(wrong, []);
  await close();
});

test("an act is not sent without a reason, and a refused one says why", async () => {
  const { page, close } = await enter(browser, "olivia", { mayFail: true });
  await openDrift(page, "position-service", 4);
  await page.getByRole("button", { name: "Put back now…" }).click();
  const dialog = page.getByRole("dialog", { name: "Put back now" });
  await dialog.getByLabel("Reason").fill("   ");
  await dialog.getByRole("button", { name: "Put back now" }).click();
  await dialog.getByRole("alert").getByText("A reason is needed.").waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal(replicas("position-service"), "4");
  // The login ends under the open page: the act is refused, in words, and nothing is done.
  const other = await page.context().newPage();
  await other.goto(url + "/");
  await page.getByRole("button", { name: "Put back now…" }).click();
  await dialog.getByLabel("Reason").fill("too late");
  await other.getByRole("button", { name: "Log out" }).click();
  await other.waitForURL(/\/login/);
  await dialog.getByRole("button", { name: "Put back now" }).click();
  await dialog.getByRole("alert").getByText(/login|log in/).or(page.getByLabel("Token")).first().waitFor();
  assert.equal(replicas("position-service"), "4");
  await close();
});

test("the trail is searched as one types; the address keeps the question", async () => {
  const { page, wrong, close } = await enter(browser, "arthur", { path: "/trail" });
  await live(page);
  await page.getByLabel("Name", { exact: true }).fill("trade-feed");
  await page.waitForURL(/name=trade-feed/);
  await page.locator("#events li.event").first().waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("#events .where")].every((link) => link.textContent === "trade-feed"));
  const count = await page.locator("#events li.event").count();
  assert.equal(count, sql(agent, "select count(*) as n from events where name = 'trade-feed'")[0].n);
  await page.reload();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "trade-feed");
  await page.waitForFunction((wanted) => document.querySelectorAll("#events li.event").length === wanted, count);
  await page.getByLabel("Name", { exact: true }).fill("no-such-thing");
  await page.getByText("Nothing on record answers to this.").waitFor();
  await page.locator("#chain").getByText("The chain is whole").waitFor();
  await keep(page, "trail-nothing");
  assert.deepEqual(wrong, []);
  await close();
});

test("an auditor takes what was searched for along, in a form that holdfast itself verifies; a viewer is refused", async () => {
  const { page, wrong, close } = await enter(browser, "arthur", { path: "/trail" });
  await live(page);
  for (const [name, ends] of [["JSON lines", /\.jsonl$/], ["CSV", /\.csv$/]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    assert.match(download.suggestedFilename(), ends);
    const text = readFileSync(await download.path(), "utf8");
    assert.ok(text.includes("the desk calls: orders <b>twice</b>"));
    assert.ok(!text.includes(token("olivia")));
  }
  assert.deepEqual(wrong, []);
  await close();
  const viewer = await enter(browser, "victor", { path: "/trail", passed: [/status of 403/] });
  await viewer.page.getByText("Exports are for the role auditor").waitFor();
  assert.equal(await viewer.page.getByRole("link", { name: "CSV" }).count(), 0);
  const refused = await viewer.page.goto(url + "/api/v1/export?format=jsonl");
  assert.equal(refused.status(), 403);
  await viewer.page.getByText("An export is for the role auditor.").waitFor();
  await viewer.close();
  assert.match(holdfast(["audit", "verify", "--database", agent.database]), /whole|verified/i);
});

test("a lost stream is seen at once; when the agent is back one logs in again and is where one was, with what was missed", async () => {
  const { page, close } = await enter(browser, "victor", { mayFail: true });
  await live(page);
  await agent.kill();
  await page.getByText("Connection lost: what is shown may be old").waitFor();
  await keep(page, "stream-lost");
  scale("reference-data", 6);
  await agent.start();
  // Logins are kept in memory only: the page finds that it is not known any more, and says so.
  await page.waitForURL(/\/login/);
  await logIn(page, "victor");
  await live(page);
  await row(page, "reference-data").locator('[data-verdict="drifted"]').waitFor();
  await close();
});
