// A job, live: the server has rendered how it stands, and from there the events of /ws/job/{id} carry on.
// What changes rarely (status, devices, results) is asked for again as a page; what changes often is counted here.

import { refresh } from "../pregonero/refresh.js";
import { fill, numbers, pageData } from "../pregonero/words.js";

const PING_EVERY_MS = 10_000;
const QUIET_MS = 7_000; // without an event, after which it is asked whether one was lost: the last leaves no gap
const SILENCE_MS = 40_000; // without even a pong the connection is dead
const RETRY_FROM_MS = 500;
const RETRY_TO_MS = 20_000;
const RATE_WINDOW_MS = 60_000;
const RATE_NEEDS_MS = 4_000;
const FEED_ROWS = 60;
const REFRESH_EVERY_MS = 30_000;
const REFRESH_EVERY_MS_BEFORE_START = 3_000;

const data = pageData("live-data");
const { words } = data;
const { whole, oneDecimal } = numbers(data.number);
const $ = (selector) => document.querySelector(selector);

const { status, ended, settled, sent, failed, total, eta } = data;
const job = { status, ended, settled, sent, failed, total, eta };
let seq = data.seq; // of the last event that is in the numbers
let eventAt = 0;
let resyncAt = 0;
const samples = []; // [time, recipients ended], of the last minute
const title = document.title;

// --- What is shown ----------------------------------------------------------------------------------

let painting = false;

// The numbers as of event number `at`; older ones than those shown are left alone.
function count({ sent, failed, total }, at) {
  if (at < seq) return;
  seq = at;
  Object.assign(job, { sent, failed, total });
  schedulePaint();
}

function schedulePaint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    paint();
  });
}

function paint() {
  const { sent, failed, total } = job;
  const done = sent + failed;
  const percentage = total ? (done === total ? 100 : Math.min(99.9, Math.round((1000 * done) / total) / 10)) : 0;
  $("#count-sent").textContent = whole(sent);
  $("#count-failed").textContent = whole(failed);
  $("#count-waiting").textContent = whole(total - done);
  $("#count-total").textContent = whole(total);
  $("#count-failed").closest(".pg-count").classList.toggle("pg-count-zero", failed === 0);
  $("#percentage").textContent = `${oneDecimal(percentage)} %`;
  const share = (number) => `${total ? (100 * number) / total : 0}%`;
  const bar = $("#job-bar");
  bar.setAttribute("aria-valuenow", String(percentage));
  const [sentBar, failedBar] = bar.querySelectorAll("rect.pg-bar-part");
  sentBar.setAttribute("width", share(sent));
  failedBar.setAttribute("x", share(sent));
  failedBar.setAttribute("width", share(failed));
  paintReceipts();
  document.title = job.ended ? title : `${oneDecimal(percentage)} % · ${title}`;
  paintRate();
}

function paintRate() {
  const facts = $("#rate");
  if (!facts) return;
  if (job.ended || job.status !== "processing") {
    facts.textContent = $("#eta").textContent = "–";
    return;
  }
  paintEta();
  const now = performance.now();
  const done = job.sent + job.failed;
  const last = samples.at(-1);
  if (!last || done !== last[1] || now - last[0] > 1000) samples.push([now, done]);
  while (samples.length > 2 && now - samples[1][0] > RATE_WINDOW_MS) samples.shift();
  const [since, before] = samples[0];
  const elapsed = now - since;
  if (elapsed < RATE_NEEDS_MS) {
    facts.textContent = words.measuring;
    return;
  }
  const perMinute = ((done - before) * 60_000) / elapsed;
  facts.textContent = perMinute
    ? fill(words.perMinute, { count: perMinute < 10 ? oneDecimal(perMinute) : whole(perMinute) })
    : words.resting;
}

// By the server's estimate, which knows of daily limits, sending hours and the devices' other jobs.
function paintEta() {
  $("#eta").textContent = job.eta ? until(new Date(job.eta)) : "–";
}

function until(at) {
  const minutes = (at - Date.now()) / 60_000;
  if (minutes < 1) return words.etaSoon;
  const time = at.toLocaleTimeString(data.language, { hour: "2-digit", minute: "2-digit" });
  if (minutes < 90) return fill(words.etaMinutes, { minutes: Math.round(minutes), time });
  if (minutes < 24 * 60) {
    return fill(words.etaHours, { hours: Math.floor(minutes / 60), minutes: Math.round(minutes % 60), time });
  }
  const date = at.toLocaleString(data.language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return fill(words.etaDays, { date });
}

function feed(event) {
  const list = $("#feed");
  const isSent = event.type === "progress";
  const row = $("#feed-row").content.firstElementChild.cloneNode(true);
  row.classList.add(isSent ? "pg-feed-sent" : "pg-feed-error");
  row.querySelector(".pg-feed-icon").textContent = isSent ? "check" : "priority_high";
  row.querySelector(".pg-feed-phone").textContent = event.phone;
  row.querySelector(".pg-feed-text").textContent = isSent ? words.sent : (data.errors[event.error] ?? data.otherError);
  row.querySelector(".pg-feed-time").textContent = new Date().toLocaleTimeString(data.language);
  list.prepend(row);
  while (list.children.length > FEED_ROWS) list.lastElementChild.remove();
  $("#feed-empty").hidden = true;
  if (event.device_id) lightUp(event.device_id);
}

const lit = new Map();

// The device that has just sent something.
function lightUp(id) {
  document.getElementById(`device-${id}`)?.classList.add("pg-device-busy");
  clearTimeout(lit.get(id));
  lit.set(
    id,
    setTimeout(() => document.getElementById(`device-${id}`)?.classList.remove("pg-device-busy"), 6000),
  );
}

// --- What the server says -----------------------------------------------------------------------------

function receive(event) {
  if (event.type === "snapshot") {
    count(event.progress, Math.max(seq, event.seq)); // asked for now: it is the truth
    if (event.receipts.delivered || event.receipts.failed_after) showReceipts(event.receipts);
    if (event.status !== job.status) askAgain();
    return;
  }
  if (event.seq === undefined || event.seq <= seq) return; // subscribed, pong; or told by the snapshot
  eventAt = Date.now();
  // Something was lost on the way: ask how it stands, and go on from there.
  if (event.seq > seq + 1) resync();
  switch (event.type) {
    case "progress":
    case "error":
      count(event.progress, event.seq);
      feed(event);
      break;
    case "chunk_processing":
      seq = event.seq;
      $("#chunk").textContent = fill(words.chunk, {
        start: whole(event.chunk_start + 1),
        end: whole(event.chunk_end),
        total: whole(event.total),
      });
      break;
    case "receipt":
      seq = event.seq;
      showReceipts(event.counts);
      break;
    default: // started, paused, resumed, ended
      if (event.results) count(event.results, event.seq);
      seq = event.seq;
      askAgain();
  }
}

// What became of the messages. At the first that is told the page has no place for it yet, and is asked for again.
function showReceipts(counts) {
  const names = ["delivered", "read", "played", "replied", "failed_after"].filter((name) => counts[name] || !["played", "replied"].includes(name));
  if (names.some((name) => !$(`#receipt-${name}`))) return askAgain();
  for (const name of names) $(`#receipt-${name}`).textContent = whole(counts[name]);
  paintReceipts();
}

// Their shares of those sent, which may be more by now. Numbers are read from the page: it is asked for again, too.
function paintReceipts() {
  if (!$("#receipt-sent")) return;
  $("#receipt-sent").textContent = whole(job.sent);
  $("#bar-sent").setAttribute("width", job.sent ? "100%" : "0%");
  for (const name of ["delivered", "read", "played", "replied"]) {
    const place = $(`#receipt-${name}`);
    if (!place) continue;
    const share = job.sent ? Math.min(100, (100 * Number(place.textContent.replace(/\D/g, ""))) / job.sent) : 0;
    $(`#bar-${name}`).setAttribute("width", `${share}%`);
    const said = $(`#share-${name}`);
    if (said) said.textContent = oneDecimal(share);
  }
}

function resync() {
  resyncAt = Date.now();
  socket.send(JSON.stringify({ type: "resync" }));
}

// Ask for the page again: now, and once more where something else happened meanwhile.
let asking = null;
let askedMeanwhile = false;

function askAgain() {
  if (asking) {
    askedMeanwhile = true;
    return;
  }
  asking = readPage().finally(() => {
    asking = null;
    if (askedMeanwhile) {
      askedMeanwhile = false;
      askAgain();
    }
  });
}

async function readPage() {
  let fresh;
  try {
    fresh = await refresh();
  } catch {
    setTimeout(askAgain, 3000);
    return;
  }
  if (fresh === null) {
    over(words.sessionEnded);
    return;
  }
  const now = JSON.parse(fresh.getElementById("live-data").textContent);
  if (now.status !== job.status) samples.length = 0;
  Object.assign(job, { status: now.status, ended: now.ended, settled: now.settled, eta: now.eta });
  count(now, now.seq);
  // The last answers of a cancelled job are still awaited; its result comes after them.
  if (job.ended && !job.settled) setTimeout(askAgain, 2000);
  if (job.ended && socket) showConnection("ended");
  schedulePaint();
}

// --- The connection -----------------------------------------------------------------------------------

let socket = null;
let heardAt = 0; // by the clock of the wall, which goes on while the machine sleeps
let retryAfter = RETRY_FROM_MS;
let retry = null;
let isOver = false;
let wasLive = false;

function connect() {
  clearTimeout(retry);
  retry = null;
  if (isOver) return;
  showConnection(wasLive ? "reconnecting" : "connecting");
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const mine = new WebSocket(`${scheme}://${location.host}/ws/job/${data.id}`);
  socket = mine;
  heardAt = Date.now();
  mine.addEventListener("message", ({ data: text }) => {
    if (socket !== mine) return;
    heardAt = Date.now();
    const event = JSON.parse(text);
    if (event.type === "subscribed") {
      retryAfter = RETRY_FROM_MS;
      wasLive = true;
      showConnection(job.ended ? "ended" : "live");
    }
    receive(event);
  });
  mine.addEventListener("close", ({ code }) => {
    if (socket !== mine) return;
    socket = null;
    if (code === 4401) over(words.sessionEnded);
    else if (code === 4404) over(words.gone);
    else later();
  });
}

function later() {
  showConnection(navigator.onLine ? "reconnecting" : "offline");
  // Spread, or all pages would come back in the same moment after a restart.
  retry = setTimeout(connect, retryAfter * (0.5 + Math.random()));
  retryAfter = Math.min(RETRY_TO_MS, retryAfter * 2);
}

function reconnect() {
  const old = socket;
  socket = null;
  old?.close();
  retryAfter = RETRY_FROM_MS;
  connect();
}

// Nothing more will come; say why and leave what is shown.
function over(sentence) {
  isOver = true;
  showConnection("offline");
  const notice = $("#notice");
  notice.hidden = false;
  notice.querySelector("p").textContent = sentence;
  notice.querySelector("a").href = `${data.login}?next=${encodeURIComponent(location.pathname)}`;
  notice.querySelector("a").hidden = sentence !== words.sessionEnded;
}

function showConnection(state) {
  const pill = $("#connection");
  pill.hidden = false;
  pill.dataset.state = state;
  pill.querySelector("span").textContent = words[state];
}

setInterval(() => {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ type: "ping", timestamp: Date.now() }));
}, PING_EVERY_MS);

// Once a second, and at once after a sleep: the clock has gone on, the connection has not.
setInterval(() => {
  if (socket && Date.now() - heardAt > SILENCE_MS) reconnect();
  paintRate();
  if (socket?.readyState === WebSocket.OPEN && !job.ended && Date.now() - Math.max(eventAt, resyncAt) > QUIET_MS) {
    resync();
  }
  // All are through, and nobody has said so: its word was lost.
  const isThrough = job.total > 0 && job.sent + job.failed === job.total;
  if (isThrough && !job.ended && !isOver && Date.now() - eventAt > 2000) askAgain();
}, 1000);

document.addEventListener("visibilitychange", () => {
  if (document.hidden || isOver) return;
  if (!socket || Date.now() - heardAt > PING_EVERY_MS + 5000) reconnect();
  if (!job.ended) askAgain();
});
window.addEventListener("online", () => !isOver && reconnect());
window.addEventListener("offline", () => !isOver && showConnection("offline"));
window.addEventListener("pageshow", ({ persisted }) => persisted && !isOver && reconnect());

let refreshedAt = performance.now();
setInterval(() => {
  const every = job.status === "pending" ? REFRESH_EVERY_MS_BEFORE_START : REFRESH_EVERY_MS;
  if (job.ended || isOver || document.hidden || performance.now() - refreshedAt < every) return;
  refreshedAt = performance.now();
  askAgain();
}, 1000);

paint();
connect();
if (job.ended && !job.settled) askAgain();
