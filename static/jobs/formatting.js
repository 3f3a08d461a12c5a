// Text as WhatsApp shows it: *bold*, _italic_, ~struck~, ```fixed```. Builds elements, never HTML from text.

const MARKS = [
  { tag: "code", pattern: /```([^`]+)```/ },
  { tag: "strong", pattern: /(?<![\p{L}\p{N}*])\*(\S|\S[^*\n]*\S)\*(?![\p{L}\p{N}*])/u },
  { tag: "em", pattern: /(?<![\p{L}\p{N}_])_(\S|\S[^_\n]*\S)_(?![\p{L}\p{N}_])/u },
  { tag: "s", pattern: /(?<![\p{L}\p{N}~])~(\S|\S[^~\n]*\S)~(?![\p{L}\p{N}~])/u },
];

// A fragment that shows `text`; the ranges [{start, end, className, title}] of it are marked.
export function formatted(text, ranges = []) {
  const fragment = document.createDocumentFragment();
  append(fragment, text, 0, ranges);
  return fragment;
}

function append(parent, text, offset, ranges) {
  let first = null;
  for (const { tag, pattern } of MARKS) {
    const match = pattern.exec(text);
    if (match && (first === null || match.index < first.match.index)) first = { tag, match };
  }
  if (first === null) {
    appendPlain(parent, text, offset, ranges);
    return;
  }
  const { tag, match } = first;
  const [whole, inner] = match;
  appendPlain(parent, text.slice(0, match.index), offset, ranges);
  const element = document.createElement(tag);
  const innerOffset = offset + match.index + whole.indexOf(inner);
  if (tag === "code") appendPlain(element, inner, innerOffset, ranges);
  else append(element, inner, innerOffset, ranges);
  parent.append(element);
  append(parent, text.slice(match.index + whole.length), offset + match.index + whole.length, ranges);
}

function appendPlain(parent, text, offset, ranges) {
  let done = 0;
  for (const range of ranges) {
    const start = Math.max(range.start - offset, done);
    const end = Math.min(range.end - offset, text.length);
    if (start >= end) continue;
    parent.append(text.slice(done, start));
    const mark = document.createElement("span");
    mark.className = range.className;
    mark.title = range.title;
    mark.textContent = text.slice(start, end);
    parent.append(mark);
    done = end;
  }
  parent.append(text.slice(done));
}
