"""Arranges campaigns: contacts, a campaign ready to be launched, and what workers would do next."""

import itertools
from typing import Any

from accounts.models import Account, Membership, Role
from campaigns.launch import launching
from campaigns.models import Campaign, CampaignRun, Contact
from devices import phone_numbers
from jobs.sending import dispatch
from tests.accounts import people

_numbers = itertools.count(51_911_000_000)


def account(**fields: Any) -> Account:
    return people.account(whatsapp_api_campaigns=True, **fields)


def member(role: Role = Role.ADMINISTRATOR, of: Account | None = None) -> Membership:
    return people.member(of or account(), role)


def contact(of: Account, **fields: Any) -> Contact:
    phone = fields.pop("phone", f"+{next(_numbers)}")
    key = phone_numbers.key_of(phone) if phone else None
    return Contact.unscoped.create(account=of, phone=phone, phone_key=key, **fields)


def campaign(of: Account, **fields: Any) -> Campaign:
    """A campaign to everybody labelled vip."""
    defaults = {"title": "Rebajas", "message": "Hola {{name}}", "audience": {"labels": ["vip"]}}
    made = Campaign.unscoped.create(account=of, **{**defaults, **fields})
    made.refresh_from_db()
    return made


def launched(made: Campaign, at: Any) -> CampaignRun:
    """Launch and freeze it, as the schedule and a worker would."""
    run = launching.launch(made, at, made.sender)
    launching.freeze_run(run.pk)
    run.refresh_from_db()
    return run


def started(made: Campaign, at: Any) -> CampaignRun:
    run = launched(made, at)
    dispatch.start(run.job_id)
    return CampaignRun.objects.select_related("job", "campaign").get(pk=run.pk)
