"""The admin's pages of campaigns and segments: whose, for whom, from the form to the result."""

import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Role
from campaigns.launch import launching
from campaigns.models import Campaign, Label, Segment
from campaigns.pages import campaign_form
from campaigns.states import CampaignStatus
from jobs.models import Job, JobPart, Recipient
from jobs.states import JobStatus, RecipientState
from tests.accounts import people
from tests.campaigns import campaigns_of as arrange
from tests.factories import make_device

pytestmark = pytest.mark.django_db

LIST = "/admin/campaigns/campaign/"
NEW = f"{LIST}new/"
SEGMENTS = "/admin/campaigns/segment/"


@pytest.fixture
def account():
    return arrange.account(name="Tienda", time_zone="America/Lima", default_country="PE")


@pytest.fixture
def as_role(account):
    """A browser of a member with this role."""

    def log_in(role: Role):
        return people.browser(people.member(account, role))

    return log_in


@pytest.fixture
def browser(as_role):
    return as_role(Role.AGENT)


def page(response, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def address(campaign: Campaign, name: str = "page", **more) -> str:
    return reverse(f"admin:campaigns_campaign_{name}", kwargs={"campaign_id": campaign.pk, **more})


def filled(**fields):
    """What a browser posts of a filled form."""
    form = {
        "title": "Rebajas de enero",
        "message": "Hola {{name}}",
        "variants": "[]",
        "audience": json.dumps({"labels": ["vip"]}),
        "segment": "",
        "media_type": "",
        "media_url": "",
        "media_filename": "",
        "starts_at": "",
        "time_zone": "America/Lima",
        "recurrence": "",
        "cron": "",
        "window_start": "",
        "window_end": "",
        "weekdays": [str(day) for day in range(7)],
        "devices_limit": "5",
    }
    return {**form, **fields}


def only_campaign(account) -> Campaign:
    return Campaign.objects.for_account(account).get()


def error_of(html: str, field: str) -> str:
    """What stands beside a field; "" where nothing is wrong with it."""
    found = re.search(rf'<div id="error-{field}" class="pg-error" role="alert">(.*?)</div>', html, re.S)
    return re.sub(r"<[^>]+>", " ", found.group(1)).strip() if found else ""


def actions_of(account) -> list[str]:
    return list(AuditEntry.objects.for_account(account).order_by("pk").values_list("action", flat=True))


def test_the_form_says_what_kind_it_is_and_one_without_leaves_it(account, browser):
    html = page(browser.get(NEW))
    assert re.search(r'name="kind" value="commercial" checked', html)
    assert "no lleva ninguna oferta" in html
    assert browser.post(NEW, filled(kind="service")).status_code == 302
    made = only_campaign(account)
    assert made.kind == "service"
    assert "De servicio" in page(browser.get(address(made)))
    assert browser.post(address(made, "edit"), filled()).status_code == 302
    made.refresh_from_db()
    assert made.kind == "service"
    answer = browser.post(address(made, "edit"), filled(kind="rara"))
    assert "no es válido" in error_of(page(answer, 400), "kind")


class TestList:
    def test_shows_the_accounts_own_campaigns_with_status_and_progress(self, account, browser):
        arrange.contact(account, labels=["vip"])
        arrange.contact(account, labels=["vip"])
        ran = arrange.campaign(account, title="Enviada")
        run = arrange.launched(ran, timezone.now())
        Job.unscoped.filter(pk=run.job_id).update(status=JobStatus.PROCESSING, sent=1)
        arrange.campaign(account, title="Borrador de marzo")
        arrange.campaign(arrange.account(), title="De otra cuenta")
        html = page(browser.get(LIST))
        for text in ("Enviada", "En curso", "50 %", "Borrador de marzo", "borrador"):
            assert text in html
        assert "De otra cuenta" not in html
        assert f'href="{address(ran)}"' in html

    def test_filters_by_the_status_that_its_job_gives_it_and_searches_the_message(self, account, browser):
        arrange.contact(account, labels=["vip"])
        ran, draft = arrange.campaign(account, title="Enviada"), arrange.campaign(account, message="Hola primavera")
        arrange.launched(ran, timezone.now())
        assert address(ran) in (html := page(browser.get(LIST, {"status": "running"})))
        assert address(draft) not in html
        assert address(draft) in (html := page(browser.get(LIST, {"q": "primavera"})))
        assert address(ran) not in html

    def test_is_read_only_and_says_why_where_the_feature_is_off(self, account, as_role):
        made = arrange.campaign(account)
        account.whatsapp_api_campaigns = False
        account.save()
        browser = as_role(Role.ADMINISTRATOR)
        html = page(browser.get(LIST))
        assert "Las campañas están desactivadas en esta cuenta" in html
        assert reverse("admin:campaigns_segment_changelist") not in html  # no way there in the sidebar
        assert browser.get(NEW).status_code == 403
        assert browser.post(address(made, "launch")).status_code == 403
        assert browser.post(address(made, "control", action="cancel")).status_code == 403
        assert made.runs.count() == 0

    def test_the_sidebar_leads_there_where_it_is_on(self, browser):
        html = page(browser.get(reverse("admin:index")))
        assert f'href="{LIST}"' in html
        assert f'href="{SEGMENTS}"' in html


class TestScope:
    @pytest.mark.parametrize("name", ["page", "edit", "preview", "test", "launch"])
    def test_another_accounts_campaign_does_not_exist(self, browser, name):
        other = arrange.campaign(arrange.account())
        assert browser.get(address(other, name)).status_code == 404
        assert browser.post(address(other, name), filled(phones="+51987654321")).status_code == 404
        assert other.runs.count() == 0

    @pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry_failed"])
    def test_nor_is_it_cancelled_from_here(self, browser, action):
        other = arrange.campaign(arrange.account())
        assert browser.post(address(other, "control", action=action)).status_code == 404
        other.refresh_from_db()
        assert other.status == CampaignStatus.PENDING

    def test_its_segments_and_devices_cannot_be_chosen(self, account, browser):
        other = arrange.account()
        segment = Segment.unscoped.create(account=other, name="Ajeno", audience={"labels": ["x"]})
        html = page(browser.post(NEW, filled(segment=str(segment.pk))), 400)
        assert "Ajeno" not in html
        assert "Ese segmento ya no existe" in error_of(html, "audience")
        html = page(browser.post(NEW, filled(devices=[str(make_device(other).pk)])), 400)
        assert error_of(html, "devices")
        body = json.dumps({"segment": segment.pk})
        assert browser.post(f"{LIST}count/", body, content_type="application/json").status_code == 400

    def test_a_viewer_reads_and_does_nothing(self, account, as_role):
        arrange.contact(account, labels=["vip"])
        made = arrange.campaign(account)
        viewer = as_role(Role.VIEWER)
        html = page(viewer.get(address(made)))
        assert address(made, "launch") not in html
        assert address(made, "edit") not in html
        page(viewer.get(address(made, "preview")))
        for name in ("edit", "test", "launch"):
            assert viewer.post(address(made, name), filled(phones="+51987654321")).status_code == 403
        assert viewer.post(address(made, "control", action="cancel")).status_code == 403
        assert viewer.get(NEW).status_code == 403
        assert made.runs.count() == made.test_sends.count() == 0

    def test_only_an_administrator_deletes(self, account, as_role):
        made = arrange.campaign(account)
        delete = reverse("admin:campaigns_campaign_delete", args=[made.pk])
        assert as_role(Role.AGENT).post(delete, {"post": "yes"}).status_code == 403
        browser = as_role(Role.ADMINISTRATOR)
        assert "no se puede deshacer" in page(browser.get(delete))
        browser.post(delete, {"post": "yes"})
        assert not Campaign.objects.for_account(account).exists()
        assert actions_of(account)[-1] == "campaign.deleted"


class TestForm:
    def test_a_draft_is_launched_and_shows_what_became_of_it(self, account, browser):
        for number in range(3):
            arrange.contact(account, labels=["vip"], name=f"Ana {number}")
        arrange.contact(account, labels=["vip"], opted_out_at=timezone.now())
        answer = browser.post(NEW, filled())
        made = only_campaign(account)
        assert answer.url == address(made)
        assert "Borrador" in page(browser.get(address(made)))
        preview = page(browser.get(address(made, "preview")))
        assert "3 personas" in preview
        assert "Hola Ana 1" in preview
        asked = page(browser.get(address(made, "launch")))
        assert "3 personas" in asked
        assert "1 fuera: 1 de baja" in asked
        assert made.runs.count() == 0
        assert browser.post(address(made, "launch")).url == address(made)
        launching.freeze_run(made.runs.get().pk)
        job = made.runs.get().job
        job.recipients.filter(state=RecipientState.QUEUED).update(state=RecipientState.READ, sent_at=timezone.now())
        Job.unscoped.filter(pk=job.pk).update(status=JobStatus.COMPLETED, sent=3, finished_at=timezone.now())
        html = page(browser.get(address(made)))
        for text in (
            "Completada",
            "Leídos",
            "Por qué algunos quedaron fuera",
            reverse("admin:jobs_job_live", args=[job.uuid]),
        ):
            assert text in html
        assert "campaign.launched" in actions_of(account)

    def test_what_was_launched_is_launched_and_changed_no_more(self, account, browser):
        arrange.contact(account, labels=["vip"])
        made = arrange.campaign(account)
        arrange.launched(made, timezone.now())
        assert browser.post(address(made, "edit"), filled(title="Otra")).url == address(made)
        browser.post(address(made, "launch"))
        made.refresh_from_db()
        assert made.title == "Rebajas"
        assert made.runs.count() == 1

    def test_a_box_has_a_large_one_go_to_all_at_once(self, account, browser):
        browser.post(NEW, filled())
        assert only_campaign(account).canary is True
        edit = address(only_campaign(account), "edit")
        assert re.search(r'name="canary" value="false">', page(browser.get(edit)))
        browser.post(edit, filled(canary="false"))
        assert only_campaign(account).canary is False
        assert re.search(r'name="canary" value="false" checked>', page(browser.get(edit)))
        browser.post(edit, filled())
        assert only_campaign(account).canary is True

    def test_every_field_is_kept_and_shown_again(self, account, browser):
        device = make_device(account)
        variants = [{"text": "Hola {{name}}", "weight": 3}, {"text": "Buenas {{name}}", "weight": 1}]
        window = {"window_start": "09:00", "window_end": "20:00", "weekdays": ["0", "1", "2", "3", "4"]}
        window["zone_attribute"] = "zona"
        media = {"media_type": "image", "media_url": "https://example.com/a.png", "media_filename": "a.png"}
        time = {"starts_at": "2031-03-04T10:30", "recurrence": "weekly"}
        form = filled(
            variants=json.dumps(variants), devices=[str(device.pk)], devices_limit="2", **window, **media, **time
        )
        browser.post(NEW, form)
        made = only_campaign(account)
        assert made.variants == variants
        assert made.sending_window == {
            "start": "09:00",
            "end": "20:00",
            "weekdays": [0, 1, 2, 3, 4],
            "time_zone_attribute": "zona",
        }
        assert made.multimedia == {"type": "image", "url": "https://example.com/a.png", "filename": "a.png"}
        assert made.scheduled_at == datetime(2031, 3, 4, 10, 30, tzinfo=ZoneInfo("America/Lima"))
        assert (made.requested_device_ids, made.devices_limit, made.recurrence) == ([device.pk], 2, "weekly")
        html = page(browser.get(address(made, "edit")))
        for text in (
            "2031-03-04T10:30",
            'value="09:00"',
            "https://example.com/a.png",
            "Buenas {{name}}",
            'value="zona"',
        ):
            assert text in html
        page(browser.get(address(made)))
        assert browser.post(address(made, "edit"), {**form, "title": "Otra"}).status_code == 302
        changed = only_campaign(account)
        assert (changed.title, changed.scheduled_at, changed.sending_window) == (
            "Otra",
            made.scheduled_at,
            made.sending_window,
        )

    def test_the_second_of_an_hour_that_comes_twice_stays_it(self, account, browser):
        at = datetime(2031, 11, 2, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
        made = arrange.campaign(account, scheduled_at=at, time_zone="America/New_York")
        browser.post(address(made, "edit"), filled(starts_at="2031-11-02T01:30", time_zone="America/New_York"))
        assert only_campaign(account).scheduled_at == at.astimezone(UTC)  # other zones never equal a repeated hour
        assert only_campaign(account).title == "Rebajas de enero"

    def test_an_uploaded_file_goes_with_it_and_stays_through_a_change(self, account, browser, settings, tmp_path):
        settings.MEDIA_ROOT = str(tmp_path)
        file = SimpleUploadedFile("foto.png", b"\x89PNG", content_type="image/png")
        browser.post(NEW, filled(media_type="image", media_file=file))
        made = only_campaign(account)
        assert made.multimedia == {"type": "image", "filename": "foto.png"}
        browser.post(address(made, "edit"), filled(title="Otra", media_type="image", media_filename="foto.png"))
        made = only_campaign(account)
        assert made.title == "Otra"
        assert made.multimedia == {"type": "image", "filename": "foto.png"}
        with made.multimedia_file.open("rb") as kept:
            assert kept.read() == b"\x89PNG"

    def test_what_repeats_begins_later_too(self, account, browser):
        html = page(browser.post(NEW, filled(starts_at="2020-01-01T10:00", recurrence="daily")), 400)
        assert "ya pasó" in error_of(html, "schedule")

    def test_what_repeats_and_failed_at_its_time_is_saved_with_the_next(self, account, browser):
        browser.post(NEW, filled(starts_at="2031-01-01T10:00", recurrence="daily"))
        made = only_campaign(account)
        past = made.scheduled_at.replace(year=2020)
        Campaign.unscoped.filter(pk=made.pk).update(status="failed", scheduled_at=past, recurs_from=past)
        shown = campaign_form.of_campaign(only_campaign(account))
        browser.post(address(made, "edit"), filled(starts_at=shown["starts_at"], recurrence="daily", title="Otra"))
        made = only_campaign(account)
        assert (made.title, made.status) == ("Otra", "pending")
        assert made.scheduled_at > timezone.now()

    def test_a_file_without_its_type_is_asked_for_it_instead_of_forgotten(self, account, browser):
        file = SimpleUploadedFile("foto.png", b"\x89PNG", content_type="image/png")
        html = page(browser.post(NEW, filled(media_file=file)), 400)
        assert "Elige el tipo" in error_of(html, "multimedia")
        assert not Campaign.objects.for_account(account).exists()

    def test_the_preview_names_the_attachment(self, account, browser):
        made = arrange.campaign(account, multimedia={"type": "image", "url": "https://example.com/a.png"})
        assert "Imagen: https://example.com/a.png" in page(browser.get(address(made, "preview")))

    def test_no_type_takes_the_attachment_away(self, account, browser):
        media = {"type": "image", "url": "https://example.com/a.png"}
        made = arrange.campaign(account, multimedia=media)
        browser.post(address(made, "edit"), filled(media_url=media["url"]))
        assert only_campaign(account).multimedia == {}

    @pytest.mark.parametrize(
        ("fields", "field", "said"),
        [
            ({"title": ""}, "title", "vacío"),
            ({"message": " "}, "message", "Escribe el mensaje"),
            ({"variants": '[{"text": "uno"}]'}, "variants", "de 2 a 10"),
            ({"variants": "[{"}, "variants", "JSON"),
            ({"audience": "{"}, "audience", "JSON"),
            ({"audience": '{"custom_attributes": {"puntos": {"op": "gt", "value": true}}}'}, "audience", "puntos"),
            ({"audience": '{"contact_ids": [99999999]}'}, "audience", "no existe"),
            ({"starts_at": "mañana"}, "schedule", "fecha"),
            ({"starts_at": "2020-01-01T10:00"}, "schedule", "ya pasó"),
            ({"starts_at": "2031-03-09T02:30", "time_zone": "America/New_York"}, "schedule", "no existe"),
            ({"time_zone": "Marte"}, "time_zone", "America/Lima"),
            ({"recurrence": "daily"}, "recurrence", "empieza"),
            ({"recurrence": "cron", "cron": ""}, "recurrence", "cron"),
            ({"zone_attribute": "zona"}, "sending_window", "dos horas"),
            ({"window_start": "20:00", "window_end": "09:00"}, "sending_window", "dos horas"),
            ({"devices_limit": "0"}, "devices_limit", "1 a 1000"),
            ({"media_type": "image"}, "multimedia", "https://"),
            ({"media_url": "https://example.com/a.png"}, "multimedia", "Elige el tipo"),
            ({"media_type": "image", "media_url": "http://169.254.1.1/a.png"}, "multimedia", "Ningún gateway"),
            ({"media_type": "image", "media_url": "http://minio:9000/a.png"}, "multimedia", "Ningún gateway"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(self, account, browser, fields, field, said):
        html = page(browser.post(NEW, filled(**fields)), 400)
        assert said in error_of(html, field)
        assert ("Rebajas de enero" in html) == ("title" not in fields)
        assert not Campaign.objects.for_account(account).exists()

    def test_everything_that_is_wrong_is_said_at_once(self, browser):
        html = page(browser.post(NEW, filled(title="", message="", recurrence="daily", time_zone="Marte")), 400)
        assert all(error_of(html, field) for field in ("title", "message", "recurrence", "time_zone"))

    def test_the_chips_and_conditions_offer_what_contacts_have(self, account, browser):
        arrange.contact(account, custom_attributes={"region": "norte", "puntos": 7})
        Label.unscoped.create(account=account, name="clientes")
        html = page(browser.get(NEW))
        assert 'data-chip="{{custom_attributes.region}}"' in html
        assert 'data-label="clientes"' in html
        script = json.loads(
            re.search(r'<script id="audience-data" type="application/json">(.*?)</script>', html, re.S)[1]
        )
        assert script["attributes"]["puntos"] == {"type": "number", "kind": "", "examples": ["7"]}

    def test_an_empty_audience_is_a_draft_that_is_not_sent(self, account, browser):
        browser.post(NEW, filled(audience="{}"))
        made = only_campaign(account)
        answer = browser.get(address(made, "launch"), follow=True)
        assert "La audiencia está vacía" in page(answer)
        browser.post(address(made, "launch"))
        assert made.runs.count() == 0


class TestCount:
    def ask(self, browser, **body):
        return browser.post(f"{LIST}count/", json.dumps(body), content_type="application/json")

    def test_says_how_many_who_is_left_out_and_what_they_read(self, account, browser):
        arrange.contact(account, labels=["vip"], name="Ana")
        arrange.contact(account, labels=["vip"], opted_out_at=timezone.now())
        answer = self.ask(browser, audience={"labels": ["vip"]}, texts=["Hola {{name}}", ""]).json()
        assert (answer["count"], answer["matched"], answer["people"]) == (1, 2, "1 persona")
        assert answer["left_out"].startswith("1 fuera: 1 ")
        assert [sample["text"] for sample in answer["samples"]] == ["Hola Ana"]

    def test_counts_a_segment(self, account, browser):
        arrange.contact(account, labels=["vip"])
        segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["vip"]})
        assert self.ask(browser, segment=str(segment.pk), texts=[]).json()["count"] == 1

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"audience": {"etiquetas": []}}', b'{"audience": 3}'])
    def test_what_cannot_be_read_is_said_in_words(self, browser, body):
        answer = browser.post(f"{LIST}count/", body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["error"]


class TestActions:
    def test_cancelling_asks_first(self, account, browser):
        made = arrange.campaign(account)
        cancel = address(made, "control", action="cancel")
        asked = page(browser.get(cancel))
        assert "¿Cancelar «Rebajas»?" in asked
        # A second "Cancelar" beside it would leave open which of them cancels what.
        assert re.search(rf'href="{address(made)}"[^>]*>\s*Volver\s*<', asked)
        assert only_campaign(account).current_status == CampaignStatus.PENDING
        browser.post(cancel)
        assert only_campaign(account).current_status == CampaignStatus.CANCELLED
        assert actions_of(account) == ["campaign.cancel"]

    def test_pauses_and_resumes_what_is_sent(self, account, browser):
        arrange.contact(account, labels=["vip"])
        made = arrange.campaign(account)
        make_device(account)
        arrange.started(made, timezone.now())
        browser.post(address(made, "control", action="pause"))
        assert only_campaign(account).current_status == CampaignStatus.PAUSED
        assert address(made, "control", action="resume") in page(browser.get(address(made)))
        browser.post(address(made, "control", action="resume"))
        assert only_campaign(account).current_status == CampaignStatus.RUNNING
        assert actions_of(account) == ["campaign.pause", "campaign.resume"]

    def test_what_cannot_be_done_is_said(self, account, browser):
        made = arrange.campaign(account)
        answer = browser.post(address(made, "control", action="pause"), follow=True)
        assert "No se hizo nada: la campaña está pendiente" in page(answer)

    def test_a_test_goes_to_the_numbers_written(self, account, browser):
        arrange.contact(account, labels=["vip"], name="Ana")
        made = arrange.campaign(account)
        refused = page(browser.post(address(made, "test"), {"phones": "hola"}), 400)
        assert "deja solo el número" in error_of(refused, "phones")
        answer = browser.post(address(made, "test"), {"phones": "987654321\n+51 987 654 322"})
        job = made.test_sends.get().job
        assert answer.url == reverse("admin:jobs_job_live", args=[job.uuid])
        assert sorted(job.recipients.values_list("phone", flat=True)) == ["+51987654321", "+51987654322"]
        assert actions_of(account) == ["campaign.tested"]

    def test_a_test_says_which_number_is_a_landline(self, account, browser):
        made = arrange.campaign(account)
        answer = browser.post(address(made, "test"), {"phones": "987654321\n+51 1 4567890"}, follow=True)
        assert "+5114567890." in page(answer)
        assert "+51987654321." not in page(answer)

    def test_variants_are_compared(self, account, browser):
        for _ in range(8):
            arrange.contact(account, labels=["vip"])
        variants = [{"text": "Hola", "weight": 1}, {"text": "Buenas", "weight": 1}]
        made = arrange.campaign(account, variants=variants)
        job = arrange.launched(made, timezone.now()).job
        job.recipients.update(variant=0, state=RecipientState.SENT)
        first = job.recipients.order_by("position").first()
        type(first).objects.filter(pk=first.pk).update(variant=1, state=RecipientState.READ)
        JobPart.objects.create(job=job, device_id=1, variant=1, delivered=1, read=1)
        html = page(browser.get(address(made)))
        assert "Los textos, comparados" in html
        assert html.index("Buenas") > html.index("Hola")
        assert html.count("más leído") == 1
        JobPart.objects.create(job=job, device_id=1, variant=0, delivered=7, read=7)
        assert "más leído" not in page(browser.get(address(made)))


class TestSegments:
    def test_is_made_used_and_not_deleted_while_it_is_used(self, account, as_role):
        browser = as_role(Role.ADMINISTRATOR)
        browser.post(f"{SEGMENTS}new/", {"name": "Clientes", "audience": '{"labels": ["vip"]}'})
        segment = Segment.objects.for_account(account).get()
        assert segment.audience == {"labels": ["vip"]}
        made = arrange.campaign(account, audience={}, segment=segment)
        assert "Clientes" in page(browser.get(SEGMENTS))
        assert "Clientes" in page(browser.get(address(made)))
        delete = reverse("admin:campaigns_segment_delete", args=[segment.pk])
        assert "espera para enviarse: “Rebajas”" in page(browser.post(delete, {"post": "yes"}))
        made.delete()
        browser.post(delete, {"post": "yes"})
        assert not Segment.objects.for_account(account).exists()
        assert actions_of(account) == ["segment.created", "segment.deleted"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "VIP"}, "name"),
            ({"audience": "{"}, "audience"),
            ({"audience": "3"}, "audience"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(self, account, browser, fields, field):
        Segment.unscoped.create(account=account, name="VIP")
        form = {"name": "Otros", "audience": "{}", **fields}
        assert error_of(page(browser.post(f"{SEGMENTS}new/", form), 400), field)
        assert Segment.objects.for_account(account).count() == 1

    def test_a_viewer_reads_it(self, account, as_role):
        segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["vip"]})
        viewer = as_role(Role.VIEWER)
        edit = reverse("admin:campaigns_segment_edit", args=[segment.pk])
        assert "Cualquiera de las etiquetas: vip" in page(viewer.get(edit))
        assert viewer.post(edit, {"name": "x", "audience": "{}"}).status_code == 403

    def test_another_accounts_segment_does_not_exist(self, browser):
        segment = Segment.unscoped.create(account=arrange.account(), name="Ajeno")
        edit = reverse("admin:campaigns_segment_edit", args=[segment.pk])
        assert browser.get(edit).status_code == 404
        assert browser.post(edit, {"name": "x", "audience": "{}"}).status_code == 404


def test_a_new_campaign_begins_with_the_segment_of_the_address(account, browser):
    segment = Segment.unscoped.create(account=account, name="VIP", audience={"labels": ["vip"]})
    html = page(browser.get(NEW, {"segment": segment.pk}))
    assert f'<option value="{segment.pk}" selected>' in html


class TestReceipts:
    def test_what_nobody_has_said_yet_is_not_shown_as_zero(self, account, browser):
        arrange.contact(account, labels=["vip"])
        make_device(account)
        made = arrange.campaign(account)
        run = arrange.started(made, timezone.now())
        assert "Entregados" not in page(browser.get(address(made)))
        Recipient.objects.filter(job=run.job).update(state="delivered", sent_at=timezone.now())
        Job.unscoped.filter(pk=run.job_id).update(sent=1)
        html = page(browser.get(address(made)))
        assert "Entregados" in html
        assert "Respondieron" not in html
        Job.unscoped.filter(pk=run.job_id).update(replied=1)
        assert "Respondieron" in page(browser.get(address(made)))
