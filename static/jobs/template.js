// A message with variables, as jobs/message/file_variables.py finds them and jobs/message/rendering.py renders it.
// tests/browser/test_same_rules.py compares them.

import { columnName, isBlank, looseLetter, trimmed } from "./recipient_file.js";

export const MISSING = "---";

const BLANKS = " \\t\\u00a0\\u2007\\u202f_"; // what may stand between two words of a name, or nothing
const WORD_BREAK = new RegExp(`[${BLANKS}]+`, "u");
const BRACED =
  "\\{\\{(?<braced>[^{}|]*)" +
  `(?:\\|[ \\t]*default[ \\t]*:[ \\t]*(?:"(?<double>[^"{}]*)"|'(?<single>[^'{}]*)')[ \\t]*)?\\}\\}`;
const IS_WORD = /[\p{L}\p{N}]/u; // a letter or a digit; an underscore is neither
const NUMBERED_NAME = /^valor([1-9][0-9]*)$/;

export class Template {
  constructor(message, columns = []) {
    const names = new Names(columns);
    const { folded, origins } = foldedMessage(message);
    this.parts = []; // of {text} and {name, index, fallback}
    let end = 0;
    for (const match of folded.matchAll(names.pattern)) {
      const place = placeOf(match, names, message, folded, origins);
      if (place === null) continue;
      this.add(message.slice(end, place.start));
      const name = message.slice(place.start, place.end);
      this.parts.push({ name, index: place.index, fallback: place.fallback ?? MISSING });
      end = place.end;
    }
    this.add(message.slice(end));
  }

  add(text) {
    if (text) this.parts.push({ text });
  }

  // The message in pieces: {text}, {text, name} for a value, {text, name, isMissing} for one that is not there.
  pieces(values) {
    return this.parts.map((part) => {
      if (part.name === undefined) return part;
      const value = values[part.index];
      const isMissing = value === undefined || isBlank(value);
      return { text: isMissing ? part.fallback : trimmed(value), name: part.name, isMissing };
    });
  }

  render(values) {
    return this.pieces(values)
      .map((piece) => piece.text)
      .join("");
  }

  get variables() {
    return this.parts.filter((part) => part.name !== undefined);
  }
}

function placeOf(match, names, message, folded, origins) {
  const start = origins[match.index];
  const after = match.index + match[0].length;
  const end = origins[after];
  const { number, braced } = match.groups;
  if (number !== undefined) {
    if (message.startsWith(`@valor${number}`, start)) {
      return { start, end: start + match[0].length, index: Number(number) - 1 };
    }
    const [before] = folded.slice(0, match.index).match(/.$/su) ?? [""];
    const [next] = folded.slice(after).match(/^./su) ?? [""];
    return IS_WORD.test(before) || IS_WORD.test(next) ? null : { start, end, index: Number(number) - 1 };
  }
  if (braced === undefined) {
    const index = names.column(message.slice(start + 1, end));
    return index === undefined ? null : { start, end, index };
  }
  const [from, to] = match.indices.groups.braced;
  const index = names.inBraces(message.slice(origins[from], origins[to]));
  if (index === undefined) return null;
  const given = match.indices.groups.double ?? match.indices.groups.single;
  return { start, end, index, fallback: given && message.slice(origins[given[0]], origins[given[1]]) };
}

// The columns by their names.
class Names {
  constructor(columns) {
    this.exact = new Map();
    this.loose = new Map();
    const patterns = new Map(); // with how many letters each has
    columns.forEach((header, index) => {
      const name = trimmed(columnName(header));
      const words = [...name].map(looseLetter).join("").split(WORD_BREAK).filter(Boolean);
      if (!words.length) return;
      if (!this.exact.has(name)) this.exact.set(name, index);
      if (!this.loose.has(loose(name))) this.loose.set(loose(name), index);
      const pattern = words.map(escape).join(`[${BLANKS}]*`);
      if (!patterns.has(pattern)) patterns.set(pattern, [...words.join("")].length);
    });
    const longestFirst = [...patterns.keys()].sort((one, other) => patterns.get(other) - patterns.get(one));
    const word = "[\\p{L}\\p{N}]";
    const named = `(?<!${word})@(?<name>${longestFirst.join("|") || "(?!)"})(?!${word})`;
    this.pattern = new RegExp(`@valor(?<number>[1-9][0-9]*)|${BRACED}|${named}`, "dgu");
  }

  // The column that this name means; undefined for none.
  column(name) {
    return this.exact.get(name) ?? this.loose.get(loose(name));
  }

  // The same of what stands in double braces; numbers come before names.
  inBraces(written) {
    const name = trimmed(columnName(written));
    const numbered = NUMBERED_NAME.exec(loose(name));
    return numbered ? Number(numbered[1]) - 1 : this.column(name);
  }
}

// The message letter by letter without case and accents, and where each code unit of that came from.
function foldedMessage(message) {
  let folded = "";
  const origins = [];
  let place = 0;
  for (const letter of message) {
    const part = looseLetter(letter);
    for (let unit = 0; unit < part.length; unit += 1) origins.push(place);
    folded += part;
    place += letter.length;
  }
  origins.push(message.length);
  return { folded, origins };
}

const loose = (text) =>
  [...text]
    .map(looseLetter)
    .join("")
    .split("")
    .filter((letter) => letter !== "_" && !isBlank(letter))
    .join("");

const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
