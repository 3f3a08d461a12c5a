"""Whom the rules of countries, and the account's cap, keep a commercial campaign from writing to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.rules import presets
from campaigns.audience.conditions import Audience
from campaigns.audience.freezing import count, count_lacking, sample
from campaigns.audience.terms import Terms, terms_of
from campaigns.launch import previewing
from campaigns.models import Contact
from campaigns.states import Basis
from devices.phone_numbers import key_of
from jobs.models import LastWritten
from tests.campaigns import campaigns_of
from tests.campaigns.arrange import Caller
from tests.factories import make_device

pytestmark = pytest.mark.django_db

VIPS = Audience.parse({"labels": ["vip"]})
BOGOTA = ZoneInfo("America/Bogota")
TUESDAY = datetime(2027, 1, 12, 10, tzinfo=BOGOTA)
PERUVIAN, COLOMBIAN, BRAZILIAN, AMERICAN = "+51987654321", "+573001234567", "+5511987654321", "+12125551234"


@pytest.fixture
def account() -> Account:
    return campaigns_of.account(country_rules=["CO", "PE"])


def person(account: Account, phone: str | None, **fields: Any) -> Contact:
    return campaigns_of.contact(account, phone=phone, labels=["vip"], **fields)


def written(account: Account, phone: str, *times: datetime) -> None:
    rows = {"recipient_ids": [-1 - place for place, _ in enumerate(times)], "times": list(times)}
    LastWritten.objects.create(account=account, phone_key=key_of(phone), **rows)


def excluded(account: Account, terms: Terms) -> dict[str, int]:
    return {reason: number for reason, number in count(account, VIPS, terms).excluded.items() if number}


def terms(account: Account, now: datetime = TUESDAY, window: Any = None, kind: str = "commercial") -> Terms:
    return terms_of(account, kind, window or {}, now)


def test_a_peruvian_who_never_agreed_is_left_out(account: Account) -> None:
    person(account, PERUVIAN)
    agreed = person(account, "+51987654322", opted_in_at=TUESDAY)
    person(account, BRAZILIAN)
    person(account, None)
    assert excluded(account, terms(account)) == {"no_consent": 1, "no_phone": 1}
    shown = sample(account, VIPS, 5, (), terms(account))
    assert {one.contact_id for one in shown} == {agreed.pk, Contact.unscoped.get(phone=BRAZILIAN).pk}
    assert count_lacking(account, VIPS, ["name"], terms(account)) == [2]


@pytest.mark.parametrize(
    ("country", "phone", "basis", "suffices"),
    [
        ("PE", PERUVIAN, "legitimate_interest", False),
        ("PE", PERUVIAN, "contract", False),
        ("BR", BRAZILIAN, "legitimate_interest", True),
        ("BR", BRAZILIAN, "contract", False),
        ("CL", "+56912345678", "legitimate_interest", True),
        ("ES", "+34600111222", "contract", True),
        ("ES", "+34600111222", "legitimate_interest", False),
        ("ES", "+34600111222", "", False),
    ],
)
def test_each_country_takes_some_bases(country: str, phone: str, basis: str, suffices: bool) -> None:
    account = campaigns_of.account(country_rules=[country])
    person(account, phone, other_basis=basis)
    assert (excluded(account, terms(account)) == {}) is suffices


def test_the_bases_are_those_that_are_kept() -> None:
    known = {basis for rule in presets.RULES.values() for basis in rule.bases}
    assert known <= set(Basis.values)


def test_who_agreed_and_said_no_since_has_said_no(account: Account) -> None:
    person(account, PERUVIAN, opted_in_at=TUESDAY, opted_out_at=TUESDAY)
    assert excluded(account, terms(account)) == {"opted_out": 1}


def test_what_is_of_service_asks_for_nothing(account: Account) -> None:
    person(account, PERUVIAN)
    written(account, COLOMBIAN, TUESDAY)
    person(account, COLOMBIAN)
    assert terms(account, kind="service") == Terms("service")
    assert count(account, VIPS, terms(account, kind="service")).sendable == 2


def test_what_is_switched_off_asks_for_nothing() -> None:
    account = campaigns_of.account()
    assert terms(account) == Terms()


def test_a_colombian_is_left_out_who_was_written_to_that_day(account: Account) -> None:
    person(account, COLOMBIAN)
    written(account, COLOMBIAN, TUESDAY.replace(hour=7).astimezone(UTC))
    assert excluded(account, terms(account)) == {"too_recent": 1}
    # In the evening what is launched is for the next day, which is theirs again.
    assert excluded(account, terms(account, TUESDAY.replace(hour=20))) == {}
    assert excluded(account, terms(account, TUESDAY - timedelta(days=1))) == {"too_recent": 1}  # a holiday


def test_nobody_is_left_out_for_hours_that_come_later(account: Account) -> None:
    person(account, COLOMBIAN)
    counted = count(account, VIPS, terms(account, TUESDAY.replace(hour=23)))
    assert counted.sendable == 1
    assert [(rule.country, number) for rule, number in counted.by_rule] == [("CO", 1)]


def test_who_could_never_be_written_to_is_left_out(account: Account) -> None:
    person(account, COLOMBIAN)
    person(account, BRAZILIAN)
    sundays = {"start": "09:00", "end": "20:00", "weekdays": [6]}
    assert excluded(account, terms(account, window=sundays)) == {"country_hours": 1}


def test_a_cap_is_everybodys(account: Account) -> None:
    account.frequency_cap = {"messages": 2, "days": 7}
    for phone in (BRAZILIAN, AMERICAN):
        person(account, phone)
    written(account, BRAZILIAN, TUESDAY - timedelta(days=1), TUESDAY - timedelta(days=6, hours=23))
    written(account, AMERICAN, TUESDAY - timedelta(days=1), TUESDAY - timedelta(days=7, seconds=1))
    assert excluded(account, terms(account)) == {"too_recent": 1}


def test_the_frozen_say_why(account: Account) -> None:
    person(account, PERUVIAN, opted_in_at=TUESDAY)
    person(account, "+51987654322")
    person(account, COLOMBIAN)
    run = campaigns_of.launched(campaigns_of.campaign(account), timezone.now())
    assert run.excluded["no_consent"] == 1
    rows = dict(run.job.recipients.values_list("phone", "error_code"))
    assert rows == {PERUVIAN: "", "+51987654322": "no_consent", COLOMBIAN: ""}
    assert (run.job.total, run.job.failed, run.job.countries) == (3, 1, {"CO": 1})

    service = campaigns_of.launched(campaigns_of.campaign(account, kind="service"), timezone.now())
    assert "no_consent" not in service.excluded
    assert service.job.failed == 0


def test_the_preview_says_it_beforehand(account: Account) -> None:
    make_device(account, messages_per_minute=60)
    person(account, PERUVIAN)
    person(account, COLOMBIAN)
    call = Caller(account=account)
    made = campaigns_of.campaign(account)
    said = call.post(f"whatsapp_api_campaigns/{made.pk}/preview").json()
    assert said["count"] == 1
    assert {"reason": "no_consent", "count": 1} in said["excluded"]


def test_the_estimate_waits_for_the_colombians(account: Account) -> None:
    make_device(account, messages_per_minute=60)
    person(account, COLOMBIAN)
    person(account, BRAZILIAN)
    made = campaigns_of.campaign(account)
    evening = TUESDAY.replace(hour=20)
    finishes = previewing.preview(made, evening).estimate.finishes_at
    assert finishes is not None
    opens = (TUESDAY + timedelta(days=1)).replace(hour=7)
    assert opens < finishes < opens + timedelta(minutes=5)
    Contact.unscoped.filter(phone=COLOMBIAN).delete()
    finishes = previewing.preview(made, evening).estimate.finishes_at
    assert finishes is not None
    assert finishes < evening + timedelta(minutes=5)
