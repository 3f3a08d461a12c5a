"""Our export comes back unchanged, also when a spreadsheet has saved it in between."""

import csv
import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from accounts.written.blanks import is_blank, is_nameless
from accounts.written.cells import as_cell, trimmed
from accounts.written.folding import same_name
from campaigns.contacts import export, label_cells, labels, people
from campaigns.contacts.consent_history import Told
from campaigns.imports import upload, work
from campaigns.models import AttributeName, Contact, ContactImport, Label
from jobs.models import Suppression
from tests.factories import make_account

pytestmark = pytest.mark.django_db

CASES = Path(__file__).parent / "cases"

# --- Random contacts ---------------------------------------------------------------------------------

NASTY = st.text(st.sampled_from("aé'=-@,;|\"\n\t ＝1.[]%:*\u200b\u00a0ñN/"), max_size=9)
WORDS = st.sampled_from(
    [
        "Lima, Perú",
        "@promo",
        "-",
        "N/A",
        "null",
        "'",
        "'-5",
        "'007",
        "=1+1",
        "a;' -5",
        "-12.04,-77.03",
        '"x"',
        "* propio",
        "VIP:::oro",
        "dos\nlíneas",
        "a\n1,2,3,4,5,6,7,8,9",
        "sí",
        "no",
        "true",
        "+51987654321",
        "x" * 1001,
        "�",
        "'N/A",
        "''-",
    ]
)
TEXTS = st.one_of(NASTY, WORDS)
LABELS = st.lists(
    TEXTS.map(labels.clean).filter(lambda name: name is not None and "�" not in name),
    max_size=4,
    unique_by=lambda name: same_name(str(name)),  # type: ignore[arg-type]
)
NAMES = TEXTS.map(trimmed).filter(
    lambda name: len(name) <= 200 and not (is_blank(name) or is_nameless(name) or "�" in name)
)
ATTRIBUTES = [
    "opted_in_at",
    "edad",
    "codigo",
    "teléfono 2",
    "x [text]",
    "y [number]",
    "a,b",
    "=x",
    "id",
    "phone",
    "-",
    "baja",
    "país",
    "Ñu Ñu",
    "'q",
]
NUMBERS = st.one_of(
    st.integers(-(10**18), 10**18), st.integers(0, 120), st.floats(-1e9, 1e9), st.sampled_from([1.234, 12.5, -0.5])
)
DAYS = st.dates().map(str)
# What the values of one attribute are.
COLUMNS: list[st.SearchStrategy[Any]] = [
    NUMBERS,
    st.integers(0, 120),
    st.sampled_from([1.5, 2.25, 3]),
    st.just(1.234),
    st.booleans(),
    DAYS,
    st.sampled_from(["15/01/2026", "02/12/2025"]),
    st.sampled_from(["007", "25", "1.234,50", "12345678"]),
    st.sampled_from(["true", "no"]),
    TEXTS,
    st.one_of(NUMBERS, TEXTS, st.booleans(), st.none()),
    st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | NASTY, lambda inner: st.lists(inner, max_size=2)),
    st.dictionaries(st.sampled_from(["a", "b,c"]), NUMBERS | NASTY, max_size=2),
]


@st.composite
def some_contacts(draw: st.DrawFn) -> list[dict[str, Any]]:
    columns = draw(st.dictionaries(st.sampled_from(ATTRIBUTES), st.sampled_from(COLUMNS), max_size=4))
    fields = {
        "name": st.just("") | NAMES,
        "email": st.sampled_from(["", "ana@example.com", "+x@example.com"]),
        "labels": LABELS,
        "custom_attributes": st.fixed_dictionaries({}, optional=columns),
        "consent": st.sampled_from(["", "out", "in"]),
    }
    made = draw(st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=4))
    return [{**one, "phone": f"+5198765432{place}"} for place, one in enumerate(made)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture
def account(db: None, settings: Any, directory: Path) -> Account:
    settings.UPLOAD_DIR = directory
    return make_account(default_country="PE")


def keep(account: Account, contacts: list[dict[str, Any]]) -> None:
    for values in contacts:
        fields = {name: value for name, value in values.items() if name != "consent"}
        contact = people.save(Contact(account=account), fields, Told("api", "API"))
        if values.get("consent"):
            people.save(contact, {"opted_out": True}, Told("admin", "ana@example.com"))
        if values.get("consent") == "in":
            people.save(contact, {"opted_out": False}, Told("admin", "Feria, 2026"))


def kept(account: Account) -> list[Any]:
    return [
        (one.phone, one.name, one.email, one.labels, typed(one.custom_attributes), *consent_of(one))
        for one in Contact.objects.for_account(account).order_by("phone")
    ]


def consent_of(one: Contact) -> tuple[Any, ...]:
    """Who said no, when, or else who said yes."""
    if one.opted_out_at:
        return True, one.opted_out_at.replace(microsecond=0)
    return False, one.opted_in_at and one.opted_in_at.replace(microsecond=0), one.opted_in_source


def typed(value: Any) -> Any:
    """With JSON's types: true is not 1."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return (type(value).__name__, value)


def forget(account: Account) -> None:
    for model in (Contact, AttributeName, Label, ContactImport, Suppression):
        model.unscoped.filter(account=account).delete()


def exported(account: Account) -> str:
    return "".join(export.pages(Contact.objects.for_account(account)))


def bring_in(account: Account, content: str | bytes) -> ContactImport:
    file = TemporaryUploadedFile("contactos.csv", "text/csv", 0, "utf-8")
    file.write(content.encode() if isinstance(content, str) else content)
    file.flush()
    file.seek(0)
    file.size = Path(file.temporary_file_path()).stat().st_size
    row = upload.accept(account, None, file)
    file.close()  # it was moved
    while work.advance(row.pk, time.monotonic() + 60):
        pass
    row.refresh_from_db()
    upload.start(row)
    while work.advance(row.pk, time.monotonic() + 60):
        pass
    row.refresh_from_db()
    assert (row.status, row.error_count, row.errors) == ("completed", 0, [])
    return row


def saved_by_a_spreadsheet(text: str, contacts: list[dict[str, Any]]) -> bytes:
    """As Excel does it where people write commas before decimals: semicolons, CRLF, VERDADERO, 12,5."""
    header, *lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    for line in lines:
        writer.writerow([*line[:5], *(_resaved(*pair) for pair in zip(line[5:], header[5:], strict=True))])
    return ("\ufeff" + made.getvalue()).encode()


def makes_others_of_texts(text: str, contacts: list[dict[str, Any]]) -> bool:
    """Whether a spreadsheet makes VERDADERO of a text that is "true", among others that need no mark."""
    headers = next(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    said = [pair for one in contacts for pair in one["custom_attributes"].items()]
    return any(
        isinstance(value, str) and value in ("true", "false") and as_cell(name) in headers for name, value in said
    )


def _resaved(cell: str, header: str) -> str:
    if header.endswith(("[text]", "[json]")):
        return cell
    if cell in ("true", "false"):
        return "VERDADERO" if cell == "true" else "FALSO"
    return cell.replace(".", ",") if re.fullmatch(r"-?\d+\.\d+(e[-+]\d+)?", cell) else cell


SETTINGS = settings(
    max_examples=40,
    deadline=None,
    phases=set(Phase) - {Phase.shrink},  # an import each time
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(contacts=some_contacts())
@SETTINGS
def test_contacts_come_back_as_they_went(account, contacts):
    forget(account)
    keep(account, contacts)
    before, text = kept(account), exported(account)
    forget(account)
    bring_in(account, text)
    assert kept(account) == before


@given(contacts=some_contacts())
@SETTINGS
def test_contacts_come_back_as_they_went_through_a_spreadsheet(account, contacts):
    forget(account)
    keep(account, contacts)
    before, text = kept(account), exported(account)
    assume(not makes_others_of_texts(text, contacts))
    forget(account)
    bring_in(account, saved_by_a_spreadsheet(text, contacts))
    assert kept(account) == before


@given(names=LABELS)
@example(names=["vip", "@promo", "Lima, Perú"])
def test_labels_come_back_from_their_cell(names):
    assert list(label_cells.read(label_cells.written(names))) == names


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("vip, nuevo;otro|mas", ["vip", "nuevo", "otro", "mas"]),
        ("Clientes ::: * myContacts", ["Clientes"]),
        ('"vip" cliente, x', ['"vip" cliente', "x"]),
        ('"sin cerrar, x', ['"sin cerrar', "x"]),
        ("vip,,-, ", ["vip"]),
        ("", []),
    ],
)
def test_labels_of_other_programs_are_read(cell, names):
    assert list(label_cells.read(cell)) == names


# --- The file ---------------------------------------------------------------------------------------------


def header_of(account: Account) -> list[str]:
    return next(csv.reader(io.StringIO(exported(account).removeprefix("\ufeff"))))[6:]


def test_a_header_says_a_type_only_where_cells_do_not(account):
    keep(
        account,
        [
            {
                "phone": "+51987654321",
                "custom_attributes": {"edad": 25, "activo": True, "codigo": "007", "ciudad": "Lima"},
            },
            {
                "phone": "+51987654322",
                "custom_attributes": {"edad": 9.5, "vence": "2026-01-15", "ref": 5, "dni": 12345678},
            },
            {"phone": "+51987654323", "custom_attributes": {"ref": "a", "monto": 1.234, "nota": " x"}},
            {"phone": None, "custom_attributes": {"codigo": "nadie", "ciudad": 7}},
        ],
    )
    assert header_of(account) == [
        *("activo", "ciudad", "codigo [text]", "dni [number]", "edad", "monto [number]", "nota [json]", "ref [json]"),
        "vence",
    ]


def test_the_case_of_an_export_of_before(account):
    bring_in(account, (CASES / "k13_export.csv").read_bytes())
    (one,) = Contact.objects.for_account(account).all()
    assert (one.name, one.phone, one.opted_out_at) == ("Ana", "+51987650001", None)
    assert one.labels[:2] == ["vip", "@promo"]
    assert typed(one.custom_attributes) == typed(
        {"activo": True, "codigo": "007", "edad": 25, "geo": "-12.04,-77.03", "nota": "a; -5"}
    )


def test_the_same_contact_of_now_comes_back_with_its_labels(account):
    contact = {
        "name": "Ana",
        "phone": "+51987650001",
        "labels": ["vip", "@promo", "Lima, Perú"],
        "custom_attributes": {"activo": True, "codigo": "007", "edad": 25, "geo": "-12.04,-77.03", "nota": "a; -5"},
    }
    keep(account, [contact])
    before, text = kept(account), exported(account)
    forget(account)
    bring_in(account, text)
    assert kept(account) == before
    assert before[0][3] == ["vip", "@promo", "Lima, Perú"]
