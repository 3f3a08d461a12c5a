"""GET /jobs, /jobs/{id}, its recipients and its export: seed 000 to the letter, and each account its own."""

import asyncio
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Role
from devices.models import Lane
from jobs import forecast
from jobs.api import export
from jobs.forecast import Outlook
from jobs.intake import importing
from jobs.models import Job, JobDevice, JobPart, Recipient
from jobs.receipts import figures
from jobs.states import JobStatus, RecipientState
from tests.accounts import people
from tests.factories import make_account, make_device, make_job

START = datetime(2026, 1, 15, 20, 0, 0, tzinfo=UTC)


@pytest.fixture
def get(sender):
    def call(path, **query):
        response = sender.client.get(path, query)
        assert response.status_code == 200, response.content
        return response.json()

    return call


def refusal(response) -> tuple[int, str]:
    assert set(response.json()) == {"status", "code", "message", "errors"}
    return response.status_code, response.json()["code"]


class TestList:
    def test_answers_the_array_of_the_seed_newest_first(self, sender, get):
        first = make_job(sender.account, 1000, status=JobStatus.COMPLETED, sent=1000, created_at=START)
        second = make_job(sender.account, 1000, sent=500, failed=2, created_at=START + timedelta(minutes=5))

        expected = [
            {
                "id": str(second.uuid),
                "status": "processing",
                "created_at": "2026-01-15T20:05:00Z",
                "progress": {"sent": 500, "failed": 2, "total": 1000, "percentage": 50.2},
            },
            {
                "id": str(first.uuid),
                "status": "completed",
                "created_at": "2026-01-15T20:00:00Z",
                "progress": {"sent": 1000, "failed": 0, "total": 1000, "percentage": 100.0},
            },
        ]
        assert get("/jobs") == get("/jobs/") == expected
        assert get(f"/api/v1/accounts/{sender.account.pk}/jobs") == expected

    def test_has_100_at_most(self, sender, get):
        jobs = [make_job(sender.account, 0) for _ in range(101)]
        assert len(get("/jobs")) == len(get("/jobs", limit=500)) == 100
        assert get("/jobs", before=jobs[1].uuid)[0]["id"] == str(jobs[0].uuid)

    def test_is_paged_by_its_link_header(self, sender):
        jobs = [str(make_job(sender.account, 0).uuid) for _ in range(5)]
        make_job(sender.account, 0, status=JobStatus.FAILED)
        url, seen, pages = "/jobs?limit=2&status=processing", [], 0
        while url:
            response = sender.client.get(url)
            seen += [job["id"] for job in response.json()]
            link = re.fullmatch(r'<(.*)>; rel="next"', response.get("Link", ""))
            url = link and link[1]
            pages += 1

        assert seen == jobs[::-1]
        assert pages == 3
        assert parse_qs(urlsplit(sender.client.get("/jobs?limit=2").get("Link")).query).keys() == {"limit", "before"}

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"limit": "0"}, "limit_invalid"),
            ({"limit": "x"}, "limit_invalid"),
            ({"limit": "9" * 5000}, "limit_invalid"),
            ({"before": "x"}, "before_invalid"),
            ({"before": str(uuid.uuid4())}, "before_invalid"),
            ({"status": "running"}, "status_invalid"),
            ({"status": "\0"}, "status_invalid"),
        ],
    )
    def test_wrong_questions(self, sender, query, code):
        assert refusal(sender.client.get("/jobs", query)) == (400, code)


class TestDetail:
    def test_has_the_seeds_job_and_more(self, sender, get):
        job = make_job(
            sender.account,
            4,
            (sender.device,),
            title="Campaña",
            sent=1,
            created_at=START,
            updated_at=START + timedelta(seconds=61.9),
        )
        expected = {
            "id": str(job.uuid),
            "status": "processing",
            "created_at": "2026-01-15T20:00:00Z",
            "updated_at": "2026-01-15T20:01:01Z",
            "message": "Hola @valor1",
            "total_numbers": 4,
            "devices_limit": 5,
            "progress": {"sent": 1, "failed": 0, "total": 4, "percentage": 25.0},
            "results": {},
            "title": "Campaña",
            "state_reason": "",
            "waits": [],
            "devices": [{"id": sender.device.pk, "name": sender.device.name, "status": "connected"}],
            "default_country": "",
            "countries": {},
            "landlines": None,
            "canary": None,
            "receipts": {
                "delivered": 0,
                "read": 0,
                "played": 0,
                "replied": 0,
                "failed_after": 0,
                "delivered_rate": 0.0,
                "read_rate": 0.0,
                "played_rate": 0.0,
                "first_at": None,
                "last_at": None,
            },
        }
        for path in (
            f"/jobs/{job.uuid}",
            f"/jobs/{job.uuid}/",
            f"/api/v1/accounts/{sender.account.pk}/jobs/{job.uuid}",
        ):
            answer = get(path)
            assert {"eta", "rate_per_minute"} == set(answer) - set(expected)
            assert {key: answer[key] for key in expected} == expected

    def test_says_what_became_of_the_messages(self, sender, get):
        counts = {"sent": 3, "delivered": 2, "read": 1, "played": 1, "failed_after": 1}
        job = make_job(sender.account, 4, first_receipt_at=START, last_receipt_at=START, **counts)
        assert get(f"/jobs/{job.uuid}")["receipts"] == {
            "delivered": 2,
            "read": 1,
            "played": 1,
            "replied": 0,
            "failed_after": 1,
            "delivered_rate": 66.7,
            "read_rate": 33.3,
            "played_rate": 33.3,
            "first_at": "2026-01-15T20:00:00Z",
            "last_at": "2026-01-15T20:00:00Z",
        }
        assert get(f"/jobs/{make_job(sender.account, 1).uuid}")["receipts"]["read_rate"] is None

    def test_says_it_by_device_and_variant_too(self, sender, get):
        variants = [{"text": "Hola", "weight": 1}, {"text": "Buenas", "weight": 1}]
        other = make_device(sender.account, name="Abajo", instance_name="demo-2")
        job = make_job(sender.account, 4, variants=variants, sent=4, delivered=2, read=1)
        for place, device in enumerate((sender.device, sender.device, other)):
            job.recipients.filter(position=place).update(state="sent", device=device, variant=place % 2)
        JobPart.objects.create(job=job, device_id=sender.device.pk, variant=0, delivered=1, read=1)
        JobPart.objects.create(job=job, device_id=sender.device.pk, variant=1, delivered=1)

        answer = get(f"/jobs/{job.uuid}/receipts")

        assert {**get(f"/jobs/{job.uuid}")["receipts"], "by_device": [], "by_variant": []} == {
            **answer,
            "by_device": [],
            "by_variant": [],
        }
        below, ours = answer["by_device"]
        assert (below["name"], below["total"], below["sent"], below["delivered"]) == ("Abajo", 1, 1, 0)
        assert (ours["device_id"], ours["sent"], ours["delivered"], ours["read_rate"]) == (sender.device.pk, 2, 2, 50.0)
        assert [(one["variant"], one["text"], one["sent"], one["delivered"]) for one in answer["by_variant"]] == [
            (1, "Hola", 2, 1),
            (2, "Buenas", 1, 1),
        ]
        assert get(f"/api/v1/accounts/{sender.account.pk}/jobs/{job.uuid}/receipts") == answer

    def test_of_a_large_job_under_way_no_recipient_is_read_for_it(self, sender, get, monkeypatch):
        monkeypatch.setattr(figures, "COUNTED_BELOW", 4)
        job = make_job(sender.account, 4, variants=[{"text": "Hola", "weight": 1}])
        JobPart.objects.create(job=job, device_id=sender.device.pk, variant=0, total=9, sent=9, failed=9, delivered=2)
        with CaptureQueriesContext(connection) as queries:
            answer = get(f"/jobs/{job.uuid}/receipts")
        assert not [query for query in queries if "jobs_recipient" in query["sql"]]
        for one in (*answer["by_device"], *answer["by_variant"]):
            assert (one["total"], one["sent"], one["failed"], one["delivered"]) == (None, None, None, 2)
            assert one["delivered_rate"] is None
        Job.unscoped.filter(pk=job.pk).update(finished_at=START, status=JobStatus.COMPLETED)
        assert get(f"/jobs/{job.uuid}/receipts")["by_device"][0]["sent"] == 9

    def test_has_the_results_of_a_job_that_ended(self, sender, get):
        results = {"sent": 1, "failed": 0, "total": 1, "by_state": {"sent": 1}, "by_error": {}}
        job = make_job(sender.account, 1, status=JobStatus.COMPLETED, sent=1, results=results)
        assert get(f"/jobs/{job.uuid}")["results"] == results


class TestOthers:
    """Another account's job is not there at all."""

    @pytest.mark.parametrize("rest", ["", "/", "/recipients", "/export.csv"])
    def test_foreign_unknown_and_malformed_ids_are_not_found(self, sender, rest):
        foreign = make_job(make_account(), 1)
        for job_id in [foreign.uuid, uuid.uuid4(), "1", "x" * 5000, "%00", "ñ"]:
            assert refusal(sender.client.get(f"/jobs/{job_id}{rest}"))[0] == 404
        assert sender.client.get(f"/jobs/{foreign.uuid}").json()["message"] == "Job no encontrado"

    def test_nor_is_it_below_either_accounts_address(self, sender):
        foreign = make_job(make_account(), 1)
        for account in (sender.account, foreign.account):
            assert sender.client.get(f"/api/v1/accounts/{account.pk}/jobs/{foreign.uuid}").status_code == 404
        assert sender.client.get(f"/api/v1/accounts/{foreign.account_id}/jobs").status_code == 404

    def test_nor_is_it_listed_or_paged_from(self, sender, get):
        foreign = make_job(make_account(), 1)
        assert get("/jobs") == []
        assert sender.client.get("/jobs", {"before": foreign.uuid}).status_code == 400

    def test_viewers_may_read(self, sender):
        job = make_job(sender.account, 1)
        viewer = people.api(people.member(sender.account, Role.VIEWER))
        for path in ("/jobs", f"/jobs/{job.uuid}", f"/jobs/{job.uuid}/recipients", f"/jobs/{job.uuid}/export.csv"):
            assert viewer.get(path).status_code == 200

    def test_nobody_may_not(self, client, sender):
        job = make_job(sender.account, 1)
        for path in ("/jobs", f"/jobs/{job.uuid}", f"/jobs/{job.uuid}/recipients", f"/jobs/{job.uuid}/export.csv"):
            assert client.get(path).status_code == 401


class TestRecipients:
    def test_show_what_became_of_each(self, sender, get):
        job = make_job(sender.account, 2)
        Recipient.objects.filter(job_id=job.pk, position=1).update(
            state=RecipientState.FAILED, error_code="not_on_whatsapp", device_id=sender.device.pk, tries=1
        )
        Recipient.objects.filter(job_id=job.pk, position=0).update(state=RecipientState.SENT, sent_at=START)
        no_receipts = dict.fromkeys(("delivered_at", "read_at", "played_at", "failed_after_at", "replied_at"))

        assert get(f"/jobs/{job.uuid}/recipients") == {
            "results": [
                {
                    "position": 0,
                    "phone": "+51900000000",
                    "values": ["persona 0"],
                    "state": "sent",
                    "error_code": "",
                    "error": "",
                    "device_id": None,
                    "tries": 0,
                    "sent_at": "2026-01-15T20:00:00Z",
                    **no_receipts,
                    "text": "Hola persona 0",
                },
                {
                    "position": 1,
                    "phone": "+51900000001",
                    "values": ["persona 1"],
                    "state": "failed",
                    "error_code": "not_on_whatsapp",
                    "error": "El número no tiene WhatsApp.",
                    "device_id": sender.device.pk,
                    "tries": 1,
                    "sent_at": None,
                    **no_receipts,
                    "text": "Hola persona 1",
                },
            ],
            "next": None,
        }

    def test_are_paged_by_cursor(self, sender, get):
        job = make_job(sender.account, 250)
        path, cursor, pages = f"/jobs/{job.uuid}/recipients", "", []
        while cursor is not None:
            page = get(path, cursor=cursor)
            pages.append([row["position"] for row in page["results"]])
            cursor = page["next"]

        assert [len(page) for page in pages] == [100, 100, 50]
        assert [position for page in pages for position in page] == list(range(250))

    def test_can_be_narrowed_by_state_and_phone(self, sender, get):
        job = make_job(sender.account, 30)
        Recipient.objects.filter(job_id=job.pk, position__gte=10).update(state=RecipientState.FAILED)
        Recipient.objects.filter(job_id=job.pk, position=0).update(phone="sin número")

        def positions(**query):
            return [row["position"] for row in get(f"/jobs/{job.uuid}/recipients", **query)["results"]]

        assert positions(state="failed") == list(range(10, 30))
        assert positions(search="0029") == positions(search="00 02-9") == positions(search="+51900000029") == [29]
        assert positions(search="+900") == []
        assert positions(search="sin") == [0]
        assert positions(search="(+51) 900 000 01", state="failed") == list(range(10, 20))
        assert positions(search="%") == []

    def test_can_be_narrowed_by_what_receipts_say(self, sender, get):
        job = make_job(sender.account, 5)
        rows = Recipient.objects.filter(job_id=job.pk)
        rows.filter(position=1).update(state=RecipientState.DELIVERED, delivered_at=START)
        rows.filter(position=2).update(state=RecipientState.READ, delivered_at=START, read_at=START)
        rows.filter(position=3).update(state=RecipientState.FAILED, failed_after_at=START)

        def positions(**query):
            return [row["position"] for row in get(f"/jobs/{job.uuid}/recipients", **query)["results"]]

        assert positions(receipt="delivered") == [1, 2]
        assert positions(receipt="delivered", state="delivered") == [1]
        assert (positions(receipt="read"), positions(receipt="played")) == ([2], [])
        assert positions(receipt="failed_after") == [3]
        assert get(f"/jobs/{job.uuid}/recipients", receipt="read")["results"][0]["read_at"] == "2026-01-15T20:00:00Z"

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ({"cursor": "x"}, "cursor_invalid"),
            ({"cursor": "-1"}, "cursor_invalid"),
            ({"cursor": "9" * 30}, "cursor_invalid"),
            ({"state": "gone"}, "state_invalid"),
            ({"status": "gone"}, "state_invalid"),
            ({"receipt": "seen"}, "receipt_invalid"),
            ({"search": "\0"}, "bad_request"),
            ({"error": "\0"}, "bad_request"),
        ],
    )
    def test_wrong_questions(self, sender, query, code):
        job = make_job(sender.account, 1)
        assert refusal(sender.client.get(f"/jobs/{job.uuid}/recipients", query)) == (400, code)


class TestExport:
    @pytest.fixture
    def job(self, sender):
        job = sender.job("phone|@nombre\n51900000001|ana\nabc1|=1+1\n51900000002|a|b\n51900000001|ana\n")
        importing.import_slice(job.pk, time.monotonic() + 60)
        Recipient.objects.filter(job_id=job.pk, position=0).update(
            state=RecipientState.DELIVERED, sent_at=START, delivered_at=START, device_id=sender.device.pk
        )
        return job

    def test_has_a_line_for_each_recipient(self, sender, job):
        response = sender.client.get(f"/jobs/{job.uuid}/export.csv")

        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"] == f'attachment; filename="job-{job.uuid}.csv"'
        assert b"".join(response).decode() == (
            "\ufeffphone|state|error|sent_at|delivered_at|read_at|played_at|failed_after_at|replied_at|device"
            "|nombre|valor2\r\n"
            f"+51900000001|delivered||2026-01-15T20:00:00Z|2026-01-15T20:00:00Z|||||{sender.device.name}|ana\r\n"
            "abc1|failed|El teléfono no es válido: se esperan de 8 a 15 dígitos con el código de país.||||||||'=1+1\r\n"
            "+51900000002|queued|||||||||a|b\r\n"
            "+51900000001|suppressed|Repetido en el archivo: el mensaje se envía una sola vez.||||||||ana\r\n"
        )

    @pytest.mark.parametrize(
        ("query", "phones"),
        [
            ({"state": "delivered"}, ["+51900000001"]),
            ({"status": "queued"}, ["+51900000002"]),
            ({"receipt": "delivered"}, ["+51900000001"]),
            ({"receipt": "read"}, []),
            ({"error": "invalid_number"}, ["abc1"]),
            ({"search": "+519", "state": "suppressed"}, ["+51900000001"]),
        ],
    )
    def test_has_whom_the_filters_leave(self, sender, job, query, phones):
        lines = b"".join(sender.client.get(f"/jobs/{job.uuid}/export.csv", query)).decode().splitlines()
        assert [line.partition("|")[0] for line in lines[1:]] == phones

    def test_a_filter_that_makes_no_sense_is_refused_and_nothing_noted(self, sender, job):
        assert refusal(sender.client.get(f"/jobs/{job.uuid}/export.csv", {"receipt": "seen"})) == (
            400,
            "receipt_invalid",
        )
        assert not AuditEntry.objects.for_account(sender.account).filter(action="job.exported").exists()

    def test_is_streamed_page_by_page(self, sender, monkeypatch, django_assert_num_queries):
        monkeypatch.setattr(export, "PAGE_ROWS", 10)
        job = make_job(sender.account, 35)
        response = sender.client.get(f"/jobs/{job.uuid}/export.csv/")
        assert response.streaming
        with django_assert_num_queries(2 + 5):
            assert [part.count(b"\r\n") for part in response] == [1, 10, 10, 10, 5]

    @pytest.mark.django_db(transaction=True)
    def test_is_streamed_over_asgi_too(self, sender, monkeypatch):
        monkeypatch.setattr(export, "PAGE_ROWS", 10)
        job = make_job(sender.account, 35)
        headers = people.bearer(sender.membership)

        async def download():
            response = await AsyncClient().get(f"/jobs/{job.uuid}/export.csv", headers=headers)
            assert response.is_async
            return [part.count(b"\r\n") async for part in response]

        assert asyncio.run(download()) == [1, 10, 10, 10, 5]

    def test_answers_errors_as_json_whatever_is_accepted(self, sender):
        response = sender.client.get(f"/jobs/{uuid.uuid4()}/export.csv", headers={"Accept": "text/csv"})
        assert refusal(response) == (404, "job_not_found")

    @pytest.mark.parametrize(
        ("text", "cell"),
        [
            ("ana", "ana"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "'\t'=1"),
            ("＝1", "'＝1"),
            ("a,=1;@x", "a,'=1;'@x"),
            ("a-b@c.com", "a-b@c.com"),
            ("a|b", '"a|b"'),
            ('a"b', '"a""b"'),
            ("=a|b", '"\'=a|b"'),
            ('"=1', '"""=1"'),
            ("", ""),
        ],
    )
    def test_no_cell_is_a_formula(self, text, cell):
        assert export.cell(text) == cell

    def test_a_phone_stays_one_and_any_other_text_is_a_cell(self, sender):
        job = make_job(sender.account, 2)
        Recipient.objects.filter(job_id=job.pk, position=1).update(phone="+1|=cmd")
        lines = b"".join(sender.client.get(f"/jobs/{job.uuid}/export.csv")).decode().splitlines()
        assert lines[1].startswith("+51900000000|")
        assert lines[2].startswith('"\'+1|=cmd"|')


class TestEstimates:
    NOW = START + timedelta(minutes=10)

    def test_limited_devices_send_so_many_a_minute_together(self, sender):
        devices = tuple(make_device(sender.account, messages_per_minute=n) for n in (12, 8))
        make_device(sender.account, messages_per_minute=100)
        job = make_job(sender.account, 100, devices, sent=30, failed=10, started_at=START)

        assert forecast.outlook(job, self.NOW).rate_per_minute == 20.0
        assert forecast.outlook(job, self.NOW).eta == self.NOW + timedelta(minutes=3)

    def test_an_unlimited_device_is_measured(self, sender):
        job = make_job(sender.account, 100, (sender.device,), sent=50, started_at=START)
        assert forecast.outlook(job, self.NOW).rate_per_minute == 5.0
        assert forecast.outlook(job, self.NOW).eta == self.NOW + timedelta(minutes=10)

    def test_before_its_first_message_that_is_unknown(self, sender):
        job = make_job(sender.account, 100, (sender.device,), started_at=START)
        assert forecast.outlook(job, self.NOW) == Outlook(None, None)

    def test_a_job_that_waits_is_through_that_long_after_its_start(self, sender):
        devices = [make_device(sender.account, messages_per_minute=10) for _ in range(3)]
        job = sender.job(
            "\n".join(f"+5190000000{n}" for n in range(10)),
            devices_limit=2,
            device_ids=tuple(device.pk for device in devices),
            scheduled_at=timezone.now() + timedelta(hours=1),
        )
        assert forecast.outlook(job, timezone.now()).rate_per_minute == 20.0
        assert forecast.outlook(job, timezone.now()).eta == job.start_at + timedelta(seconds=30)

    def test_devices_that_are_out_do_not_count(self, sender):
        devices = (make_device(sender.account, messages_per_minute=10, enabled=False), sender.device)
        type(sender.device).unscoped.filter(pk=sender.device.pk).update(messages_per_minute=6)
        job = make_job(sender.account, 100, devices, started_at=START)
        assert forecast.outlook(job, self.NOW).rate_per_minute == 6.0
        JobDevice.objects.filter(job=job, device=sender.device).delete()
        assert forecast.outlook(job, self.NOW) == Outlook(None, None)

    def test_jobs_that_share_a_device_go_at_half_its_pace(self, sender):
        device = make_device(sender.account, messages_per_minute=12)
        job, other = (make_job(sender.account, 120, (device,), started_at=START) for _ in range(2))
        assert forecast.outlook(job, self.NOW).rate_per_minute == 6.0
        assert forecast.outlook(job, self.NOW).eta == self.NOW + timedelta(minutes=20)
        type(other).unscoped.filter(pk=other.pk).update(status=JobStatus.PAUSED)
        assert forecast.outlook(job, self.NOW).eta == self.NOW + timedelta(minutes=10)

    def test_a_daily_limit_takes_days(self, sender):
        device = make_device(sender.account, messages_per_minute=60, daily_limit=100)
        Lane.objects.create(device=device, day=self.NOW.date(), day_count=90)
        type(sender.account).objects.filter(pk=sender.account.pk).update(time_zone="UTC")
        job = make_job(sender.account, 150, (device,), started_at=START)
        midnight = self.NOW.replace(hour=0, minute=0, second=0) + timedelta(days=2)
        # 10 today, 100 tomorrow, 40 on the day after.
        assert forecast.outlook(job, self.NOW).eta == midnight + timedelta(seconds=40)

    def test_a_budget_of_new_people_takes_days(self, sender):
        device = make_device(sender.account, messages_per_minute=60, new_people_a_day=100)
        type(sender.account).objects.filter(pk=sender.account.pk).update(time_zone="UTC")
        Lane.objects.create(device=device, strangers_day=self.NOW.date(), strangers_count=90)
        job = make_job(sender.account, 150, (device,), started_at=START)
        midnight = self.NOW.replace(hour=0, minute=0, second=0) + timedelta(days=2)
        assert forecast.outlook(job, self.NOW).eta == midnight + timedelta(seconds=40)

    def test_what_whatsapp_locks_does_not_count_and_where_all_are_locked_it_waits_for_the_first(self, sender):
        devices = [make_device(sender.account, messages_per_minute=n) for n in (6, 12)]
        job = make_job(sender.account, 60, tuple(devices), started_at=START)
        rows = type(devices[0]).unscoped.filter(pk__in=[device.pk for device in devices])
        rows.filter(pk=devices[0].pk).update(only_known_until=self.NOW + timedelta(hours=5))
        assert forecast.outlook(job, self.NOW) == Outlook(12.0, self.NOW + timedelta(minutes=5))
        rows.update(only_known_until=self.NOW + timedelta(hours=5))
        assert forecast.outlook(job, self.NOW) == Outlook(18.0, self.NOW + timedelta(hours=5, seconds=200))

    def test_outside_its_hours_it_waits(self, sender):
        device = make_device(sender.account, messages_per_minute=60)
        type(sender.account).objects.filter(pk=sender.account.pk).update(time_zone="UTC")
        opens = (self.NOW + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
        window = {"start": f"{opens:%H:%M}", "end": "24:00"}
        job = make_job(sender.account, 60, (device,), started_at=START, sending_window=window)
        assert forecast.outlook(job, self.NOW).eta == opens + timedelta(minutes=1)

    @pytest.mark.parametrize("status", [JobStatus.PAUSED, JobStatus.COMPLETED, JobStatus.CANCELLED])
    def test_a_job_that_rests_or_ended_has_no_eta(self, sender, status):
        type(sender.device).unscoped.update(messages_per_minute=6)
        job = make_job(sender.account, 100, (sender.device,), status=status, started_at=START)
        assert forecast.outlook(job, self.NOW).eta is None
