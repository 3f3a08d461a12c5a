// A page that shows work under way stays current: often while something in it moves, seldom otherwise, never unseen.

import { refresh } from "./refresh.js";

const OFTEN_MS = 4_000;
const SELDOM_MS = 30_000;

let asked = Date.now();

async function look() {
  const every = document.querySelector("[data-moving]") ? OFTEN_MS : SELDOM_MS;
  if (document.hidden || Date.now() - asked < every) return;
  asked = Date.now();
  try {
    if ((await refresh()) === null) location.reload(); // to the login page
  } catch {
    // The server restarts: next time.
  }
}

setInterval(look, 1000);
document.addEventListener("visibilitychange", look);
