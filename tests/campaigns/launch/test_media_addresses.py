"""Addresses from which no gateway can fetch: refused where they are written, at every door."""

import pytest
from django.core.checks import run_checks

from campaigns.launch import media_addresses
from tests.accounts import people
from tests.campaigns import campaigns_of

UNREACHABLE = [
    "http://localhost/x.jpg",
    "http://LOCALHOST:9000/x.jpg",
    "http://web.localhost/x.jpg",
    "http://minio:9000/x.jpg",
    "http://my_bucket.example.com/x.jpg",
    "http://example.com./x.jpg",
    "http://example.123a/x.jpg",
    "http://127.0.0.1/x.jpg",
    "http://127.1/x.jpg",
    "http://2130706433/x.jpg",
    "http://0x7f000001/x.jpg",
    "http://0x7f.0.0.1/x.jpg",
    "http://0177.0.0.1/x.jpg",
    "http://10.0.0.1/x.jpg",
    "http://172.16.0.1/x.jpg",
    "http://192.168.1.1/x.jpg",
    "http://169.254.1.1/x.jpg",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/x.jpg",
    "http://0.0.0.0/x.jpg",
    "http://224.0.0.1/x.jpg",
    "http://[::1]/x.jpg",
    "http://[::ffff:127.0.0.1]/x.jpg",
    "http://[::ffff:7f00:1]/x.jpg",
    "http://[fe80::1]/x.jpg",
    "http://[fe80::1%25eth0]/x.jpg",
    "http://[fd00::1]/x.jpg",
    "http://[64:ff9b::7f00:1]/x.jpg",
]
REACHABLE = [
    "https://example.com/x.jpg",
    "https://cdn.tienda.com.pe:8443/x.jpg?v=1",
    "https://xn--caf-dma.xn--p1ai/x.jpg",
    "http://8.8.8.8/x.jpg",
    "http://[2606:4700::1111]/x.jpg",
]


@pytest.fixture(autouse=True)
def nothing_private_is_open(settings):
    settings.EGRESS_ALLOWED_CIDRS = []


@pytest.mark.parametrize("url", UNREACHABLE)
def test_what_no_gateway_can_reach(url):
    assert not media_addresses.is_reachable(url)


@pytest.mark.parametrize("url", REACHABLE)
def test_what_a_gateway_may_reach(url):
    assert media_addresses.is_reachable(url)


def test_a_private_network_that_was_opened_may_be_meant(settings):
    settings.EGRESS_ALLOWED_CIDRS = ["127.0.0.0/8", "10.1.0.0/16"]
    assert media_addresses.is_reachable("http://127.0.0.1:9000/x.jpg")
    assert media_addresses.is_reachable("http://10.1.2.3/x.jpg")
    assert not media_addresses.is_reachable("http://10.2.0.1/x.jpg")
    # Evolution API refuses the name whatever it leads to.
    assert not media_addresses.is_reachable("http://localhost:9000/x.jpg")


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["http://169.254.1.1/x.jpg", "http://localhost/x.jpg", "http://0x7f.1/x.jpg"])
def test_it_is_refused_when_a_campaign_is_made_or_changed(url):
    admin = campaigns_of.member()
    address = f"/api/v1/accounts/{admin.account_id}/whatsapp_api_campaigns"
    multimedia = {"type": "image", "url": url}
    fields = {"title": "Rebajas", "message": "Hola", "audience": {"labels": ["vip"]}, "multimedia": multimedia}
    api = people.api(admin)
    made = campaigns_of.campaign(admin.account)
    for answer in (
        api.post(address, fields, content_type="application/json"),
        api.patch(f"{address}/{made.pk}", {"multimedia": multimedia}, content_type="application/json"),
    ):
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
            ("multimedia", "multimedia_private")
        ]
    made.refresh_from_db()
    assert made.multimedia == {}


# --- Our own address --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "deploy", "warned"),
    [
        ("https://pregonero.example.com", True, False),
        ("http://localhost:8000", False, True),
        ("https://pregonero", False, True),
        ("http://127.0.0.1:8000", False, False),
        ("http://127.0.0.1:8000", True, True),
        ("http://192.168.1.5", True, True),
        ("http://8.8.8.8", True, False),
    ],
)
def test_an_operator_is_told_that_gateways_cannot_fetch_from_us(settings, url, deploy, warned):
    settings.PUBLIC_URL = url
    found = media_addresses.check_public_url(deploy=deploy)
    assert bool(found) is warned
    assert all(warning.id == "campaigns.W001" and "PUBLIC_URL" in warning.msg for warning in found)


def test_the_check_runs_with_djangos_own(settings):
    settings.PUBLIC_URL = "http://localhost:8000"
    assert "campaigns.W001" in {problem.id for problem in run_checks()}
    settings.PUBLIC_URL = "https://pregonero.example.com"
    assert "campaigns.W001" not in {problem.id for problem in run_checks(include_deployment_checks=True)}
