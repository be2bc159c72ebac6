// Objects, units and people that try to be more than text: on every page, in the API, in the terminal; and Secrets, whose values are nowhere.
import { after, before, test } from "node:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import assert from "node:assert/strict";
import { expectAccessible, expectFits, keep, live, startBrowser } from "../browser.mjs";
import { act, enter, field, folder, kubectl, kubectlCreate, sql, startAgent, token, until, url } from "./world.mjs";

const CANARY = process.env.HF_CANARY;
// A name of RBAC may be nearly anything but '/' and '%'; a value may be all.
const NAME = "<img src=x onerror=document.title=1>\u202etxt.exe\u2066\u001b[31mred\u009b2J";
const NASTY = `</code></script><script>document.title='owned'</script><img src=x onerror="document.title='owned'">\u202etxt.exe\u2066\u200f\u001b]0;owned\u0007\u001b[2J\u009b31m`;
const MEGABYTE = 1000000;
const long = (text) => text.repeat(Math.ceil(MEGABYTE / text.length)).slice(0, MEGABYTE);
const MANAGER = "<b onclick=document.title=1>manager</b>";
const UNIT = "<i onmouseover=document.title=1>unit\u202e\u2066";

const meta = (name, more) => ({ name, namespace: "hostile", ...more });
const OBJECTS = [
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta("values", { annotations: { "example.com/note": "calm" } }), data: { markup: "calm", long: "calm", lines: "a\nb\nc" } },
  { apiVersion: "v1", kind: "ConfigMap", metadata: meta("wanted", { annotations: { "example.com/note": NASTY } }), data: { markup: NASTY, long: long("<u>unit</u>") } },
  { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: meta(NAME), rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
  { apiVersion: "v1", kind: "Secret", metadata: meta("password"), stringData: { password: CANARY, note: NASTY } },
];

let agent;
let browser;
const pages = ["/", "/units", "/units?q=%3Cb%3E%22%E2%80%AE", "/incidents", "/trail", "/trail?type=drift.", "/rules", "/incidents/%3Cb%3Enone"];

// In ASCII: what reads YAML takes control characters as escapes only.
const plain = (document) => JSON.stringify(document).replace(/[\u007f-\uffff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const open = () => sql(agent, "select incident, kind, name from v_incidents where outcome = 'open'");
const drifted = ["values", "wanted", NAME, "password"];

before(async () => {
  const units = folder("hostile") + "/units";
  mkdirSync(units, { recursive: true });
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "hostile" } };
  const write = (name, documents) => writeFileSync(`${units}/${name}`, documents.map(plain).join("\n---\n"));
  write("00-namespace.yaml", [namespace]);
  write(UNIT + ".yaml", OBJECTS.slice(0, 2));
  write("20-role.yaml", [OBJECTS[2]]);
  write("30-secret.yaml", [OBJECTS[3]]);
  writeFileSync(`${units}/40-broken.yaml`, `kind: <b>\u202e${CANARY}: [\n`);
  for (const one of [namespace, ...OBJECTS]) kubectlCreate(plain(one));
  agent = await startAgent("hostile");
  await until("all is judged", () => sql(agent, "select count(*) as n from objects where verdict = 'in_sync'")[0].n === 5);
  const patch = (kind, name, body) => kubectl("-n", "hostile", "patch", kind, name, "--type=merge", "--field-manager=" + MANAGER, "-p", plain(body));
  const big = `${folder("hostile")}/patch.json`;
  writeFileSync(big, plain({ data: { long: long("<u>live</u>") + "\u202e", markup: NASTY, lines: `a\n${NASTY}\nc` }, metadata: { annotations: { "example.com/note": NASTY } } }));
  kubectl("-n", "hostile", "patch", "configmap", "values", "--type=merge", "--field-manager=" + MANAGER, "--patch-file", big);
  patch("configmap", "wanted", { data: { markup: "calm", long: "short" }, metadata: { annotations: { "example.com/note": "calm" } } });
  patch("role", NAME, { rules: [{ apiGroups: [NASTY], resources: ["<i>pods</i>"], verbs: ["get", "\u001b[31mdelete"] }] });
  patch("secret", "password", { data: { password: Buffer.from("second-" + CANARY).toString("base64") }, metadata: { annotations:
    { "kubectl.kubernetes.io/last-applied-configuration": `{"data":{"password":"${Buffer.from(CANARY).toString("base64")}"}}`, "example.com/note": NASTY } } });
  await until("all four are seen", () => drifted.every((name) => open().some((one) => one.name === name)));
  for (const { incident } of open()) pages.push("/incidents/" + incident);
  for (const { kind, metadata: { name } } of OBJECTS) pages.push("/object?" + new URLSearchParams({ target: "dev", kind, namespace: "hostile", name }));
  pages.push("/trail?" + new URLSearchParams({ name: NAME }), "/trail?" + new URLSearchParams({ manager: MANAGER }));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await agent?.stop();
});

// What a text looks like in what might be put out: plain, in base64 at any offset, in hex.
function tracesOf(text) {
  const traces = [text, Buffer.from(text).toString("hex")];
  for (let shift = 0; shift < 3; shift++) {
    const encoded = Buffer.from("x".repeat(shift) + text).toString("base64").replaceAll("=", "");
    traces.push(encoded.slice(Math.ceil((shift * 8) / 6), -2));
  }
  return traces;
}
const TRACES = tracesOf(CANARY);
const keepsSecret = (text, where) => assert.deepEqual(TRACES.filter((trace) => text.includes(trace)), [], "a Secret's value is told by " + where);

// Controls, and what turns the direction of reading: none may reach a screen as it is.
const RAW = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const rawIn = (text) => {
  const at = text.search(RAW);
  return at < 0 ? null : JSON.stringify(text.slice(Math.max(0, at - 60), at + 20));
};

async function isOnlyText(page, where, isLive) {
  const html = await page.content();
  assert.equal(rawIn(html), null, where);
  keepsSecret(html, where);
  assert.ok(html.length < 2000000, `${where} has ${html.length} characters`);
  assert.deepEqual(await page.evaluate(() => ({
    owned: document.title.includes("owned") || document.title === "1",
    scripts: [...document.scripts].map((one) => one.getAttribute("src")).join(),
    made: document.querySelectorAll("main img, main script, main u, main i, [onerror], [onclick], [onmouseover]").length,
  })), { owned: false, scripts: "/assets/app.js", made: 0 }, where + (isLive ? "" : ", without JavaScript"));
}

test("on every page what is hostile stands as text, with its controls made visible, and shuts nobody out", async () => {
  for (const path of pages) {
    const told = [];
    const watch = (page) => page.on("response", (answer) => {
      if (!answer.url().endsWith("/stream")) told.push(answer.text().catch(() => "").then((text) => [answer.url(), text]));
    });
    const { page, wrong, close } = await enter(browser, "arthur", { path, watch, passed: path.includes("none") ? [/status of 404/] : [] });
    await live(page);
    await page.locator("#main").getByRole("heading").first().waitFor();
    if (path.startsWith("/incidents/2")) await page.locator(".facts").waitFor();
    await isOnlyText(page, path, true);
    await expectAccessible(page);
    await page.setViewportSize({ width: 375, height: 812 });
    await expectFits(page, path);
    for (const [address, text] of await Promise.all(told)) keepsSecret(text, address);
    assert.deepEqual(wrong, [], path);
    await close();
  }
});

test("without JavaScript it is text too", async () => {
  for (const path of pages) {
    const { page, wrong, close } = await enter(browser, "arthur", { path, javaScript: false });
    await isOnlyText(page, path, false);
    assert.deepEqual(wrong, [], path);
    await close();
  }
});

test("a hostile name can be opened, and its incident says what it is", async () => {
  const { page, wrong, close } = await enter(browser, "arthur");
  await live(page);
  await page.locator("#rows a.object", { hasText: "<img src=x onerror=" }).click();
  await page.locator("h1", { hasText: "<img src=x onerror=document.title=1>\\u202etxt.exe" }).waitFor();
  await page.locator(".diff", { hasText: "<i>pods</i>" }).waitFor();
  await keep(page, "hostile-role", true);
  await page.goBack();
  await page.locator("#rows a.object", { hasText: "values" }).click();
  await page.locator(".diff", { hasText: "<script>document.title='owned'</script>" }).waitFor();
  await page.locator(".facts", { hasText: MANAGER }).waitFor();
  await keep(page, "hostile-values", true);
  await page.setViewportSize({ width: 375, height: 812 });
  await keep(page, "hostile-values-375", true);
  assert.deepEqual(wrong, []);
  await close();
});

test("a Secret that drifts is shown as drifted, and its value is in no page, no answer, no download", async () => {
  const { page, wrong, close } = await enter(browser, "arthur");
  await live(page);
  await page.locator("#rows a.object", { hasText: "password" }).click();
  await page.locator(".diff", { hasText: "password" }).waitFor();
  keepsSecret(await page.locator("body").innerText(), "the incident's page");
  await keep(page, "secret", true);
  await page.goto(url + "/trail");
  await live(page);
  for (const name of ["JSON lines", "CSV"]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    const text = readFileSync(await download.path(), "utf8");
    assert.ok(text.includes("password"), name);
    keepsSecret(text, "the export as " + name);
  }
  assert.deepEqual(wrong, []);
  await close();

  const ask = async (path) => {
    const answer = await fetch(url + path, { headers: { Authorization: "Bearer " + token("arthur") } });
    assert.equal(answer.status, 200, path);
    return answer.text();
  };
  const object = new URLSearchParams({ target: "dev", kind: "Secret", namespace: "hostile", name: "password" });
  for (const path of ["summary", "targets", "spaces", "units", "objects?findings=true&limit=5000", "object?" + object, "events?limit=1000", "incidents", "stats?by=manager", "stats/timeline?since=1h&buckets=60",
    "trail", "rules", "pauses", "export?format=jsonl", "export?format=csv", ...open().map(({ incident }) => "incidents/" + incident)]) keepsSecret(await ask("/api/v1/" + path), path);
  keepsSecret(await ask("/metrics"), "the metrics");

  // The stream from its beginning, until it has told the newest event.
  const [{ newest }] = sql(agent, "select max(id) as newest from events");
  const stop = new AbortController();
  const stream = await fetch(url + "/api/v1/stream", { headers: { Authorization: "Bearer " + token("arthur"), "Last-Event-ID": "0" }, signal: stop.signal });
  let told = "";
  const decoder = new TextDecoder();
  for await (const part of stream.body) {
    told += decoder.decode(part, { stream: true });
    if (told.includes(`"id":${newest},`)) break;
  }
  stop.abort();
  keepsSecret(told, "the stream");
});

test("what is hostile is put back by the button like all else, in the name of who pressed it", async () => {
  for (const name of ["wanted", "password", "<img src=x onerror="]) {
    const { page, wrong, close } = await enter(browser, "olivia");
    await live(page);
    await page.locator("#rows a.object", { hasText: name }).click();
    const reason = `as the unit says <b>${name}</b> \u202e`;
    const dialog = await act(page, "Put back now", reason);
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.locator('header .badge[data-outcome="corrected"]').waitFor();
    assert.deepEqual(sql(agent, "select json_extract(detail, '$.by') as person, json_extract(detail, '$.reason') as reason from events where type = 'put_back.intended' order by id desc limit 1"), [{ person: "olivia", reason }]);
    await isOnlyText(page, "the page of " + name, true);
    assert.deepEqual(wrong, []);
    await close();
  }
  assert.equal(field("configmap/wanted", "{.data.markup}", "hostile"), NASTY);
  assert.equal(Buffer.from(field("secret/password", "{.data.password}", "hostile"), "base64").toString(), CANARY);
});

test("in a terminal nothing of it is obeyed: no escape sequence and no turn of direction comes out", () => {
  const config = agent.config;
  const commands = [`audit log --database ${agent.database} --limit 0`, `units --config ${config}`, `check --config ${config}`, `audit stats --database ${agent.database}`, `rules list --config ${config}`, `pauses --config ${config}`, `validate ${folder("hostile")}/units/*`,
    ...sql(agent, "select incident from v_incidents").map(({ incident }) => `audit show ${incident} --database ${agent.database}`)];
  let all = "";
  for (const command of commands) {
    const ended = spawnSync("script", ["-qec", `${process.env.HF_BIN}/holdfast ${command}`, "/dev/null"], { encoding: "utf8", env: { ...process.env, TERM: "xterm-256color", NO_COLOR: "" }, timeout: 60000, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
    assert.ok(ended.status === 0 || /^(check|validate)/.test(command), `${command}: exit ${ended.status}: ${ended.stdout.slice(-500)}`);
    assert.equal(rawIn(ended.stdout.replaceAll("\r\n", "\n")), null, command);
    keepsSecret(ended.stdout, command);
    all += ended.stdout;
  }
  assert.ok(all.includes("<img src=x onerror="), "the hostile name is told");
  assert.ok(all.includes("\\u202e") || all.includes("\\x1b") || all.includes("\\u001b"), "its controls are told as what they are");
});
