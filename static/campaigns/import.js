// An import stays current while it is under way, never unseen.

import { refresh } from "../pregonero/refresh.js";

const EVERY_MS = 1_500;

async function look() {
  if (!document.querySelector("#import[data-under-way]")) return;
  if (!document.hidden) {
    try {
      if ((await refresh()) === null) return location.reload(); // to the login page
    } catch {
      // The server restarts: next time.
    }
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
