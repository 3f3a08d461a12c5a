"""What an account's own systems are told, by whatever door it happens: a name for each, and its shape."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import Account
from campaigns.models import Campaign, CampaignRun, ConsentRecord, ContactImport
from devices.endpoints.event_types import EVENT_TYPES
from devices.models import OutgoingEvent
from jobs.models import IncomingMessage, Job
from tests.accounts import people
from tests.devices.endpoints.arrange import endpoint
from tests.factories import make_account, make_device, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(db: None) -> Account:
    made = make_account()
    endpoint(made, "https://example.com/hooks")
    return made


def told() -> list[tuple[str, dict[str, Any]]]:
    return list(OutgoingEvent.unscoped.order_by("pk").values_list("type", "data"))


def test_a_job_from_its_start_to_its_end(account: Account) -> None:
    job = make_job(account, 3, (make_device(account),), status="pending")
    OutgoingEvent.unscoped.all().delete()
    for status in ("processing", "paused", "processing", "completed", "processing", "cancelled"):
        Job.unscoped.filter(pk=job.pk).update(status=status)
    kinds = [kind for kind, _ in told()]
    assert kinds == [f"job.{one}" for one in ("started", "paused", "resumed", "completed", "resumed", "cancelled")]
    assert told()[3][1] == {
        "job_id": str(job.uuid),
        "title": job.title,
        "status": "completed",
        "reason": "",
        "total": 3,
        "sent": 0,
        "failed": 0,
        "delivered": 0,
        "read": 0,
        "replied": 0,
    }


def test_answers_to_people_are_no_jobs_of_ones_own(account: Account) -> None:
    job = make_job(account, 1, (make_device(account),), status="pending")
    Job.unscoped.filter(pk=job.pk).update(purpose="answer")
    OutgoingEvent.unscoped.all().delete()
    Job.unscoped.filter(pk=job.pk).update(status="processing")
    assert told() == []


def test_a_campaign_from_its_launch_to_its_end(account: Account) -> None:
    job = make_job(account, 3, (make_device(account),), status="processing")
    campaign = Campaign.unscoped.create(account=account, title="Ofertas", message="Hola")
    OutgoingEvent.unscoped.all().delete()
    CampaignRun.objects.create(campaign=campaign, job=job, scheduled_at="2026-11-30T12:00:00Z")
    Job.unscoped.filter(pk=job.pk).update(status="paused")
    Job.unscoped.filter(pk=job.pk).update(status="cancelled")
    campaigns = [(kind, data) for kind, data in told() if kind.startswith("campaign.")]
    assert [kind for kind, _ in campaigns] == ["campaign.launched", "campaign.cancelled"]
    assert campaigns[0][1] == {
        "campaign_id": campaign.pk,
        "title": "Ofertas",
        "job_id": str(job.uuid),
        "scheduled_at": "2026-11-30T12:00:00+00:00",
    }
    assert (campaigns[1][1]["campaign_id"], campaigns[1][1]["total"]) == (campaign.pk, 3)


def test_what_people_write(account: Account) -> None:
    device = make_device(account)
    message = IncomingMessage.unscoped.create(
        account=account,
        device=device,
        message_id="3EB0",
        phone="+51987654321",
        phone_key="51987654321",
        name="Ana",
        kind="text",
        text="ñ" * 5000,
        at="2026-11-30T12:00:00Z",
    )
    ((kind, data),) = told()
    assert kind == "message.received"
    assert data == {
        "message_id": message.pk,
        "device_id": device.pk,
        "phone": "+51987654321",
        "lid": "",
        "name": "Ana",
        "kind": "text",
        "text": "ñ" * 4000,
        "answers_recipient_id": None,
        "wish": "",
        "written_at": "2026-11-30T12:00:00+00:00",
    }


def test_every_yes_and_no_of_a_statement(account: Account) -> None:
    at = "2026-11-30T12:00:00Z"
    ConsentRecord.unscoped.bulk_create(
        [
            ConsentRecord(account=account, phone="+51987654321", basis="consent", channel="file", given_at=at),
            ConsentRecord(account=account, phone="+51987654322", is_revocation=True, channel="reply", given_at=at),
            ConsentRecord(account=make_account(), phone="+51987654323", is_revocation=True, given_at=at),
        ]
    )
    assert [(kind, data["phone"]) for kind, data in told()] == [
        ("contact.opted_in", "+51987654321"),
        ("contact.opted_out", "+51987654322"),
    ]
    assert told()[0][1].keys() == {"contact_id", "phone", "kind", "basis", "channel", "source", "given_at"}


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_an_import_that_ends(account: Account, status: str) -> None:
    member = people.member(account)
    one = ContactImport.unscoped.create(account=account, created_by=member.user, file_name="a.csv", rows=5)
    ContactImport.unscoped.filter(pk=one.pk).update(status="ready")
    ContactImport.unscoped.filter(pk=one.pk).update(status=status, created_count=4, error_count=1)
    assert told() == [
        (
            f"import.{status}",
            {
                "import_id": one.pk,
                "kind": "contacts",
                "file_name": "a.csv",
                "rows": 5,
                "created": 4,
                "updated": 0,
                "skipped": 0,
                "errors": 1,
            },
        )
    ]


def test_who_has_no_endpoint_has_nothing_written_down() -> None:
    account = make_account()
    job = make_job(account, 1, (make_device(account),), status="pending")
    Job.unscoped.filter(pk=job.pk).update(status="processing")
    ConsentRecord.unscoped.create(account=account, is_revocation=True, given_at="2026-11-30T12:00:00Z")
    assert told() == []


def test_triggers_tell_no_other_types_than_those_that_can_be_chosen() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE prosrc LIKE %s", ["%tell_outside(%"])
        sources = " ".join(source for (source,) in cursor.fetchall())
    assert sources.count("tell_outside(") >= 6
    for group in {kind.partition(".")[0] for kind in EVENT_TYPES} - {"webhook"}:
        assert f"'{group}." in sources
