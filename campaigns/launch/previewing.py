"""What a campaign would do if it were launched now: to whom, with which words, for how long. Nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from campaigns.audience import freezing, needs
from campaigns.audience.conditions import Audience
from campaigns.audience.terms import NONE, Terms, of_campaign
from campaigns.exclusions import naming
from campaigns.exclusions.naming import Named
from campaigns.launch import estimates, media, ways_out
from campaigns.launch.launching import audience_of
from campaigns.launch.unfilled_texts import texts_of
from campaigns.models import Campaign
from devices.health import breaker
from devices.models import Device
from jobs.message import lengths
from jobs.message.rendering import CampaignTemplate, MessageTemplate, problems_of, variables_of
from jobs.message.way_out import WithWayOut

SAMPLES: Final = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One who would get the message, and the text."""

    contact_id: int
    phone: str
    text: str


@dataclass(frozen=True, slots=True)
class Preview:
    count: int
    sample: list[Sample]
    excluded: dict[str, int]  # how many of the audience are left out, by reason
    excluded_lists: list[Named]  # which exclusion lists name how many of it
    estimate: estimates.Estimate
    problems: list[str]  # what is likely a mistake in the message, in Spanish
    lacking: dict[str, int]  # how many lack it, by variable without a default: those that most of them lack
    lacks_way_out: bool  # commercial, and its text does not say how to get no more
    gone: list[tuple[str, str]]  # what it names and there is no more: ("label" | "contact" | "device", which)


def preview(campaign: Campaign, now: datetime) -> Preview:
    """Try a campaign out. Raises Refused."""
    media.check_text(campaign)
    audience = audience_of(campaign)
    terms = of_campaign(campaign, now)
    counted = freezing.count(campaign.account_id, audience, terms)
    texts = texts_of(campaign)
    variables = variables_of(*texts)
    template = template_of(campaign)
    sample = [
        Sample(one.contact_id, one.phone, template.render(one.values, one.phone))
        for one in freezing.sample(campaign.account_id, audience, SAMPLES, variables, terms)
    ]
    problems = dict.fromkeys(problem for text in texts for problem in problems_of(text))
    too_long = lengths.problems_of([one.text for one in sample] or texts, has_media=bool(campaign.multimedia))
    return Preview(
        count=counted.sendable,
        sample=sample,
        excluded={reason: number for reason, number in counted.excluded.items() if number},
        excluded_lists=naming.by_list(campaign.account_id, audience, campaign.kind)
        if counted.excluded[freezing.EXCLUDED]
        else [],
        estimate=estimates.estimate(
            counted.sendable,
            devices_of(campaign),
            campaign.sending_window or campaign.account.sending_window,
            ZoneInfo(campaign.time_zone),
            max(campaign.scheduled_at or now, now),
            counted.by_rule,
        ),
        problems=[*problems, *too_long],
        lacking=lacking(campaign.account_id, audience, counted.sendable, texts, terms),
        lacks_way_out=ways_out.lacks_one(campaign),
        gone=needs.gone(campaign, audience),
    )


def lacking(
    account_id: int, audience: Audience, sendable: int, texts: Sequence[str], terms: Terms = NONE
) -> dict[str, int]:
    """The variables that would be sent as `---` to most of those who get the message, and to how many."""
    if not sendable or not (asked := variables_of(*texts, without_default=True)):
        return {}
    lack = freezing.count_lacking(account_id, audience, asked, terms)
    return {variable: number for variable, number in zip(asked, lack, strict=True) if 2 * number > sendable}


def template_of(campaign: Campaign) -> MessageTemplate:
    """The campaign's texts with their weights; its id stands for the job that there is not."""
    weights = [variant["weight"] for variant in campaign.variants] or [1]
    texts = texts_of(campaign)
    template = CampaignTemplate(list(zip(texts, weights, strict=True)), variables_of(*texts), salt=str(campaign.pk))
    return WithWayOut(template) if campaign.way_out else template


def devices_of(campaign: Campaign) -> Sequence[Device]:
    """The devices that could send it now, or within moments."""
    usable = breaker.available_soon(Device.objects.for_account(campaign.account_id))
    if campaign.requested_device_ids:
        usable = usable.filter(pk__in=campaign.requested_device_ids)
    # Not their tokens: to decrypt a thousand takes longer than all else here.
    paced = usable.only("messages_per_minute", "max_in_flight", "daily_limit", "warm_up_since")
    return list(paced.order_by("pk")[: campaign.devices_limit])
