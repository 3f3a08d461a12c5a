"""The bell, its page and its API: one's own notifications of one account, marked as read when they were seen."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role
from campaigns import tasks
from campaigns.models import Notification
from campaigns.notices import inbox
from config.schedule import BEAT_SCHEDULE
from tests.accounts import people
from tests.campaigns import campaigns_of

pytestmark = pytest.mark.django_db

PAGE = "/admin/campaigns/notification/"
DETAILS = {"state_reason": "", "sent": 3, "total": 3, "failed": 0, "suppressed": 0, "unknown": 0}


def told(member, title="Rebajas", code="campaign_completed", **fields):
    campaign = campaigns_of.campaign(member.account, sender=member.user)
    return Notification.unscoped.create(
        account=member.account,
        user=member.user,
        campaign=campaign,
        code=code,
        details={"title": title, **DETAILS},
        **fields,
    )


def unread(member):
    return Notification.unscoped.of(member.account, member.user).unread().count()


@pytest.fixture
def member():
    return campaigns_of.member(Role.VIEWER)


@pytest.fixture
def strangers(member):
    """A colleague in the account, and the person themselves in another account: each has been told something."""
    colleague = campaigns_of.member(of=member.account)
    elsewhere = people.member(campaigns_of.account(), who=member.user)
    return [told(colleague, "De un colega"), told(elsewhere, "De otra cuenta")]


def test_the_bell_counts_what_is_unread_and_is_a_link_to_the_page(member, strangers):
    for _ in range(3):
        told(member)
    html = people.browser(member).get("/admin/").content.decode()
    assert f'href="{PAGE}" aria-label="Notificaciones: 3 sin leer"' in html
    assert '<span class="pg-bell-badge" aria-hidden="true">3</span>' in html


def test_beyond_99_it_says_so(member):
    campaign = told(member).campaign
    Notification.unscoped.bulk_create(
        Notification(
            account=member.account, user=member.user, campaign=campaign, code="campaign_failed", details=DETAILS
        )
        for _ in range(120)
    )
    assert ">99+</span>" in people.browser(member).get("/admin/").content.decode()


def test_with_nothing_unread_it_has_no_count(member):
    told(member, read_at=timezone.now())
    html = people.browser(member).get("/admin/").content.decode()
    assert f'href="{PAGE}" aria-label="Notificaciones"' in html
    assert '<span class="pg-bell-badge" aria-hidden="true" hidden></span>' in html


def test_the_page_says_what_will_appear_there(member):
    assert "aquí aparecerá su resultado" in people.browser(member).get(PAGE).content.decode()


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}panel/"])
@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Campaign finished: Sale"), ("pt-br", "Campanha concluída: Sale"), ("es", "Campaña terminada: Sale")],
)
def test_it_is_said_in_the_readers_language_and_nobody_elses_is_shown(member, strangers, address, language, said):
    told(member, "Sale")
    html = people.browser(member).get(address, headers={"accept-language": language}).content.decode()
    assert said in html
    assert ("mensajes enviados" in html) == (language == "es")
    assert "De un colega" not in html
    assert "De otra cuenta" not in html
    assert unread(member) == 1  # a GET marks nothing


def test_the_page_is_turned(member):
    for number in range(31):
        told(member, f"Campaña {number:02}")
    browser = people.browser(member)
    first = browser.get(PAGE).content.decode()
    assert "Campaña 30" in first
    assert "Campaña 00" not in first
    before = first.split('href="?before=')[1].split('"')[0]
    second = browser.get(PAGE, {"before": before}).content.decode()
    assert "Campaña 00" in second
    assert "Campaña 01" not in second
    assert browser.get(PAGE, {"before": "x" * 40}).status_code == 200


def test_what_was_shown_is_marked_by_a_post(member, strangers):
    first, second = told(member), told(member)
    browser = people.browser(member)
    ids = [first.pk, strangers[0].pk, strangers[1].pk, "x", "9" * 18]
    answer = browser.post(f"{PAGE}read/", {"id": ids}, headers={"accept": "application/json"})
    assert answer.json() == {"unread": 1, "badge": "1", "label": "Notificaciones: 1 sin leer"}
    assert list(Notification.unscoped.unread().order_by("pk")) == [*strangers, second]
    assert browser.get(f"{PAGE}read/").status_code == 405


def test_without_script_all_are_marked_by_a_button(member, strangers):
    told(member)
    assert people.browser(member).post(f"{PAGE}read/", {"all": "1"}).url == PAGE
    assert unread(member) == 0
    assert Notification.unscoped.unread().count() == len(strangers)


def test_following_its_link_reads_it(member, strangers):
    one = told(member)
    browser = people.browser(member)
    assert browser.get(f"{PAGE}{one.pk}/open/").url == f"/admin/campaigns/campaign/{one.campaign_id}/page/"
    assert unread(member) == 0
    for other in strangers:
        assert browser.get(f"{PAGE}{other.pk}/open/").status_code == 404
    assert browser.get(f"{PAGE}{'9' * 30}/open/").status_code == 404


def test_who_belongs_to_no_account_has_no_bell(client):
    client.force_login(people.user("sola@example.com"))
    assert 'id="bell"' not in client.get("/admin/").content.decode()


# --- The API -------------------------------------------------------------------------------------------------


def test_the_api_lists_ones_own_in_spanish(member, strangers):
    read, new = told(member, read_at=timezone.now()), told(member, "Otoño", "campaign_failed")
    api, address = people.api(member), f"/api/v1/accounts/{member.account_id}/notifications"
    rows = api.get(address, headers={"accept-language": "en"}).json()["results"]
    assert [row["id"] for row in rows] == [new.pk, read.pk]
    assert set(rows[0]) == {"id", "code", "title", "text", "campaign_id", "created_at", "read_at"}
    assert (rows[0]["code"], rows[0]["title"]) == ("campaign_failed", "La campaña falló: Otoño")
    assert rows[0]["text"] == "3 de 3 mensajes enviados; 0 fallidos, 0 omitidos, 0 sin confirmar."
    assert [row["id"] for row in api.get(address, {"unread": "true"}).json()["results"]] == [new.pk]
    assert api.get(address, {"unread": "quizá"}).json()["code"] == "unread_invalid"
    assert api.get(f"/api/v1/accounts/{strangers[1].account_id}/notifications").status_code == 404


def test_the_api_marks_ones_own_as_read(member, strangers):
    first, _ = told(member), told(member)
    api, address = people.api(member), f"/api/v1/accounts/{member.account_id}/notifications/read"

    def post(body):
        return api.post(address, body, content_type="application/json")

    assert post({"ids": [first.pk, strangers[0].pk]}).json() == {"unread": 1}
    assert post({"all": True}).json() == {"unread": 0}
    assert Notification.unscoped.unread().count() == len(strangers)
    for wrong in ({}, {"ids": []}, {"ids": ["1"]}, {"ids": [True]}, {"all": "true"}, {"ids": list(range(1, 502))}, []):
        assert (post(wrong).status_code, post(wrong).json()["code"]) == (400, "notifications_invalid")


# --- What goes -------------------------------------------------------------------------------------------------


def test_what_was_read_long_ago_goes_and_what_is_unread_stays(member):
    now = timezone.now()
    told(member, read_at=now - timedelta(days=91))
    kept = [told(member, read_at=now - timedelta(days=89)), told(member)]
    Notification.unscoped.update(created_at=now - timedelta(days=200))
    assert inbox.delete_old(now) == 1
    assert list(Notification.unscoped.order_by("pk")) == kept
    assert tasks.tidy_notifications.name in {entry["task"] for entry in BEAT_SCHEDULE.values()}
