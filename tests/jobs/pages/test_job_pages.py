"""The admin's pages of jobs: the list, a job live, its recipients, its end; for whom, and what they show."""

import json
import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from jobs.models import Chunk, Job, JobDevice, JobPart, Recipient, Suppression
from jobs.states import JobStatus, RecipientState
from tests.accounts import people
from tests.factories import make_account, make_device, make_job
from tests.statements import analyze, rows_read, statements_of

pytestmark = pytest.mark.django_db
LIST = "/admin/jobs/job/"


@pytest.fixture
def account():
    return make_account("Tienda")


@pytest.fixture
def as_role(account):
    """A browser of a member with this role."""

    def log_in(role: Role):
        return people.browser(people.member(account, role))

    return log_in


@pytest.fixture
def browser(as_role):
    return as_role(Role.ADMINISTRATOR)


def page(response) -> str:
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def page_data(html: str, element: str) -> dict:
    found = re.search(rf'<script id="{element}" type="application/json">(.*?)</script>', html, re.S)
    return json.loads(found.group(1))


def live(job: Job) -> str:
    return reverse("admin:jobs_job_live", args=[job.uuid])


def recipients(job: Job) -> str:
    return reverse("admin:jobs_job_recipients", args=[job.uuid])


def finished(account, number: int = 3, **fields) -> Job:
    """A job that ended well, with its results."""
    job = make_job(account, number, status=JobStatus.COMPLETED, sent=number, **fields)
    job.recipients.update(state=RecipientState.SENT)
    by_state = dict.fromkeys(RecipientState.values, 0) | {"sent": number}
    Job.unscoped.filter(pk=job.pk).update(
        finished_at=job.created_at,
        results={"sent": number, "failed": 0, "total": number, "by_state": by_state, "by_error": {}},
    )
    return Job.unscoped.get(pk=job.pk)


class TestList:
    def test_shows_the_accounts_own_jobs_with_their_progress(self, account, browser):
        device = make_device(account, name="Ventas")
        make_job(account, 1000, title="Entregas de enero", devices=(device,), sent=498, failed=2)
        make_job(make_account(), title="De otra cuenta")
        html = page(browser.get(LIST))
        for text in ("Entregas de enero", "En curso", "50 %", "498", "Ventas"):
            assert text in html
        assert "De otra cuenta" not in html

    def test_a_row_leads_to_the_live_page(self, account, browser):
        job = make_job(account)
        assert f'href="{live(job)}"' in page(browser.get(LIST))

    @pytest.mark.parametrize("search", ["entregas", "clientes.csv", "{uuid}", "  {uuid} "])
    def test_finds_by_title_file_and_id(self, account, browser, search):
        wanted = make_job(account, title="Entregas de enero", file_name="clientes.csv")
        other = make_job(account, title="Otro")
        html = page(browser.get(LIST, {"q": search.format(uuid=wanted.uuid)}))
        assert live(wanted) in html
        assert live(other) not in html

    def test_filters_by_status(self, account, browser):
        running, ended = make_job(account), finished(account)
        html = page(browser.get(LIST, {"status__exact": "completed"}))
        assert live(ended) in html
        assert live(running) not in html

    def test_a_hundred_jobs_cost_as_many_queries_as_one(self, account, browser):
        device = make_device(account)
        make_job(account, 1, devices=(device,))
        with CaptureQueriesContext(connection) as one:
            browser.get(LIST)
        for _ in range(20):
            make_job(account, 1, devices=(device,))
        with CaptureQueriesContext(connection) as many:
            browser.get(LIST)
        assert len(many) == len(one)

    def test_nobody_adds_or_edits_a_job_by_a_form(self, account, browser):
        job = make_job(account)
        assert browser.get(f"{LIST}add/").url == "/admin/jobs/job/new/"
        changed = browser.post(f"{LIST}{job.pk}/change/", {"title": "Otra"})
        assert changed.url == live(job)
        assert Job.unscoped.get(pk=job.pk).title == ""


class TestLive:
    def test_shows_how_the_database_says_it_stands(self, account, browser):
        device = make_device(account, name="Ventas")
        job = make_job(account, 1000, title="Enero", devices=(device,), sent=498, failed=2, next_position=501)
        job.recipients.filter(position__lt=499).update(state=RecipientState.SENT)
        job.recipients.filter(position=499).update(state=RecipientState.FAILED, error_code="not_on_whatsapp")
        html = page(browser.get(live(job)))
        assert '<dd id="count-sent">498</dd>' in html
        assert '<dd id="count-failed">2</dd>' in html
        assert '<dd id="count-waiting">500</dd>' in html
        assert "El número no tiene WhatsApp" in html
        assert "Ventas" in html
        data = page_data(html, "live-data")
        assert (data["id"], data["status"], data["sent"], data["ended"]) == (str(job.uuid), "processing", 498, False)

    def test_an_ended_job_shows_its_result(self, account, browser):
        job = make_job(account, 10, status=JobStatus.COMPLETED, sent=7, failed=3)
        by_state = {"sent": 7, "failed": 2, "suppressed": 1}
        by_error = {"not_on_whatsapp": 2, "opted_out": 1}
        results = {"sent": 7, "failed": 3, "total": 10, "by_state": by_state, "by_error": by_error}
        Job.unscoped.filter(pk=job.pk).update(finished_at=job.created_at, results=results)
        html = page(browser.get(live(job)))
        for text in ("Resultado", "Suprimido", "El número no tiene WhatsApp", "Pidió no recibir mensajes"):
            assert text in html
        assert f"{recipients(job)}?error=not_on_whatsapp" in html

    def test_shows_what_became_of_the_messages_and_what_that_means(self, account, browser):
        devices = [make_device(account, name=name, instance_name=name) for name in ("Ventas", "Cobros")]
        job = make_job(account, 4, sent=4, next_position=4)
        html = page(browser.get(live(job)))
        assert "Ningún teléfono ha dicho nada todavía" in html
        counts = {"delivered": 3, "read": 1, "failed_after": 1, "first_receipt_at": job.created_at}
        Job.unscoped.filter(pk=job.pk).update(**counts)
        for device, delivered in zip(devices, (2, 1), strict=True):
            JobPart.objects.create(job=job, device_id=device.pk, variant=0, delivered=delivered)
        html = page(browser.get(live(job)))
        assert '<span id="receipt-delivered">3</span> <small><span id="share-delivered">75</span> %</small>' in html
        assert '<span id="receipt-read">1</span>' in html
        assert '<dd id="receipt-failed_after">1</dd>' in html
        assert 'id="receipt-played"' not in html
        assert "Ningún teléfono ha dicho nada todavía" not in html
        assert html.index("Cobros") < html.index("Ventas")
        assert "Mucha gente lo tiene desactivado" in html

    def test_says_why_it_is_paused_or_failed_and_when_it_will_start(self, account, browser):
        paused = make_job(account, status=JobStatus.PAUSED, state_reason="no_devices_left")
        assert "Ningún dispositivo puede enviar" in page(browser.get(live(paused)))
        failed = make_job(account, status=JobStatus.FAILED, state_reason="no_devices")
        assert "No había ningún dispositivo conectado" in page(browser.get(live(failed)))
        later = make_job(account, status=JobStatus.PENDING, start_at="2031-03-04T15:00:00Z", started_at=None)
        assert "Empieza el 4 de marzo de 2031" in page(browser.get(live(later)))
        coming = make_job(account, 4, status=JobStatus.PENDING, imported=1, imported_at=None, started_at=None)
        assert "Preparando la lista: 25 %" in page(browser.get(live(coming)))

    def test_speaks_the_readers_language(self, account, browser):
        job = make_job(account)
        assert ">Destinatários<" in page(browser.get(live(job), headers={"Accept-Language": "pt-BR"})).replace("\n", "")
        assert ">Recipients<" in page(browser.get(live(job), headers={"Accept-Language": "en"})).replace("\n", "")

    def test_another_accounts_job_and_a_malformed_id_do_not_exist(self, browser):
        theirs = make_job(make_account())
        for address in (
            live(theirs),
            recipients(theirs),
            f"{LIST}{theirs.pk}/delete/",
            f"{LIST}{theirs.pk}/change/",
            f"{LIST}{uuid.uuid4()}/live/",
            f"{LIST}nothing/change/",
        ):
            assert browser.get(address).status_code == 404, address

    def test_markup_in_what_people_wrote_is_shown_as_text(self, account, browser):
        bad = "<script>alert(1)</script>"
        device = make_device(account, name=bad)
        job = finished(account, 1, title=bad, message=bad + " @valor1", columns=[bad], devices=(device,))
        job.recipients.update(values=[bad], phone=bad[:40])
        Suppression.unscoped.create(account=account, phone="+51987654321", reason=bad)
        one = Recipient.objects.get(job_id=job.pk)
        for address in (
            LIST,
            live(job),
            recipients(job),
            f"/admin/jobs/recipient/{one.pk}/change/",
            f"{LIST}{job.pk}/delete/",
            "/admin/jobs/suppression/",
            "/admin/jobs/job/new/",
            "/admin/",
        ):
            assert "<script>alert" not in page(browser.get(address)), address


class TestControl:
    def press(self, browser, job, action):
        return browser.post(reverse("admin:jobs_job_control", args=[job.uuid, action]))

    def test_an_agent_pauses_resumes_and_cancels(self, account, as_role):
        agent, job = as_role(Role.AGENT), make_job(account)
        for action, status in (("pause", "paused"), ("resume", "processing"), ("cancel", "cancelled")):
            assert self.press(agent, job, action).url == live(job)
            assert Job.unscoped.get(pk=job.pk).status == status
        actions = AuditEntry.unscoped.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["job.pause", "job.resume", "job.cancel"]

    def test_cancelling_asks_first(self, account, as_role):
        job = make_job(account, title="Enero")
        assert "¿Cancelar «Enero»?" in page(as_role(Role.AGENT).get(f"{LIST}{job.uuid}/control/cancel/"))
        assert Job.unscoped.get(pk=job.pk).status == JobStatus.PROCESSING

    def test_an_impossible_move_changes_nothing_and_says_so(self, account, as_role):
        job, agent = finished(account), as_role(Role.AGENT)
        response = agent.post(f"{LIST}{job.uuid}/control/pause/", follow=True)
        assert "No se hizo nada: el envío ya está completado." in page(response)
        assert not AuditEntry.unscoped.exists()

    def test_a_viewer_may_not_and_sees_no_buttons(self, account, as_role):
        job, viewer = make_job(account), as_role(Role.VIEWER)
        assert self.press(viewer, job, "pause").status_code == 403
        assert "control/pause" not in page(viewer.get(live(job)))


class TestDeletion:
    def delete(self, browser, job):
        return browser.post(f"{LIST}{job.pk}/delete/")

    def test_asks_then_deletes_the_job_and_all_that_belongs_to_it(self, account, browser):
        device = make_device(account)
        job, other = finished(account, 5, title="Enero", devices=(device,)), finished(account, 2)
        Chunk.objects.create(job=job, start=0, end=5)
        assert "¿Eliminar «Enero» y sus destinatarios?" in page(browser.get(f"{LIST}{job.pk}/delete/"))
        assert Job.unscoped.filter(pk=job.pk).exists()

        response = self.delete(browser, job)
        assert response.url == LIST
        assert not Job.unscoped.filter(pk=job.pk).exists()
        assert not Recipient.objects.filter(job_id=job.pk).exists()
        assert not Chunk.objects.exists()
        assert not JobDevice.objects.exists()
        assert Recipient.objects.filter(job_id=other.pk).count() == 2
        entry = AuditEntry.unscoped.get()
        assert (entry.action, entry.subject, entry.details["recipients"]) == ("job.deleted", "Enero", 5)

    @pytest.mark.parametrize("role", [Role.AGENT, Role.VIEWER])
    def test_is_for_administrators(self, account, as_role, role):
        job = finished(account)
        assert self.delete(as_role(role), job).status_code == 403
        assert f"{LIST}{job.pk}/delete/" not in page(as_role(role).get(live(job)))
        assert Job.unscoped.filter(pk=job.pk).exists()

    @pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.PROCESSING, JobStatus.PAUSED])
    def test_a_job_under_way_is_not_deleted(self, account, browser, status):
        job = make_job(account, status=status)
        assert self.delete(browser, job).url == live(job)
        assert job.recipients.count() == 3

    def test_nor_one_that_was_cancelled_with_messages_still_in_flight(self, account, browser):
        job = make_job(account, status=JobStatus.CANCELLED)
        self.delete(browser, job)
        assert job.recipients.count() == 3


class TestRecipients:
    def rows(self, html: str) -> list[str]:
        return re.findall(r'<a class="pg-link pg-phone"[^>]*>([^<]*)</a>', html)

    def test_are_paged_by_key_forth_and_back(self, account, browser):
        job = make_job(account, 120)
        first = page(browser.get(recipients(job)))
        assert self.rows(first)[0] == "+51900000000"
        assert len(self.rows(first)) == 50
        assert "Filas 1 a 50" in first
        assert 'rel="prev"' not in first

        def follow(html, rel):
            address = re.search(rf'rel="{rel}" href="([^"]*)"', html).group(1).replace("&amp;", "&")
            return page(browser.get(recipients(job) + address))

        second = follow(first, "next")
        third = follow(second, "next")
        assert "Filas 101 a 120" in third
        assert 'rel="next"' not in third
        assert self.rows(follow(third, "prev")) == self.rows(second)
        assert self.rows(follow(second, "prev")) == self.rows(first)

    def test_are_narrowed_by_state_error_and_phone(self, account, browser):
        job = make_job(account, 20)
        job.recipients.filter(position=3).update(state=RecipientState.FAILED, error_code="not_on_whatsapp")
        job.recipients.filter(position=4).update(state=RecipientState.FAILED, error_code="ConnectTimeout")

        def found(**query):
            return self.rows(page(browser.get(recipients(job), query)))

        assert found(state="failed") == ["+51900000003", "+51900000004"]
        assert found(error="ConnectTimeout") == ["+51900000004"]
        job.recipients.filter(position=5).update(state="read", delivered_at=timezone.now(), read_at=timezone.now())
        job.recipients.filter(position=6).update(state="delivered", delivered_at=timezone.now())
        assert found(receipt="delivered") == ["+51900000005", "+51900000006"]
        assert found(receipt="read") == ["+51900000005"]
        assert len(found(receipt="nonsense")) == 20
        assert found(phone="+5190000001") == [f"+519000000{number}" for number in range(10, 20)]
        assert found(phone="51 900-000.003") == ["+51900000003"]
        assert found(state="sent") == []
        assert len(found(state="nonsense", after="x", before="99999999999999999999")) == 20

    def test_who_is_shown_is_exported(self, account, browser):
        job = make_job(account, 20)
        now = timezone.now()
        job.recipients.filter(position__lt=2).update(state="read", delivered_at=now, read_at=now)

        def exported(**query):
            html = page(browser.get(recipients(job), query))
            address = re.search(r'href="([^"]*export\.csv[^"]*)"', html).group(1).replace("&amp;", "&")
            return b"".join(browser.get(address)).count(b"\r\n") - 1

        assert exported() == 20
        assert exported(receipt="read") == 2
        assert exported(receipt="read", phone="+51900000001") == 1
        assert exported(error="ConnectTimeout") == 0

    @pytest.mark.parametrize("query", [{}, {"after": "40000"}, {"before": "40000"}])
    def test_a_page_of_a_large_job_reads_its_own_rows_only_and_counts_none(self, account, browser, query):
        job = make_job(account, 50_000)
        make_job(account, 50_000)
        analyze("jobs_recipient")
        asked = statements_of(lambda: page(browser.get(recipients(job), query)))
        of_recipients = [sql for sql in asked if 'FROM "jobs_recipient"' in sql]
        assert of_recipients
        assert not any("COUNT(" in sql for sql in of_recipients)
        for sql in of_recipients:
            assert rows_read(sql, "jobs_recipient") <= 60, sql

    def test_one_recipient_shows_what_was_sent(self, account, browser):
        job = make_job(account, 2, message="Hola @nombre", columns=["nombre"])
        one = job.recipients.get(position=1)
        html = page(browser.get(f"/admin/jobs/recipient/{one.pk}/change/"))
        assert "Hola persona 1" in html
        assert "+51900000001" in html
        theirs = make_job(make_account(), 1).recipients.get()
        assert browser.get(f"/admin/jobs/recipient/{theirs.pk}/change/").status_code in {302, 404}

    def test_there_is_no_list_over_all_jobs(self, account, browser):
        make_job(account)
        assert browser.get("/admin/jobs/recipient/").url == LIST

    def test_can_be_read_by_a_viewer_and_changed_by_nobody(self, account, as_role):
        one = make_job(account, 1).recipients.get()
        assert as_role(Role.VIEWER).get(f"/admin/jobs/recipient/{one.pk}/change/").status_code == 200
        administrator = as_role(Role.ADMINISTRATOR)
        assert administrator.post(f"/admin/jobs/recipient/{one.pk}/change/", {"phone": "+1"}).status_code == 403
        assert administrator.post(f"/admin/jobs/recipient/{one.pk}/delete/", {"post": "yes"}).status_code == 403


class TestSuppression:
    def add(self, browser, phone: str):
        return browser.post("/admin/jobs/suppression/add/", {"phone": phone, "reason": "Lo pidió por teléfono"})

    def test_a_number_is_added_in_any_spelling_and_on_record(self, account, as_role):
        assert self.add(as_role(Role.AGENT), "+51 987-654 321").status_code == 302
        assert Suppression.objects.for_account(account).get().phone == "+51987654321"
        assert AuditEntry.unscoped.get().action == "suppression.created"

    @pytest.mark.parametrize("phone", ["no tengo", "123", "51 987-654 321", "+51987654321"])
    def test_no_number_and_a_number_twice_are_refused(self, account, browser, phone):
        Suppression.unscoped.create(account=account, phone="+51987654321")
        assert self.add(browser, phone).status_code == 200
        assert Suppression.unscoped.count() == 1

    def test_another_account_may_have_the_same(self, browser):
        Suppression.unscoped.create(account=make_account(), phone="+51987654321")
        assert self.add(browser, "+51987654321").status_code == 302

    def test_only_an_administrator_takes_one_off_and_nobody_edits(self, account, as_role):
        one = Suppression.unscoped.create(account=account, phone="+51987654321")
        address = f"/admin/jobs/suppression/{one.pk}/"
        assert as_role(Role.AGENT).post(f"{address}delete/", {"post": "yes"}).status_code == 403
        administrator = as_role(Role.ADMINISTRATOR)
        assert administrator.post(f"{address}change/", {"phone": "+51911111111"}).status_code == 403
        assert administrator.get(f"{address}change/").status_code == 200
        administrator.post(f"{address}delete/", {"post": "yes"})
        assert not Suppression.unscoped.exists()
        assert AuditEntry.unscoped.get().action == "suppression.deleted"

    def test_are_found_by_part_of_the_number_or_the_reason(self, account, browser):
        Suppression.unscoped.create(account=account, phone="+51987654321", reason="Queja")
        Suppression.unscoped.create(account=account, phone="+51911111111")
        for search in ("987-654", "queja"):
            html = page(browser.get("/admin/jobs/suppression/", {"q": search}))
            assert "+51987654321" in html
            assert "+51911111111" not in html


def test_the_page_knows_when_a_daily_limit_lets_the_last_one_go(account, browser):
    """Thirty people at three a day take ten days, not the half minute that the pace alone would."""
    device = make_device(account, messages_per_minute=60, daily_limit=3)
    job = make_job(account, 30, (device,))
    told = page_data(page(browser.get(live(job))), "live-data")
    left = datetime.fromisoformat(told["eta"]) - timezone.now()
    assert timedelta(days=8) < left < timedelta(days=10)
