"""The file that goes with a campaign: checked before its launch, and served to gateways when it was uploaded."""

import contextlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEntry
from campaigns.launch import media
from campaigns.launch.media import MediaRefused
from campaigns.models import Campaign
from jobs.models import Job
from tests.accounts import people
from tests.campaigns import campaigns_of

pytestmark = pytest.mark.django_db
MB = 1024 * 1024


PNG, JPEG, PDF, MP4 = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"%PDF-1.7", b"\0\0\0\x18ftypmp42"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title>"
SVG = b"<?xml version='1.0'?>\n<!-- logo --><svg xmlns='http://www.w3.org/2000/svg'>"
BODIES = {"png": PNG, "jpg": JPEG, "pdf": PDF, "mp4": MP4, "html": PAGE, "svg": SVG, "none": b"\0" * 8}


class Files(BaseHTTPRequestHandler):
    """/status/type/size[/body/name], and some oddities. Only GET is allowed: a gateway asks nothing else."""

    def do_HEAD(self):
        self.server.asked.append((self.command, self.path))
        self.answer(self.server.on_head)

    def do_GET(self):
        self.server.asked.append((self.command, self.path))
        if self.path == "/moved":
            return self.answer(302, Location="/200/image/jpeg/5")
        if self.path == "/round":
            return self.answer(302, Location="/round")
        if self.path == "/inwards":
            return self.answer(302, Location="http://169.254.169.254/latest/meta-data")
        if self.path.startswith("/ranged"):
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            content = (PNG + b"\0" * 1000 * 1000)[int(first) : int(last) + 1]
            sizes = {"Content-Length": len(content), "Content-Range": f"bytes {first}-{last}/1000008"}
            return self.answer(206, content, **{"Content-Type": "image/png"}, **sizes)
        if self.path.startswith("/nothing"):
            return self.answer(416, **{"Content-Range": "bytes */0", "Content-Length": 0})
        if self.path.startswith("/endless"):
            self.answer(200, **{"Content-Type": "image/png"})
            with contextlib.suppress(OSError):
                self.wfile.write(PNG)
                while True:
                    self.wfile.write(b"\0" * 65_536)
        _, status, kind, subtype, size, *more = self.path.split("/")
        headers = {"Content-Type": f"{kind}/{subtype}"} if kind != "none" else {}
        # Less than it says: what is asked is only how it begins.
        body = (BODIES[more[0] if more else "none"] + b"\0" * 4096)[: min(4096, int(size) if size != "none" else 4096)]
        return self.answer(int(status), body, **headers, **({"Content-Length": size} if size != "none" else {}))

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def files(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.asked, server.on_head = [], 405
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def campaign_with(url, kind="image"):
    return Campaign(multimedia={"type": kind, "url": url, "filename": "oferta.jpg"})


def refusal(campaign):
    with pytest.raises(MediaRefused) as refused:
        media.checked(campaign)
    return refused.value.code


def test_a_text_has_no_file():
    assert media.checked(Campaign()) == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/200/image/jpeg/500000", "image"),
        ("/200/image/png/none", "image"),
        ("/200/application/octet-stream/5/none/foto.jpg", "image"),
        ("/200/none/none/5/none/foto.jpg", "image"),
        ("/200/application/octet-stream/500/png/foto", "image"),
        ("/200/application/pdf/5", "document"),
        ("/200/application/pdf/500/pdf", "document"),
        ("/200/video/mp4/5", "video"),
        ("/200/application/ogg/5", "audio"),
        ("/moved", "image"),
        ("/ranged", "image"),
        ("/endless", "image"),
    ],
)
def test_a_good_file_goes_out_as_it_was_written(files, path, kind):
    campaign = campaign_with(files.url + path, kind)
    assert media.checked(campaign) == campaign.multimedia


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/404/text/html/5", "image", "media_not_found"),
        ("/401/text/html/5", "image", "media_not_found"),
        ("/503/text/html/5", "image", "media_unreachable"),
        ("/200/text/html/5", "image", "media_wrong_type"),
        ("/200/image/jpeg/5", "video", "media_wrong_type"),
        ("/200/application/octet-stream/5/none/lista.pdf", "audio", "media_wrong_type"),
        ("/200/application/octet-stream/500/pdf/lista", "video", "media_wrong_type"),
        # A page that asks for a password, whatever it says it is
        ("/200/text/html/500/html/lista.pdf", "document", "media_wrong_type"),
        ("/200/application/pdf/500/html/lista.pdf", "document", "media_wrong_type"),
        ("/200/application/xhtml+xml/500/none/lista.pdf", "document", "media_wrong_type"),
        ("/200/image/jpeg/500/html/foto.jpg", "image", "media_wrong_type"),
        ("/200/video/mp4/500/html/clip.mp4", "video", "media_wrong_type"),
        ("/200/audio/mpeg/500/html/nota.mp3", "audio", "media_wrong_type"),
        ("/200/none/none/500/html/lista", "document", "media_wrong_type"),
        # WhatsApp has no drawings
        ("/200/image/svg+xml/500/svg/logo.svg", "image", "media_wrong_type"),
        ("/200/image/png/500/svg/logo.png", "image", "media_wrong_type"),
        ("/200/none/none/5/none/logo.svg", "image", "media_wrong_type"),
        ("/nothing", "image", "media_empty"),
        (f"/200/image/jpeg/{5 * MB + 1}", "image", "media_too_large"),
        (f"/200/video/mp4/{16 * MB + 1}", "video", "media_too_large"),
        (f"/200/application/pdf/{100 * MB + 1}", "document", "media_too_large"),
        ("/200/image/jpeg/0", "image", "media_empty"),
        ("/round", "image", "media_not_found"),
        ("/inwards", "image", "media_refused"),
    ],
)
def test_what_whatsapp_would_not_take_is_refused(files, path, kind, code):
    assert refusal(campaign_with(files.url + path, kind)) == code


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 500, 501])
def test_what_a_server_answers_to_another_question_does_not_matter(files, status):
    files.on_head = status
    assert media.checked(campaign_with(files.url + "/ranged"))
    assert [command for command, _ in files.asked] == ["GET"]


def test_a_page_that_is_meant_is_a_document(files):
    url = files.url + "/200/text/html/500/html/programa.html"
    multimedia = {"type": "document", "url": url, "filename": "programa.html"}
    assert media.checked(Campaign(multimedia=multimedia)) == multimedia


@pytest.mark.parametrize(
    ("given", "path", "sent"),
    [
        ("precios.pdf", "/200/application/pdf/500/pdf/d", "precios.pdf"),
        ("precios", "/200/application/pdf/500/pdf/d.pdf", "precios.pdf"),
        ("precios", "/200/application/pdf/500/pdf/d", "precios.pdf"),
        ("precios v1.2", "/200/application/pdf;a=b/500/pdf/d", "precios v1.2.pdf"),
        ("precios", "/200/application/octet-stream/500/pdf/d", "precios.pdf"),
        ("", "/200/application/pdf/500/pdf/lista%20a.pdf", "lista a.pdf"),
        ("", "/200/application/pdf/500/pdf/descargar", "documento.pdf"),
        ("", "/200/application/msword/500/none/descargar.php", "documento.doc"),
        ("", "/200/text/csv/500/none/x?id=1.2", "documento.csv"),
        ("", "/200/none/none/500/none/x", "documento.bin"),
        ("x" * 255, "/200/application/pdf/500/pdf/d", "x" * 251 + ".pdf"),
    ],
)
def test_a_document_is_sent_under_a_name_with_an_ending(files, given, path, sent):
    named = {"filename": given} if given else {}
    checked = media.checked(Campaign(multimedia={"type": "document", "url": files.url + path, **named}))
    assert checked == {"type": "document", "url": files.url + path, "filename": sent}


def test_an_unreachable_server_may_be_back(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    with pytest.raises(MediaRefused) as refused:
        media.checked(campaign_with("http://127.0.0.1:1/a.jpg"))
    assert (refused.value.code, refused.value.is_passing) == ("media_unreachable", True)


def test_private_networks_are_not_asked(settings):
    settings.EGRESS_ALLOWED_CIDRS = []
    assert refusal(campaign_with("http://127.0.0.1:1/a.jpg")) == "media_refused"


def test_it_is_looked_at_once_whatever_the_number_of_recipients(files):
    account = campaigns_of.account()
    for _ in range(5):
        campaigns_of.contact(account, labels=["vip"])
    multimedia = {"type": "image", "url": files.url + "/200/image/jpeg/5", "filename": "a.jpg"}
    made = campaigns_of.campaign(account, multimedia=multimedia)
    campaigns_of.launched(made, "2027-01-01T00:00:00Z")
    assert len(files.asked) == 1
    assert Job.unscoped.get().media == multimedia


# --- Uploaded ----------------------------------------------------------------------------------------------


@pytest.fixture
def admin(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.PUBLIC_URL = "https://pregonero.example.com"
    return campaigns_of.member()


def upload(member, campaign, name="foto año.png", content=PNG, kind="image"):
    address = f"/api/v1/accounts/{member.account_id}/whatsapp_api_campaigns/{campaign.pk}/multimedia"
    return people.api(member).post(address, {"type": kind, "file": SimpleUploadedFile(name, content)})


def fetch(url):
    return Client().get(url.removeprefix("https://pregonero.example.com"))


def test_an_uploaded_file_is_served_to_gateways_by_a_signed_address(admin):
    made = campaigns_of.campaign(admin.account)
    answer = upload(admin, made)
    assert answer.status_code == 200, answer.content
    assert answer.json()["multimedia"] == {"type": "image", "filename": "foto año.png"}
    assert AuditEntry.objects.for_account(admin.account).get().details["fields"] == ["multimedia"]

    made.refresh_from_db()
    url = media.checked(made)["url"]
    assert url.startswith("https://pregonero.example.com/campaign-media/")
    assert url.endswith(".png")
    served = fetch(url)
    assert served.status_code == 200
    assert (b"".join(served.streaming_content), served["Content-Type"]) == (PNG, "image/png")
    assert "attachment" in served["Content-Disposition"]

    ticket, _, name = url.rpartition("/")
    assert fetch(f"{ticket}x/{name}").status_code == 404
    assert fetch(f"https://pregonero.example.com/campaign-media/nonsense/{name}").status_code == 404


def test_an_uploaded_file_and_its_name_are_on_disk_before_the_campaign_has_it(admin, settings, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda one: (synced.append(os.fstat(one).st_ino), real(one)))
    made = campaigns_of.campaign(admin.account)
    assert upload(admin, made).status_code == 200
    [kept] = (settings.MEDIA_ROOT / "campaigns").iterdir()
    assert synced == [kept.stat().st_ino, kept.parent.stat().st_ino]
    made.refresh_from_db()
    assert made.multimedia_file.path == str(kept)


def test_a_file_of_a_campaign_that_cannot_have_it_is_not_kept(admin, settings):
    made = campaigns_of.campaign(admin.account, status="cancelled")
    assert upload(admin, made).json()["code"] == "campaign_launched"
    assert list((settings.MEDIA_ROOT / "campaigns").iterdir()) == []


def test_what_was_read_can_be_written_back(admin):
    made = campaigns_of.campaign(admin.account)
    read = upload(admin, made).json()
    address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns/{made.pk}"
    answer = people.api(admin).patch(address, read, content_type="application/json")
    assert (answer.status_code, answer.json()["multimedia"]) == (200, read["multimedia"])


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_with_the_campaign(admin):
    made = campaigns_of.campaign(admin.account)
    upload(admin, made)
    made.refresh_from_db()
    storage, name = made.multimedia_file.storage, made.multimedia_file.name
    assert storage.exists(name)
    address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns/{made.pk}"
    assert people.api(admin).delete(address).status_code == 204
    assert not storage.exists(name)


def test_its_address_ends_with_time_and_with_the_file(admin, monkeypatch):
    made = campaigns_of.campaign(admin.account)
    upload(admin, made)
    made.refresh_from_db()
    url = media.address(made)
    monkeypatch.setattr(media, "ADDRESS_SECONDS", -1)
    assert fetch(url).status_code == 404
    monkeypatch.undo()
    upload(admin, made, name="otra.png")
    assert fetch(url).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "kind", "code"),
    [
        ("a.pdf", b"pdf", "image", "media_wrong_type"),
        ("a.png", b"", "image", "media_empty"),
        ("a.png", PAGE, "image", "media_wrong_type"),
        ("a.pdf", PAGE, "document", "media_wrong_type"),
        ("a.png", SVG, "image", "media_wrong_type"),
    ],
)
def test_a_wrong_upload_is_refused(admin, name, content, kind, code):
    answer = upload(admin, campaigns_of.campaign(admin.account), name, content, kind)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_upload_without_type_or_file_is_refused(admin):
    made = campaigns_of.campaign(admin.account)
    assert upload(admin, made, kind="sticker").json()["errors"][0]["code"] == "multimedia_type"
    address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns/{made.pk}/multimedia"
    assert people.api(admin).post(address, {"type": "image"}).json()["errors"][0]["code"] == "file_missing"


def test_a_launched_campaigns_file_stays(admin):
    campaigns_of.contact(admin.account, labels=["vip"])
    made = campaigns_of.campaign(admin.account)
    campaigns_of.launched(made, "2027-01-01T00:00:00Z")
    assert upload(admin, made).json()["code"] == "campaign_launched"


def test_a_lost_file_is_noticed_before_the_launch(admin):
    made = campaigns_of.campaign(admin.account)
    upload(admin, made)
    made.refresh_from_db()
    made.multimedia_file.storage.delete(made.multimedia_file.name)
    assert refusal(made) == "media_missing"


def test_an_uploaded_document_without_an_ending_gets_one(admin):
    made = campaigns_of.campaign(admin.account)
    assert upload(admin, made, name="precios", content=PDF, kind="document").status_code == 200
    made.refresh_from_db()
    assert media.checked(made)["filename"] == "precios.pdf"


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://pregonero:8000", "http://web.localhost"])
def test_gateways_cannot_fetch_uploads_from_a_server_without_a_domain(admin, settings, url):
    made = campaigns_of.campaign(admin.account)
    upload(admin, made)
    made.refresh_from_db()
    settings.PUBLIC_URL = url
    assert refusal(made) == "public_url_unusable"
