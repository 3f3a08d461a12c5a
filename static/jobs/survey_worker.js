// Reads a whole recipient file beside the page, and says what is in it: {rows, …}, first after a moment, then now and then.

import { Lines, MAX_PROBLEMS, RecipientFile } from "./recipient_file.js";
import { keyOf, landlineTest } from "./written_number.js";

const FIRST_ROWS = 50;
const REPORT_EVERY_MS = 150;
const PHONES_REMEMBERED = 300_000; // beyond it repeated phones are no longer looked for

self.addEventListener("message", ({ data: { id, file, limits } }) => survey(id, file, limits));

async function survey(id, file, limits) {
  const reader = new RecipientFile(limits);
  const lines = new Lines(limits.lineBytes + 4);
  const found = {
    rows: 0,
    invalid: 0,
    repeated: 0,
    national: 0, // without a code of their own: read by the server as numbers of the chosen country
    countries: {}, // how many numbers are of which country
    landlines: 0,
    widest: 0,
    firstRows: [],
    invalidLines: [], // of phones
    problems: [], // for which the file is refused
    refusal: "",
    isComplete: false,
  };
  const phones = new Set();
  const isLandline = landlineTest(limits.landlines);
  let reportedAt = 0;

  const report = () => {
    reportedAt = performance.now();
    self.postMessage({ id, found: { ...found, columns: reader.columns, hasHeader: reader.hasHeader } });
  };
  const take = (texts) => {
    for (const text of texts) {
      const row = reader.read(text);
      if (row === null) continue;
      if (row.problem) {
        found.problems.push({ line: row.line, code: row.problem });
        if (found.problems.length === MAX_PROBLEMS) return false;
        continue;
      }
      found.rows += 1;
      if (found.rows > limits.recipients) {
        found.refusal = "too_many_recipients";
        return false;
      }
      found.widest = Math.max(found.widest, row.values.length);
      if (found.firstRows.length < FIRST_ROWS) found.firstRows.push(row);
      if (row.isNational) {
        found.national += 1;
        continue;
      }
      if (row.phone === null) {
        found.invalid += 1;
        if (found.invalidLines.length < MAX_PROBLEMS) found.invalidLines.push(row.line);
        continue;
      }
      const country = countryOf(row.phone, limits.prefixes);
      found.countries[country] = (found.countries[country] ?? 0) + 1;
      if (isLandline(row.phone)) found.landlines += 1;
      const key = keyOf(row.phone);
      if (phones.has(key)) found.repeated += 1;
      else if (phones.size < PHONES_REMEMBERED) phones.add(key);
    }
    return true;
  };

  try {
    const stream = file.stream().getReader();
    for (;;) {
      const { done, value } = await stream.read();
      if (!take(done ? lines.take(new Uint8Array(), true) : lines.take(value))) {
        await stream.cancel();
        break;
      }
      if (done) break;
      if (performance.now() - reportedAt > REPORT_EVERY_MS) report();
    }
  } catch (error) {
    if (!(error instanceof RangeError)) {
      found.refusal = "file_missing"; // gone, or not readable any more
    } else {
      found.problems.push({ line: reader.line + error.lines + 1, code: "not_utf8" });
    }
  }
  if (found.problems.length) found.refusal = found.problems[0].code;
  else if (!found.refusal && !found.rows) found.refusal = reader.hasHeader ? "file_header_only" : "file_empty";
  else if (!found.refusal && found.invalid === found.rows) found.refusal = "no_valid_phone";
  found.isComplete = true;
  report();
}

// As devices/numbers/countries.py: the longest beginning that is known says which country a number is of.
function countryOf(phone, prefixes) {
  for (let end = 5; end > 1; end -= 1) {
    const country = prefixes[phone.slice(1, end)];
    if (country) return country;
  }
  return "ZZ";
}
