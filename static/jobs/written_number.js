// What people write as a phone number, read as devices/numbers/written.py reads it, for the file shown before sending.
// tests/browser/test_same_rules.py compares the two.

const MAX_DIGITS = 15;
const MAX_WRITTEN_DIGITS = 20;
const MAX_CHARACTERS = 500;
const LEAST_OF_SEVERAL = 7;

const MARKS = /[\xad\u061c\u180e\u20e3\ufeff\ufe00-\ufe0f\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g;
const ALIKE = [
  [/[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " "],
  [/[\t-\r\x85\u2028\u2029]/g, "\n"],
  [/[\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d]/g, "-"],
  [/[\xb4\u02bc\u2018\u2019\u201b\u2032\uff07]/g, "'"],
  [/[\u201c\u201d\u201f\u2033\uff02]/g, '"'],
  [/[\ufe62\uff0b]/g, "+"],
  [/\uff08/g, "("],
  [/\uff09/g, ")"],
  [/\uff0e/g, "."],
  [/\uff0f/g, "/"],
  [/\uff0c/g, ","],
];
const ZEROS = [0x660, 0x6f0, 0x966, 0xff10]; // Arabic, Persian, Devanagari, full-width
const DIGITS = /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19]/g;

const AROUND = /^[ \n'"`]+|[ \n'"`]+$/g;
const CHUNK = /[0-9](?:[.\-]?[0-9]){6,}/g;
const RUN = /[0-9]{7,}/g;
const JOINED = /[0-9]{10,}[^0-9]+[0-9]|(?<![0-9])[1-9][^0-9]+[0-9]{11,}|[1-9][0-9]*[^0-9]+[0-9]{12,}/;
const FORMULA = /^= *"?([^"]*)$/;
const LINK = new RegExp(
  "^(?:(?:https?://)?(?:www\\.)?wa\\.me/(?:\\+|%2B)?([0-9][0-9 .\\-]*)/?(?:[?#].*)?" +
    "|(?:(?:https?://)?(?:api|web|www)\\.whatsapp\\.com/send/?|whatsapp://send/?)" +
    "\\?(?:[^#]*&)?phone=(?:\\+|%2B|%20| )*([0-9][0-9 .\\-]*)(?:[&#].*)?" +
    "|\\+?([0-9]+)(?::[0-9]+)?@(?:c\\.us|s\\.whatsapp\\.net))$",
  "i",
);
const SCHEME = new RegExp(
  "^(?:(?:tel|sms|whatsapp|callto|p): *" +
    "|(?:tel|telf|tlf|tel[eéÉ]fono|telefone|cel|celular|m[oóÓ]vil|fono|fone|phone|mobile|whatsapp|wsp|zap)[.:]*" +
    " *(?=\\+|\\(?[0-9]{2}))",
  "i",
);
const DATE = new RegExp(
  "^(?:(?:19|20)[0-9]{2}([.\\-])(?:0[1-9]|1[0-2])\\1(?:0[1-9]|[12][0-9]|3[01])" +
    "|(?:0[1-9]|[12][0-9]|3[01])([.\\-])(?:0[1-9]|1[0-2])\\2(?:19|20)[0-9]{2})$",
);
const SCIENTIFIC = /^(\+?)([0-9])[.,]([0-9]+)[eE]\+?([0-9]{1,2})$/;
const THOUSANDS = /^(?:\+?[0-9]{1,3}(?:,[0-9]{3}){2,}(?:\.0+)?|\+?[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,0+)?)$/;
const ZERO_FRACTION = /(?<![0-9.,])(\+?[0-9]{7,})[.,]0+(?![0-9.,])|(?<=[0-9])[.,]0$/g;
const FRACTION = /[0-9]{7,}\.[0-9]{1,2}(?![0-9])/;
const BETWEEN = /[/;,|&\n]+|:::| +(?:y|e|o|u|ou|or|and) +|(?<=[0-9]) *(?=\+)/i;
const LOOSELY_BETWEEN = / +-+ +| {2,}/;
const PART = /^[ (\[]*\+?[0-9 .()[\]\-]*$/;
const NO_DIGITS = /[^0-9]+/g;

const strip = (text) => text.replace(AROUND, "");
const digitsOf = (text) => text.replace(NO_DIGITS, "");

function alike(raw) {
  let text = raw.replace(MARKS, "");
  for (const [characters, one] of ALIKE) text = text.replace(characters, one);
  return text.replace(DIGITS, (digit) => {
    const code = digit.charCodeAt(0);
    return String(code - ZEROS.find((zero) => zero <= code && code < zero + 10));
  });
}

// The numbers that are written in a text, [{digits, hasCode}]; null where that is not read as numbers.
export function readNumbers(raw) {
  let text = strip(alike(raw));
  if (!text || [...text].length > MAX_CHARACTERS) return null;
  const formula = FORMULA.exec(text);
  if (formula) text = strip(formula[1]);
  const link = LINK.exec(text);
  if (link) return whole([one(link[1] ?? link[2] ?? link[3], true)]);
  const scheme = SCHEME.exec(text);
  if (scheme) text = text.slice(scheme[0].length);
  const scientific = SCIENTIFIC.exec(text);
  if (scientific) {
    const [, plus, first, rest, exponent] = scientific;
    const length = Number(exponent);
    if (rest.length < length || /[^0]/.test(rest.slice(length))) return null;
    return whole([one(first + rest.slice(0, length), Boolean(plus))]);
  }
  return several(text);
}

function several(text) {
  if (THOUSANDS.test(text)) text = text.replaceAll(/[.,]/.exec(text)[0], "");
  text = text.replace(ZERO_FRACTION, (_, number) => number ?? "");
  if (FRACTION.test(text) || DATE.test(text)) return null;
  const found = text
    .split(BETWEEN)
    .map(strip)
    .filter((part) => part)
    .flatMap(inOnePart);
  if (found.length > 1 && found.some((number) => number && number.digits.length < LEAST_OF_SEVERAL)) return null;
  return whole(found);
}

function inOnePart(part) {
  if (!PART.test(part)) return [null];
  const hasCode = part.includes("+");
  for (const group of [CHUNK, RUN]) {
    const groups = [...part.matchAll(group)];
    if (groups.length > 1) {
      const start = groups.at(-1).index;
      return [...inOnePart(part.slice(0, start).replace(/[ ([]+$/, "")), one(part.slice(start), false)];
    }
  }
  if (digitsOf(part).length > MAX_DIGITS) {
    const pieces = part.split(LOOSELY_BETWEEN).filter(digitsOf);
    if (pieces.length > 1) return pieces.map((piece) => one(piece, piece.includes("+")));
    for (const run of part.matchAll(RUN)) {
      for (const cut of [run.index, run.index + run[0].length]) {
        const halves = [part.slice(0, cut), part.slice(cut)];
        if (halves.every((half) => digitsOf(half).length >= LEAST_OF_SEVERAL)) {
          return [one(halves[0], hasCode), one(halves[1], false)];
        }
      }
    }
  }
  return [JOINED.test(part) ? null : one(part, hasCode)];
}

function one(text, hasCode) {
  const digits = digitsOf(text);
  return digits && digits.length <= MAX_WRITTEN_DIGITS ? { digits, hasCode } : null;
}

const whole = (numbers) => (numbers.length && !numbers.includes(null) ? numbers : null);

// What is the same for all spellings of one person's number: as devices/numbers/keys.py has it.
export function keyOf(e164) {
  if (/^\+55..9[6-9].{7}$/.test(e164)) return e164.slice(0, 5) + e164.slice(6);
  if (/^\+521.{10}$/.test(e164)) return `+52${e164.slice(4)}`;
  if (/^\+549.{10}$/.test(e164)) return `+54${e164.slice(4)}`;
  if (e164.startsWith("+54") && e164.length === 15) {
    const match = /^\+54(11|[23][0-9]{2,3}?)15([0-9]{6,8})$/.exec(e164);
    if (match) return `+54${match[1]}${match[2]}`;
  }
  return e164;
}

// As devices/numbers/landlines.py: what follows the country code in a landline, by country code.
export function landlineTest(patterns) {
  const known = new Map();
  return (phone) => {
    const beginning = phone.slice(1, 4);
    if (!known.has(beginning)) {
      const code = [1, 2, 3].map((length) => beginning.slice(0, length)).find((digits) => digits in patterns);
      known.set(beginning, code === undefined ? null : new RegExp(`^\\+${code}(?:${patterns[code]})$`));
    }
    return known.get(beginning)?.test(phone) ?? false;
  };
}
