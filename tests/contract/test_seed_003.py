"""Seed 003 to the letter: its addresses, its JSON in and out, and the requests that reach the gateway."""

import json

import pytest
from django.test import Client

from accounts.models import Account, Role
from campaigns.launch import launching, media
from campaigns.models import CampaignRun
from devices.gateway.http import Response
from jobs.models import Job
from jobs.running.lane_runner import LaneRunner
from jobs.sending import dispatch
from tests.accounts import people
from tests.waiting import GIVE_UP_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)

# As the seed has them.
BY_CONTACT_IDS = '{"contact_ids": [1, 2, 3, 4, 5]}'
BY_LABELS = '{"labels": ["vip", "newsletter", "premium"]}'
BY_ATTRIBUTES = """{
  "custom_attributes": {
    "subscription_type": "premium",
    "region": "north_america",
    "active": true
  }
}"""
COMBINED = """{
  "contact_ids": [1, 2, 3],
  "labels": ["vip"],
  "custom_attributes": {
    "subscription_type": "premium"
  }
}"""
IMAGE = """{
  "type": "image",
  "url": "https://example.com/image.jpg",
  "filename": "campaign_image.jpg"
}"""
DOCUMENT = """{
  "type": "document",
  "url": "https://example.com/document.pdf",
  "filename": "campaign_document.pdf"
}"""
CREDENTIALS = """{
  "whatsapp_api_credentials": {
    "base_url": "https://api.evolution.com",
    "token": "your_api_token",
    "instance_name": "your_instance_name"
  }
}"""
ZEROS = dict.fromkeys(
    ("total", "pending", "sent", "delivered", "read", "replied", "failed", "suppressed", "unknown"), 0
)


class Front:
    """A front end of one account, which knows nothing but the API."""

    def __init__(self, role: Role = Role.ADMINISTRATOR, account: Account | None = None) -> None:
        self.membership = people.member(account or people.account(whatsapp_api_campaigns=True), role)
        self.client = Client(headers={"api_access_token": people.token_of(self.membership)})
        self.base = f"/api/v1/accounts/{self.membership.account_id}"
        self.campaigns = f"{self.base}/whatsapp_api_campaigns"

    def call(self, method, address, status=200, body=None):
        answer = getattr(self.client, method)(
            address, **({} if body is None else {"data": json.dumps(body), "content_type": "application/json"})
        )
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def contact(self, **fields):
        return self.call("post", f"{self.base}/contacts", 201, fields)

    def campaign(self, **fields):
        return self.call(
            "post", self.campaigns, 201, {"title": "Campaña", "message": "Mensaje de la campaña", **fields}
        )

    def device(self, **fields):
        fields = {"name": "Canal API", "messages_per_minute": None, "max_in_flight": 8, **fields}
        return self.call("post", f"{self.base}/devices", 201, fields)


@pytest.fixture
def front(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8"]
    return Front()


@pytest.fixture(autouse=True)
def no_workers(monkeypatch):
    """Nudges go nowhere: the test does what workers would."""
    monkeypatch.setattr("campaigns.tasks.freeze_audience.delay", lambda *_: None)
    monkeypatch.setattr("jobs.tasks.start_job.delay", lambda *_: None)


@pytest.fixture
def the_internet(monkeypatch):
    """example.com, as the seed's examples need it; the tests speak to this machine only."""
    asked = []

    def request(method, url, *_, **__):
        asked.append((method, url))
        kind = "image/jpeg" if url.endswith(".jpg") else "application/pdf"
        return Response(200, b"", {"content-type": kind, "content-length": "1000"})

    monkeypatch.setattr(media.http, "request", request)
    return asked


def let_workers_work():
    """Freeze what was launched, start its job and send."""
    for run in CampaignRun.objects.filter(job__imported_at=None):
        launching.freeze_run(run.pk)
        dispatch.start(run.job_id)
    runner = LaneRunner()
    try:
        runner.run(GIVE_UP_SECONDS)
    finally:
        runner.close()


# --- The six calls -------------------------------------------------------------------------------------


def test_the_six_calls(front):
    assert front.call("get", front.campaigns + "/")["results"] == []
    made = front.campaign()
    address = f"{front.campaigns}/{made['id']}"
    assert front.call("get", address) == made
    assert front.call("patch", address, body={"title": "Otra"})["title"] == "Otra"
    front.contact(name="Ana", phone="+51987654321", labels=["vip"])
    front.call("patch", address, body={"audience": {"labels": ["vip"]}})
    assert front.call("post", f"{address}/trigger")["status"] == "running"
    front.call("post", f"{address}/trigger", 409)
    front.call("post", f"{address}/cancel")
    front.call("delete", address, 204)
    front.call("get", address, 404)


def test_the_fields_of_the_model(front):
    made = front.campaign(scheduled_at="2027-01-15T20:00:00-05:00", sender_id=999, status="completed")
    fields = {"title", "message", "audience", "scheduled_at", "status", "multimedia", "delivery_stats", "sender_id"}
    assert fields <= made.keys()
    assert (made["status"], made["delivery_stats"]) == ("pending", ZEROS)
    assert made["sender_id"] == front.membership.user_id


def test_the_feature_is_off_for_new_accounts(settings):
    front = Front(account=people.account())
    assert front.call("get", front.campaigns, 403)["code"] == "feature_disabled"
    assert front.call("post", front.campaigns, 403, {"title": "x", "message": "x"})["code"] == "feature_disabled"


# --- The audience ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [BY_LABELS, BY_ATTRIBUTES], ids=["labels", "custom_attributes"])
def test_an_audience_goes_in_and_comes_out_as_it_is(front, written):
    audience = json.loads(written)
    made = front.campaign(audience=audience)
    assert made["audience"] == audience
    assert front.call("get", f"{front.campaigns}/{made['id']}")["audience"] == audience


@pytest.mark.parametrize("written", [BY_CONTACT_IDS, COMBINED], ids=["contact_ids", "combined"])
def test_an_audience_with_contact_ids(front, written):
    audience = json.loads(written)
    # The seed's 1, 2, 3 stand for ids that the account has.
    ids = [front.contact(name=f"P{n}", phone=f"+5198765432{n}")["id"] for n in audience["contact_ids"]]
    audience["contact_ids"] = ids
    made = front.campaign(audience=audience)
    assert made["audience"] == audience


def test_whom_each_audience_means(front):
    premium = {"subscription_type": "premium", "region": "north_america", "active": True}
    a = front.contact(name="A", phone="+51987654321", labels=["vip"], custom_attributes=premium)["id"]
    b = front.contact(name="B", phone="+51987654322", labels=["premium"], custom_attributes={"active": "true"})["id"]
    c = front.contact(name="C", phone="+51987654323", custom_attributes={**premium, "active": "true"})["id"]

    def meant(audience):
        made = front.campaign(audience=audience)
        preview = front.call("post", f"{front.campaigns}/{made['id']}/preview")
        assert preview["count"] == len(preview["sample"])
        return {one["contact_id"] for one in preview["sample"]}

    assert meant({"contact_ids": [a, c]}) == {a, c}
    assert meant(json.loads(BY_LABELS)) == {a, b}
    assert meant(json.loads(BY_ATTRIBUTES)) == {a}
    combined = json.loads(COMBINED)
    assert meant({**combined, "contact_ids": [a, b, c]}) == {a}


# --- Multimedia and credentials ---------------------------------------------------------------------------


@pytest.mark.parametrize("written", [IMAGE, DOCUMENT], ids=["image", "document"])
def test_multimedia_goes_in_and_comes_out_as_it_is(front, written):
    multimedia = json.loads(written)
    made = front.campaign(multimedia=multimedia)
    assert made["multimedia"] == multimedia
    assert front.call("get", f"{front.campaigns}/{made['id']}")["multimedia"] == multimedia


def test_credentials_make_a_device(front, monkeypatch):
    monkeypatch.setattr("devices.health.probes.check", lambda *_, **__: None)
    made = front.device(**json.loads(CREDENTIALS))
    assert (made["base_url"], made["instance_name"]) == ("https://api.evolution.com", "your_instance_name")
    assert "your_api_token" not in json.dumps(made)


# --- What reaches the gateway --------------------------------------------------------------------------------


def sent(simulator):
    """The last request that sent something, as the gateway saw it."""
    [request] = [one for one in simulator.last_requests(20) if one["path"].startswith("/message/")]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    body = request["body"] if isinstance(request["body"], dict) else json.loads(request["body"])
    return request["method"], request["path"], headers, body


def launch(front, simulator, **fields):
    front.device(
        whatsapp_api_credentials={"base_url": simulator.url, "token": simulator.token, "instance_name": "demo-1"}
    )
    front.contact(name="Ana", phone="+51987654321", labels=["vip"])
    made = front.campaign(audience={"labels": ["vip"]}, **fields)
    address = f"{front.campaigns}/{made['id']}"
    simulator.reset()
    front.call("post", f"{address}/trigger")
    let_workers_work()
    return address


def test_a_text_reaches_the_gateway(front, simulator):
    address = launch(front, simulator)
    method, path, headers, body = sent(simulator)
    assert (method, path) == ("POST", "/message/sendText/demo-1")
    assert (headers["content-type"], headers["apikey"]) == ("application/json", simulator.token)
    assert body == {"number": "51987654321", "text": "Mensaje de la campaña"}

    campaign = front.call("get", address)
    assert campaign["status"] == "completed"
    assert campaign["delivery_stats"] == {**ZEROS, "total": 1, "sent": 1}
    [recipient] = front.call("get", f"{address}/recipients")["results"]
    assert (recipient["phone"], recipient["state"]) == ("+51987654321", "sent")


@pytest.mark.parametrize("written", [IMAGE, DOCUMENT], ids=["image", "document"])
def test_a_file_reaches_the_gateway(front, simulator, the_internet, monkeypatch, written):
    multimedia = json.loads(written)
    with monkeypatch.context() as patch:
        patch.setattr("devices.health.probes.check", lambda *_, **__: None)
        address = launch(front, simulator, multimedia=multimedia)
    method, path, headers, body = sent(simulator)
    assert (method, path) == ("POST", "/message/sendMedia/demo-1")
    assert (headers["content-type"], headers["apikey"]) == ("application/json", simulator.token)
    # An image is made a JPEG by the gateway, whatever name it is sent with: none is.
    named = {"fileName": multimedia["filename"]} if multimedia["type"] == "document" else {}
    assert body == {
        "number": "51987654321",
        "mediatype": multimedia["type"],
        "media": multimedia["url"],
        "caption": "Mensaje de la campaña",
        **named,
    }
    # What a device's webhook is asked of its gateway is another matter.
    assert [call for call in the_internet if "/webhook/" not in call[1]] == [("GET", multimedia["url"])]
    assert front.call("get", address)["delivery_stats"]["sent"] == 1


def test_a_test_reaches_the_gateway_and_leaves_the_campaign_as_it_was(front, simulator):
    front.device(
        whatsapp_api_credentials={"base_url": simulator.url, "token": simulator.token, "instance_name": "demo-1"}
    )
    made = front.campaign(message='Hola {{contact.name|default:"amigo"}}')
    simulator.reset()
    answer = front.call("post", f"{front.campaigns}/{made['id']}/test", body={"phones": ["+51987654322"]})
    dispatch.start(Job.unscoped.get(uuid=answer["job_id"]).pk)
    let_workers_work()
    assert sent(simulator)[3] == {"number": "51987654322", "text": "Hola amigo"}
    assert front.call("get", f"{front.campaigns}/{made['id']}") == made
