// A fixture server that is told what to show, and a page that reports all that must not happen.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { can } from "./canned.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function startServer(listen = "127.0.0.1:0") {
  const child = spawn(process.env.HF_SERVE_FIXTURE, [listen], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const address = (await lines.next()).value;
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  return {
    address,
    async say(what) {
      child.stdin.write(what + "\n");
      assert.equal((await lines.next()).value, "done " + what);
    },
    async stop() {
      const ended = new Promise((done) => child.once("exit", done));
      child.stdin.end("quit\n");
      assert.equal(await ended, 0);
    },
  };
}

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
}

// Opens the page; `wrong` collects console errors, page errors, what the Content-Security-Policy has stopped, and requests to another origin.
export async function openPage(browser, address, { path = "/", width = 1280, scheme = "light", javaScript = true, mayFail = false, canned = true, state, passed = [], watch = () => {} } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 812 : 900 }, colorScheme: scheme, javaScriptEnabled: javaScript,
    timezoneId: "America/New_York", locale: "en-GB", storageState: state, acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.HF_PATIENCE || 30) * 1000);
  const wrong = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !mayFail && !passed.some((known) => known.test(message.text()))) wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== address) wrong.push("request to " + request.url());
  });
  await page.exposeFunction("holdfastTestStopped", (what) => wrong.push("stopped by the policy: " + what));
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => globalThis.holdfastTestStopped(event.violatedDirective + " " + event.blockedURI)));
  if (canned) await can(page);
  watch(page);
  await page.goto(address + path);
  return { page, wrong, close: () => context.close() };
}

// axe-core is put in by the debugger's protocol, which the page's policy does not bind.
export async function expectAccessible(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(result.violations.map((violation) => violation.id + ": " +
    violation.nodes.map((node) => node.target + " " + node.failureSummary).join("; ")), []);
}

// Nothing sticks out to the side.
export async function expectFits(page, where) {
  const wide = await page.evaluate(() => (document.documentElement.scrollWidth <= document.documentElement.clientWidth ? []
    : [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > innerWidth).map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 80)}`)));
  assert.deepEqual(wide.slice(0, 5), [], where + " is wider than the window");
}

export async function keep(page, name, fullPage = false) {
  if (process.env.HF_SCREENSHOTS) {
    await page.screenshot({ path: `${process.env.HF_SCREENSHOTS}/${name}.png`, fullPage });
  }
}

export const live = (page) => page.locator('#stream[data-state="live"]').waitFor();
