// The page that links a device: asks once a second how far it is, and counts down how long the code still shows.

import { refresh } from "../pregonero/refresh.js";
import { fill } from "../pregonero/words.js";

const LOOK_EVERY_MS = 1_000;
const page = document.getElementById("link-page");
const { again, now, away } = page.dataset;

let code = null; // the picture that shows
let until = 0; // when the next is due, on our own clock

function note() {
  const left = document.getElementById("countdown").dataset.left;
  const picture = document.querySelector("#code img")?.src ?? null;
  if (picture !== code) until = left === undefined ? 0 : Date.now() + Number(left) * 1000;
  code = picture;
  count();
}

function count() {
  const words = document.querySelector("#countdown [data-words]");
  if (!words) return;
  const seconds = Math.ceil((until - Date.now()) / 1000);
  words.textContent = seconds > 0 ? fill(again, { seconds }) : now;
}

function complain(is) {
  const box = document.getElementById("away");
  box.hidden = !is;
  box.querySelector("p").textContent = is ? away : "";
}

async function look() {
  if (!document.hidden) {
    try {
      if ((await refresh()) === null) {
        location.reload(); // to the login page, or to what became of the device
        return;
      }
      complain(false);
      note();
    } catch {
      complain(true);
    }
  }
  setTimeout(look, LOOK_EVERY_MS);
}

note();
setInterval(count, 250);
setTimeout(look, LOOK_EVERY_MS);
