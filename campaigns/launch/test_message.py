"""A campaign's message to a few numbers of one's own, to see how it looks: a small job beside the campaign's runs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from campaigns.audience import freezing
from campaigns.audience.refused import BadAudience, Refused
from campaigns.launch import media, unfilled_texts
from campaigns.launch.launching import audience_of
from campaigns.launch.unfilled_texts import texts_of
from campaigns.models import Campaign, TestSend
from devices import phone_numbers
from jobs.erasing import erased
from jobs.message.rendering import variables_of
from jobs.models import Job, MessageSyntax, Recipient
from jobs.states import RecipientState

MOST_PHONES: Final = 10
TITLE: Final = "Prueba: "


def phones_of(written: Iterable[str], default_country: str) -> list[str]:
    """Return the numbers ("+" and digits) that are written here, each once. Raises Unreadable where one is none."""
    return list(dict.fromkeys(phone_numbers.read_one(raw, default_country).e164 for raw in written))


def landlines(phones: Iterable[str]) -> list[str]:
    """Those that get messages only with WhatsApp Business."""
    return [phone for phone in phones if phone_numbers.is_surely_landline(phone)]


def send_test(
    campaign: Campaign, phones: Sequence[str], user: User | None, note: Callable[[Job], object] = lambda job: None
) -> Job:
    """Make a job that sends to these numbers ("+" and digits) at once; the caller then has it started.

    With the values of a contact from the audience, and the variants in turn. `note` is called with
    the job, in the transaction that makes it. Raises VariablesUnknown and MediaRefused. Looks at the media
    over the network first: not to be called in a transaction.
    """
    unfilled_texts.check(campaign)
    attachment = media.checked(campaign)
    variables = variables_of(*texts_of(campaign))
    values = _sample_values(campaign, variables)
    with transaction.atomic():
        job: Job = Job.unscoped.create(
            account_id=campaign.account_id,
            created_by=user,
            title=(TITLE + campaign.title)[:200],
            message=texts_of(campaign)[0],
            variants=campaign.variants,
            way_out=campaign.way_out,
            syntax=MessageSyntax.CAMPAIGN,
            columns=variables,
            media=attachment,
            devices_limit=1,
            requested_device_ids=campaign.requested_device_ids,
            total=len(phones),
            imported=len(phones),
            imported_at=Now(),
        )
        Recipient.objects.bulk_create(
            Recipient(
                job=job,
                position=position,
                phone=phone,
                values=values,
                variant=position % len(campaign.variants) if campaign.variants else None,
                state=RecipientState.QUEUED,
            )
            for position, phone in enumerate(phones)
        )
        if erased.among(campaign.account_id, {phone_numbers.key_of(phone) for phone in phones}):
            raise Refused("phone_erased")  # and rolled back
        TestSend.objects.create(campaign=campaign, job=job)
        note(job)
    return job


def _sample_values(campaign: Campaign, variables: list[str]) -> list[str]:
    try:
        found = freezing.sample(campaign.account_id, audience_of(campaign), 1, variables)
    except BadAudience:
        found = []
    return found[0].values if found else [""] * len(variables)
