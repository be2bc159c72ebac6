// The overview in chromium, opened again and again: by who has never been there (nothing is cached), and by who has.
import { startBrowser } from "./browser.mjs";

const OPENED = 30;
const address = process.argv[2];
const browser = await startBrowser();

async function open(context) {
  const page = await context.newPage();
  await page.goto(address + "/", { waitUntil: "load" });
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
  const painted = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  await page.close();
  return painted;
}

function tell(what, times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(0);
  console.log(`first paint of the overview, ${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${times.length} times)`);
}

const first = [];
const again = [];
try {
  await open(await browser.newContext()); // chromium's own start
  for (let i = 0; i < OPENED; i++) {
    const context = await browser.newContext();
    first.push(await open(context));
    again.push(await open(context));
    await context.close();
  }
} finally {
  await browser.close();
}
tell("never opened before", first);
tell("opened again", again);
