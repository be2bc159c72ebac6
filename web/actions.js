// What a person can do: each act asks for a reason, goes out in the name of who is signed in, and is followed to its end.
import { $, button, cut, element, isolated, visible } from "./dom.js";
import { get, post } from "./api.js";
import { time } from "./times.js";

const POLL_MS = 500;
const FOLLOW_MS = 10 * 60 * 1000;
const ENDS = new Set(["done", "failed", "refused"]);
const SPANS = ["30m", "1h", "2h", "4h", "8h", "24h", "72h"];
const STATES = { waiting: "waits", taken: "taken", progress: "under way", done: "done", failed: "failed", refused: "refused", preview: "what would be written" };

const ACTS = [
  { kind: "put_back", title: "Put back now", whenOpen: true, says: "What differs is put back now; pauses between attempts are cut short." },
  { kind: "accept", title: "Accept into ConfigHub", whenOpen: true, preview: true,
    says: "What is live becomes a new revision of the unit. First a preview: nothing is changed by it." },
  { kind: "snooze", title: "Snooze alerts", span: "2h", says: "Nobody is told of this object for a while; it is put back all the same." },
  { kind: "pause", title: "Pause the unit", span: "1h", wholeUnit: true, says: "Nothing of this unit is put back for a while. Drift is seen and told all the same." },
];
const RESUME = { kind: "resume", title: "Resume", says: "From then on it is put back and told again." };

function bodyOf(act, subject, form, isPreview) {
  if (act.kind === "resume") return { kind: act.kind, pause: subject.pause, reason: form.elements.reason.value.trim() };
  const body = { kind: act.kind, target: subject.target, space: subject.space, unit: subject.unit, reason: form.elements.reason.value.trim() };
  if (!act.wholeUnit && subject.name) body.object = { kind: subject.kind, namespace: subject.namespace || undefined, name: subject.name };
  if (act.span) body.for = form.elements.for.value;
  if (act.preview) body.dry_run = isPreview;
  for (const name of Object.keys(body)) if (body[name] === null || body[name] === undefined) delete body[name];
  return body;
}

function tell(list, state) {
  const answers = state.answers || [];
  const lines = answers.length ? answers : [{ state: state.state }];
  list.replaceChildren(...lines.map((answer) => element("li", { "data-state": answer.state },
    answer.at ? time(answer.at) : null, " ", element("b", {}, STATES[answer.state] || answer.state || ""), " ",
    answer.message ? element("span", { class: "words", tabindex: answer.state === "preview" ? "0" : null }, ...cut(answer.message, 20000).split("\n").flatMap((part, i) => (i ? [element("br"), part] : [part]))) : null)));
}

// Until its end; the last state, or null when the page stopped waiting.
async function follow(answer, list) {
  let state = answer;
  const until = Date.now() + FOLLOW_MS;
  tell(list, state);
  while (state.id && !ENDS.has(state.state) && Date.now() < until) {
    await new Promise((done) => setTimeout(done, POLL_MS));
    state = await get("/api/v1/actions/" + encodeURIComponent(state.id));
    tell(list, state);
  }
  return ENDS.has(state.state) ? state : null;
}

function formOf(act, subject, session) {
  const what = subject.what || (act.wholeUnit ? `unit ${subject.unit || ""}` : `${subject.kind || ""} ${subject.name || ""}`);
  const form = element("form", { class: "act" },
    element("h2", { id: "dialog-title", tabindex: "-1" }, act.title),
    element("p", {}, isolated(what, 300), subject.target ? " of " : null, subject.target ? isolated(subject.target) : null),
    element("p", { class: "dim" }, act.says));
  if (act.span) {
    form.append(element("p", {}, element("label", { for: "act-for" }, "For"),
      element("select", { id: "act-for", name: "for" }, ...SPANS.map((span) => element("option", { value: span, selected: span === act.span }, span)))));
  }
  form.append(
    element("p", {}, element("label", { for: "act-reason" }, "Reason"),
      element("textarea", { id: "act-reason", name: "reason", required: true, rows: "2", maxlength: "500", placeholder: "for the trail" })),
    element("p", { class: "dim" }, "Recorded in the name of ", element("b", {}, isolated(session.user || "nobody"))),
    element("ol", { class: "answers", "aria-live": "polite" }),
    element("p", { class: "reason", role: "alert", hidden: true }),
    element("p", { class: "buttons" }));
  return form;
}

function openAct(act, subject, session, opener) {
  const dialog = $("dialog");
  const form = formOf(act, subject, session);
  const list = form.querySelector(".answers");
  const wrong = form.querySelector('[role="alert"]');
  const buttons = form.querySelector(".buttons");
  const close = button("Cancel", () => dialog.close());
  const go = element("button", { type: "submit", class: "main" }, act.preview ? "Preview" : act.title);
  let isPreview = Boolean(act.preview);
  buttons.append(go, close);
  const stopped = (text) => {
    wrong.textContent = text;
    wrong.hidden = false;
    go.disabled = false;
  };
  const ended = (state) => {
    if (isPreview && state && state.state === "done") {
      isPreview = false;
      go.textContent = act.title;
      go.disabled = false;
      go.focus();
      return;
    }
    if (state && state.state !== "done") {
      stopped(state.state === "refused" ? "It was refused." : "It did not succeed.");
      return;
    }
    go.remove();
    close.textContent = "Close";
    close.focus();
    if (!state) list.append(element("li", {}, "It is not finished yet; the trail will tell its end."));
  };
  form.addEventListener("submit", async (submit) => {
    submit.preventDefault();
    if (!form.elements.reason.value.trim()) {
      stopped("A reason is needed.");
      return;
    }
    wrong.hidden = true;
    go.disabled = true;
    try {
      const answer = await post("/api/v1/actions", bodyOf(act, subject, form, isPreview), session.csrf);
      ended(answer && answer.id && answer.state ? await follow(answer, list) : { state: "done" });
      if (!answer || !answer.state) tell(list, { state: "done" });
    } catch (problem) {
      stopped(problem.status === 404 ? "This agent takes no actions here; use the command line." : problem.message);
    }
  });
  form.elements.reason.addEventListener("input", () => {
    if (act.preview && !isPreview) {
      isPreview = true;
      go.textContent = "Preview";
    }
  });
  dialog.replaceChildren(form);
  dialog.addEventListener("close", () => opener.isConnected && opener.focus(), { once: true });
  dialog.showModal();
  form.elements.reason.focus();
}

export function actionBar(subject, session) {
  const bar = element("div", { class: "actions", role: "group", "aria-label": "What you can do",
    "data-for": visible(JSON.stringify([subject.isOpen, subject.unit, subject.name])) });
  if (!session.may.includes("act")) {
    bar.append(element("p", { class: "dim" }, session.login ? (session.user ? "Your role may read, not act." : "To act, log in as an operator.")
      : "This dashboard only reads: the config sets no access control. Acts are on the command line."));
    return bar;
  }
  for (const act of ACTS) {
    if (act.whenOpen && !subject.isOpen) continue;
    if (!subject.unit && act.kind !== "snooze") continue;
    const made = button(act.title + "…", () => openAct(act, subject, session, made), { class: act.kind === "put_back" ? "main" : "" });
    bar.append(made);
  }
  return bar;
}

const covers = (pause, object) => ["target", "space", "unit", "kind", "namespace", "name"].every((part) => !pause[part] || pause[part] === object[part]);

// What is paused or snoozed of an object now, until when, by whom and why; null where nothing is.
export function pauseList(pauses, object, session) {
  const own = pauses.filter((pause) => covers(pause, object));
  if (own.length === 0) return null;
  return element("ul", { class: "pauses" }, ...own.map((pause) => {
    const what = pause.name ? `${pause.kind || ""} ${pause.name}` : pause.unit ? "unit " + pause.unit : pause.space ? "space " + pause.space : "target " + pause.target;
    const made = element("li", {}, element("b", {}, (pause.snooze ? "Alerts snoozed by " : "Paused by "), isolated(pause.by || "nobody known", 100)), " (", isolated(what, 300), ")",
      pause.until ? [" until ", time(pause.until)] : " until it is ended", pause.reason ? [": ", isolated(pause.reason, 500)] : null);
    if (session.may.includes("act")) {
      const end = button("Resume…", () => openAct(RESUME, { pause: pause.id, what }, session, end), { class: "quiet" });
      made.append(" ", end);
    }
    return made;
  }));
}
