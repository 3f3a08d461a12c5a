"""What the browser shows before sending is what the engine sends: the scripts' rules are Python's rules."""

import io
import random
from typing import Any

import pytest

from devices import phone_numbers
from devices.numbers import landlines, written
from jobs.intake.recipient_file import MAX_COLUMNS, MAX_LINE_BYTES, BadRecipientFile, RecipientFile
from jobs.message.rendering import Template
from tests.browser.conftest import Visit

CASES = 800
LIMITS = {"lineBytes": MAX_LINE_BYTES, "columns": MAX_COLUMNS}

# Pieces in which a difference could hide.
WORDS = [
    *("@valor1", "@valor2", "@valor10", "@valor0", "@valor", "@valor01", "@nombre", "@nombre_completo", "@Nombre"),
    *("@ñandú", "@a.b", "@a", "@ab", "@@", "@", "ventas@nombre.com", "_@nombre_", "*@valor1*", "x@valor1x"),
    *("@nombrex", "@nombre1", "1@nombre", "á@nombre", "@nombreá", "|", '""', '"', " ", "---", "☎", "😀"),
    *("\u2028", "\u00a0", "\u0085", "\ufeff", "\u3000", "\x1c", "\t", "(", ")", "[", "]", ".", "-", "+51"),
    *(
        "@Valor1",
        "{{nombre}}",
        "{{ Valor 2 }}",
        '{{nombre|default:"ñ"}}',
        "{{",
        "}}",
        "@Nombre Completo",
        "@NOMBRE_COMPLETO",
    ),
    *("@nómbre", "@no\u0301mbre", "\u0301", "İ", "ß", "Celular 1", "@Ano"),
    *("987654321", "+51987654321", "0987654321", "+5198765432", "٣٤٥", "phone", "tel", "$&", "\\1", ""),
]
PIECES_OF_NUMBERS = [
    *("987654321", "+51987654321", "51987654321", "+51", "5511987654321", "+551187654321", "5215512345678", "5.1987"),
    *("+549", "1123456789", "541115", "23456789", "987", "654", "321", "0", "7", "5.1987654321E+10", "5.1E+10", "٣٤٥"),
    *(" ", " ", "-", ".", "(", ")", "[", "]", "/", ";", ",", "|", "&", ":::", " y ", " ou ", " - ", "+", "\n", "\t"),
    *("Cel. ", "Tel 2 ", "TELÉFONO: ", "p:", "2026-01-15", "15.01.2026"),
    *(".0", ",0", ".00", ".5", "=", '"', "'", "’", "ext. 3", "x", "#", "tel:", "whatsapp:", "@c.us", "@s.whatsapp.net"),
    *("https://wa.me/", "wa.me/", "?text=a b", "https://api.whatsapp.com/send?phone=", "&text=a", "%2B", ":12"),
    *("\u200b", "\u202a", "\u2060", "\ufeff", "\xad", "\ufe0f", "\u2013", "\u2212", "\u202f"),
    *("\u3000", "５１", "＋", "\x1c", "\u2028", "`"),
]
NAMES = ["nombre", "@nombre", "nombre completo", "ñandú", "a.b", "a", "ab", "", " ", "valor2", "x|y", "$&", "a+b", "😀"]
NAMES += ["Nombre", "año", "nombre_completo", "_", "\u0301"]
LINE_ENDS = ["\n", "\r\n", "\r", "\n\n", "\n \n"]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20260115)


def test_messages_are_rendered_alike(visit: Visit, chance: random.Random) -> None:
    def text(most: int) -> str:
        return "".join(chance.choice(WORDS) + chance.choice(["", " ", ""]) for _ in range(chance.randint(0, most)))

    cases = [
        {
            "message": text(12),
            "columns": chance.sample(NAMES, chance.randint(0, 5)),
            "values": [text(2) for _ in range(chance.randint(0, 12))],
        }
        for _ in range(CASES)
    ]
    page = visit("/admin/jobs/job/new/")
    theirs = page.evaluate(
        """async (cases) => {
            const { Template } = await import("/static/jobs/template.js");
            return cases.map(({ message, columns, values }) => new Template(message, columns).render(values));
        }""",
        cases,
    )
    for case, rendered in zip(cases, theirs, strict=True):
        assert rendered == Template(case["message"], case["columns"]).render(case["values"]), case


def test_landlines_are_told_alike(visit: Visit, chance: random.Random) -> None:
    codes = [*landlines.patterns(), "54", "1", "999"]
    phones = [f"+{code}{chance.randrange(10**6, 10**10)}" for code in codes for _ in range(20)]
    phones += ["+5114567890", "+51987650001", "+551132345678", "+551187654321", "+541141234567", ""]
    theirs = visit("/admin/jobs/job/new/").evaluate(
        """async (phones) => {
            const { landlineTest } = await import("/static/jobs/written_number.js");
            const { limits } = JSON.parse(document.getElementById("new-job-data").textContent);
            return phones.map(landlineTest(limits.landlines));
        }""",
        phones,
    )
    ours = [landlines.is_surely_landline(phone) for phone in phones]
    assert 100 < sum(ours) < len(ours)
    assert dict(zip(phones, theirs, strict=True)) == dict(zip(phones, ours, strict=True))


def test_numbers_are_read_alike(visit: Visit, chance: random.Random) -> None:
    raws = ["".join(chance.choices(PIECES_OF_NUMBERS, k=chance.randint(1, 5))) for _ in range(CASES * 5)]
    page = visit("/admin/jobs/job/new/")
    theirs = page.evaluate(
        """async (raws) => {
            const { normalise } = await import("/static/jobs/recipient_file.js");
            const { keyOf, readNumbers } = await import("/static/jobs/written_number.js");
            return raws.map((raw) => {
                const numbers = readNumbers(raw);
                const phone = normalise(raw);
                return [
                    numbers && numbers.map(({ digits, hasCode }) => [digits, hasCode]),
                    phone,
                    phone && keyOf(phone),
                ];
            });
        }""",
        raws,
    )
    for raw, read in zip(raws, theirs, strict=True):
        assert read == as_python_reads_numbers(raw), raw
    assert len([phone for _, phone, _ in theirs if phone]) > CASES / 4


def as_python_reads_numbers(raw: str) -> list[Any]:
    try:
        numbers = [list(number) for number in written.read(raw)]
    except written.Unreadable:
        numbers = None
    phone = phone_numbers.normalise(raw)
    return [numbers, phone, phone and phone_numbers.key_of(phone)]


def test_files_are_read_alike(visit: Visit, chance: random.Random) -> None:
    def line() -> str:
        cells = ["".join(chance.choices(WORDS, k=chance.randint(0, 3))) for _ in range(chance.randint(1, 5))]
        cells = [f'"{cell}"' if chance.random() < 0.2 else cell for cell in cells]
        return "|".join(cells)

    files = [
        chance.choice(["", "\ufeff"]) + "".join(line() + chance.choice(LINE_ENDS) for _ in range(chance.randint(0, 8)))
        for _ in range(CASES)
    ]
    contents = [file.encode() for file in files]
    contents += [
        b"",
        b"\xff\xfeP\x00",
        b"phone\n+51987654321|\xe1\n",
        b"+51987654321\r\n\xc3",
        b"+51987654321|" + b"x" * MAX_LINE_BYTES + b"\n+51987654322",
        b"+51987654321|" + "ñ".encode() * 5000,
        b"+51987654321|" + "ñ".encode() * (MAX_LINE_BYTES // 2 - 10),
        b"+51987654321" + b"|" * MAX_COLUMNS + b"\n+51987654321" + b"|" * (MAX_COLUMNS - 1),
        b"+51987654321|a\x00b",
        b"bad\n" * 3 + b"nul\x00\n" * 30,
    ]
    page = visit("/admin/jobs/job/new/")
    # In pieces of few bytes: lines and characters are cut wherever it hurts.
    theirs = page.evaluate(
        """async ([contents, limits]) => {
            const { Lines, RecipientFile, MAX_PROBLEMS } = await import("/static/jobs/recipient_file.js");
            return contents.map((bytes, number) => {
                const all = new Uint8Array(bytes);
                const size = 1 + (number % 7) * (bytes.length > 1000 ? 500 : 1);
                const lines = new Lines(limits.lineBytes + 4);
                const reader = new RecipientFile(limits);
                const rows = [];
                const problems = [];
                const take = (texts) => {
                    for (const text of texts) {
                        const row = reader.read(text);
                        if (row === null || problems.length === MAX_PROBLEMS) continue;
                        if (row.problem) problems.push([row.line, row.problem]);
                        else rows.push([row.line, row.phone, row.rawPhone, row.values]);
                    }
                };
                try {
                    for (let at = 0; at < all.length; at += size) take(lines.take(all.subarray(at, at + size)));
                    take(lines.take(new Uint8Array(), true));
                } catch (error) {
                    if (!(error instanceof RangeError)) throw error;
                    problems.push([reader.line + error.lines + 1, "not_utf8"]);
                }
                return problems.length
                    ? { problems }
                    : { rows, columns: reader.columns, hasHeader: reader.hasHeader };
            });
        }""",
        [[list(content) for content in contents], LIMITS],
    )
    for content, read in zip(contents, theirs, strict=True):
        assert read == as_python_reads(content), content


def as_python_reads(content: bytes) -> dict[str, Any]:
    file = RecipientFile(io.BytesIO(content))
    try:
        rows = [[row.line, row.phone, row.raw_phone, list(row.values)] for row in file]
    except BadRecipientFile as error:
        return {"problems": [list(problem) for problem in error.problems]}
    return {"rows": rows, "columns": file.columns, "hasHeader": file.has_header}
