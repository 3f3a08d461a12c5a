"""`/api/v1/accounts/{id}/contacts`."""

import csv
import io
from urllib.parse import parse_qsl, urlsplit

import pytest

from accounts.models import AuditEntry, Role
from campaigns.models import Contact, Label
from jobs.models import Suppression
from tests.campaigns.arrange import Caller, contact, names, refused
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def test_a_contact_has_the_contracts_shape(call):
    given = {
        "name": "Ñusta Peña",
        "phone": "987 654 321",
        "email": "nusta@example.com",
        "labels": ["vip", "newsletter", "vip"],
        "custom_attributes": {"region": "norte", "active": True, "age": 31},
    }
    answer = call.post("contacts", **given)
    assert answer.status_code == 201
    made = answer.json()
    assert made == {
        **given,
        "id": made["id"],
        "phone": "+51987654321",
        "labels": ["vip", "newsletter"],
        "opted_out": False,
    }
    assert call.get(f"contacts/{made['id']}").json() == made
    assert call.get("contacts").json() == {"next": None, "previous": None, "results": [made]}
    assert set(Label.unscoped.values_list("name", flat=True)) == {"vip", "newsletter"}


def test_only_what_is_sent_changes(call):
    made = contact(call.account, "+51987654321", name="Ana", labels=["vip"], custom_attributes={"a": 1})
    answer = call.patch(f"contacts/{made.pk}", name="Ana María", custom_attributes={"b": 2})
    assert answer.status_code == 200
    assert answer.json()["labels"] == ["vip"]
    assert answer.json()["custom_attributes"] == {"b": 2}
    assert call.patch(f"contacts/{made.pk}", phone=None).json()["phone"] is None
    made.refresh_from_db()
    assert (made.phone, made.phone_key, made.name) == (None, None, "Ana María")


@pytest.mark.parametrize(
    ("known", "again"),
    [
        ("+51987654321", "0051 987-654-321"),
        ("+525512345678", "+52 1 55 1234 5678"),
        ("+5491123456789", "+54 11 15 2345-6789"),
        ("+551187654321", "+55 (11) 98765-4321"),
    ],
)
def test_a_number_that_another_contact_has_is_a_conflict_in_any_spelling(call, known, again):
    contact(call.account, known)
    other = contact(call.account, "+51911111111")
    assert refused(call.post("contacts", phone=again)) == (409, "phone_taken")
    assert refused(call.patch(f"contacts/{other.pk}", phone=again)) == (409, "phone_taken")
    assert Contact.unscoped.count() == 2
    assert Caller().post("contacts", phone=again).status_code == 201  # another account


def test_a_contact_may_write_its_own_number_in_another_way(call):
    made = contact(call.account, "+551187654321")
    answer = call.patch(f"contacts/{made.pk}", phone="+5511987654321")
    assert (answer.status_code, answer.json()["phone"]) == (200, "+5511987654321")


def test_contacts_without_a_number_do_not_stand_in_each_others_way(call):
    assert [call.post("contacts", name="Ana", phone=phone).status_code for phone in (None, "", None)] == [201] * 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"phone": "123"}, "phone_incomplete"),
        ({"phone": "98765432"}, "phone_not_in_plan"),
        ({"phone": "Ana 987654321"}, "phone_has_letters"),
        ({"phone": "987654321 ext. 3"}, "phone_has_letters"),
        ({"phone": "5.1E+10"}, "phone_inexact"),
        ({"phone": "987654321 / 987654322"}, "phone_two_numbers"),
        ({"email": "nobody"}, "invalid"),
        ({"name": "x" * 201}, "max_length"),
        ({"labels": "vip"}, "not_a_list"),
        ({"labels": [""]}, "blank"),
        ({"labels": [" "]}, "label_invalid"),
        ({"labels": ["x" * 101]}, "label_invalid"),
        ({"labels": ["a\nb"]}, "label_invalid"),
        ({"labels": [str(number) for number in range(51)]}, "too_many_labels"),
        ({"custom_attributes": ["a"]}, "attributes_invalid"),
        ({"custom_attributes": {"": 1}}, "attributes_invalid"),
        ({"custom_attributes": {"x" * 101: 1}}, "attributes_invalid"),
        ({"custom_attributes": {"x": "y" * 17_000}}, "attributes_too_large"),
        ({"opted_out": "maybe"}, "invalid"),
        ({"custom_attributes": {"a": ["\0"]}}, "text_invalid"),
        ({"custom_attributes": {"\ud800": 1}}, "text_invalid"),
        ({"name": "a\x00b"}, "null_characters_not_allowed"),
        ({"custom_attributes": {"x": "a\x00b"}}, "text_invalid"),
    ],
)
def test_what_is_wrong_is_refused_and_leaves_nothing(call, body, code):
    assert refused(call.post("contacts", **body)) == (400, code)
    assert not Contact.unscoped.exists()
    assert not Label.unscoped.exists()


# --- Consent -----------------------------------------------------------------------------------------------


def test_opting_out_suppresses_the_number_and_opting_in_lifts_that(call):
    made = contact(call.account, "+51987654321")
    assert call.patch(f"contacts/{made.pk}", opted_out=True).json()["opted_out"] is True
    assert list(Suppression.unscoped.values_list("account_id", "phone")) == [(call.account.pk, "+51987654321")]
    made.refresh_from_db()
    assert made.opted_out_source == "API"
    assert call.patch(f"contacts/{made.pk}", opted_out=False).json()["opted_out"] is False
    assert not Suppression.unscoped.exists()
    made.refresh_from_db()
    assert made.opted_in_at is not None
    assert list(AuditEntry.unscoped.order_by("id").values_list("action", flat=True)) == [
        "contact.opted_out",
        "contact.opted_in",
    ]


def test_a_contact_that_opted_out_stays_suppressed_under_a_new_number(call):
    made = call.post("contacts", phone="987654321", opted_out=True).json()
    call.patch(f"contacts/{made['id']}", phone="987654322")
    assert set(Suppression.unscoped.values_list("phone", flat=True)) == {"+51987654321", "+51987654322"}
    call.delete(f"contacts/{made['id']}")
    assert Suppression.unscoped.count() == 2


def test_saying_nothing_about_consent_lifts_nothing(call):
    Suppression.unscoped.create(account=call.account, phone="+51987654321")
    made = call.post("contacts", phone="987654321", opted_out=False).json()
    call.patch(f"contacts/{made['id']}", opted_out=False, phone="987654321")
    assert Suppression.unscoped.exists()


# --- Lists -------------------------------------------------------------------------------------------------


@pytest.fixture
def people(call):
    contact(call.account, "+51987654321", name="Ana Díaz", email="ana@example.com", labels=["vip"])
    contact(call.account, "+5511987654321", name="Beto", labels=["vip", "new"], custom_attributes={"region": "norte"})
    contact(call.account, None, name="Carla", custom_attributes={"region": "sur", "age": 5, "active": True})
    contact(call.account, "+51987654399", name="Dino", opted_out_at="2026-01-01T00:00Z", custom_attributes={"age": "5"})
    contact(make_account(), "+51987654321", name="Somebody else's", labels=["vip"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "ABCD"),
        ({"label": "vip"}, "AB"),
        ({"label": ["new", "vip"]}, "AB"),
        ({"label": "VIP"}, "AB"),
        ({"label": "VI"}, ""),
        ({"phone": "987 654 321"}, "A"),
        ({"phone": "+55 11 8765-4321"}, "B"),
        ({"phone": "nobody"}, ""),
        ({"email": "ANA@example.com"}, "A"),
        ({"opted_out": "true"}, "D"),
        ({"opted_out": "false"}, "ABC"),
        ({"attribute.region": "norte"}, "B"),
        ({"attribute.age": "5"}, "CD"),
        ({"attribute.active": "true"}, "C"),
        ({"attribute.region": "sur", "label": "vip"}, ""),
        ({"attribute.region": "1e999"}, ""),
        ({"search": "díaz"}, "A"),
        ({"search": "EXAMPLE"}, "A"),
        ({"search": "+51 987-654"}, "AD"),
        ({"search": "11 8765-4321"}, ""),
        ({"search": "%"}, ""),
    ],
)
def test_filters(call, people, query, found):
    assert "".join(name[0] for name in names(call.get("contacts", ordering="name", **query))) == found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"opted_out": "x"}, "filter_invalid"),
        ({"search": "a\0"}, "filter_invalid"),
        ({"attribute.a\0": "a"}, "filter_invalid"),
        ({"ordering": "name", "cursor": "WzAsICJcdTAwMDAiLCAxXQ"}, "invalid_cursor"),
        ({"ordering": "phone_key"}, "ordering_invalid"),
        ({"limit": "0"}, "limit_invalid"),
        ({"limit": "x"}, "limit_invalid"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "WzAsIngiLDFd"}, "invalid_cursor"),  # [0,"x",1]
        ({"cursor": "WzAsIngiLDFd", "ordering": "created_at"}, "invalid_cursor"),
        ({"cursor": "WzAsMSwxXQ", "ordering": "created_at"}, "invalid_cursor"),  # [0,1,1]
        ({"cursor": "W10"}, "invalid_cursor"),
        ({"cursor": "W" * 5000}, "invalid_cursor"),
    ],
)
def test_questions_that_mean_nothing_are_refused(call, people, query, code):
    assert refused(call.get("contacts", **query)) == (400, code)


@pytest.mark.parametrize("ordering", ["id", "-id", "name", "-name", "email", "-created_at"])
def test_pages_show_everybody_once_there_and_back(call, ordering):
    Contact.unscoped.bulk_create([Contact(account=call.account, name="ab"[n % 2]) for n in range(23)])
    pages, query = [], {"limit": "5", "ordering": ordering}
    while query:
        page = call.get("contacts", **query).json()
        pages.append([one["id"] for one in page["results"]])
        query = dict(parse_qsl(urlsplit(page["next"] or "").query))
    everybody = [one for page in pages for one in page]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert len(set(everybody)) == 23
    expected = Contact.unscoped.order_by(ordering, "-id" if ordering[0] == "-" else "id").values_list("id", flat=True)
    assert everybody == list(expected)
    back = [pages[-1]]
    while page["previous"]:
        page = call.get("contacts", **dict(parse_qsl(urlsplit(page["previous"]).query))).json()
        back.append([one["id"] for one in page["results"]])
    assert back == pages[::-1]


def test_a_page_holds_a_hundred_at_most(call):
    Contact.unscoped.bulk_create([Contact(account=call.account) for _ in range(101)])
    assert len(call.get("contacts", limit=5000).json()["results"]) == 100


# --- Many at once ------------------------------------------------------------------------------------------


def test_labels_are_put_on_many_by_id(call, people):
    ids = list(Contact.unscoped.filter(name__in=["Ana Díaz", "Carla"]).values_list("id", flat=True))
    answer = call.post("contacts/bulk_label", labels=["vip", "fresh"], contact_ids=ids)
    assert (answer.status_code, answer.json()) == (200, {"matched": 2, "changed": 2})
    assert call.post("contacts/bulk_label", labels=["vip"], contact_ids=ids).json() == {"matched": 2, "changed": 0}
    assert Contact.unscoped.get(name="Ana Díaz").labels == ["vip", "fresh"]
    assert names(call.get("contacts", label="fresh", ordering="name")) == ["Ana Díaz", "Carla"]
    assert Label.objects.for_account(call.account).filter(name="fresh").exists()


def test_labels_are_put_on_and_taken_off_by_filter(call, people):
    body = {"labels": ["marked"], "filter": {"label": ["vip"], "opted_out": False}}
    assert call.post("contacts/bulk_label", **body).json() == {"matched": 2, "changed": 2}
    assert call.post("contacts/bulk_unlabel", labels=["vip", "nowhere"], filter={}).json() == {
        "matched": 4,
        "changed": 2,
    }
    assert Contact.unscoped.get(name="Beto").labels == ["new", "marked"]
    assert Contact.unscoped.get(name="Somebody else's").labels == ["vip"]
    assert list(AuditEntry.unscoped.order_by("id").values_list("action", flat=True)) == [
        "contacts.labelled",
        "contacts.unlabelled",
    ]


@pytest.mark.parametrize("address", ["contacts/bulk_label", "contacts/bulk_unlabel"])
def test_a_filter_by_what_is_no_phone_means_nobody(call, people, address):
    answer = call.post(address, labels=["vip"], filter={"phone": "none"})
    assert (answer.status_code, answer.json()) == (200, {"matched": 0, "changed": 0})


def test_another_accounts_contact_among_the_ids_changes_nothing(call, people):
    ids = list(Contact.unscoped.values_list("id", flat=True))
    for address in ("contacts/bulk_label", "contacts/bulk_unlabel"):
        assert refused(call.post(address, labels=["vip"], contact_ids=ids)) == (400, "contacts_unknown")
    assert Contact.unscoped.filter(labels__contains=["vip"]).count() == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"contact_ids": [1]}, "labels_missing"),
        ({"labels": [], "contact_ids": [1]}, "labels_missing"),
        ({"labels": ["x"]}, "contacts_missing"),
        ({"labels": ["x"], "contact_ids": [1], "filter": {}}, "contacts_missing"),
        ({"labels": ["x"], "contact_ids": []}, "contacts_invalid"),
        ({"labels": ["x"], "contact_ids": ["1"]}, "contacts_invalid"),
        ({"labels": ["x"], "contact_ids": [True]}, "contacts_invalid"),
        ({"labels": ["x"], "contact_ids": [2**63]}, "contacts_invalid"),
        ({"labels": ["x"], "contact_ids": {"a": 1}}, "contacts_invalid"),
        ({"labels": ["x"], "contact_ids": [123456789]}, "contacts_unknown"),
        ({"labels": ["x"], "filter": []}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"lable": "vip"}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"\ud800": "vip"}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"label": []}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"search": "\ud800"}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"attribute.\0": "a"}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"phone": {"a": 1}}}, "filter_invalid"),
        ({"labels": ["x"], "filter": {"opted_out": "x"}}, "filter_invalid"),
    ],
)
@pytest.mark.parametrize("address", ["contacts/bulk_label", "contacts/bulk_unlabel"])
def test_bulk_calls_that_mean_nothing_are_refused(call, address, body, code):
    contact(call.account)
    assert refused(call.post(address, **body)) == (400, code)
    assert not Label.unscoped.exists()


# --- Export ------------------------------------------------------------------------------------------------


def exported(answer):
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_export_of_what_is_no_phone_is_empty(call, people):
    assert exported(call.get("contacts/export.csv", phone="none")) == []


def test_the_export_has_what_the_filters_mean(call, people):
    rows = exported(call.get("contacts/export.csv", label="vip"))
    assert [row["name"] for row in rows] == ["Ana Díaz", "Beto"]
    assert rows[1] == {
        "id": rows[1]["id"],
        "name": "Beto",
        "phone": "+5511987654321",
        "email": "",
        "labels": "vip, new",
        "opted_out": "false",
        "region": "norte",
    }
    assert AuditEntry.unscoped.get().action == "contacts.exported"


def test_no_cell_of_the_export_is_a_formula(call):
    evil = ["=1+1", " +1", "-1", "@SUM(A1)", "\t=1", "a;=cmd|'/c calc'!A0", "＝1", "x\n=1"]
    for text in evil:
        contact(call.account, name=text, custom_attributes={"=k": text})
    for row in exported(call.get("contacts/export.csv")):
        for cell in (row["name"], row["'=k"], *row):
            assert cell.lstrip()[:1] not in "=+-@＝" or not cell
            assert ";=" not in cell


# --- Who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.ADMINISTRATOR, [200, 200, 200, 201, 200, 200, 200, 204]),
        (Role.AGENT, [200, 200, 200, 201, 200, 200, 200, 403]),
        (Role.VIEWER, [200, 200, 200, 403, 403, 403, 403, 403]),
    ],
)
def test_what_each_role_may(role, expected, db):
    call = Caller(role)
    one = contact(call.account, "+51987654321", name="Ana").pk
    answers = [
        call.get("contacts"),
        call.get(f"contacts/{one}"),
        call.get("contacts/export.csv"),
        call.post("contacts", name="Beto"),
        call.patch(f"contacts/{one}", name="Carla"),
        call.post("contacts/bulk_label", labels=["x"], contact_ids=[one]),
        call.post("contacts/bulk_unlabel", labels=["x"], filter={}),
        call.delete(f"contacts/{one}"),
    ]
    assert [answer.status_code for answer in answers] == expected


def test_another_accounts_contacts_do_not_exist(call):
    theirs = contact(make_account(), "+51987654321", name="Ana")
    for method in ("get", "patch", "delete"):
        assert refused(getattr(call, method)(f"contacts/{theirs.pk}")) == (404, "not_found")
        assert refused(getattr(call.client, method)(f"/api/v1/accounts/{theirs.account_id}/contacts")) == (
            404,
            "not_found",
        )
    assert call.get(f"contacts/{10**30}").status_code == 404
    assert Contact.unscoped.get().name == "Ana"
