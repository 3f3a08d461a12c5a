"""WhatsApp's audio carries no text, and gateways drop it without a word: refused at every door instead."""

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from campaigns.launch import schedule
from campaigns.models import Campaign
from jobs.models import Job
from tests.accounts import people
from tests.campaigns import campaigns_of

pytestmark = pytest.mark.django_db
AUDIO = {"type": "audio", "url": "https://example.com/nota.mp3"}
IMAGE = {"type": "image", "url": "https://example.com/foto.jpg"}
VARIANTS = [{"text": "Hola"}, {"text": "Buenas"}]
FIELDS = {"title": "Rebajas", "audience": {"labels": ["vip"]}}


@pytest.fixture
def admin(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PUBLIC_URL = "https://pregonero.example.com"
    return campaigns_of.member()


@pytest.fixture
def api(admin):
    """Call an address of the campaigns: `api("post", "/5/trigger")`."""
    client, base = people.api(admin), f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns"

    def call(method, path="", **body):
        return getattr(client, method)(base + path, body, content_type="application/json")

    return call


def refused(answer):
    """The status and code of a refusal, with the field where there is one."""
    body = answer.json()
    return answer.status_code, [(each["field"], each["code"]) for each in body["errors"]] or body["code"]


ON_THE_MESSAGE = (400, [("message", "audio_without_text")])


@pytest.mark.parametrize("text", [{"message": "Hola"}, {"variants": VARIANTS}, {"message": "a", "variants": VARIANTS}])
def test_a_campaign_cannot_be_made_with_both(api, text):
    assert refused(api("post", **FIELDS, **text, multimedia=AUDIO)) == ON_THE_MESSAGE
    assert not Campaign.unscoped.exists()


def test_an_audio_alone_is_a_campaign(api, admin):
    answer = api("post", **FIELDS, multimedia=AUDIO)
    assert (answer.status_code, answer.json()["message"], answer.json()["multimedia"]) == (201, "", AUDIO)
    assert api("post", **FIELDS, message="  ", multimedia=AUDIO).status_code == 201


def test_any_other_file_still_needs_a_message(api):
    assert refused(api("post", **FIELDS, multimedia=IMAGE)) == (400, [("message", "message_missing")])


def test_a_campaign_cannot_be_changed_to_both(api, admin):
    text = campaigns_of.campaign(admin.account)
    audio = campaigns_of.campaign(admin.account, message="", multimedia=AUDIO)
    assert refused(api("patch", f"/{text.pk}", multimedia=AUDIO)) == ON_THE_MESSAGE
    assert refused(api("patch", f"/{audio.pk}", message="Hola")) == ON_THE_MESSAGE
    assert refused(api("patch", f"/{audio.pk}", variants=VARIANTS)) == ON_THE_MESSAGE
    assert refused(api("patch", f"/{audio.pk}", multimedia=IMAGE)) == (400, [("message", "message_missing")])
    assert api("patch", f"/{text.pk}", multimedia=AUDIO, message="").status_code == 200
    assert api("patch", f"/{audio.pk}", multimedia=IMAGE, message="Hola").status_code == 200
    assert api("patch", f"/{audio.pk}", title="Otra").status_code == 200


def upload(admin, campaign, kind="audio", name="nota.mp3"):
    address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns/{campaign.pk}/multimedia"
    return people.api(admin).post(address, {"type": kind, "file": SimpleUploadedFile(name, b"ID3")})


def test_an_audio_is_not_uploaded_to_a_text(admin):
    made = campaigns_of.campaign(admin.account)
    assert refused(upload(admin, made)) == (400, "audio_without_text")
    made.refresh_from_db()
    assert (made.multimedia, made.multimedia_file.name) == ({}, "")


def test_an_audio_is_uploaded_to_a_campaign_that_waits_for_it(api, admin):
    answer = api("post", **FIELDS, multimedia={"type": "audio"})
    assert answer.status_code == 201, answer.content
    made = Campaign.unscoped.get()
    assert refused(api("post", f"/{made.pk}/test", phones=["+51987654321"])) == (400, "media_missing")
    assert upload(admin, made).json()["multimedia"] == {"type": "audio", "filename": "nota.mp3"}


@pytest.fixture
def of_before(admin):
    """A draft from before the rule."""
    campaigns_of.contact(admin.account, labels=["vip"])
    return campaigns_of.campaign(admin.account, multimedia=AUDIO)


@pytest.mark.parametrize(("call", "body"), [("trigger", {}), ("preview", {}), ("test", {"phones": ["+51987654321"]})])
def test_a_draft_of_before_goes_nowhere(api, of_before, call, body):
    assert refused(api("post", f"/{of_before.pk}/{call}", **body)) == (400, "audio_without_text")
    assert not Job.unscoped.exists()


def test_a_scheduled_draft_of_before_fails_with_the_reason(of_before):
    now = datetime(2027, 1, 1, tzinfo=UTC)
    Campaign.unscoped.filter(pk=of_before.pk).update(scheduled_at=now)
    assert schedule.launch_due(of_before.pk, now) is None
    of_before.refresh_from_db()
    assert (of_before.status, of_before.note_code) == ("failed", "audio_without_text")


def test_the_page_says_why(admin, of_before):
    browser = people.browser(admin)
    preview = browser.get(reverse("admin:campaigns_campaign_preview", args=[of_before.pk]), follow=True)
    assert "no lleva texto" in preview.content.decode()


# --- The form ---------------------------------------------------------------------------------------------


@pytest.fixture
def save(admin):
    """Post the form of a new campaign."""
    browser = people.browser(admin)

    def post(**fields):
        form = {"title": "Rebajas", "message": "", "audience": '{"labels": ["vip"]}', "time_zone": "UTC"}
        return browser.post(reverse("admin:campaigns_campaign_new"), {**form, "devices_limit": "5", **fields})

    return post


def by_address():
    return {"media_url": "https://example.com/nota.mp3"}


def by_upload():
    return {"media_file": SimpleUploadedFile("nota.mp3", b"ID3")}


@pytest.mark.parametrize("audio", [by_address, by_upload])
def test_the_form_refuses_both_and_takes_an_audio_alone(save, audio):
    refused = save(message="Hola", media_type="audio", **audio())
    assert refused.status_code == 400
    assert "no lleva texto" in refused.content.decode()
    assert not Campaign.unscoped.exists()
    assert save(media_type="audio", **audio()).status_code == 302
    made = Campaign.unscoped.get()
    assert (made.message, made.multimedia["type"]) == ("", "audio")


def test_the_form_still_wants_a_message_with_any_other_file(save):
    answer = save(media_type="image", media_url="https://example.com/foto.jpg")
    assert answer.status_code == 400
    assert not Campaign.unscoped.exists()
