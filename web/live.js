// Keeping current: one event stream tells that something changed, the page asks the API what.
import { $, setText } from "./dom.js";
import { forgetTags, get } from "./api.js";

const TITLES = { well: "All is well", handled: "Being handled", act: "Act", starting: "Starting" };
const SILENCE_MS = 40000; // the server speaks every 15 s at least

export function showState(view) {
  $("state").dataset.state = view.state;
  setText($("sentence"), view.sentence);
  const items = (view.problems || []).map((problem) => {
    const item = document.createElement("li");
    setText(item, problem);
    return item;
  });
  const known = [...$("problems").children].map((item) => item.textContent).join("\n");
  if (known !== items.map((item) => item.textContent).join("\n")) $("problems").replaceChildren(...items);
  const page = document.body.dataset.page;
  document.title = (page === "overview" ? "" : (document.querySelector("main h1") || {}).textContent + " · ") + (TITLES[view.state] || view.state) + " · holdfast";
}

function tellStream(state) {
  const node = $("stream");
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  $("stream-text").textContent = state === "live" ? "Live" : "Connection lost: what is shown may be old. Trying again…";
}

// page: {refresh(), event(item), gap()}, each as the page needs it. refresh runs one at a time and at most a few times a second,
// however fast views are published.
export function keepLive(page) {
  let stream;
  let heard = 0;
  let refreshing = false;
  let again = false;

  async function refresh() {
    if (refreshing) {
      again = true;
      return;
    }
    refreshing = true;
    do {
      again = false;
      try {
        await page.refresh();
      } catch (problem) {
        again = !(problem.status >= 400 && problem.status < 500);
      }
      await new Promise((done) => setTimeout(done, again ? 500 : page.pause ? page.pause() : 100));
    } while (again && stream.readyState === EventSource.OPEN);
    refreshing = false;
  }

  // An agent that was started anew knows none of its logins: the question leads to the login page, and from there back here.
  async function refused() {
    await get("/api/v1/summary").catch(() => {});
    setTimeout(open, 3000);
  }

  function open() {
    stream = new EventSource("/api/v1/stream");
    const on = (name, act) => stream.addEventListener(name, (message) => {
      heard = Date.now();
      if (act) act(message);
    });
    on("open", () => {
      tellStream("live");
      forgetTags();
      refresh();
      if (page.gap) page.gap();
    });
    on("view", (message) => {
      showState(JSON.parse(message.data));
      refresh();
    });
    on("event", (message) => {
      if (page.event) page.event(JSON.parse(message.data));
    });
    on("still");
    on("gap", () => {
      if (page.gap) page.gap();
    });
    stream.addEventListener("error", () => {
      tellStream("lost");
      if (stream.readyState === EventSource.CLOSED) refused();
    });
  }

  // A line that died without a word: a laptop that slept.
  setInterval(() => {
    if (stream.readyState === EventSource.OPEN && Date.now() - heard > SILENCE_MS) {
      stream.close();
      tellStream("lost");
      open();
    }
  }, 5000);
  open();
  return refresh;
}
