"""`/api/v1/accounts/{id}/exclusion_lists`: from a file to a list that holds."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEntry, Role
from campaigns import tasks
from campaigns.audience.conditions import Audience
from campaigns.audience.freezing import count, freeze, sample
from campaigns.audience.terms import Terms
from campaigns.exclusions import hits, loads
from campaigns.imports import chunks, work
from campaigns.models import Contact, ContactImport
from jobs.models import ExclusionEntry, ExclusionHit, ExclusionList, ExclusionLoad, Job
from jobs.sending.claims import Claimer
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller, contact, refused
from tests.campaigns.imports.test_contact_import import Death, dying, files, run_import, told, workbook
from tests.factories import make_device, make_job
from tests.jobs.arrange import claim, refill
from tests.jobs.exclusions.arrange import hashed

pytestmark = pytest.mark.django_db

VIPS = Audience.parse({"labels": ["vip"]})
ANA, BEA, EVA = "+51987650001", "+51987650002", "+51987650003"


@pytest.fixture(autouse=True)
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(tasks.import_contacts, "delay", asked.append)
    return asked


def vip(call: Caller, *phones: str) -> list[Contact]:
    return [contact(call.account, phone, labels=["vip"]) for phone in phones]


def send(
    call: Caller, content: str | bytes, file_name: str = "lista.csv", to: str = "exclusion_lists", **form: Any
) -> Any:
    file = SimpleUploadedFile(file_name, content.encode() if isinstance(content, str) else content)
    said = {"name": "REPEP", "kind": "repep"} if to == "exclusion_lists" else {}
    return call.client.post(call.path(to), {"file": file, **said, **form})


def loaded(call: Caller, *arguments: Any, **form: Any) -> Any:
    answer = send(call, *arguments, **form)
    assert answer.status_code == 201, answer.content
    run_import(answer.json()["last_import"]["id"])
    return call.get(f"exclusion_lists/{answer.json()['id']}").json()


def left_out(call: Caller, kind: str = "commercial") -> set[str]:
    """Whom the list leaves out of an audience of everybody: counted, sampled and frozen alike."""
    counted = count(call.account, VIPS, Terms(kind))
    job = Job.unscoped.create(account=call.account, message="Hola", kind=kind)
    with connection.cursor() as cursor:
        assert freeze(cursor, job, VIPS) == counted
    out = set(job.recipients.filter(error_code="excluded_by_list").values_list("phone", flat=True))
    assert len(out) == counted.excluded["excluded_by_list"]
    assert {one.phone for one in sample(call.account, VIPS, 100, (), Terms(kind))}.isdisjoint(out)
    return out


def test_a_file_of_numbers_becomes_a_list_that_leaves_people_out(call, nudges, django_capture_on_commit_callbacks):
    vip(call, ANA, BEA, EVA)
    with django_capture_on_commit_callbacks(execute=True):
        answer = send(call, "Número\n987 650 001\n+51987650002\n12\n987650001\n", file_date="2026-05-31")
    made = answer.json()
    assert (answer.status_code, made["last_import"]["status"], made["numbers"]) == (201, "checking", 0)
    assert nudges == [made["last_import"]["id"]]
    assert left_out(call) == set()
    run_import(nudges[0])
    done = call.get(f"exclusion_lists/{made['id']}").json()
    said = {name: done[name] for name in ("name", "kind", "is_on", "numbers", "forms", "default_country", "file_date")}
    assert said == {
        "name": "REPEP",
        "kind": "repep",
        "is_on": True,
        "numbers": 2,
        "forms": ["plain"],
        "default_country": "PE",
        "file_date": "2026-05-31",
    }
    assert done["loaded_by"] == call.membership.user.email
    assert done["loaded_at"] is not None
    last = done["last_import"]
    assert (last["status"], last["rows"], last["error_count"], last["percentage"]) == ("completed", 4, 1, 100.0)
    report = call.get(f"contact_imports/{last['id']}").json()
    assert (report["kind"], told(report["errors"])) == ("exclusions", [(4, "", "phone_incomplete")])
    assert left_out(call) == {ANA, BEA}
    assert call.get("exclusion_lists").json()["results"] == [done]
    assert files() == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
@pytest.mark.parametrize("written", ["+51987650001", "51987650001", "987650001"])
@pytest.mark.parametrize("header", ["", "hash\n"])
def test_a_file_of_hashes_becomes_one_too(call, algorithm, written, header):
    vip(call, ANA, BEA)
    lines = [hashed(text, algorithm) for text in (written, "987659999")]
    made = loaded(call, header + "\n".join(lines) + "\nx\n")
    assert (made["numbers"], made["forms"], made["last_import"]["error_count"]) == (2, [algorithm], 1)
    assert left_out(call) == {ANA}


def test_a_hash_beside_other_columns_and_in_a_workbook_is_found(call):
    vip(call, ANA)
    made = loaded(call, workbook(["Fecha", "Huella"], ["2026-05-31", hashed(ANA).upper()]), "a.xlsx")
    assert (made["forms"], left_out(call)) == (["sha256"], {ANA})


def test_no_number_of_a_list_can_be_read_in_the_database(call):
    vip(call, ANA)
    loaded(call, f"phone\n{ANA}\n{BEA}\n")
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM jobs_exclusionentry AS t")
        entries = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(t::text, ' ') FROM jobs_exclusionhit AS t")
        found = cursor.fetchone()[0]
    assert "98765000" not in entries + found


@pytest.mark.parametrize(
    ("there", "listed"),
    [("+5511987654321", "+551187654321"), ("+5215512345678", "+525512345678"), ("+541112345678", "+5491112345678")],
)
def test_the_digit_that_comes_and_goes_hides_nobody(call, there, listed):
    vip(call, there)
    loaded(call, f"phone\n{listed}\n")
    assert left_out(call) == {there}


def test_registries_hold_for_advertising_and_own_lists_for_everything(call):
    vip(call, ANA, BEA)
    loaded(call, f"phone\n{ANA}\n", name="RNE", kind="rne")
    loaded(call, f"phone\n{BEA}\n", name="propia", kind="own")
    assert left_out(call) == {ANA, BEA}
    assert left_out(call, "service") == {BEA}


def test_a_newer_file_takes_the_place_of_the_one_before_in_one_moment(call, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 1)
    vip(call, ANA, BEA, EVA)
    made = loaded(call, f"phone\n{ANA}\n{EVA}\n")
    answer = send(call, f"phone\n{BEA}\n{EVA}\n", to=f"exclusion_lists/{made['id']}/load", file_date="2026-06-30")
    assert (answer.status_code, answer.json()["numbers"]) == (201, 2)
    seen = set()
    step = work._step

    def watched(reader: Any) -> bool:
        more = step(reader)
        seen.add(frozenset(left_out(call)))
        return more

    monkeypatch.setattr(work, "_step", watched)
    run_import(answer.json()["last_import"]["id"])
    assert seen == {frozenset({ANA, EVA}), frozenset({BEA, EVA})}
    now = call.get(f"exclusion_lists/{made['id']}").json()
    assert (now["numbers"], now["file_date"]) == (2, "2026-06-30")
    assert ExclusionEntry.objects.count() == 4
    ExclusionLoad.objects.update(loaded_at=timezone.now() - 2 * loads.KEPT_AFTER)
    assert loads.sweep() == 1
    assert (ExclusionEntry.objects.count(), ExclusionHit.objects.count(), ExclusionLoad.objects.count()) == (2, 2, 1)
    assert left_out(call) == {BEA, EVA}


def test_what_was_just_replaced_and_what_is_being_loaded_is_not_swept(call):
    made = loaded(call, f"phone\n{ANA}\n")
    loaded(call, f"phone\n{BEA}\n", to=f"exclusion_lists/{made['id']}/load")
    send(call, f"phone\n{EVA}\n", to=f"exclusion_lists/{made['id']}/load")
    assert loads.sweep() == 0
    assert ExclusionLoad.objects.count() == 3


def test_a_file_that_was_sent_before_does_not_replace_a_newer_one(call):
    vip(call, ANA, BEA)
    slow = send(call, f"phone\n{ANA}\n").json()
    loaded(call, f"phone\n{BEA}\n", to=f"exclusion_lists/{slow['id']}/load")
    run_import(slow["last_import"]["id"])
    assert left_out(call) == {BEA}


def test_a_file_of_which_no_line_can_be_read_leaves_the_list_as_it_was(call):
    vip(call, ANA)
    made = loaded(call, f"phone\n{ANA}\n")
    now = loaded(call, "phone\n12\nx\n", to=f"exclusion_lists/{made['id']}/load", mapping='{"confirmed": true}')
    assert (now["last_import"]["status"], now["numbers"]) == ("failed", 1)
    report = call.get(f"contact_imports/{now['last_import']['id']}").json()
    assert told(report["errors"])[0] == (0, "", "exclusion_list_empty")
    assert report["error_count"] == 2
    assert left_out(call) == {ANA}
    assert files() == []


def test_contacts_who_come_later_are_left_out_too(call):
    loaded(call, f"phone\n{ANA}\n")
    loaded(call, hashed(BEA), name="hashes")
    vip(call, ANA, BEA, EVA)
    assert left_out(call) == set()  # not yet: their turn asks again
    hits.catch_up_all()
    assert left_out(call) == {ANA, BEA}
    hits.catch_up_all()
    assert ExclusionHit.objects.count() == 2


@pytest.mark.parametrize(("kind", "out"), [("commercial", 1), ("service", 0)])
def test_a_launch_looks_for_the_contacts_who_came_since(call, kind, out):
    loaded(call, hashed(ANA))
    vip(call, ANA)
    contact(call.account, BEA, labels=["vip"], opted_in_at=timezone.now())
    run = campaigns_of.launched(campaigns_of.campaign(call.account, kind=kind), timezone.now())
    assert run.excluded["excluded_by_list"] == out
    assert (run.job.recipients.get(phone=ANA).error_code == "excluded_by_list") is bool(out)


def test_who_waits_in_a_job_of_a_file_and_was_read_ahead_is_not_claimed(call):
    device = make_device(call.account)
    job = make_job(call.account, 2, (device,))  # to 51900000000 and the next, who are no contacts
    claimer = Claimer(device.pk, 100)
    refill(claimer)
    loaded(call, f"{hashed('900000000')}\n", kind="own")
    assert [made.phone for made in claim(claimer, 100)] == ["+51900000001"]
    assert job.recipients.filter(state="queued").get().phone == "+51900000000"


def test_a_preview_says_which_lists_name_how_many(call):
    call.account.whatsapp_api_campaigns = True
    call.account.save()
    vip(call, ANA, BEA, EVA)
    one, two = loaded(call, f"phone\n{ANA}\n{BEA}\n")["id"], loaded(call, hashed(ANA), name="RNE", kind="rne")["id"]
    loaded(call, f"phone\n{EVA}\n", name="off")
    ExclusionList.unscoped.filter(name="off").update(is_on=False)
    made = call.post("whatsapp_api_campaigns", title="Rebajas", message="Hola", audience={"labels": ["vip"]}).json()
    assert made.get("id"), made
    preview = call.post(f"whatsapp_api_campaigns/{made['id']}/preview").json()
    assert {"reason": "excluded_by_list", "count": 2} in preview["excluded"]
    assert preview["excluded_lists"] == [
        {"list_id": one, "name": "REPEP", "count": 2},
        {"list_id": two, "name": "RNE", "count": 1},
    ]


def test_a_contact_without_a_number_is_no_trouble(call):
    contact(call.account, None, labels=["vip"])
    contact(call.account, "", labels=["vip"])
    vip(call, ANA)
    loaded(call, f"phone\n{ANA}\n")
    assert left_out(call) == {ANA}


def test_a_list_that_is_switched_off_holds_no_more_until_it_is_on_again(call):
    vip(call, ANA)
    made = loaded(call, f"phone\n{ANA}\n")
    answer = call.patch(f"exclusion_lists/{made['id']}", is_on=False)
    assert (answer.status_code, answer.json()["is_on"]) == (200, False)
    assert left_out(call) == set()
    call.patch(f"exclusion_lists/{made['id']}", is_on=True, name="REPEP 2026")
    assert left_out(call) == {ANA}
    assert ExclusionList.unscoped.get().name == "REPEP 2026"


def test_a_deleted_list_holds_no_more_and_its_numbers_go(call):
    vip(call, ANA)
    made = loaded(call, f"phone\n{ANA}\n")
    assert call.delete(f"exclusion_lists/{made['id']}").status_code == 204
    assert left_out(call) == set()
    assert call.get(f"exclusion_lists/{made['id']}").status_code == 404
    assert loads.sweep() == 1
    assert not ExclusionEntry.objects.exists()


def test_deleting_a_list_stops_what_is_being_loaded_into_it(call):
    made = send(call, f"phone\n{ANA}\n").json()
    call.delete(f"exclusion_lists/{made['id']}")
    assert not ContactImport.unscoped.exists()
    assert not list(settings.UPLOAD_DIR.glob("contacts/*"))


@pytest.mark.parametrize("at_call", range(1, 7))
def test_a_death_between_two_chunks_loses_and_doubles_nothing(call, monkeypatch, at_call):
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 3)
    vip(call, "+51987650000", "+51987650007")
    number = send(call, "phone\n" + "".join(f"9876500{n:02}\n" for n in range(8)) + "x\n").json()["last_import"]["id"]
    dying(monkeypatch, work, "_step", at_call)
    with pytest.raises(Death):
        run_import(number)
    run_import(number)
    (made,) = call.get("exclusion_lists").json()["results"]
    assert (made["numbers"], made["last_import"]["error_count"]) == (8, 1)
    assert left_out(call) == {"+51987650000", "+51987650007"}


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        (ANA, {"name": ""}, (400, "exclusion_list_invalid")),
        (ANA, {"name": "x" * 101}, (400, "exclusion_list_invalid")),
        (ANA, {"name": "a\0"}, (400, "exclusion_list_invalid")),
        (ANA, {"kind": "sernac"}, (400, "exclusion_list_invalid")),
        (ANA, {"file_date": "31/05/2026"}, (400, "exclusion_list_invalid")),
        (ANA, {"file_date": "2999-05-31"}, (400, "exclusion_list_invalid")),
        (ANA, {"default_country": "XX"}, (400, "mapping_invalid")),
        (ANA, {"mapping": "{"}, (400, "mapping_invalid")),
        (ANA, {"mapping": "[]"}, (400, "mapping_invalid")),
        (ANA, {"mapping": json.dumps({"columns": {"reason": 0}})}, (400, "mapping_invalid")),
        ("nombre,nota\nAna,x\n", {}, (400, "phone_column_missing")),
        ("", {}, (400, "import_file_empty")),
    ],
)
def test_what_means_nothing_is_refused_and_leaves_nothing(call, content, form, code):
    assert refused(send(call, content, **form)) == code
    assert not ExclusionList.unscoped.exists()
    assert not ExclusionLoad.objects.exists()
    assert not ContactImport.unscoped.exists()
    assert not AuditEntry.unscoped.exists()
    assert not list(settings.UPLOAD_DIR.glob("contacts/*"))


def test_a_name_is_an_accounts_once(call):
    loaded(call, ANA)
    assert refused(send(call, ANA)) == (409, "exclusion_list_taken")
    assert loaded(Caller(), ANA)["name"] == "REPEP"
    other = loaded(call, ANA, name="otra")
    assert refused(call.patch(f"exclusion_lists/{other['id']}", name="REPEP")) == (409, "exclusion_list_taken")
    assert refused(call.patch(f"exclusion_lists/{other['id']}", is_on="no")) == (400, "exclusion_list_invalid")


def test_an_account_has_so_many_lists_at_most(call):
    ExclusionList.unscoped.bulk_create(ExclusionList(account=call.account, name=str(n), kind="own") for n in range(50))
    assert refused(send(call, ANA)) == (409, "exclusion_lists_too_many")


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.ADMINISTRATOR, (201, 201, 200, 200, 204)),
        (Role.AGENT, (201, 201, 200, 403, 403)),
        (Role.VIEWER, (403,) * 5),
    ],
)
def test_who_may_do_what(call, role, statuses):
    made = loaded(call, ANA)["id"]
    mine = Caller(role, call.account)
    assert mine.get(f"exclusion_lists/{made}").status_code == 200
    answers = (
        send(mine, ANA, name="otra"),
        send(mine, ANA, to=f"exclusion_lists/{made}/load"),
        mine.patch(f"exclusion_lists/{made}", is_on=True, name="nueva"),
        mine.patch(f"exclusion_lists/{made}", is_on=False),
        mine.delete(f"exclusion_lists/{made}"),
    )
    assert tuple(answer.status_code for answer in answers) == statuses


def test_another_accounts_list_is_not_there(call):
    made = loaded(call, ANA)["id"]
    other = Caller()
    assert other.get("exclusion_lists").json()["results"] == []
    for answer in (
        other.get(f"exclusion_lists/{made}"),
        other.patch(f"exclusion_lists/{made}", is_on=False),
        other.delete(f"exclusion_lists/{made}"),
        send(other, ANA, to=f"exclusion_lists/{made}/load"),
    ):
        assert answer.status_code == 404
    vip(other, ANA)
    hits.catch_up_all()
    assert left_out(other) == set()
    assert ExclusionList.unscoped.get().is_on


def test_each_is_one_act(call):
    made = loaded(call, ANA)
    loaded(call, BEA, to=f"exclusion_lists/{made['id']}/load")
    call.patch(f"exclusion_lists/{made['id']}", is_on=False)
    call.delete(f"exclusion_lists/{made['id']}")
    entries = AuditEntry.unscoped.order_by("pk")
    assert [entry.action.removeprefix("exclusion_list.") for entry in entries] == [
        "created",
        "loaded",
        "changed",
        "deleted",
    ]
    assert {entry.subject for entry in entries} == {"REPEP"}
    assert entries[2].details == {"id": made["id"], "fields": ["is_on"], "is_on": False}
