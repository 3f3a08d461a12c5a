"""Whatever somebody uploads: 200, 400 or 413, never a fault of ours, and nothing left of what was refused."""

import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs.intake import importing
from jobs.models import Job, Recipient
from tests.jobs.uploads import left_behind

PHONE = b"+51987654321"

BY_HAND = {
    "utf-16 with bom": "+51987654321|ana\n".encode("utf-16"),
    "utf-16 without bom": "+51987654321|ana\n".encode("utf-16-be"),
    "utf-32": "+51987654321|ana\n".encode("utf-32"),
    "cp1252": "+51987654321|maría núñez\n".encode("cp1252"),
    "utf-7": b"+51987654321|mar+AO0-a\n",
    "nul": PHONE + b"|\0\n",
    "only nul": b"\0" * 100_000,
    "cr only": (PHONE + b"|a\r") * 100,
    "lf cr": (PHONE + b"|a\n\r") * 100,
    "stray quotes": PHONE + b'|"a\n' + PHONE + b'|a"b"\n"' + PHONE + b"|\n",
    "only quotes": b'"' * 8000,
    "quote pairs": PHONE + b"|" + b'""|' * 48 + b'"' * 4000,
    "100 kb line": PHONE + b"|" + b"x" * 100_000,
    "line without end": b"x" * 3_000_000,
    "60 columns": PHONE + b"|x" * 60,
    "pipes": b"|" * 8000,
    "arabic digits": "+٥١٩٨٧٦٥٤٣٢١|ana\n".encode(),
    "full-width digits": "＋５１９８７６５４３２１|ana\n".encode(),
    "bom twice": b"\xef\xbb\xbf\xef\xbb\xbf" + PHONE,
    "only bom": b"\xef\xbb\xbf",
    "half a character": PHONE + b"|\xc3",
    "overlong": PHONE + b"|\xc0\xaf",
    "surrogate": PHONE + b"|\xed\xa0\x80",
    "beyond unicode": PHONE + b"|\xf4\x90\x80\x80",
    "line separators": (PHONE + b"|a\xe2\x80\xa8" + PHONE + b"|b\xc2\x85\x0b\x0c\x1c\n"),
    "formulas": PHONE + b"|=cmd|' /C calc'!A0\n",
    "json": b'{"phone": "+51987654321"}',
    "html": b"<script>alert('+51987654321')</script>",
    "sql": b"'); DROP TABLE jobs_job; --|+51987654321",
    "copy's own marks": PHONE + b"|\\.\n\\.\n" + PHONE + b"|\\N\t{}\\\\\n",
    "comma separated": PHONE + b",ana,12345\n",
    "zip": b"PK\x03\x04" + random.Random(1).randbytes(5000),
    "noise": random.Random(2).randbytes(50_000),
    "blank lines": b"\n" * 100_000,
    "spaces": b" " * 100_000,
    "backspaces and bells": PHONE + b"|\x08\x07\x1b[31m\x7f\n",
    "right to left": PHONE + "|\u202eevil\u2066\n".encode(),
    "many problems": (PHONE + b"|\0\n") * 1000,
}

cells = st.sampled_from(
    [
        "+51987654321",
        "51 987-654-321",
        "0",
        "",
        " ",
        '"',
        '""',
        '"a|b"',
        "a",
        "ñ",
        "😀",
        "\\",
        "\t",
        "\u2028",
        "\0",
        "@valor1",
    ]
) | st.text(max_size=30)
lines = st.lists(cells, max_size=55).map("|".join)
text_files = st.lists(lines, max_size=30).flatmap(
    lambda some: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(some))
)
files = (
    st.binary(max_size=2000)
    | text_files.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.tuples(text_files, st.sampled_from(["utf-8-sig", "utf-16", "latin-1", "cp1252"])).map(
        lambda pair: pair[0].encode(pair[1], "replace")
    )
    | text_files.flatmap(lambda text: st.tuples(st.just(text.encode("utf-8", "replace")), st.binary(max_size=4))).map(
        lambda pair: pair[1].join([pair[0], pair[0]])
    )
)


def check(sender, content: bytes, **fields) -> None:
    before = left_behind()
    response = sender.upload(content, **fields)

    assert response.status_code in {200, 400, 413}
    if response.status_code == 200:
        job = Job.unscoped.get(uuid=response.json()["job"]["id"])
        importing.import_slice(job.pk, 0.0)
        importing.import_slice(job.pk, 0.0)
        job.refresh_from_db()
        assert job.imported_at is not None
        assert Recipient.objects.filter(job_id=job.pk).count() == job.total
        Recipient.objects.filter(job_id=job.pk).delete()
        job.delete()
    else:
        assert response.json()["status"] == "error"
        assert left_behind() == before


@pytest.mark.parametrize("name", BY_HAND)
def test_files_made_by_hand(sender, name):
    check(sender, BY_HAND[name])


@settings(max_examples=250, suppress_health_check=list(HealthCheck))
@given(content=files)
def test_files_made_by_chance(sender, content):
    check(sender, content)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            name: st.text(max_size=40)
            | st.sampled_from(["1", "0", "99999999999999999999", "[1,2]", "2026-01-01T00:00Z"])
            for name in ("message", "title", "devices_limit", "devices", "scheduled_at", "on_duplicate")
        },
    ),
    name=st.text(min_size=1, max_size=300).map(lambda stem: stem + ".csv"),
)
@example(fields={"message": "\x00"}, name="x.csv")
def test_fields_made_by_chance(sender, fields, name):
    before = left_behind()
    response = sender.upload(name=name, **fields)

    assert response.status_code in {200, 400}
    if response.status_code == 400:
        assert left_behind() == before


@pytest.mark.parametrize("charset", ["utf-16", "hex", "unicode_escape", "utf-7", "idna", "nonsense"])
def test_forms_in_any_charset(sender, charset):
    body = (
        b'--x\r\nContent-Disposition: form-data; name="message"\r\n\r\n\\ud800 \xff\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + PHONE + b"\r\n--x--\r\n"
    )
    response = sender.client.generic(
        "POST", "/messages/send-bulk-file", body, content_type=f"multipart/form-data; boundary=x; charset={charset}"
    )
    assert response.status_code < 500
