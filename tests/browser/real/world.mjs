// What tests/browser/real/run has set up: a cluster, a ConfigHub, tokens; here an agent over them, and what people do at their keyboards.
import { spawn, spawnSync } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import assert from "node:assert/strict";
import { openPage } from "../browser.mjs";

const { HF_BIN, HF_WORK, HF_URL, HF_KUBECTL, HF_KUBECONFIG, HF_CLUSTER, HF_HUB } = process.env;
export const url = HF_URL;
export const isReal = HF_CLUSTER === "real";
export const folder = (name) => `${HF_WORK}/${name}`;
export const token = (who) => readFileSync(`${HF_WORK}/${who}.token`, "utf8").trim();

function run(program, words, { input, mayFail = false } = {}) {
  const ended = spawnSync(program, words, { input, encoding: "utf8", timeout: 60000, maxBuffer: 1 << 28 });
  assert.ok(ended.status === 0 || mayFail, `${program} ${words.join(" ").slice(0, 300)}: exit ${ended.status}: ${ended.stderr}`);
  return ended.stdout;
}

// Until something is there, asked ten times a second; what it is.
export async function until(what, ask, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, `not within ${seconds} s: ${what}`);
    await pause(100);
  }
}

// --- the agent ---

const answers = async (path) => {
  try {
    return (await fetch(url + path)).status;
  } catch {
    return 0;
  }
};

// The agent of a config that the launcher wrote. kill() as a machine that fails, stop() as its operator would.
export async function startAgent(name) {
  const config = `${HF_WORK}/${name}/holdfast.yaml`;
  const log = openSync(`${HF_WORK}/${name}/agent.log`, "a");
  let child;
  async function start() {
    child = spawn(`${HF_BIN}/holdfast`, ["run", "--config", config], { stdio: ["ignore", log, log] });
    child.unref(); // a test that fails does not wait for it
    await until("the agent is ready: " + `${HF_WORK}/${name}/agent.log`, async () => {
      assert.equal(child.exitCode, null, "the agent has ended: " + readFileSync(`${HF_WORK}/${name}/agent.log`, "utf8").slice(-2000));
      return (await answers("/readyz")) === 200;
    });
  }
  process.once("exit", () => child.kill("SIGKILL"));
  const end = (signal) => new Promise((done) => {
    child.once("exit", done);
    child.kill(signal);
  });
  await start();
  return {
    config, database: `${HF_WORK}/${name}/holdfast.db`, start,
    kill: () => end("SIGKILL"),
    async stop() {
      assert.equal(await end("SIGTERM"), 0, "the agent's exit");
    },
  };
}

export const holdfast = (words, options) => run(`${HF_BIN}/holdfast`, words, options);
export const sql = (agent, question) => JSON.parse(run("sqlite3", ["-readonly", "-json", "-cmd", ".timeout 3000", agent.database, question]) || "[]");

// --- the cluster and ConfigHub, as others change them ---

const asAdmin = ["--kubeconfig", HF_KUBECONFIG, "--cache-dir", `${HF_WORK}/kubectl-cache`];
export const kubectl = (...words) => run(HF_KUBECTL, [...asAdmin, ...words]);
export const kubectlCreate = (manifest) => run(HF_KUBECTL, [...asAdmin, "create", "--validate=false", "--field-manager=confighub", "-f", "-"], { input: manifest });
// On the real cluster as the user carol, of whom the server's audit events tell.
export const kubectlAsCarol = (...words) => kubectl(...(isReal ? ["--context", "certificate"] : []), ...words);
export const field = (object, path, namespace = "traderx-dev") => kubectl("-n", namespace, "get", object, "-o", `jsonpath=${path}`);

export async function hubUnit(slug) {
  const answer = await fetch(`${HF_HUB}/unit?where=${encodeURIComponent(`Slug = '${slug}' AND Space.Slug = 'traderx-dev'`)}`,
    { headers: { Authorization: "Bearer " + readFileSync(`${HF_WORK}/hub.token`, "utf8").trim() } });
  return (await answer.json())[0].Unit;
}

// --- people ---

export async function logIn(page, who) {
  await page.getByLabel("Token").fill(token(who));
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL((now) => now.pathname !== "/login");
}

const logins = new Map();

// A page as it is for a person who has logged in. Each logs in by the page once; what the login gave serves their further windows.
export async function enter(browser, who, options = {}) {
  const opened = await openPage(browser, url, { canned: false, ...options, state: logins.get(who) });
  if (new URL(opened.page.url()).pathname === "/login") {
    await logIn(opened.page, who);
    logins.set(who, await opened.page.context().storageState());
  }
  return opened;
}
export const forgetLogins = () => logins.clear();

// The act's dialog as a person fills it; `until` is what its last answer says.
export async function act(page, name, reason, { done = /done/, confirm = name } = {}) {
  await page.getByRole("button", { name: name + "…" }).click();
  const dialog = page.getByRole("dialog", { name });
  await dialog.getByLabel("Reason").fill(reason);
  await dialog.getByRole("button", { name: confirm }).click();
  await dialog.locator('.answers li[data-state="done"]').getByText(done).waitFor();
  return dialog;
}
