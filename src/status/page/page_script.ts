/**
 * The script of the page. All that clients and handlers have said goes into the page
 * as text, never as HTML. Elements are made once and then changed, so that a page
 * that is open for weeks does not grow.
 * @module
 */

/** The script; `LETTERS_HERE` stands for what the letters mean. */
export const SCRIPT = String.raw`
"use strict";
const LETTERS = LETTERS_HERE;
const INTERVAL = 1000, TIMEOUT = 5000, SILENT = 10000, MOST_WORKERS = 200, MOST_OLDEST = 20;
const at = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en-US");
const n = (count) => whole.format(count);
const plural = (count, word) => n(count) + " " + word + (count === 1 ? "" : /s$/.test(word) ? "es" : "s");

function bytes(count) {
  if (count === null) return "–";
  if (count < 1000) return count + " B";
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let unit = -1;
  do { count /= 1000; unit++; } while (count >= 999.5 && unit < units.length - 1);
  return (count < 10 ? count.toFixed(1) : count.toFixed(0)) + " " + units[unit];
}
function time(ms) {
  if (ms === null) return "–";
  if (ms < 1000) return Math.round(ms) + " ms";
  const s = ms / 1000;
  if (s < 10) return s.toFixed(1) + " s";
  if (s < 120) return Math.floor(s) + " s";
  if (s < 7200) return Math.floor(s / 60) + " min";
  return s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";
}
const percent = (part) => part === null ? "–" : Math.round(100 * part) + " %";
function address(a) {
  if (a.transport === "unix") return a.path === "" ? "a Unix socket" : "unix:" + a.path;
  return (a.hostname.includes(":") ? "[" + a.hostname + "]" : a.hostname) + ":" + a.port;
}

/** Changes only what is not so already: most of a page is as it was a second ago. */
function say(element, text) { if (element.textContent !== text) element.textContent = text; }
function dress(element, name) { if (element.className !== name) element.className = name; }
function make(tag, parent, name) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (parent) parent.append(element);
  return element;
}
/** As many children as are wanted: those that are there stay. */
function children(parent, count, tag, name) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) make(tag, parent, name);
  return parent.children;
}

const PLOT_WIDTH = 180;
function figure(id, title, bad) {
  const box = make("div", at("figures"), bad ? "bad" : "");
  say(make("dt", box), title);
  const value = make("dd", box), small = make("small", value);
  value.prepend(document.createTextNode(""));
  let path = null, svg = null;
  return (text, note, series) => {
    if (value.firstChild.data !== text) value.firstChild.data = text;
    say(small, note || " ");
    if (!series) return;
    if (!svg) {
      const ns = "http://www.w3.org/2000/svg";
      svg = document.createElementNS(ns, "svg");
      svg.setAttribute("viewBox", "0 0 " + PLOT_WIDTH + " 30");
      svg.setAttribute("preserveAspectRatio", "none");
      svg.setAttribute("role", "img");
      path = document.createElementNS(ns, "path");
      svg.append(path);
      box.append(svg);
    }
    const most = Math.max(1, ...series);
    const from = PLOT_WIDTH - series.length;
    let line = "M" + from + " 30";
    series.forEach((v, i) => line += " L" + (from + i) + " " + (29 - 27 * v / most).toFixed(1));
    path.setAttribute("d", line + " L" + (PLOT_WIDTH - 1) + " 30 Z");
    svg.setAttribute("aria-label", title + " over the last " + series.length + " seconds: at most " + n(Math.round(most)));
  };
}
const show = {
  open: figure("open", "Connections"),
  waiting: figure("waiting", "Waiting"),
  rate: figure("rate", "New in a second"),
  bytes: figure("bytes", "Bytes in a second"),
  failed: figure("failed", "Refused, failed", true),
  loop: figure("loop", "Loop"),
};

/** A table; its rows are texts, the first of each its head. */
function table(id, heads, left) {
  const element = at(id);
  const row = make("tr", make("thead", element));
  for (const head of heads) {
    const cell = make("th", row, left.includes(head) ? "left" : "");
    cell.scope = "col";
    say(cell, head);
  }
  const body = make("tbody", element);
  return (rows, nothing) => {
    if (rows.length === 0) rows = [[nothing]];
    const lines = children(body, rows.length, "tr");
    rows.forEach((texts, i) => {
      const line = lines[i];
      const kind = texts.length === 1 && heads.length > 1 ? "td" : "mixed";
      if (line.dataset.kind !== kind) { line.replaceChildren(); line.dataset.kind = kind; }
      while (line.children.length > texts.length) line.lastElementChild.remove();
      while (line.children.length < texts.length) {
        const first = line.children.length === 0 && kind === "mixed";
        const cell = make(first ? "th" : "td", line);
        if (first) cell.scope = "row";
      }
      texts.forEach((text, k) => {
        const cell = line.children[k];
        if (kind === "td") { cell.colSpan = heads.length; dress(cell, "none left"); }
        else dress(cell, heads[k] === "what" ? "long" : left.includes(heads[k]) ? "left" : "");
        say(cell, text);
      });
    });
  };
}
const CONNECTION = ["client", "worker", "state", "age", "silent", "in", "out"];
const tables = {
  workers: table("workers", ["worker", "PID", "state", "age", "open", "served", "memory", "busy", "delay", "told"], ["state"]),
  oldest: table("oldest", CONNECTION, ["worker", "state"]),
  largest: table("largest", CONNECTION, ["worker", "state"]),
  reasons: table("reasons", ["reason", "times"], []),
  troubles: table("troubles", ["when", "what"], ["what"]),
};

const keyItems = new Map();
for (const [letter, meaning] of Object.entries(LETTERS)) {
  const item = make("li", at("key"));
  const mark = make("span", item, place(letter));
  mark.setAttribute("aria-hidden", "true");
  say(mark, letter);
  const count = make("b", item);
  say(make("span", item), meaning);
  keyItems.set(letter, { item, count });
}
function place(letter) {
  return "place p" + (letter === "." ? "none" : letter === "_" ? "idle" : letter === "?" ? "unknown" : letter);
}

/** Groups of places: the queue, then each loop, or all workers. */
const groups = new Map();
function group(name, queue) {
  let found = groups.get(name);
  if (!found) {
    const box = make("div", at("scene"), "group" + (queue ? " queue" : ""));
    const title = make("h3", box);
    const bar = make("div", box, "bar");
    const fill = make("i", bar);
    const board = make("div", box, "board");
    board.setAttribute("role", "img");
    board.addEventListener("mouseover", (event) => {
      const tip = found.tips[[...board.children].indexOf(event.target)];
      if (tip) event.target.title = tip;
    });
    found = { box, title, bar, fill, board, tips: [] };
    groups.set(name, found);
  }
  return found;
}
function fill(name, title, letters, tips, silent, busy, queue) {
  const it = group(name, queue);
  say(it.title, title);
  it.tips = tips;
  it.bar.hidden = busy === undefined;
  if (busy !== undefined) it.fill.style.width = Math.round(100 * (busy ?? 0)) + "%";
  const size = letters.length > 256 ? " crowd" : letters.length > 64 ? " many" : "";
  dress(it.board, "board" + size);
  const places = children(it.board, letters.length, "span");
  for (let i = 0; i < letters.length; i++) {
    say(places[i], letters[i]);
    dress(places[i], (queue ? "place" : place(letters[i])) + (silent[i] ? " silent" : ""));
    if (places[i].title) places[i].title = "";
  }
  const counts = tally(letters);
  it.board.setAttribute("aria-label", title + ": " + Object.entries(counts)
    .map(([letter, count]) => n(count) + " × " + (LETTERS[letter] || "waiting")).join("; "));
  dress(it.box, "group" + (queue ? " queue" : "") + (queue && letters === "" ? " nobody" : ""));
  return name;
}
function tally(letters) {
  const counts = {};
  for (const letter of letters) counts[letter] = (counts[letter] || 0) + 1;
  return counts;
}
const tip = (c) => c ? address(c.client) + ", " + c.worker + ", " + time(c.age) +
  (c.idle === null ? "" : ", silent for " + time(c.idle)) + ", " + bytes(c.bytesRead) + " in, " +
  bytes(c.bytesWritten) + " out" : "";
const OF_STATE = { reads: "R", writes: "W", handler: "H", lingers: "C", drains: "D", stuck: "X" };
const letterOf = (c) => c.state === null ? "?" : OF_STATE[c.state];
const isSilent = (c) => c && c.state === "reads" && c.idle !== null && c.idle >= SILENT;

/** Whether the one loop runs in the main process; of workers there may be none for a while. */
const isMain = (s) => s.workers.length > 0 && s.workers[0].name === "main";

function scene(s) {
  const wanted = new Set();
  const waiting = Math.min(s.waiting || 0, 200);
  wanted.add(fill("queue", n(s.waiting || 0) + " waiting", "·".repeat(waiting), [], [], undefined, true));
  if (s.each === "one" && !isMain(s)) {
    const byWorker = new Map(s.connections.map((c) => [c.worker, c]));
    const cs = s.workers.map((w) => byWorker.get(w.name));
    const what = s.model === "thread" ? "thread" : "process";
    wanted.add(fill("workers", plural(s.workers.length, what) + ", at most " + n(s.limits.connections) + " with a client",
      s.scoreboard, s.workers.map((w, i) => w.name + (cs[i] ? ": " + tip(cs[i]) : "")), cs.map(isSilent)));
  } else {
    const rows = new Map(s.workers.map((w) => [w.name, []]));
    for (const c of s.connections) (rows.get(c.worker) || rows.set(c.worker, []).get(c.worker)).push(c);
    for (const w of s.workers) {
      const cs = rows.get(w.name);
      const title = (s.each === "one" ? "one client at a time" : w.name === "main" ? "one loop" : "loop of " + w.name) +
        ", " + plural(w.open, "connection") + (s.truncated ? ", the oldest are shown" : "");
      const letters = cs.map(letterOf).join("") || (w.state === "starting" ? "S" : w.state === "stuck" ? "X" : "_");
      wanted.add(fill("loop " + w.name, title, letters, cs.map(tip), cs.map(isSilent), w.busy === null ? undefined : w.busy));
    }
  }
  for (const [name, { box }] of groups) {
    if (wanted.has(name)) continue;
    box.remove();
    groups.delete(name);
  }
  const counts = tally(s.scoreboard);
  for (const [letter, { item, count }] of keyItems) {
    say(count, letter === "." ? "" : n(counts[letter] || 0));
    dress(item, counts[letter] ? "" : "off");
  }
}

function words(s) {
  const busy = s.workers.filter((w) => w.open > 0).length;
  const idle = s.workers.filter((w) => w.state === "idle").length;
  const queue = s.waiting ? " " + (s.waiting === 1 ? "One client waits" : n(s.waiting) + " clients wait") +
    (s.each === "one" && isMain(s) ? " behind it." : " for a place.") : " Nobody waits.";
  const stuck = s.workers.filter((w) => w.state === "stuck").length;
  const tail = (stuck ? " " + plural(stuck, "worker") + " stuck." : "") +
    (s.state === "stopping" ? " The server stops when they have ended." : "");
  if (s.model === "iterative") {
    const [c] = s.connections;
    if (!c) return "One client at a time, and nobody is here." + queue + tail;
    return "One client at a time: " + address(c.client) + " is served" +
      (c.idle !== null && c.idle >= 2000 ? ", and has been silent for " + time(c.idle) : "") + "." + queue + tail;
  }
  if (s.each === "many") {
    const loops = isMain(s)
      ? "One loop has " + plural(s.open, "connection")
      : plural(s.workers.length, "loop") + " in as many processes share " + plural(s.open, "connection");
    return loops + (s.busy !== null && isMain(s) ? ", and was busy for " + percent(s.busy) + " of the last second" : "") + "." + queue + tail;
  }
  const what = s.model === "thread" ? ["thread has", "threads have"] : ["process has", "processes have"];
  return (busy === 0 ? "No " + s.model + " has a client" : n(busy) + " " + what[busy === 1 ? 0 : 1] + " a client each") +
    ", " + n(idle) + (idle === 1 ? " waits" : " wait") + " for the next." + queue + tail;
}

function connectionRow(c) {
  return [address(c.client), c.worker, c.state || "not told", time(c.age), time(c.idle), bytes(c.bytesRead), bytes(c.bytesWritten)];
}
function tls(certificates) {
  if (certificates.length === 0) return "";
  const first = Math.min(...certificates.map((each) => each.notAfter));
  return ", TLS until " + new Date(first).toLocaleDateString();
}
const last = (series) => series.length === 0 ? 0 : series[series.length - 1];
function render(s) {
  const places = s.addrs.map(address).join(", ");
  say(at("addr"), places);
  document.title = n(s.open) + " · Trivet " + places;
  say(at("about"), s.model + ", " + s.runtime + " " + s.runtimeVersion + ", Trivet " + s.version + ", PID " + s.pid +
    ", up " + time(s.uptime) + ", " + s.handler.replace(/^.*\//, "") + tls(s.certificates));
  at("about").title = s.handler;
  say(at("state"), s.state === "stopping" ? "stopping" : s.ready ? "serving" : "no worker is ready");
  dress(at("state"), s.state === "stopping" || !s.ready ? "stopping" : "");
  say(at("words"), words(s));
  const { totals: t, history: h } = s;
  const refused = Object.values(t.refused).reduce((a, b) => a + b, 0);
  const errors = Object.values(t.errors).reduce((a, b) => a + b, 0);
  show.open(n(s.open), "of " + n(s.limits.connections) + " at most", h.open);
  show.waiting(s.waiting === null ? "–" : n(s.waiting), s.waiting === null ? "not told here" : "to be accepted", h.waiting);
  show.rate(n(last(h.accepted)), n(t.accepted) + " in all", h.accepted);
  show.bytes(bytes(last(h.bytes)), bytes(t.bytesRead) + " in, " + bytes(t.bytesWritten) + " out", h.bytes);
  show.failed(n(refused + errors), n(refused) + " refused, " + n(errors) + " failed", h.failed);
  const busy = s.workers.filter((w) => w.busy !== null).map((w) => w.busy);
  show.loop(busy.length === 0 ? time(s.loopDelay) : percent(Math.max(...busy)), busy.length === 0 ? "late, the main loop" : "busy, the busiest; " + s.loopDelay + " ms late");
  scene(s);
  tables.workers(s.workers.slice(0, MOST_WORKERS).map((w) => [w.name, w.pid === null ? "–" : String(w.pid),
    w.state + (w.forked ? ", a fork" : ""), time(w.age), n(w.open), n(w.served), bytes(w.memory), percent(w.busy),
    w.loopDelay === null ? "–" : w.loopDelay + " ms", w.reportedAgo === null ? "now" : time(w.reportedAgo) + " ago"]), "There is none.");
  tables.oldest(s.connections.slice(0, MOST_OLDEST).map(connectionRow), "Nobody is connected.");
  tables.largest(s.largest.map(connectionRow), "No byte has moved.");
  const reasons = [];
  for (const [of, counts] of [["ended: ", t.closedBy], ["refused: ", t.refused], ["error: ", t.errors],
    ["accept failed: ", t.acceptErrors], ["worker: ", t.workersExited], ["reload: ", t.reloads]]) {
    for (const [reason, count] of Object.entries(counts)) if (count > 0) reasons.push([of + reason, n(count)]);
  }
  if (t.probes > 0) reasons.push(["without a byte (probes)", n(t.probes)]);
  tables.reasons(reasons, "Nothing yet.");
  tables.troubles(s.troubles.map((x) => [new Date(x.time).toLocaleTimeString(), x.text]), "Nothing.");
}

let goneSince = null;
async function turn() {
  try {
    const response = await fetch("/status.json", { signal: AbortSignal.timeout(TIMEOUT), cache: "no-store" });
    if (!response.ok) throw new Error(String(response.status));
    render(await response.json());
    goneSince = null;
    document.body.classList.remove("gone");
  } catch {
    goneSince ??= new Date();
    document.body.classList.add("gone");
    dress(at("state"), "gone");
    say(at("state"), "not reachable since " + goneSince.toLocaleTimeString());
  }
  setTimeout(next, INTERVAL);
}
/** A page that nobody sees asks nobody. */
function next() {
  if (!document.hidden) return turn();
  document.addEventListener("visibilitychange", next, { once: true });
}
turn();
`;
