// Every page as people come by it: dark and light, wide and on a phone, by the keyboard alone, without JavaScript.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { expectAccessible, expectFits, keep, live, openPage, startBrowser } from "../browser.mjs";
import { enter, field, kubectl, logIn, sql, startAgent, token, until, url } from "./world.mjs";

let agent;
let browser;
let incident; // an open one
let ended;

const patch = (name, body) => kubectl("-n", "traderx-staging", "patch", "deployment/" + name, "--type=merge", "--field-manager=kubectl-edit", "-p", JSON.stringify(body));
const newest = (name, outcome) => sql(agent, `select incident from v_incidents where name = '${name}' and outcome = '${outcome}' order by first_id desc limit 1`)[0]?.incident;

// What makes the pages worth a look: one put back by hand, one open with several paths, one Service that is gone.
before(async () => {
  agent = await startAgent("looks");
  browser = await startBrowser();
  const was = field("deployment/account-service", "{.spec.replicas}", "traderx-staging");
  patch("account-service", { spec: { replicas: 9 } });
  await until("a drift is seen", () => newest("account-service", "open"));
  patch("account-service", { spec: { replicas: Number(was) } });
  ended = await until("it is healed", () => newest("account-service", "healed"));
  patch("trade-service", { spec: { replicas: 8, template: { spec: { tolerations: null, containers: [{ name: "trade-service", image: "ghcr.io/finos/traderx/trade-service:latest", env: null }] } } } });
  incident = await until("a drift of several paths is seen", () => newest("trade-service", "open"));
  kubectl("-n", "traderx-staging", "delete", "service/people-service", "--wait=false");
  await until("the Service is missed", () => newest("people-service", "open"));
});

after(async () => {
  await browser?.close();
  await agent?.stop();
});

const object = "/object?target=dev&kind=Deployment&namespace=traderx-staging&name=web-gui&api_version=apps%2Fv1";
const PAGES = [
  { name: "overview", path: () => "/", shown: "people-service" },
  { name: "units", path: () => "/units", shown: "traderx-staging" },
  { name: "incident", path: () => "/incidents/" + incident, shown: "Put back now…" },
  { name: "incident-ended", path: () => "/incidents/" + ended, shown: "healed by itself" },
  { name: "incidents", path: () => "/incidents", shown: "account-service" },
  { name: "object", path: () => object, shown: "Nothing differs from the unit now." },
  { name: "trail", path: () => "/trail?type=drift.", shown: "drift.seen" },
  { name: "rules", path: () => "/rules", shown: "critical-units" },
];

const LOOKS = [["light", 1280], ["dark", 1280], ["dark", 375], ["light", 375]];

// One page in each look: axe-core finds nothing, and nothing sticks out to the side.
async function lookAt(page, name) {
  for (const [scheme, width] of LOOKS) {
    await page.setViewportSize({ width, height: width < 500 ? 812 : 900 });
    await page.emulateMedia({ colorScheme: scheme });
    await expectAccessible(page);
    await keep(page, `${name}-${scheme}-${width}`, !name.startsWith("act-"));
    await expectFits(page, `${name} at ${width} px`);
  }
}

for (const { name, path, shown } of PAGES) {
  test(`${name}, dark and light, on a desk and on a phone: nothing shuts anybody out, nothing is cut off, nothing goes wrong`, async () => {
    const { page, wrong, close } = await enter(browser, "olivia", { path: path() });
    await live(page);
    await page.getByText(shown).locator("visible=true").first().waitFor();
    await lookAt(page, name);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("the login, dark and light, on a desk and on a phone", async () => {
  const { page, wrong, close } = await openPage(browser, url, { path: "/login", canned: false });
  await page.getByLabel("Token").waitFor();
  await lookAt(page, "login");
  assert.deepEqual(wrong, []);
  await close();
});

test("each dialog of an act, dark and light, on a desk and on a phone", async () => {
  const { page, wrong, close } = await enter(browser, "olivia", { path: "/incidents/" + incident });
  for (const name of ["Put back now", "Accept into ConfigHub", "Snooze alerts", "Pause the unit"]) {
    await page.getByRole("button", { name: name + "…" }).click();
    const dialog = page.getByRole("dialog", { name });
    await dialog.waitFor();
    if (name === "Accept into ConfigHub") {
      await dialog.getByLabel("Reason").fill("only a look");
      await dialog.getByRole("button", { name: "Preview" }).click();
      await dialog.locator('.answers li[data-state="done"]').waitFor();
    }
    await lookAt(page, "act-" + name.split(" ")[0].toLowerCase());
    await dialog.getByRole("button", { name: "Cancel" }).click();
  }
  assert.deepEqual(wrong, []);
  await close();
});

test("without JavaScript every page can be read, filtered and gone back in", async () => {
  const { page, wrong, close } = await openPage(browser, url, { path: "/units", javaScript: false, canned: false });
  await logIn(page, "victor");
  assert.equal(page.url(), url + "/units");
  assert.equal(await page.locator("table.objects tbody tr").count(), 18);
  await page.getByLabel("Filter").fill("trade-service");
  await page.getByRole("button", { name: "Show" }).click();
  const found = await page.locator("table.objects tbody tr").allTextContents();
  assert.ok(found.length > 0 && found.length < 18 && found.every((text) => text.includes("trade-service")), found.join("\n"));
  await keep(page, "no-script-units", true);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Overview" }).click();
  assert.match(await page.locator("#sentence").textContent(), /act/i);
  assert.match(await page.locator("#rows").textContent(), /people-service.*not in the cluster/s);
  await keep(page, "no-script-overview", true);
  await page.locator("#rows a.object", { hasText: "trade-service" }).click();
  assert.equal(page.url(), url + "/incidents/" + incident);
  assert.match(await page.locator(".diff").textContent(), /spec\.replicas.*3.*8/s);
  assert.match(await page.locator("#subject").textContent(), /kubectl-edit/);
  await keep(page, "no-script-incident", true);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Incidents" }).click();
  assert.match(await page.locator("#events").textContent(), /account-service/);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Trail" }).click();
  await page.getByLabel("Name", { exact: true }).fill("account-service");
  await page.getByRole("button", { name: "Search" }).click();
  assert.match(await page.locator("#events").textContent(), /drift\.healed/);
  assert.deepEqual(new Set(await page.locator("#events .where").allTextContents()), new Set(["account-service"]));
  await keep(page, "no-script-trail", true);
  await page.goto(url + object);
  assert.match(await page.locator("#subject").textContent(), /web-gui.*Nothing differs from the unit now/s);
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Rules" }).click();
  assert.match(await page.locator("#packs").textContent(), /critical-units/);
  assert.deepEqual(wrong, []);
  await close();
});

test("all of it from the keyboard: the login, the way to what is wrong, an act and back, the tree", async () => {
  const { page, wrong, close } = await openPage(browser, url, { canned: false });
  const focused = (what) => page.evaluate((name) => document.activeElement[name], what);
  const tabTo = async (text) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if ((await focused("textContent")).trim() === text) return;
    }
    assert.fail("no Tab leads to " + text);
  };
  await page.waitForURL(/\/login/);
  await page.waitForFunction(() => document.activeElement.id === "token");
  await page.keyboard.insertText(token("olivia"));
  await page.keyboard.press("Enter");
  await page.waitForURL(url + "/");
  await live(page);
  await page.locator("#rows a.object", { hasText: "trade-service" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused("className"), "skip");
  await page.keyboard.press("Enter");
  await tabTo("trade-service");
  await page.keyboard.press("Enter");
  await page.waitForURL(url + "/incidents/" + incident);
  await page.getByRole("button", { name: "Put back now…" }).waitFor();
  await tabTo("Put back now…");
  await keep(page, "keyboard-focus");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Put back now" }).waitFor();
  assert.equal(await focused("name"), "reason");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await focused("textContent"), "Put back now…");
  await page.keyboard.press("Enter");
  await page.keyboard.type("by the keyboard");
  await tabTo("Put back now");
  await page.keyboard.press("Enter");
  await page.locator('.answers li[data-state="done"]').waitFor();
  assert.equal(await focused("textContent"), "Close");
  await page.keyboard.press("Enter");
  await page.locator('header .badge[data-outcome="corrected"]').waitFor();
  await page.goto(url + "/units");
  await page.getByRole("tree").waitFor();
  await page.keyboard.press("/");
  assert.equal(await focused("id"), "q");
  await page.keyboard.type("web-gui deployment");
  await page.getByText("2 of 18 objects").or(page.getByText("1 of 18 objects")).first().waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(await focused("className"), "viewport");
  for (const key of ["End", "ArrowUp", "ArrowLeft", "ArrowRight", "End", "Enter"]) await page.keyboard.press(key);
  await page.waitForURL(/\/object\?.*name=web-gui/);
  assert.deepEqual(wrong, []);
  await close();
});
