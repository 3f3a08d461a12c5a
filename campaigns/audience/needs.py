"""What a campaign needs of what an account may delete: which waiting ones need it, and what is no longer there.

A campaign waits as a draft, for its time, for its next time, or for its audience to be frozen.
"""

from collections.abc import Sequence

from django.db.models import Q

from accounts.needed import Need
from campaigns.audience.conditions import Audience
from campaigns.contacts import own_names
from campaigns.models import Campaign, CampaignQuerySet, Label, Segment
from campaigns.states import CAMPAIGN_WAITING
from devices.models import Device


def who_needs_label(label: Label) -> list[Need]:
    """The waiting campaigns that include or exclude it, by their own audience or their segment's."""
    name = [label.name]
    means = Q()
    for audience in ("audience", "segment__audience"):
        means |= Q(**{f"{audience}__labels__contains": name}) | Q(**{f"{audience}__exclude__labels__contains": name})
    return _needs(_waiting(label.account_id).filter(means))


def who_needs_segment(segment: Segment) -> list[Need]:
    return _needs(_waiting(segment.account_id).filter(segment=segment))


def who_needs_devices(account_id: int, device_ids: Sequence[int]) -> list[Need]:
    """The waiting campaigns that ask for one of these devices by name."""
    return _needs(_waiting(account_id).filter(requested_device_ids__overlap=list(device_ids)))


def _waiting(account_id: int) -> CampaignQuerySet:
    to_be_frozen = Q(runs__job__imported_at=None, runs__job__finished_at=None, runs__isnull=False)
    waiting: CampaignQuerySet = Campaign.objects.for_account(account_id)
    return waiting.filter(Q(status__in=CAMPAIGN_WAITING) | to_be_frozen).distinct()


def _needs(campaigns: CampaignQuerySet) -> list[Need]:
    return [Need("campaign", str(pk), title) for pk, title in campaigns.order_by("-pk").values_list("pk", "title")]


def gone(campaign: Campaign, audience: Audience) -> list[tuple[str, str]]:
    """What the campaign names and the account no longer has: ("label" | "contact" | "device", which)."""
    labels = {*(audience.labels or ()), *((audience.exclude and audience.exclude.labels) or ())}
    own = own_names.known(Label, campaign.account_id, labels)
    known_labels = Label.objects.for_account(campaign.account_id).filter(name__in=own.values())
    devices = set(campaign.requested_device_ids)
    known_devices = Device.objects.for_account(campaign.account_id).filter(pk__in=devices)
    return [
        *(
            ("label", name)
            for name in sorted(set(own.values()).difference(known_labels.values_list("name", flat=True)))
        ),
        *(("contact", str(pk)) for pk in audience.unknown_contact_ids(campaign.account_id)),
        *(("device", str(pk)) for pk in sorted(devices.difference(known_devices.values_list("pk", flat=True)))),
    ]
