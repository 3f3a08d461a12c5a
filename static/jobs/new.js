// The page of a new job: reads the chosen file in the browser, shows what each person will read, and sends it.
// Without this script the page is a plain form that does the same.

import { fill, numbers, pageData } from "../pregonero/words.js";
import { formatted } from "./formatting.js";
import { Template } from "./template.js";

const data = pageData("new-job-data");
const { words } = data;
const { whole } = numbers(data.number);
const $ = (selector) => document.querySelector(selector);

const form = $("#new-job");
const file = form.elements.file;
const message = form.elements.message;
const startsAt = form.elements.starts_at;
const button = $("#send");
// unfold's script would write the file's name into the first text field it finds.
file.hasChangeListener = true;

let found = null; // what the survey knows of the file
let previewed = 0; // which of the first rows is shown
let key = ""; // of this content: sent twice, it is still one job
let request = null;

// --- The file -------------------------------------------------------------------------------------

let worker = null;
let surveys = 0;

function chooseFile() {
  const chosen = file.files[0];
  found = null;
  previewed = 0;
  worker?.terminate();
  showError("file", null);
  $("#drop").classList.toggle("pg-drop-filled", Boolean(chosen));
  $("#file-name").textContent = chosen ? chosen.name : "";
  $("#file-size").textContent = chosen ? size(chosen.size) : "";
  if (chosen) {
    const refusal = !/\.(csv|txt)$/i.test(chosen.name)
      ? "file_extension"
      : chosen.size > data.limits.bytes
        ? "file_too_large"
        : "";
    if (refusal) showError("file", { message: data.refusals[refusal] });
    else survey(chosen);
  }
  show();
}

function survey(chosen) {
  surveys += 1;
  const id = surveys;
  worker = new Worker(new URL("./survey_worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data: answer }) => {
    if (answer.id !== surveys) return;
    found = answer.found;
    if (found.refusal) {
      const lines = found.problems.length
        ? found.problems
        : found.refusal === "no_valid_phone"
          ? found.invalidLines.map((line) => ({ line, code: "invalid_number" }))
          : [];
      showError("file", {
        message: data.refusals[found.refusal],
        lines: lines.map(({ line, code }) => ({ line, message: data.lines[code] })),
      });
    }
    show();
  });
  worker.postMessage({ id, file: chosen, limits: { ...data.limits, country: chosenCountry() } });
}

const chosenCountry = () => form.elements.default_country.value.trim().toUpperCase();

const regionNames = new Intl.DisplayNames([data.language], { type: "region" });
const nameOf = (country) => {
  try {
    return country === "ZZ" ? words.noCountry : regionNames.of(country);
  } catch {
    return country; // two letters that are no country: the server says so
  }
};

const size = (bytes) =>
  bytes < 1024 * 1024 ? `${whole(Math.max(1, bytes / 1024))} KB` : `${whole(bytes / 1024 / 1024)} MB`;

function showFacts() {
  const facts = $("#file-facts");
  facts.replaceChildren();
  facts.hidden = !found;
  if (!found) return;
  const add = (text, kind = "") => {
    const item = document.createElement("li");
    item.textContent = text;
    item.className = kind;
    facts.append(item);
  };
  const count = whole(found.rows);
  if (!found.isComplete) add(fill(words.counting, { count }), "pg-fact-busy");
  else if (!found.refusal) add(found.rows === 1 ? words.oneRow : fill(words.rows, { count }), "pg-fact-good");
  const names = found.columns.filter(Boolean).map((name) => `@${name}`);
  if (found.hasHeader && names.length) add(fill(words.columns, { names: names.join(", ") }));
  else if (!found.hasHeader && found.rows) add(words.noHeader);
  if (found.invalid && found.refusal !== "no_valid_phone") {
    const shown = found.invalidLines.slice(0, 5).join(", ");
    const more = found.invalid > 5 ? ", …" : "";
    const text = found.invalid === 1 ? words.oneInvalid : fill(words.invalid, { count: whole(found.invalid) });
    add(`${text} (${fill(words.lineNumbers, { lines: shown + more })})`, "pg-fact-bad");
  } else if (found.isComplete && !found.refusal && !found.national) add(words.allValid, "pg-fact-good");
  if (found.national) {
    const country = nameOf(chosenCountry());
    const text = found.national === 1 ? words.oneNational : words.national;
    add(fill(text, { count: whole(found.national), country }));
  }
  const byCountry = Object.entries(found.countries).sort(([, one], [, other]) => other - one);
  if (byCountry.length) {
    const shown = byCountry.slice(0, 5).map(([country, number]) => `${nameOf(country)} ${whole(number)}`);
    add(fill(words.countries, { countries: shown.join(", ") + (byCountry.length > 5 ? ", …" : "") }));
  }
  if (found.landlines) {
    const text = found.landlines === 1 ? words.oneLandline : fill(words.landlines, { count: whole(found.landlines) });
    add(text, "pg-fact-warn");
  }
  if (found.repeated) {
    add(found.repeated === 1 ? words.oneRepeated : fill(words.repeated, { count: whole(found.repeated) }), "pg-fact-warn");
  }
}

// --- The message ----------------------------------------------------------------------------------

function showChips() {
  const chips = $("#chips");
  const named = (found?.columns ?? []).filter((name, index, all) => name && all.indexOf(name) === index);
  const numbered = Array.from({ length: found?.widest ?? 0 }, (_, index) => `valor${index + 1}`);
  // A column's own name says more than its number; the number stands for a column without a name.
  const variables = [
    ...named,
    ...numbered.filter((name, index) => !found.columns[index] && !named.includes(name)),
  ].map((name) => `@${name}`);
  if (chips.dataset.shown === variables.join("|")) return;
  chips.dataset.shown = variables.join("|");
  chips.replaceChildren(
    ...variables.map((variable) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.className = "pg-chip";
      chip.textContent = variable;
      chip.addEventListener("click", () => insert(variable));
      return chip;
    }),
  );
  $("#chips-help").hidden = Boolean(variables.length);
}

function insert(text) {
  const { selectionStart: start, selectionEnd: end, value } = message;
  // A letter right after a name would make it another name.
  const after = /^[\p{L}\p{N}]/u.test(value.slice(end)) ? " " : "";
  const before = /[\p{L}\p{N}]$/u.test(value.slice(0, start)) ? " " : "";
  message.focus();
  message.setRangeText(before + text + after, start, end, "end");
  changed();
}

function showPreview() {
  const rows = found?.firstRows ?? [];
  previewed = Math.min(previewed, Math.max(0, rows.length - 1));
  const row = rows[previewed];
  const template = new Template(message.value, found?.columns ?? []);
  const pieces = template.pieces(row?.values ?? []);
  const bubble = $("#bubble");
  bubble.replaceChildren();
  $("#preview-empty").hidden = Boolean(message.value.trim());
  bubble.hidden = !message.value.trim();
  if (row || !found) {
    let start = 0;
    const ranges = [];
    // Before there is a file, the variables themselves are shown.
    const text = pieces
      .map((piece) => {
        const shown = piece.name !== undefined && !row ? piece.name : piece.text;
        if (piece.name !== undefined) {
          const className = !row ? "pg-var" : piece.isMissing ? "pg-var pg-var-missing" : "pg-var";
          ranges.push({ start, end: start + shown.length, className, title: piece.name });
        }
        start += shown.length;
        return shown;
      })
      .join("");
    bubble.append(formatted(text, ranges));
  }
  const place = $("#preview-place");
  place.hidden = !rows.length;
  if (row) {
    $("#preview-phone").textContent = row.phone ?? row.rawPhone;
    $("#preview-phone").classList.toggle("pg-bad", row.phone === null && !row.isNational);
    $("#preview-row").textContent = fill(words.previewRow, { row: whole(previewed + 1), count: whole(found.rows) });
    $("#preview-back").disabled = previewed === 0;
    $("#preview-on").disabled = previewed >= rows.length - 1;
  }
  $("#characters").textContent = fill(words.characters, { count: whole([...message.value].length) });
  showHints(template, rows);
}

function showHints(template, rows) {
  const hints = [];
  const lengthOf = (text) => [...text].length;
  const longest = Math.max(lengthOf(message.value), ...rows.map((row) => lengthOf(template.render(row.values))));
  const limit = data.limits.characters;
  if (longest > limit) hints.push(fill(words.long, { count: whole(longest), limit: whole(limit) }));
  if (rows.length) {
    const used = template.variables;
    const beyond = new Set(used.filter(({ index }) => index >= found.widest).map(({ name }) => name));
    for (const name of beyond) hints.push(fill(words.fewColumns, { name }));
    const lacking = rows.filter((row) =>
      template.pieces(row.values).some((piece) => piece.isMissing && !beyond.has(piece.name)),
    ).length;
    if (lacking) hints.push(fill(words.missing, { count: whole(lacking), rows: whole(rows.length) }));
    const text = template.parts.map((part) => part.text ?? " ").join("");
    for (const [name] of text.matchAll(/(?<![\p{L}\p{N}@.])@[\p{L}][\p{L}\p{N}_]*/gu)) {
      hints.push(fill(words.noColumn, { name }));
    }
  }
  const list = $("#hints");
  list.hidden = !hints.length;
  list.replaceChildren(
    ...[...new Set(hints)].slice(0, 4).map((hint) => {
      const item = document.createElement("li");
      item.textContent = hint;
      return item;
    }),
  );
}

// --- When, and through what -------------------------------------------------------------------------

function startMoment() {
  return startsAt.value ? new Date(startsAt.value) : null;
}

// ISO 8601 with the offset that this zone has at that moment.
function withOffset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  return `${startsAt.value.slice(0, 16)}:00${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

function showEstimate() {
  const boxes = [...form.querySelectorAll("input[name=devices]")];
  const chosen = boxes.some((box) => box.checked) ? boxes.filter((box) => box.checked) : boxes;
  const limit = Math.max(1, Number(form.elements.devices_limit.value) || 1);
  const usable = chosen.filter((box) => "available" in box.dataset).slice(0, limit);
  const estimate = $("#estimate");
  estimate.textContent = "";
  if (found?.rows && !found.refusal && usable.length) {
    const paces = usable.map((box) => Number(box.dataset.pace) || Infinity);
    const rate = paces.reduce((sum, pace) => sum + pace, 0);
    const devices = usable.length === 1 ? words.oneDevice : fill(words.someDevices, { count: whole(usable.length) });
    const minutes = (found.rows - found.invalid) / rate;
    estimate.textContent = Number.isFinite(rate)
      ? fill(words.finish, { duration: duration(minutes), devices })
      : words.fast;
  }
  const moment = startMoment();
  $("#zone").textContent =
    moment && moment <= new Date()
      ? words.past
      : fill(words.zone, { zone: Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ") });
}

function duration(minutes) {
  if (minutes < 1) return words.lessThanMinute;
  if (minutes < 60) return fill(words.minutes, { minutes: Math.round(minutes) });
  if (minutes < 48 * 60) {
    return fill(words.hours, { hours: Math.floor(minutes / 60), minutes: Math.round(minutes % 60) });
  }
  return fill(words.days, { count: whole(minutes / 60 / 24) });
}

// --- What is wrong ----------------------------------------------------------------------------------

function showError(field, error) {
  const place = document.getElementById(`error-${field}`) ?? document.getElementById("error-form");
  place.replaceChildren();
  place.hidden = !error;
  form.elements[field]?.setAttribute?.("aria-invalid", String(Boolean(error)));
  if (!error) return;
  const sentence = document.createElement("p");
  sentence.textContent = error.message;
  place.append(sentence);
  const lines = error.lines ?? [];
  if (lines.length) {
    const list = document.createElement("ul");
    for (const { line, message: problem } of lines.slice(0, 8)) {
      const item = document.createElement("li");
      item.textContent = fill(words.line, { line: whole(line), problem });
      list.append(item);
    }
    if (lines.length > 8) {
      const item = document.createElement("li");
      item.textContent = fill(words.moreLines, { count: lines.length - 8 });
      list.append(item);
    }
    place.append(list);
  }
  // Variables that nothing can fill, with those that may have been meant.
  if (error.names?.length) {
    const list = document.createElement("ul");
    for (const { name, nearest } of error.names.slice(0, 8)) {
      const item = document.createElement("li");
      item.textContent = nearest.length ? `${name} → ${nearest.join(", ")}` : name;
      list.append(item);
    }
    place.append(list);
  }
}

function clearErrors() {
  for (const place of form.querySelectorAll("[id^=error-]")) {
    if (place.id !== "error-file" || !found?.refusal) showError(place.id.slice("error-".length), null);
  }
}

function showFirstError() {
  const place = [...form.querySelectorAll("[id^=error-]")].find((one) => !one.hidden);
  place?.scrollIntoView({ block: "center", behavior: "smooth" });
}

// --- Sending ----------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (request) return;
  clearErrors();
  if (!file.files.length) showError("file", { message: data.refusals.file_missing });
  if (!message.value.trim()) showError("message", { message: data.refusals.message_missing });
  if (form.querySelector("[id^=error-]:not([hidden])")) {
    showFirstError();
    return;
  }
  send();
});

function send() {
  const body = new FormData(form);
  body.delete("csrfmiddlewaretoken");
  body.delete("starts_at");
  const moment = startMoment();
  if (moment) body.set("scheduled_at", withOffset(moment));
  key ||= randomKey();
  request = new XMLHttpRequest();
  request.open("POST", data.send);
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.setRequestHeader("Idempotency-Key", key);
  request.responseType = "json";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    const percent = total ? Math.floor((100 * loaded) / total) : 0;
    showProgress(percent, percent < 100 ? fill(words.uploading, { percent }) : words.checking);
  });
  request.addEventListener("load", () => {
    const { status, response } = request;
    if (status === 200 && response?.job) {
      showProgress(100, words.created);
      location.assign(data.live.replace("00000000-0000-0000-0000-000000000000", response.job.id));
      return;
    }
    const code = response?.code ?? "";
    // A page that waited for days has an old token; the same content may be sent with a new key.
    if (code === "idempotency_conflict") key = "";
    stop();
    showError(data.fields[code] ?? "form", {
      message: data.refusals[code] ?? response?.message ?? words.failed,
      lines: (response?.errors ?? [])
        .filter(({ line }) => line)
        .map(({ line, code: problem, message: said }) => ({ line, message: data.lines[problem] ?? said })),
      names: (response?.errors ?? []).filter(({ name }) => name),
    });
    showFirstError();
  });
  for (const failure of ["error", "abort", "timeout"]) {
    request.addEventListener(failure, () => {
      stop();
      showError("form", { message: words.noConnection });
      showFirstError();
    });
  }
  showProgress(0, fill(words.uploading, { percent: 0 }));
  button.disabled = true;
  request.send(body);
}

function stop() {
  request = null;
  button.disabled = false;
  $("#upload").hidden = true;
}

function showProgress(percent, text) {
  $("#upload").hidden = false;
  $("#upload-bar").value = percent;
  $("#upload-text").textContent = text;
}

// crypto.randomUUID() exists on secure pages only; a trial on a private network is none.
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// --- The page ---------------------------------------------------------------------------------------

function show() {
  showFacts();
  showChips();
  showPreview();
  showEstimate();
  const ready = found?.isComplete && !found.refusal;
  const [plain, counted] = startsAt.value ? [words.schedule, words.scheduleCount] : [words.send, words.sendCount];
  $("#send-text").textContent = ready && found.rows > 1 ? fill(counted, { count: whole(found.rows) }) : plain;
}

function changed() {
  key = "";
  show();
}

file.addEventListener("change", () => {
  key = "";
  chooseFile();
});
form.addEventListener("input", (event) => {
  if (event.target === file) return;
  const field = event.target.name === "starts_at" ? "scheduled_at" : event.target.name;
  showError(field, null);
  if (field === "default_country" && chosenCountry().length !== 1) chooseFile();
  changed();
});
$("#preview-back").addEventListener("click", () => {
  previewed -= 1;
  showPreview();
});
$("#preview-on").addEventListener("click", () => {
  previewed += 1;
  showPreview();
});

const drop = $("#drop");
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("pg-drop-over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("pg-drop-over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  file.files = event.dataTransfer.files;
  key = "";
  chooseFile();
});

// A page that comes back from the history keeps its fields: begin from what they hold.
window.addEventListener("pageshow", () => {
  stop();
  chooseFile();
});
document.documentElement.classList.add("pg-scripted");
