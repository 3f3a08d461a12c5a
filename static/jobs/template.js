// A message with variables, rendered as jobs/rendering.py renders it. tests/browser/test_same_rules.py compares them.

import { columnName, isBlank } from "./recipient_file.js";

export const MISSING = "---";

export class Template {
  constructor(message, columns = []) {
    const indexOf = new Map();
    columns.forEach((column, index) => {
      const name = columnName(column);
      if (name && !indexOf.has(name)) indexOf.set(name, index);
    });
    this.parts = []; // of {text} and {name, index}
    let end = 0;
    for (const match of message.matchAll(variables([...indexOf.keys()]))) {
      this.add(message.slice(end, match.index));
      const { number, name } = match.groups;
      this.parts.push({ name: match[0], index: number ? Number(number) - 1 : indexOf.get(name) });
      end = match.index + match[0].length;
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
      return { text: isMissing ? MISSING : value, name: part.name, isMissing };
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

function variables(names) {
  const length = (name) => [...name].length;
  const longestFirst = [...names].sort((one, other) => length(other) - length(one)).map(escape);
  const word = "[\\p{L}\\p{N}]"; // a letter or a digit; an underscore is neither
  return new RegExp(
    `@valor(?<number>[1-9][0-9]*)|(?<!${word})@(?<name>${longestFirst.join("|") || "(?!)"})(?!${word})`,
    "gu",
  );
}

const escape = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
