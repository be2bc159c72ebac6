import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { expectAccessible, keep, openPage, startBrowser, startServer } from "./browser.mjs";

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

const state = (page) => page.locator("#sentence");
const live = (page) => page.locator('#stream[data-state="live"]').waitFor();
const row = (page, name) => page.locator("#rows tr", { has: page.locator("a.object", { hasText: name }) }).first();

test("a drift appears without reload, is opened, and shows who changed what; its end appears too", async () => {
  await server.say("well");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.getByText("All is well: 17 objects").waitFor();
  await keep(page, "well");
  const from = Date.now();
  await server.say("drift");
  await page.getByText("Being put back: 1 object").waitFor();
  await row(page, "trade-service").locator('[data-verdict="drifted"]').waitFor();
  assert.ok(Date.now() - from < 2000, `it took ${Date.now() - from} ms`);
  await page.locator("#events").getByText("differs from its unit").first().waitFor();
  await row(page, "trade-service").locator("a.object").click();
  const panel = page.locator("#panel");
  await panel.getByText("spec.replicas", { exact: true }).waitFor();
  assert.equal(await panel.locator(".finding .live code").first().textContent(), "10");
  assert.equal(await panel.locator(".finding .desired code").first().textContent(), "3");
  assert.match(await panel.locator(".finding").first().textContent(), /kubectl-scale \(Update\)/);
  await panel.getByText("What happened to it").waitFor();
  await panel.getByText("Put back 3 times, the last time in 412 ms.").waitFor();
  await keep(page, "drift-opened");
  await server.say("fix");
  await panel.getByText("Nothing differs from the unit now").waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("All is well: 17 objects").waitFor();
  await page.locator("#events").getByText("correction.confirmed").first().waitFor();
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
  await keep(page, "cluster-lost-dark");
  assert.deepEqual(wrong, []);
  await close();
});

test("the table is filtered as one types, and the address can be passed on", async () => {
  await server.say("block");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.keyboard.press("/");
  await page.keyboard.type("trade- deploy");
  await page.getByText("3 of 17 objects").waitFor();
  assert.equal(await page.locator("#rows tr").count(), 3);
  await page.locator("#verdict").selectOption("drifted");
  await page.getByText("1 of 17 objects").waitFor();
  /* The address follows what is shown a moment later. */
  await page.waitForURL(/q=trade-\+deploy&verdict=drifted/);
  const passed = page.url();
  await page.goto(passed);
  await page.getByText("1 of 17 objects").waitFor();
  assert.equal(await page.locator("#q").inputValue(), "trade- deploy");
  await page.locator("#q").fill("nothing-has-this-name");
  await page.getByText("No object to show.").waitFor();
  assert.deepEqual(wrong, []);
  await close();
});

test("all of it works from the keyboard, and focus comes back", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  for (let i = 0; i < 40 && (await page.evaluate(() => document.activeElement.className)) !== "object"; i++) {
    await page.keyboard.press("Tab");
  }
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "trade-service");
  await page.keyboard.press("Enter");
  await page.locator("#panel[open]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "panel-title");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "panel-close");
  await page.keyboard.press("Escape");
  await page.locator("#panel:not([open])").waitFor({ state: "attached" });
  await page.waitForURL(server.address + "/");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "trade-service");
  assert.deepEqual(wrong, []);
  await close();
});

test("the back button closes an opened object, and its address opens it again", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await row(page, "trade-service").locator("a.object").click();
  await page.locator("#panel[open]").waitFor();
  const address = page.url();
  await page.goBack();
  await page.locator("#panel:not([open])").waitFor({ state: "attached" });
  await page.goto(address);
  await page.locator(".detail").getByText("spec.replicas", { exact: true }).waitFor();
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

test("without JavaScript the page can be read, filtered, and an object opened", async () => {
  await server.say("block");
  const { page, wrong, close } = await openPage(browser, server.address, { javaScript: false });
  assert.equal(await state(page).textContent(), "You have to act: 1 is blocked. 2 more are being put back.");
  assert.equal(await page.locator("#rows tr").count(), 17);
  assert.match(await page.locator("#events li").first().textContent(), /correction\.blocked/);
  await page.locator("#q").fill("trade-service");
  await page.locator("#filter button").click();
  assert.match(await page.locator("#count").textContent(), /2 of 17 objects/);
  await page.locator("a.object").first().click();
  assert.match(await page.locator(".detail").textContent(), /spec\.replicas.*Live10Should be3Whokubectl-scale/s);
  await keep(page, "no-javascript");
  assert.deepEqual(wrong, []);
  await close();
});

test("hostile names, values and actors stay text, everywhere", async () => {
  await server.say("hostile");
  for (const javaScript of [true, false]) {
    const { page, wrong, close } = await openPage(browser, server.address, { javaScript, scheme: "dark", width: 375 });
    if (javaScript) await live(page);
    const link = page.locator("a.object", { hasText: "<img src=x" }).first();
    await link.waitFor();
    assert.ok((await link.textContent()).includes("\\u202e"), "the mark that turns the reading direction is seen");
    await link.click();
    await page.getByText("Should be").first().waitFor();
    await keep(page, "hostile-" + (javaScript ? "live" : "plain"));
    assert.equal(await page.locator("img").count(), 1, "the sign of holdfast is the only picture");
    assert.doesNotMatch(await page.title(), /owned/);
    assert.deepEqual(wrong, []);
    await close();
  }
});

for (const [scheme, width] of [["light", 1280], ["dark", 1280], ["light", 375], ["dark", 375]]) {
  test(`axe-core finds nothing, ${scheme}, ${width} px, and nothing is cut off`, async () => {
    await server.say("block");
    const { page, wrong, close } = await openPage(browser, server.address, { scheme, width });
    await live(page);
    await page.getByText("You have to act").waitFor();
    await page.waitForTimeout(2600); // what has just changed is marked for so long
    await expectAccessible(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "no sideways scrolling");
    await keep(page, `page-${scheme}-${width}`, width < 500);
    await page.locator("a.object").first().click();
    await page.locator("#panel .finding").first().waitFor();
    await expectAccessible(page);
    await keep(page, `panel-${scheme}-${width}`);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("times are local, with UTC on hover", async () => {
  await server.say("drift");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  const time = row(page, "trade-service").locator("time");
  const at = new Date(await time.getAttribute("datetime"));
  const local = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  assert.ok((await time.textContent()).startsWith(local.format(at) + " · "), await time.textContent());
  assert.equal(await time.getAttribute("title"), at.toISOString().replace("T", " ").replace("Z", " UTC"));
  assert.deepEqual(wrong, []);
  await close();
});

test("10,000 objects stay fluid", async () => {
  await server.say("many 10000");
  const { page, wrong, close } = await openPage(browser, server.address);
  await live(page);
  await page.getByText("10017 objects, worst first").waitFor();
  assert.equal(await page.locator("#rows tr").count(), 200);
  const from = Date.now();
  await page.locator("#q").fill("settings-09876");
  await page.getByText("1 of 10017 objects").waitFor();
  const took = Date.now() - from;
  assert.ok(took < 1000, `filtering took ${took} ms`);
  await page.locator("#q").fill("");
  await page.getByRole("button", { name: /Show more/ }).click();
  await page.waitForFunction(() => document.querySelectorAll("#rows tr").length === 600);
  assert.deepEqual(wrong, []);
  await close();
  await server.say("well");
});
