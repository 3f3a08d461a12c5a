// The form of a campaign, and of a segment: builds the audience and the variants, and shows who will read what.
// Without this script the forms are plain ones, with the audience and the variants as JSON.

import { formatted } from "../jobs/formatting.js";
import { fill, numbers, pageData } from "../pregonero/words.js";
import { AudienceBuilder } from "./audience.js";

const WAIT_MS = 450;

const data = pageData("audience-data");
const { words } = data;
const $ = (selector) => document.querySelector(selector);
const form = $("#campaign-form");
const { message, segment, audience } = form.elements; // a segment's own form has only the last

document.documentElement.classList.add("pg-scripted");

// --- Who will read it -------------------------------------------------------------------------------

let timer = 0;
let asked = 0;
let shown = "";
let samples = [];
let sampleAt = 0;

function later() {
  clearTimeout(timer);
  timer = setTimeout(count, WAIT_MS);
}

async function count() {
  const question = currentQuestion();
  const body = JSON.stringify(question);
  if (body === shown) return;
  shown = body;
  asked += 1;
  const id = asked;
  if (!question.segment && Object.keys(question.audience).length === 0) {
    show("–", words.nobody);
    return;
  }
  $(".pg-audience-count").dataset.busy = "";
  let answer;
  try {
    const response = await fetch(data.count, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
      body,
    });
    if (response.redirected || response.status === 403) answer = { error: words.sessionEnded };
    else answer = await response.json();
  } catch {
    answer = { error: words.failed };
    shown = ""; // the next change asks again
  }
  if (id !== asked) return;
  if (answer.error) show("–", answer.error, { isBad: true });
  else show(answer.people, answer.left_out, answer);
}

function currentQuestion() {
  const texts = message ? [message.value, ...variantTexts()] : ["{{name}}"]; // a segment has no message: who they are
  const kind = form.elements.kind?.value ?? ""; // what rules of countries ask of it; a segment has none
  if (segment?.value) return { segment: segment.value, texts, kind };
  try {
    return { audience: JSON.parse(audience.value || "{}") ?? {}, texts, kind };
  } catch {
    return { audience: audience.value, texts, kind }; // the server says what is wrong
  }
}

function show(people, under, { samples: given = [], problems = [], isBad = false } = {}) {
  delete $(".pg-audience-count").dataset.busy;
  $("#count-people").textContent = people;
  $("#count-left-out").textContent = under;
  $("#count-left-out").className = isBad ? "pg-bad" : "pg-quiet";
  const list = $("#count-problems");
  list.hidden = problems.length === 0;
  list.replaceChildren(...problems.map((problem) => Object.assign(document.createElement("li"), { textContent: problem })));
  samples = message ? given.filter((sample) => sample.text) : given;
  if (message) showLength();
  sampleAt = Math.min(sampleAt, Math.max(0, samples.length - 1));
  showSample();
}

function showSample() {
  const sample = samples[sampleAt];
  $("#count-phone").hidden = !sample;
  if (!sample) return;
  $("#sample-phone").textContent = sample.phone;
  const place = `${sampleAt + 1} / ${samples.length}`;
  $("#sample-place").textContent = message ? place : `${sample.text} · ${place}`;
  $("#sample").parentElement.hidden = !message;
  $("#sample").replaceChildren(formatted(sample.text));
  $("#sample-on").disabled = samples.length < 2;
}

$("#sample-on").addEventListener("click", () => {
  sampleAt = (sampleAt + 1) % samples.length;
  showSample();
});

new AudienceBuilder($("#builder"), audience, data.attributes, words, later);

// --- The message ------------------------------------------------------------------------------------

let writing = message; // where a variable goes

function variantTexts() {
  return [...document.querySelectorAll("#variants .pg-variant textarea")].map((field) => field.value);
}

function writeVariants() {
  const boxes = [...document.querySelectorAll("#variants .pg-variant")];
  $("#weight-place").hidden = boxes.length === 0;
  $("#add-variant").hidden = boxes.length + 1 >= data.limits.variants;
  boxes.forEach((box, index) => (box.querySelector("b").textContent = `${index + 2}.`));
  const weight = (field) => (field.value === "" ? 1 : Number(field.value));
  const rest = boxes.map((box) => ({
    text: box.querySelector("textarea").value,
    weight: weight(box.querySelector("[data-weight]")),
  }));
  const all = rest.length ? [{ text: message.value, weight: weight($("#first-weight")) }, ...rest] : [];
  form.elements.variants.value = JSON.stringify(all);
  showLength();
  later();
}

// How long the longest text is, as it is written and as some of the audience will read it.
function showLength() {
  const texts = [message.value, ...variantTexts(), ...samples.map((sample) => sample.text)];
  const longest = Math.max(...texts.map((text) => [...text].length));
  const limit = form.elements.media_type.value ? data.limits.caption : data.limits.text;
  const { whole } = numbers(data.number);
  const isLong = longest > limit;
  const place = $("#characters");
  place.textContent = fill(isLong ? words.long : words.textLength, { count: whole(longest), limit: whole(limit) });
  place.classList.toggle("pg-bad", isLong);
}

function addVariant({ text = "", weight = 1 } = {}) {
  const box = $("#variant").content.firstElementChild.cloneNode(true);
  const field = box.querySelector("textarea");
  field.value = text;
  field.addEventListener("focus", () => (writing = field));
  box.querySelector("[data-weight]").value = weight;
  box.addEventListener("input", writeVariants);
  box.querySelector("[data-remove]").addEventListener("click", () => {
    if (writing === field) writing = message;
    box.remove();
    writeVariants();
  });
  $("#variants").append(box);
  return field;
}

function insert(text) {
  writing.focus();
  writing.setRangeText(text, writing.selectionStart, writing.selectionEnd, "end");
  writeVariants();
}

// A chosen file says itself what it is.
function chooseType() {
  const { media_type: type, media_file: { files } } = form.elements;
  if (files.length && !type.value) type.value = /^(image|video|audio)\//.exec(files[0].type)?.[1] ?? "document";
  askForText();
}

// An audio has none.
function askForText() {
  message.required = form.elements.media_type.value !== "audio";
  showLength();
}

function showSchedule() {
  $("#cron").hidden = form.elements.recurrence.value !== "cron";
}

function showSource() {
  $("#own-audience").hidden = Boolean(segment.value);
  later();
}

if (message) {
  let given = [];
  try {
    given = JSON.parse(form.elements.variants.value || "[]");
  } catch {
    // Left as it was written: the server says what is wrong.
  }
  if (Array.isArray(given) && given.length) {
    $("#first-weight").value = given[0].weight ?? 1;
    given.slice(1).forEach(addVariant);
  }
  $("#variants-json").hidden = true;
  message.addEventListener("focus", () => (writing = message));
  message.addEventListener("input", writeVariants);
  $("#first-weight").addEventListener("input", writeVariants);
  $("#add-variant").addEventListener("click", () => {
    addVariant().focus();
    writeVariants();
  });
  $("#chips").addEventListener("click", ({ target }) => target.dataset.chip && insert(target.dataset.chip));
  form.elements.recurrence.addEventListener("change", showSchedule);
  segment.addEventListener("change", showSource);
$("#kinds")?.addEventListener("change", later);
  form.elements.media_file.addEventListener("change", chooseType);
  form.elements.media_type.addEventListener("change", askForText);
  askForText();
  showSchedule();
  showSource();
  writeVariants();
}
later();
document.querySelector(".pg-error:not([hidden])")?.scrollIntoView({ block: "center" });
