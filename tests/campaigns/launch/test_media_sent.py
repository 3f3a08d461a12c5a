"""A campaign's file all the way: what is written to the gateway, and what leaves for WhatsApp."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from campaigns.launch.media import MediaRefused
from jobs.models import Recipient
from jobs.running.lane_runner import LaneRunner
from tests.campaigns import campaigns_of
from tests.factories import make_device

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {
    "/lista": ("application/pdf", b"%PDF-1.7 and so on"),
    "/foto.png": ("image/png", b"\x89PNG\r\n\x1a\n and so on"),
    "/nota.mp3": ("audio/mpeg", b"ID3 and so on"),
}


class Files(BaseHTTPRequestHandler):
    def do_GET(self):
        content_type, content = FILES.get(self.path, ("text/html", b""))
        self.send_response(200 if content and not self.server.is_down else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def files(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.is_down = False
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def send(simulator, multimedia, message, meanwhile=lambda: None):
    """Launch a campaign to one person and send it; return the request that reached the gateway."""
    account = campaigns_of.account()
    campaigns_of.contact(account, phone="+51987654321", labels=["vip"])
    make_device(
        account, base_url=simulator.url, instance_name="demo-1", token=simulator.token, messages_per_minute=None
    )
    made = campaigns_of.campaign(account, multimedia=multimedia, message=message)
    campaigns_of.started(made, "2026-01-01T00:00:00Z")
    meanwhile()
    runner = LaneRunner()
    try:
        runner.run(5)
    finally:
        runner.close()
    [request] = [one for one in simulator.last_requests() if one["path"] == "/message/sendMedia/demo-1"]
    return json.loads(request["body"])


def left(simulator):
    """The message that left for WhatsApp, as the gateway's store has it."""
    where = {"where": {"key": {"remoteJid": "51987654321@s.whatsapp.net"}}}
    [record] = simulator.post("/chat/findMessages/demo-1", where).json()["messages"]["records"]
    return record["message"]


def test_a_document_without_a_name_arrives_as_what_it_is(files, simulator):
    request = send(simulator, {"type": "document", "url": files.url + "/lista"}, "Los precios")
    assert request["fileName"] == "documento.pdf"
    assert (
        left(simulator)["documentMessage"].items()
        >= {
            "mimetype": "application/pdf",
            "fileName": "documento.pdf",
            "caption": "Los precios",
        }.items()
    )


def test_an_image_arrives_as_the_jpeg_that_the_gateway_makes_of_it(files, simulator):
    multimedia = {"type": "image", "url": files.url + "/foto.png", "filename": "foto.png"}
    assert "fileName" not in send(simulator, multimedia, "Mira")
    assert left(simulator)["imageMessage"].items() >= {"mimetype": "image/jpeg", "caption": "Mira"}.items()


def test_an_audio_arrives_alone(files, simulator):
    request = send(simulator, {"type": "audio", "url": files.url + "/nota.mp3"}, "")
    assert request.keys() == {"number", "mediatype", "media"}
    assert left(simulator)["audioMessage"]["mimetype"] == "audio/mpeg"
    assert Recipient.objects.get().state == "sent"


def test_a_file_that_is_gone_since_the_launch_reaches_nobody(files, simulator):
    multimedia = {"type": "image", "url": files.url + "/foto.png"}
    send(simulator, multimedia, "Mira", meanwhile=lambda: setattr(files, "is_down", True))
    assert simulator.ledger()["accepted"] == 0
    assert Recipient.objects.get().state != "sent"


def test_a_file_that_is_not_there_is_noticed_before_the_launch(files, simulator):
    with pytest.raises(MediaRefused) as refused:
        send(simulator, {"type": "image", "url": files.url + "/otra.png"}, "Mira")
    assert refused.value.code == "media_not_found"
