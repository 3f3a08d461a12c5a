"""What the pages of campaigns and segments show. CampaignAdmin and SegmentAdmin decide who may see them."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Account
from campaigns.api.serializers import MAX_DEVICES, MAX_MESSAGE_CHARACTERS, MAX_VARIANTS, MAX_WEIGHT
from campaigns.audience import freezing
from campaigns.audience.conditions import Audience
from campaigns.audience.terms import NONE, of_campaign, terms_of
from campaigns.contacts import attributes
from campaigns.launch import control, drafting, launching, ways_out
from campaigns.launch.media import MAX_BYTES, MEGABYTE
from campaigns.launch.previewing import Preview
from campaigns.launch.unfilled_texts import texts_of
from campaigns.models import Campaign, CampaignRun, Contact, Label, Segment
from campaigns.pages.campaign_form import Form, has_own_file
from campaigns.results import figures, variants
from campaigns.states import CampaignStatus
from campaigns.wording import audience_words, campaign_notes, campaign_words, estimate_words, gone_words
from devices.models import Device
from jobs.message import lengths
from jobs.message.rendering import CampaignTemplate, problems_of, variables_of
from jobs.pages import receipt_card
from jobs.pages.job_pages import number_format, offered
from jobs.sending import canary
from jobs.states import JOB_ENDED
from jobs.wording.job_reasons import job_reason
from jobs.wording.phrase import Phrase

# Among which one may choose by hand; more than these and the JSON is the way.
LABELS_OFFERED: Final = 300
DEVICES_OFFERED: Final = 90  # each ticked one is a field of the form: DATA_UPLOAD_MAX_NUMBER_FIELDS
SEGMENTS_OFFERED: Final = 500
# The contacts whose attributes are looked at to know what there is.
CONTACTS_LOOKED_AT: Final = 500
EXAMPLES_OFFERED: Final = 30
SAMPLES: Final = 3
RUNS_SHOWN: Final = 12


# --- The audience builder --------------------------------------------------------------------------------


def builder(account: Account) -> dict[str, Any]:
    """What an audience can be made of: the account's labels, and its attributes with their types and some values."""
    labels = list(Label.objects.for_account(account).order_by("name").values_list("name", flat=True)[:LABELS_OFFERED])
    attributes = known_attributes(account)
    return {
        "labels": labels,
        "comparisons": audience_words.COMPARISONS.items(),
        "value_types": audience_words.VALUE_TYPES.items(),
        "attribute_keys": list(attributes),
        "script": {
            "labels": labels,
            "attributes": attributes,
            "count": reverse("admin:campaigns_campaign_count"),
            "login": reverse("admin:login"),
            "words": {
                "counting": _("Counting…"),
                "nobody": _("Choose whom this is for, and how many they are appears here."),
                "failed": _("This could not be counted. Try again in a moment."),
                "sessionEnded": _("Your session has ended. Log in again in another tab."),
                "listHint": _("values separated by commas"),
                "yes": _("yes"),
                "no": _("no"),
                "textLength": _("{count} characters"),
                "long": _("With {count} characters it may not be read whole: {limit} are enough."),
            },
        },
    }


def known_attributes(account: Account) -> dict[str, dict[str, Any]]:
    """The keys of custom attributes that contacts of the account have: {key: {"type", "kind", "examples"}}, by name.

    `type` is JSON's, `kind` the account's word for it.
    """
    contacts: Any = Contact.objects.for_account(account).exclude(custom_attributes={})
    newest = contacts.order_by("-pk").values_list("custom_attributes", flat=True)[:CONTACTS_LOOKED_AT]
    oldest = contacts.order_by("pk").values_list("custom_attributes", flat=True)[:CONTACTS_LOOKED_AT]
    found: dict[str, dict[str, Any]] = {}
    for said in (*newest, *oldest):
        for key, value in said.items():
            entry = found.setdefault(key, {"type": "", "examples": {}})
            kind = _kind(value)
            entry["type"] = entry["type"] or kind
            if kind in {"string", "number"} and len(entry["examples"]) < EXAMPLES_OFFERED and len(str(value)) <= 60:
                entry["examples"][str(value)] = None
    own = attributes.described(account.pk, found)
    return {
        key: {
            "type": _JSON_TYPES.get(own[key].kind, entry["type"] or "string"),
            "kind": own[key].kind,
            "examples": sorted(entry["examples"]),
        }
        for key, entry in sorted(found.items())
    }


# What JSON makes of the kinds of attributes; of others, what the contacts have.
_JSON_TYPES: Final = {"text": "string", "date": "string", "number": "number", "boolean": "boolean"}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else ""


def counted(account: Account, audience: Audience, texts: list[str], kind: str) -> dict[str, Any]:
    """The live count: how many an audience means, who is left out, and the message as some of them will read it.

    In words: the script only shows them. By the rules that bind this kind of campaign, at the account's own hours.
    """
    terms = terms_of(account, kind, account.sending_window, timezone.now()) if kind else NONE
    count = freezing.count(account, audience, terms)
    texts = [text for text in texts if text.strip()]
    variables = variables_of(*texts)
    template = CampaignTemplate([(text, 1) for text in texts], variables, salt="count") if texts else None
    return {
        "count": count.sendable,
        "matched": count.matched,
        "people": audience_words.people(count.sendable),
        "left_out": audience_words.left_out_sentence(count.excluded),
        "samples": [
            {"phone": one.phone, "text": template.render(one.values, one.phone) if template else ""}
            for one in freezing.sample(account, audience, SAMPLES, variables, terms)
        ],
        "problems": list(dict.fromkeys(problem for text in texts for problem in problems_of(text))),
    }


# --- The form ----------------------------------------------------------------------------------------------


def form(account: Account, form: Form, errors: Mapping[str, Any], campaign: Campaign | None = None) -> dict[str, Any]:
    """A campaign's form: as it is, or as it was sent with what is wrong beside its field."""
    devices = Device.objects.for_account(account).defer("token").order_by("name")[:DEVICES_OFFERED]
    segments = Segment.objects.for_account(account).order_by("name")[:SEGMENTS_OFFERED]
    attributes = builder(account)
    has_file = campaign is not None and has_own_file(campaign)
    return {
        "campaign": campaign,
        "form": form,
        "errors": errors,
        "segments": [{"id": str(segment.pk), "name": segment.name} for segment in segments],
        "builder": attributes,
        "chips": ["{{name}}", "{{phone}}", "{{email}}"]
        + [f"{{{{custom_attributes.{key}}}}}" for key in attributes["attribute_keys"][:40]],
        "media_types": [(kind, campaign_words.MEDIA[kind], limit // MEGABYTE) for kind, limit in MAX_BYTES.items()],
        "file_name": campaign.multimedia.get("filename", "") if has_file and campaign is not None else "",
        "recurrences": campaign_words.RECURRENCES.items(),
        "weekdays": [(str(number), name) for number, name in enumerate(campaign_words.WEEKDAYS)],
        "time_zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
        "kinds": [(kind, name, meaning) for kind, (name, meaning) in campaign_words.KINDS.items()],
        "canary_rule": canary.rule(),
        "account_window": window_words(account.sending_window),
        "devices": [offered(device) for device in devices],
        "limits": {"devices": MAX_DEVICES, "message": MAX_MESSAGE_CHARACTERS, "variants": MAX_VARIANTS},
        "script_data": {
            **attributes["script"],
            "segments": [str(segment.pk) for segment in segments],
            "number": number_format(),
            "limits": {
                "variants": MAX_VARIANTS,
                "weight": MAX_WEIGHT,
                "text": lengths.EASY,
                "caption": lengths.EASY_CAPTION,
            },
        },
    }


def segment_form(account: Account, form: Form, errors: Mapping[str, Any], segment: Segment | None) -> dict[str, Any]:
    attributes = builder(account)
    return {
        "segment": segment,
        "form": form,
        "errors": errors,
        "builder": attributes,
        "used_by": [] if segment is None else list(segment.campaigns.order_by("-pk")[:20]),
        "script_data": attributes["script"],
    }


def window_words(window: Mapping[str, Any]) -> str:
    """“Mon, Tue, 09:00–20:00”; "" for at any time."""
    if not window:
        return ""
    days = window.get("weekdays", list(range(7)))
    hours = f"{window.get('start', '')}–{window.get('end', '')}"
    return hours if len(days) == 7 else f"{', '.join(str(campaign_words.WEEKDAYS[day]) for day in days)} · {hours}"


# --- One campaign -------------------------------------------------------------------------------------------


def campaign(campaign: Campaign) -> dict[str, Any]:
    """The page of one campaign: what will happen, or what happened."""
    run = campaign.latest_run
    status = campaign.current_status
    is_open = run is not None and run.job.status not in JOB_ENDED
    reason = str(job_reason(run.job.state_reason)) if run is not None and run.job.state_reason else ""
    stats = figures.stats_of(run)
    return {
        "campaign": campaign,
        "status": status,
        "run": run,
        "reason": campaign_notes.shown(campaign.note_code, campaign.note_details) or reason,
        "canary": canary.seen(run.job, timezone.now()) if run is not None else None,
        "percentage": percentage_of(run) if run is not None else 0,
        "is_missed": campaign.missed_at is not None,
        "is_freezing": run is not None and is_open and run.job.imported_at is None,
        "is_scheduled": campaign.status == CampaignStatus.PENDING and campaign.scheduled_at is not None,
        "stats": stats,
        "funnel": _funnel(stats) if run is not None and run.job.imported_at is not None else [],
        "left_out": audience_words.left_out(run.excluded) if run is not None else [],
        "variants": variants.compared(run.job) if run is not None and run.job.imported_at is not None else [],
        "receipts": receipt_card.shown(run.job) if run is not None else None,
        "has_receipts": any(stats[name] for name in _BY_RECEIPT),
        "has_replies": bool(stats["replied"]),
        "runs": _runs(campaign) if campaign.recurrence else [],
        "texts": [text for text in texts_of(campaign) if text],  # an audio has none
        "media_label": _media_label(campaign),
        "kind": campaign_words.KINDS[campaign.kind][0],
        "audience_words": audience_words.described(
            campaign.segment.audience if campaign.segment else campaign.audience
        ),
        "recurrence_words": campaign_words.RECURRENCES.get(campaign.recurrence, campaign.recurrence),
        "window": window_words(campaign.sending_window or campaign.account.sending_window),
        "device_names": list(
            Device.objects.for_account(campaign.account_id)
            .filter(pk__in=campaign.requested_device_ids)
            .order_by("name")
            .values_list("name", flat=True)
        ),
        "may_edit": drafting.may_change(campaign),
        "may_launch": launching.why_not(campaign) is None,
        # The job counts whoever was left out as failed, too.
        "possible": control.possible(campaign) - (set() if stats["failed"] else {"retry_failed"}),
        "is_resting": campaign.status == CampaignStatus.PAUSED,
        "is_moving": is_open or campaign.status == CampaignStatus.PENDING,
    }


def _media_label(campaign: Campaign) -> Phrase:
    return campaign_words.MEDIA.get(campaign.multimedia.get("type", ""), "")


_BY_RECEIPT = ("delivered", "read", "replied")


def _funnel(stats: Mapping[str, int]) -> list[dict[str, Any]]:
    """From whom the audience meant to who answered: each step with its share of those before the sending."""
    sendable = stats["total"] - stats["suppressed"]
    steps = [
        ("matched", _("In the audience"), stats["total"]),
        ("sendable", _("Can be written to"), sendable),
        ("sent", _("Sent"), stats["sent"]),
        ("delivered", _("Delivered"), stats["delivered"]),
        ("read", _("Read"), stats["read"]),
        ("replied", _("Replied"), stats["replied"]),
    ]
    # What nobody has said yet is not shown as zero; that somebody answered is told apart from receipts.
    silent = set() if any(stats[name] for name in _BY_RECEIPT) else set(_BY_RECEIPT)
    silent |= set() if stats["replied"] else {"replied"}
    steps = [step for step in steps if step[0] not in silent]
    most = stats["total"] or 1
    return [
        {
            "name": name,
            "label": label,
            "count": count,
            # Written here: a template would put the language's decimal comma.
            "width": f"{100 * count / most:.3f}%",
            "share": 100 * count / sendable if sendable and name not in {"matched", "sendable"} else None,
        }
        for name, label, count in steps
    ]


def sendable_of(run: CampaignRun) -> int:
    """How many of the run's audience are written to."""
    left_out: int = sum(run.excluded.values())
    return max(0, run.job.total - left_out)


def failed_of(run: CampaignRun) -> int:
    """How many of those failed: the job counts whoever was left out as failed, too."""
    left_out: int = sum(run.excluded.values())
    return max(0, run.job.failed - left_out)


def percentage_of(run: CampaignRun) -> float:
    """How much of the run is done: of those who are written to, who was or cannot be."""
    sendable = sendable_of(run)
    if run.job.imported_at is None:
        return 0.0
    return min(100.0, 100 * (run.job.sent + failed_of(run)) / sendable) if sendable else 100.0


def _runs(campaign: Campaign) -> list[CampaignRun]:
    return list(campaign.runs.select_related("job").order_by("-pk")[:RUNS_SHOWN])


def preview(campaign: Campaign, preview: Preview) -> dict[str, Any]:
    """What the campaign would do now."""
    estimate = preview.estimate
    return {
        "campaign": campaign,
        "preview": preview,
        "lacking": [
            {"variable": name.removeprefix("custom_attributes."), "count": number}
            for name, number in preview.lacking.items()
        ],
        "gone": [gone_words.on_the_page(kind, which) for kind, which in preview.gone],
        "way_out_lacking": gone_words.NO_WAY_OUT.page if preview.lacks_way_out else "",
        "media_label": _media_label(campaign),
        "people": audience_words.people(preview.count),
        "left_out": audience_words.left_out(preview.excluded),
        "estimate": estimate_words.on_the_page(estimate.seconds, estimate.devices, estimate.more_devices_for_one_day),
        "finishes_at": estimate.finishes_at if estimate.seconds else None,
    }


def launch_question(campaign: Campaign, audience: Audience) -> tuple[str, str]:
    """What is asked before a launch: the question, and what will happen."""
    count = freezing.count(campaign.account_id, audience, of_campaign(campaign, timezone.now()))
    question = _("Send “%(campaign)s” now to %(people)s?") % {
        "campaign": campaign,
        "people": audience_words.people(count.sendable),
    }
    explanation = _("The messages begin to go out at once. What has been sent cannot be undone.")
    if count.matched > count.sendable:
        explanation = f"{audience_words.left_out_sentence(count.excluded)}. {explanation}"
    if ways_out.lacks_one(campaign):
        explanation = f"{gone_words.NO_WAY_OUT.page} {explanation}"
    return question, explanation
