// The recipient file of seed 000, read as jobs/recipient_file.py reads it: what is shown here is what will be sent.
// tests/browser/test_same_rules.py compares the two.

import { readNumbers } from "./written_number.js";

export const MAX_PROBLEMS = 20;

// What Python's str.isspace() and str.strip() take for white space; JavaScript's \s differs.
const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const BLANK = new RegExp(`^[${SPACES}]*$`);
const EDGES = new RegExp(`^[${SPACES}]+|[${SPACES}]+$`, "g");
const DIGITS = /\p{Nd}/gu; // of any script
const YEAR = /\b20[0-9]{2}\b/;
const PHONE_WORD = /tel|cel|movil|mobil|fone|phone|whats|zap|numer|number/;
const CELL = /"((?:[^"]|"")*)"(?=\||$)|([^|]*)/y;
const NUMBER = /^\+?[1-9][0-9]{7,14}$/;
const OTHER_SCRIPTS = /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f]/; // the contract's digits are ASCII

export const isBlank = (text) => BLANK.test(text);

export const trimmed = (text) => text.replace(EDGES, "");

export const columnName = (text) => {
  const name = trimmed(text);
  return name.startsWith("@") ? name.slice(1) : name;
};

// One character without its case and its accents, as accounts/written/folding.py has it.
export const looseLetter = (letter) => letter.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

// A first cell without a digit, or one that names a phone: "Celular 1", "WhatsApp 2026".
function isHeader(cell) {
  if (!cell.match(DIGITS)) return true;
  const digits = cell.replace(YEAR, "").match(DIGITS) ?? [];
  return digits.length <= 2 && PHONE_WORD.test([...cell].map(looseLetter).join(""));
}

export function splitCells(line) {
  const cells = [];
  let position = 0;
  do {
    CELL.lastIndex = position;
    const [, quoted, plain] = CELL.exec(line);
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    position = CELL.lastIndex + 1; // past the separator
  } while (position <= line.length);
  return cells;
}

// "+" and 8 to 15 digits; null where `raw` is not one phone number.
export function normalise(raw) {
  if (NUMBER.test(raw)) return raw.startsWith("+") ? raw : `+${raw}`;
  const numbers = readNumbers(raw);
  const isOne = numbers?.length === 1 && NUMBER.test(numbers[0].digits) && !OTHER_SCRIPTS.test(raw);
  return isOne ? `+${numbers[0].digits}` : null;
}

// Whether `raw` is one number without its country's code, which only the server reads: it knows the countries' plans.
export function isNational(raw) {
  const numbers = readNumbers(raw);
  return numbers?.length === 1 && !numbers[0].hasCode;
}

// Takes the lines of one file, in order, and tells what each is. `country`: what numbers without "+" belong to.
export class RecipientFile {
  constructor({ lineBytes, columns, country = "" }) {
    this.country = country;
    this.limits = { lineBytes, columns };
    this.line = 0;
    this.columns = [];
    this.hasHeader = false;
    this.isFirst = true;
    this.encoder = new TextEncoder();
  }

  // {line, phone, isNational, rawPhone, values}, or {line, problem}, or null for a header or a blank line.
  read(text) {
    this.line += 1;
    const cells = this.cells(text);
    if (typeof cells === "string") return { line: this.line, problem: cells };
    if (cells.length === 1 && isBlank(text)) return null;
    const [rawPhone, ...values] = cells;
    if (this.isFirst) {
      this.isFirst = false;
      if (isHeader(rawPhone)) {
        this.hasHeader = true;
        this.columns = values.map(columnName);
        return null;
      }
    }
    const row = { line: this.line, rawPhone, values: values.map(trimmed) };
    if (this.country && isNational(rawPhone)) return { ...row, phone: null, isNational: true };
    return { ...row, phone: normalise(rawPhone) };
  }

  cells(text) {
    if (text.includes("\0")) return "nul_byte";
    const { lineBytes, columns } = this.limits;
    if (text.length > lineBytes / 4 && this.encoder.encode(text).length > lineBytes) return "line_too_long";
    const cells = text.includes('"') ? splitCells(text) : text.split("|");
    return cells.length > columns ? "too_many_columns" : cells;
  }
}

// Cuts a stream of bytes into lines of text. A line ends with LF, CRLF or CR and with nothing else.
export class Lines {
  constructor(longest) {
    this.longest = longest; // bytes without a line end, beyond which the rest is not kept
    this.rest = new Uint8Array();
    this.isCut = false; // of the line in `rest` only the beginning was kept
    this.isFirst = true;
  }

  // The lines that `bytes` complete. Throws a RangeError with `lines` (those before) where it is not UTF-8.
  take(bytes, isLast = false) {
    if (this.isCut) bytes = withoutBrokenStart(bytes);
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    // LF and CR are never part of another character in UTF-8. A CR at the very end may be half of a CRLF.
    let end = all.length;
    if (!isLast) {
      while (end > 0 && !(all[end - 1] === 10 || (all[end - 1] === 13 && end < all.length))) end -= 1;
    }
    this.rest = all.slice(end);
    if (end || isLast) this.isCut = false;
    if (this.rest.length > this.longest) {
      // Long enough to be refused for its length when its end is found; what it says no longer matters.
      this.rest = new Uint8Array(this.longest).fill(120);
      this.isCut = true;
    }
    if (!end && !isLast) return [];
    const text = this.decode(all.subarray(0, end));
    const lines = text.split(/\r\n|\n|\r/);
    if (!isLast) lines.pop(); // what follows the last line end is in `rest`
    return lines;
  }

  decode(bytes) {
    const isFirst = this.isFirst;
    this.isFirst = false;
    try {
      // A BOM at the start of the file goes; anywhere else it is text.
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: !isFirst }).decode(bytes);
    } catch {
      throw Object.assign(new RangeError("not UTF-8"), { lines: linesBefore(bytes) });
    }
  }
}

// Without the rest of a character whose beginning was not kept.
function withoutBrokenStart(bytes) {
  let start = 0;
  while (start < bytes.length && start < 3 && (bytes[start] & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}

// How many whole lines stand before the first byte that is not UTF-8.
function linesBefore(bytes) {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isText(bytes.subarray(0, middle))) low = middle;
    else high = middle - 1;
  }
  const good = new TextDecoder("utf-8").decode(bytes.subarray(0, low));
  return good.split(/\r\n|\n|\r/).length - 1;
}

function isText(bytes) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
