"""Job: one message to many people. Recipient: one of them, and what became of it. Chunk: who sends which now.
JobPart: what became of those of one device and variant.

SentMessage, ParkedReceipt: by what a receipt finds its recipient, and those that have not found theirs yet.
IncomingMessage: what people write back. Identity: who they are. Answer: what is written to one of them.
Erasure: who was forgotten, by a keyed hash. ErasureKey: an account's key for it.
Suppression, ExclusionList: who must not be written to, one by one and by files of numbers.
"""

import uuid
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.encryption import EncryptedTextField
from accounts.models import Account, User
from accounts.scoping import ScopedModel, ScopedQuerySet
from devices.models import Device, DeviceQuerySet
from devices.phone_numbers import key_of
from jobs.states import RECIPIENT_OPEN, CanaryState, JobStatus, MessageKind, RecipientState, Wish, may_become

EVENT_BURST = 100  # events a job may send one per recipient before they are thinned out (contract: events)


class IllegalTransition(Exception):
    """A job was asked to become what it cannot become from where it is."""


class OnDuplicate(models.TextChoices):
    """What to do with a phone that stands in a file more than once."""

    SKIP_ROW = "skip_row", _("send the same phone with the same values once")
    SKIP_PHONE = "skip_phone", _("send each phone once")
    SEND = "send", _("send every row")


class MessageSyntax(models.TextChoices):
    """How a message names its variables."""

    FILE = "file", _("@valor1, as in recipient files")
    CAMPAIGN = "campaign", _("{{name}}, as in campaigns")


class JobPurpose(models.TextChoices):
    """What a job is for."""

    SEND = "send", _("to many")
    ANSWER = "answer", _("a person's answer")
    # That somebody is written to no more: the last message they get, and the one that the list does not hold up.
    CONFIRMATION = "confirmation", _("confirmation of an opt-out")


class JobQuerySet(ScopedQuerySet["Job"]):
    def listed(self) -> Self:
        """Those that people look for in lists: no answers to one person."""
        return self.filter(purpose=JobPurpose.SEND)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def due_to_start(self) -> Self:
        """Imported, and their time has come."""
        return self.filter(status=JobStatus.PENDING, imported_at__isnull=False, start_at__lte=Now())


class Job(ScopedModel):
    """One message to many people: the template, the counters and where the claiming stands.

    `id` is small because a million recipients carry it; the world knows a job by its `uuid`.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="jobs", verbose_name=_("account"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by"))
    title = models.CharField(_("title"), max_length=200, blank=True)
    message = models.TextField(_("message"))
    purpose = models.CharField(max_length=12, choices=JobPurpose.choices, default=JobPurpose.SEND, db_default="send")
    # That of the campaign whose run it is; "" for all others: files, answers, and tests, which go to one's own numbers.
    kind = models.CharField(
        _("kind"), max_length=10, choices=MessageKind.choices, default="", db_default="", blank=True, editable=False
    )
    syntax = models.CharField(max_length=10, choices=MessageSyntax.choices, default=MessageSyntax.FILE)
    # [{"text", "weight"}]: instead of `message`; each recipient's row says which is its own.
    variants = models.JSONField(default=list, blank=True)
    # Whether a line below the text says how to get no more.
    way_out = models.BooleanField(db_default=False, default=False)
    # {"start", "end", "weekdays"}: when a recipient may be written to, by its own clock; empty: always.
    sending_window = models.JSONField(default=dict, blank=True)
    # {"type", "url", "filename"} as in seed 003; empty for a text.
    media = models.JSONField(_("media"), default=dict, blank=True)
    # The header row's own names beside @valor1, @valor2, …: columns[0] is the name of @valor1.
    columns = ArrayField(models.TextField(), default=list, blank=True, verbose_name=_("columns"))
    status = models.CharField(_("status"), max_length=16, choices=JobStatus.choices, default=JobStatus.PENDING)
    # A code of `reasons`, why it is paused or failed.
    state_reason = models.CharField(_("reason"), max_length=60, blank=True)
    # Of one that rests for a medium that cannot be fetched: when it is tried again, and how often that was in vain.
    resume_at = models.DateTimeField(null=True, editable=False)
    rests = models.PositiveSmallIntegerField(db_default=0, editable=False)
    devices_limit = models.PositiveSmallIntegerField(_("devices at most"), default=5)
    # Devices asked for by name; empty = any of the account's.
    requested_device_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    devices = models.ManyToManyField(Device, through="JobDevice", related_name="jobs")
    on_duplicate = models.CharField(max_length=16, choices=OnDuplicate.choices, default=OnDuplicate.SKIP_ROW)

    # How its file's numbers without "+" are read: as this country's ("PE"), or where "" as they stand.
    default_country = models.CharField(max_length=2, blank=True, db_default="", default="")
    # {"PE": 980, "MX": 20}: how many of its file's numbers are of which country; "ZZ" is none's. Of a campaign's only
    # those of countries that have hours of their own.
    countries = models.JSONField(db_default={}, default=dict, blank=True)
    # How many of them are landlines for sure; null where nobody counted: of campaigns, and of jobs of before.
    landlines = models.PositiveIntegerField(null=True, blank=True)

    # The file it came from, below settings.UPLOAD_DIR; "" once imported.
    file_name = models.CharField(_("file"), max_length=255, blank=True)
    upload_name = models.CharField(max_length=80, blank=True)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - null: no key was given
    content_digest = models.CharField(max_length=64, blank=True)

    # Counters move in the same transaction as the recipients they count.
    total = models.PositiveIntegerField(_("recipients"), default=0)
    sent = models.PositiveIntegerField(_("sent"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    # Of those: whose phone had it, who opened it, who played it; and whom WhatsApp refused after the gateway took it.
    delivered = models.PositiveIntegerField(_("delivered"), db_default=0, default=0)
    read = models.PositiveIntegerField(_("read"), db_default=0, default=0)
    played = models.PositiveIntegerField(_("played"), db_default=0, default=0)
    failed_after = models.PositiveIntegerField(_("refused after acceptance"), db_default=0, default=0)
    replied = models.PositiveIntegerField(_("answered"), db_default=0, default=0)
    first_receipt_at = models.DateTimeField(null=True, editable=False)
    last_receipt_at = models.DateTimeField(null=True, editable=False)
    # Times somebody was written to again because the gateway did not know of the first message, which is no proof.
    sent_again = models.PositiveIntegerField(db_default=0)
    imported = models.PositiveIntegerField(default=0)  # rows of the file that are recipients already
    next_position = models.PositiveIntegerField(default=0)  # recipients below it have been claimed at least once
    # Whether a large one sends a few ahead of all others; where those end, how they stand, and until when what becomes
    # of them may hold the job. While they are under way nobody at `canary_end` or past it is claimed.
    canary_wanted = models.BooleanField(db_default=True, default=True)
    canary_end = models.PositiveIntegerField(null=True, editable=False)
    canary_state = models.CharField(max_length=10, choices=CanaryState.choices, blank=True, db_default="", default="")
    canary_until = models.DateTimeField(null=True, editable=False)
    canary_told_at = models.DateTimeField(null=True, editable=False)  # that it is held
    cancelled_to = models.PositiveIntegerField(db_default=0)  # of a cancelled one: below it nobody waits any more
    results = models.JSONField(_("results"), default=dict, blank=True)

    # The live feed's own numbers; see `events`.
    event_seq = models.BigIntegerField(default=0)
    event_allowance = models.FloatField(default=EVENT_BURST)
    event_allowance_at = models.DateTimeField(db_default=Now())

    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated"), db_default=Now(), editable=False)
    start_at = models.DateTimeField(_("starts"), db_default=Now())
    imported_at = models.DateTimeField(null=True, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    unscoped: ClassVar[Any] = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-id",)
        indexes = [
            # GET /jobs and the admin's list: newest first within an account, optionally by status.
            models.Index(fields=["account", "-id"], name="job_newest_first"),
            # The sweep: jobs that wait to be imported or started, or that are being sent.
            models.Index(fields=["id"], name="job_open", condition=Q(finished_at=None)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="job_once_per_idempotency_key"),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_is_known"),
            models.CheckConstraint(condition=Q(total__gte=F("sent") + F("failed")), name="job_counts_within_total"),
            models.CheckConstraint(condition=Q(canary_state__in=CanaryState.values), name="job_canary_state_is_known"),
            models.CheckConstraint(
                condition=Q(canary_state="") | Q(canary_end__isnull=False), name="job_canary_has_an_end"
            ),
            models.CheckConstraint(condition=Q(on_duplicate__in=OnDuplicate.values), name="job_on_duplicate_is_known"),
            models.CheckConstraint(condition=Q(kind__in=["", *MessageKind.values]), name="job_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.title or self.file_name or str(self.uuid)

    @property
    def percentage(self) -> float:
        """Share of recipients that ended, 0.0–100.0 with one decimal; 100.0 only when all have."""
        if not self.total:
            return 0.0
        ended = self.sent + self.failed
        return 100.0 if ended == self.total else min(99.9, round(100 * ended / self.total, 1))

    def eligible_devices(self) -> DeviceQuerySet:
        """The account's devices, or those of them that the job asked for; whether they may send is another question."""
        devices: DeviceQuerySet = Device.unscoped.for_account(self.account_id)
        return devices.filter(pk__in=self.requested_device_ids) if self.requested_device_ids else devices

    def progress(self) -> dict[str, Any]:
        """The `progress` object of seed 000."""
        return progress(self.sent, self.failed, self.total)

    def receipts(self) -> dict[str, Any]:
        """What became of its messages after the gateway took them; rates in percent of those sent."""
        return {
            "delivered": self.delivered,
            "read": self.read,
            "played": self.played,
            "replied": self.replied,
            "failed_after": self.failed_after,
            "delivered_rate": self._share_of_sent(self.delivered),
            "read_rate": self._share_of_sent(self.read),
            "played_rate": self._share_of_sent(self.played),
            "first_at": self.first_receipt_at,
            "last_at": self.last_receipt_at,
        }

    def _share_of_sent(self, number: int) -> float | None:
        return round(100 * number / self.sent, 1) if self.sent else None

    def move(self, *, source: str, target: JobStatus, waits_for: str = "", **changes: Any) -> bool:
        """Go from `source` to `target`, where the row still stands at `source`; False when another was first.

        `waits_for`: only where it is paused for this reason, too. Raises ValueError where JOB_MOVES has no such move.
        """
        if not may_become(source, target):
            raise ValueError(f"no job that is {source} may become {target}")
        rows = type(self).unscoped.filter(pk=self.pk, status=source)
        if waits_for:
            rows = rows.filter(state_reason=waits_for)
        return bool(rows.update(status=target, updated_at=Now(), **changes))


def progress(sent: int, failed: int, total: int) -> dict[str, Any]:
    """The `progress` object of seed 000: {"sent", "failed", "total", "percentage"}."""
    return {
        "sent": sent,
        "failed": failed,
        "total": total,
        "percentage": Job(sent=sent, failed=failed, total=total).percentage,
    }


class JobDevice(models.Model):
    """A device that serves a job. At most `devices_limit` a job."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="job_devices")
    device = models.ForeignKey(Device, models.CASCADE, related_name="job_devices")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "device"], name="device_once_per_job")]

    def __str__(self) -> str:
        return f"job {self.job_id} through device {self.device_id}"


class JobPart(models.Model):
    """What became of a part of a job: of those written to through one device, with one variant of its message.

    Receipts are counted as they come; the parts sum to their job. `total`, `sent` and `failed` are counted when the job
    ends, and say nothing before. See `sending.parts`.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="parts", db_index=False)
    device_id = models.BigIntegerField()  # 0: of those whom nobody tried
    variant = models.IntegerField()  # 0 where the job has but one text
    # Without a check that they are positive, which PostgreSQL would ask of what is added, too.
    total = models.IntegerField(db_default=0)  # without those who are suppressed
    sent = models.IntegerField(db_default=0)
    failed = models.IntegerField(db_default=0)  # or cancelled; the rest is unknown
    delivered = models.IntegerField(db_default=0)
    read = models.IntegerField(db_default=0)
    played = models.IntegerField(db_default=0)
    failed_after = models.IntegerField(db_default=0)
    replied = models.IntegerField(db_default=0)
    first_receipt_at = models.DateTimeField(null=True)
    last_receipt_at = models.DateTimeField(null=True)

    class Meta:
        # Also the index by which a job's parts are read.
        constraints = [models.UniqueConstraint(fields=["job", "device_id", "variant"], name="part_once_per_job")]

    def __str__(self) -> str:
        return f"job {self.job_id} through device {self.device_id}, variant {self.variant}"


# What a receipt says of a recipient, and the column that says since when.
RECEIPT_TIMES = {
    "delivered": "delivered_at",
    "read": "read_at",
    "played": "played_at",
    "failed_after": "failed_after_at",
    "replied": "replied_at",
}


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def with_receipt(self, kind: str) -> Self:
        """Of whom it was said, by a name of RECEIPT_TIMES: whoever read it counts as delivered, too."""
        return self.filter(**{f"{RECEIPT_TIMES[kind]}__isnull": False})

    def open(self) -> Self:
        return self.filter(state__in=RECIPIENT_OPEN)

    def in_order(self) -> Self:
        return self.order_by("position")


class Recipient(models.Model):
    """One row of one job: a phone, its values, and what became of the message.

    A million of these in one job are normal. They are written by COPY and moved by bulk updates in
    `intake`, `claims` and `results`; `state` is in no index, so that those updates stay HOT.
    """

    id = models.BigAutoField(primary_key=True)
    # No constraint in the database: it would make the import 2.5 times slower. Jobs are deleted by `retention`.
    job = models.ForeignKey(Job, models.DO_NOTHING, related_name="recipients", db_constraint=False, db_index=False)
    position = models.PositiveIntegerField(_("row"))  # 0-based, in file order
    phone = models.CharField(_("phone"), max_length=40)  # "+" and digits; as written where it is no phone
    values = ArrayField(models.TextField(), default=list, verbose_name=_("values"))
    state = models.CharField(_("state"), max_length=10, choices=RecipientState.choices, default=RecipientState.QUEUED)
    error_code = models.CharField(_("error"), max_length=40, db_default="", blank=True)
    # Null for the straight way. Set: when a retry may go (queued) or a look-up is due (ambiguous); kept while such
    # a retry is `sending`, so that it is found again should its sender die.
    due_at = models.DateTimeField(null=True)
    device = models.ForeignKey(
        Device, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, verbose_name=_("device")
    )
    tries = models.PositiveIntegerField(_("tries"), db_default=0)  # times a request was about to be written
    unsent_tries = models.PositiveIntegerField(db_default=0)  # of those, proven not to have been sent
    # Tries repeated without proof: by the seed's rule after a look-up that told nothing, or on a person's word.
    accepted_risks = models.PositiveIntegerField(db_default=0)
    tries_left = models.PositiveSmallIntegerField(db_default=3)  # before it fails; a device's fault costs none
    gateway_message_id = models.CharField(_("message id"), max_length=80, db_default="", blank=True)
    contact_id = models.BigIntegerField(null=True)  # of a campaign; a file's recipients are no contacts
    variant = models.PositiveSmallIntegerField(null=True)  # which of the job's variants
    tried_at = models.DateTimeField(_("last try"), null=True)
    # The first try that may have gone out, and the devices of all such: null once each is proven not to have. Whoever
    # has one has not failed, whatever became of later tries.
    doubt_since = models.DateTimeField(null=True)
    doubt_device_ids = ArrayField(models.BigIntegerField(), null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    # The first receipt of each kind; a later kind implies those before it. See `receipts.lifting`.
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    read_at = models.DateTimeField(_("read"), null=True)
    played_at = models.DateTimeField(_("played"), null=True)
    failed_after_at = models.DateTimeField(_("refused after acceptance"), null=True)
    replied_at = models.DateTimeField(_("answered"), null=True)  # what they wrote first after it, or quoting it

    objects = RecipientQuerySet.as_manager()

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [
            # Also the index by which a chunk is read, a list is paged and a job's recipients are counted.
            models.UniqueConstraint(fields=["job", "position"], name="recipient_position_once_per_job"),
            models.CheckConstraint(condition=Q(state__in=RecipientState.values), name="recipient_state_is_known"),
        ]
        indexes = [
            # Retries that may go and look-ups that are due: few rows, whatever the size of the table.
            models.Index(fields=["job", "due_at"], name="recipient_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.phone


class Chunk(models.Model):
    """A range of a job's positions that a device has taken, or that its taker gave back.

    It is the durable claim: what a dead sender left is found by its chunks. It goes when all its rows
    have been tried once.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="chunks")
    start = models.PositiveIntegerField()  # first position
    end = models.PositiveIntegerField()  # one past the last
    device = models.ForeignKey(Device, models.SET_NULL, null=True, related_name="+")  # null: free to take

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(end__gt=F("start")), name="chunk_is_not_empty"),
            models.UniqueConstraint(fields=["job", "start"], name="chunk_start_once_per_job"),
        ]

    def __str__(self) -> str:
        return f"job {self.job_id}: {self.start}-{self.end}"


class SentMessage(models.Model):
    """Whose message it was: what a receipt finds its recipient by. A row for each acceptance, inserted with it.

    Apart from the recipients, whose updates an index on their message id would take off their page. Two tables in turn,
    by `slot`; each is emptied as a whole when all it holds is old: see `receipts.sent_messages`.
    """

    recipient_id = models.BigIntegerField(primary_key=True)  # to Django alone: a recipient may have several
    device_id = models.BigIntegerField()
    slot = models.PositiveSmallIntegerField()
    message_id = models.CharField(max_length=80)
    phone_key = models.CharField(max_length=16, db_default="")  # by which an answer finds it

    class Meta:
        db_table = "jobs_sentmessage"

    def __str__(self) -> str:
        return self.message_id


class ParkedReceipt(models.Model):
    """What receipts said of a message that nobody knows yet: it is looked for again, later and later, for a day."""

    device_id = models.BigIntegerField()
    message_id = models.CharField(max_length=80)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    played_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    replied_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device_id", "message_id"], name="parked_once_per_message")]
        indexes = [
            # Which are looked for again now.
            models.Index(fields=["due_at"], name="parked_receipt_due"),
        ]

    def __str__(self) -> str:
        return self.message_id


class SweepLook(models.Model):
    """When the sweep last looked at all devices and jobs under way, and which those were: one row for all workers."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    looked_at = models.DateTimeField()
    saw = models.TextField()  # a short sum of them: another one means that some came or went

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="sweep_look_is_one_row")]

    def __str__(self) -> str:
        return f"look of {self.looked_at}"


class Suppression(ScopedModel):
    """A number this account must not write to."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="suppressions", verbose_name=_("account"))
    phone = models.CharField(_("phone"), max_length=16)  # "+" and digits
    # The number without what comes and goes in it: whoever said no said it for every spelling.
    phone_key = models.CharField(max_length=16, editable=False)
    # Why, in a person's words; or our own code of `suppression_reasons`, and no words.
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    reason_code = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    # When its owner said so, where somebody knew it; else it was when the row was made, or before.
    since = models.DateTimeField(_("since"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("suppressed number")
        verbose_name_plural = _("suppressed numbers")
        constraints = [models.UniqueConstraint(fields=["account", "phone_key"], name="suppression_once_per_number")]

    def __str__(self) -> str:
        return self.phone

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.phone_key = key_of(self.phone)
        super().save(*args, **kwargs)


class ErasureKey(models.Model):
    """By which an account's erased people are known again: see `erasing.digests`. Made with the first of them."""

    account = models.OneToOneField(Account, models.CASCADE, primary_key=True, related_name="+")
    key = EncryptedTextField(max_length=200)

    def __str__(self) -> str:
        return f"key of account {self.account_id}"


class Erasure(ScopedModel):
    """A person whom an account has forgotten, or is forgetting. What stays of them is the digest of their number: it
    must not be written to when it comes again."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+", verbose_name=_("account"))
    digest = models.BinaryField(null=True, max_length=32)  # of the number's key; null: they had no number
    # While it is under way, who it is, as JSON of `erasing.person`; "" once it is done.
    sealed = EncryptedTextField(blank=True, default="")
    # What the last look at it still had to wait for: a value of `erasing.person.Waits`.
    waits_for = models.CharField(max_length=12, blank=True, db_default="", default="")
    asked_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Also the index by which it is asked whether somebody was erased.
            models.UniqueConstraint(fields=["account", "digest"], name="erasure_once_per_number"),
        ]
        indexes = [
            # What is under way: few rows, whatever the size of the table.
            models.Index(fields=["id"], name="erasure_under_way", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return f"erasure {self.pk}"


class ListKind(models.TextChoices):
    """Whose list it is: a registry of people who want no advertising, or the account's own."""

    REPEP = "repep", _("REPEP (Mexico, Profeco)")
    RNE = "rne", _("RNE (Colombia, CRC)")
    NO_LLAME = "no_llame", _("No Llame (Argentina)")
    ROBINSON = "robinson", _("Lista Robinson (Spain)")
    OTHER = "other", _("another registry")
    OWN = "own", _("our own list")


class ExclusionList(ScopedModel):
    """Numbers that come by file and are left out; a newer file takes the place of the one before."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="exclusion_lists", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("registry"), max_length=12, choices=ListKind.choices)
    is_on = models.BooleanField(_("in use"), default=True)
    # Whose numbers are in force; null until the first file is loaded.
    load = models.OneToOneField("ExclusionLoad", models.SET_NULL, null=True, related_name="in_force_of", editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("exclusion list")
        verbose_name_plural = _("exclusion lists")
        ordering = ("name", "id")
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="exclusion_list_once_per_name"),
            models.CheckConstraint(condition=Q(kind__in=ListKind.values), name="exclusion_list_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ExclusionLoad(models.Model):
    """One file of an exclusion list. Its numbers count once it is the one in force; what no list points at is swept."""

    # Null: it was deleted.
    exclusion_list = models.ForeignKey(ExclusionList, models.SET_NULL, null=True, related_name="loads")
    file_date = models.DateField(_("date of the file"), null=True)  # as the registry says it
    default_country = models.CharField(max_length=2, blank=True)  # of numbers without a code, and of hashes of such
    forms = ArrayField(models.CharField(max_length=8), default=list)  # what its lines are: see `exclusions.spellings`
    numbers = models.PositiveIntegerField(_("numbers"), default=0)  # each counted once
    matched_to = models.BigIntegerField(default=0)  # contacts up to this id are looked for: see `exclusions.hits`
    loaded_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("loaded by"))
    loaded_at = models.DateTimeField(_("loaded"), null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"load {self.pk}"


class ExclusionEntry(models.Model):
    """A number of a load, as 64 bits of a digest: no number can be read from it. Its key is both columns."""

    digest = models.BigIntegerField(primary_key=True)  # to Django alone: other loads have it, too
    load_id = models.BigIntegerField()

    class Meta:
        db_table = "jobs_exclusionentry"

    def __str__(self) -> str:
        return str(self.digest)


class ExclusionHit(models.Model):
    """A contact's number that a load names: `hashtextextended` of its key. Its key is both columns."""

    person = models.BigIntegerField(primary_key=True)  # to Django alone
    load_id = models.BigIntegerField()

    class Meta:
        db_table = "jobs_exclusionhit"

    def __str__(self) -> str:
        return str(self.person)


class LastWritten(models.Model):
    """When an account last wrote to somebody commercially, the newest first, where rules ask: see `rules.often`."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    phone_key = models.CharField(max_length=16)
    recipient_ids = ArrayField(models.BigIntegerField())
    times = ArrayField(models.DateTimeField())

    class Meta:
        # Also the index by which a person's row is found.
        constraints = [models.UniqueConstraint(fields=["account", "phone_key"], name="last_written_once_per_person")]

    def __str__(self) -> str:
        return self.phone_key


class Identity(models.Model):
    """WhatsApp's other name for somebody, and their number, learned where both were told: see `replies.people`."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    lid = models.CharField(max_length=20)  # digits
    phone = models.CharField(max_length=20)  # "+" and digits
    phone_key = models.CharField(max_length=16)
    learned_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "lid"], name="identity_once_per_account")]
        indexes = [models.Index(fields=["account", "phone_key"], name="identity_by_phone")]

    def __str__(self) -> str:
        return self.lid


class IncomingMessage(ScopedModel):
    """What somebody wrote to one of the account's devices."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="incoming_messages", verbose_name=_("account"))
    device = models.ForeignKey(Device, models.CASCADE, related_name="+", db_index=False, verbose_name=_("device"))
    message_id = models.CharField(max_length=80, editable=False)
    phone = models.CharField(_("phone"), max_length=20, blank=True)  # "+" and digits; "": only the LID was told
    phone_key = models.CharField(max_length=16, blank=True, editable=False)
    lid = models.CharField(max_length=20, blank=True, editable=False)
    name = models.CharField(_("name"), max_length=120, blank=True)  # as they call themselves
    kind = models.CharField(_("kind"), max_length=16)
    text = models.TextField(_("text"), blank=True)
    quoted_id = models.CharField(max_length=80, blank=True, editable=False)
    # Whose message it answers: the quoted one, or the last that its sender had from the device.
    recipient_id = models.BigIntegerField(null=True, editable=False)
    answered_id = models.CharField(max_length=80, blank=True, db_default="", editable=False)  # our message's own id
    wish = models.CharField(_("wish"), max_length=16, choices=Wish.choices, blank=True)
    at = models.DateTimeField(_("written"))
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)
    # By a person: of a near miss what it meant, of a LID whose it is.
    settled_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("incoming message")
        verbose_name_plural = _("incoming messages")
        ordering = ("-id",)
        constraints = [models.UniqueConstraint(fields=["device", "message_id"], name="incoming_once_per_message")]
        indexes = [
            models.Index(fields=["account", "-id"], name="incoming_newest_first"),
            models.Index(fields=["account", "phone_key", "-id"], name="incoming_of_person"),
            # What waits for a person: few rows, whatever the size of the table.
            models.Index(
                fields=["account", "-id"],
                name="incoming_unsettled",
                condition=Q(settled_at=None) & (Q(wish="near_out") | Q(phone="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.phone or self.lid

    @property
    def waits(self) -> bool:
        """Whether a person has to say what it meant, or whose it is."""
        return self.settled_at is None and (self.wish == Wish.NEAR_OUT or not self.phone)


class Answer(ScopedModel):
    """What was written to one person: by somebody of the account, or by us because they wished it."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    job = models.OneToOneField(Job, models.CASCADE, related_name="answer")
    phone_key = models.CharField(max_length=16)
    text = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["account", "phone_key", "-id"], name="answer_to_person")]

    def __str__(self) -> str:
        return self.text[:80]
