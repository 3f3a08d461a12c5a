"""Who and when: contacts with their labels and attributes, segments, and campaigns that send to them."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Case, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, User
from accounts.scoping import ScopedModel, ScopedQuerySet
from accounts.written.folding import same_name
from campaigns.states import (
    CAMPAIGN_CLOSED,
    CAMPAIGN_WAITING,
    STATUS_OF_JOB,
    Basis,
    CampaignStatus,
    Channel,
    ImportKind,
    ImportStatus,
    campaign_sources,
    import_sources,
)
from jobs.models import ExclusionList, ExclusionLoad, Job
from jobs.states import JOB_ENDED, MessageKind


class FoldedName(models.CharField):  # type: ignore[type-arg]
    """What all spellings of the row's `name` share. Written with the row; a queryset's update() names it itself."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        folded = same_name(model_instance.name)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, folded)
        return folded


class Label(ScopedModel):
    """A name that contacts carry. Contacts hold the name itself; renaming is done by `labels`."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="labels", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=100)
    folded = FoldedName(max_length=400, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        ordering = ("name",)
        # "VIP" and "vip" are one.
        constraints = [models.UniqueConstraint(fields=["account", "folded"], name="label_once_per_account")]

    def __str__(self) -> str:
        return self.name


class AttributeKind(models.TextChoices):
    """What the values of an attribute are; see `contacts.kinds`."""

    UNKNOWN = "", _("unknown")
    TEXT = "text", _("text")
    NUMBER = "number", _("number")
    BOOLEAN = "boolean", _("yes or no")
    DATE = "date", _("date")
    MIXED = "mixed", _("of several kinds")


class AttributeName(ScopedModel):
    """How an account writes the name of a custom attribute: contacts hold it so, however it came. And what it is."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="attribute_names", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    folded = FoldedName(max_length=800, editable=False)
    kind = models.CharField(
        _("type"), max_length=8, choices=AttributeKind.choices, default="", db_default="", blank=True
    )
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["account", "folded"], name="attribute_once_per_account"),
            models.CheckConstraint(condition=Q(kind__in=AttributeKind.values), name="attribute_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class ContactQuerySet(ScopedQuerySet["Contact"]):
    def reachable(self) -> Self:
        """Contacts with a number that have not opted out. Suppressed numbers are the jobs' matter."""
        return self.filter(phone__isnull=False, opted_out_at=None)


class Contact(ScopedModel):
    """A person. A million in one account are normal."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="contacts", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200, blank=True)
    # E.164, "+" and digits; null: no number.
    phone = models.CharField(_("phone"), max_length=16, null=True, blank=True)  # noqa: DJ001 - unique where there is one
    # The number without what comes and goes in it (the extra digit of Brazil, Mexico, Argentina): one person, one key.
    phone_key = models.CharField(max_length=16, null=True, editable=False)  # noqa: DJ001
    email = models.EmailField(_("e-mail"), blank=True)
    labels = ArrayField(models.CharField(max_length=100), default=list, blank=True, verbose_name=_("labels"))
    custom_attributes = models.JSONField(_("custom attributes"), default=dict, blank=True)
    opted_in_at = models.DateTimeField(_("opted in"), null=True, blank=True)
    opted_in_source = models.CharField(_("consent given by"), max_length=100, blank=True)
    opted_out_at = models.DateTimeField(_("opted out"), null=True, blank=True)
    opted_out_source = models.CharField(_("opted out by"), max_length=100, blank=True)
    # On what else than their consent they may be written to: "legitimate_interest", "contract" or "".
    other_basis = models.CharField(max_length=20, blank=True, default="", db_default="", editable=False)
    last_sent_at = models.DateTimeField(_("last written to"), null=True, editable=False)
    last_replied_at = models.DateTimeField(_("last reply"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated"), db_default=Now(), editable=False)

    unscoped: ClassVar[Any] = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["account", "id"], name="contact_by_account"),  # lists, page by page
            GinIndex(fields=["labels"], name="contact_labels"),  # audiences by label
            GinIndex(
                fields=["custom_attributes"], opclasses=["jsonb_path_ops"], name="contact_attributes"
            ),  # audiences by attribute
        ]
        constraints = [
            models.UniqueConstraint(fields=["account", "phone_key"], name="contact_once_per_number"),
            models.CheckConstraint(
                condition=Q(other_basis__in=["", Basis.LEGITIMATE_INTEREST, Basis.CONTRACT]),
                name="contact_other_basis_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.phone or self.email or f"#{self.pk}"


class ConsentRecord(ScopedModel):
    """What was said once of whether a person wants messages. Rows are only added: a trigger refuses all else, see
    `consent_history`. How it stands now, contacts and the list of suppressed numbers say.
    """

    account = models.ForeignKey(Account, models.DO_NOTHING, related_name="+", db_index=False)
    # Whose: by the number where there was one, and the contact that had it; neither is a reference, both may go.
    contact_id = models.BigIntegerField(null=True)
    phone_key = models.CharField(max_length=16, db_default="", blank=True)
    phone = models.CharField(max_length=20, db_default="", blank=True)  # as it was then
    is_revocation = models.BooleanField(db_default=False)
    kind = models.CharField(max_length=10, choices=MessageKind.choices, db_default="", blank=True)  # "": of any
    basis = models.CharField(max_length=20, choices=Basis.choices, db_default="", blank=True)  # "" of a revocation
    channel = models.CharField(max_length=10, choices=Channel.choices, db_default="", blank=True)  # "": unknown
    source = models.CharField(max_length=200, db_default="", blank=True)  # where it was said, in a person's words
    # {"import", "file", "line"}, {"message", "message_id", "device"}, {"suppression"} or what the API was given
    evidence = models.JSONField(db_default={}, default=dict, blank=True)
    text_version = models.CharField(max_length=100, db_default="", blank=True)  # of what the person read
    user_id = models.BigIntegerField(null=True)  # who told us
    given_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            # A person's history: what was said of the contact, and what of its number, also before there was one.
            models.Index(fields=["account", "phone_key", "id"], name="consent_of_number"),
            models.Index(
                fields=["account", "contact_id", "id"], name="consent_of_contact", condition=Q(contact_id__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["", *MessageKind.values]), name="consent_kind_is_known"),
            models.CheckConstraint(condition=Q(basis__in=["", *Basis.values]), name="consent_basis_is_known"),
            models.CheckConstraint(condition=Q(channel__in=["", *Channel.values]), name="consent_channel_is_known"),
            models.CheckConstraint(
                condition=Q(is_revocation=True, basis="") | Q(is_revocation=False) & ~Q(basis=""),
                name="consent_has_a_basis",
            ),
        ]

    def __str__(self) -> str:
        return f"{'revoked' if self.is_revocation else self.basis} {self.given_at:%Y-%m-%d}"


class Segment(ScopedModel):
    """An audience with a name, which campaigns can share."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="segments", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=120)
    audience = models.JSONField(_("audience"), default=dict)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="segment_once_per_account")]

    def __str__(self) -> str:
        return self.name


class CampaignQuerySet(ScopedQuerySet["Campaign"]):
    def due(self, now: datetime) -> Self:
        """Campaigns whose time has come, and for which no person has to decide first."""
        return self.filter(status=CampaignStatus.PENDING, missed_at=None, scheduled_at__lte=now)

    def move(self, target: CampaignStatus, **changes: Any) -> int:
        """Become `target` where that is allowed from where the row is now; return how many did."""
        allowed = self.filter(status__in=campaign_sources(target))
        return allowed.update(status=target, updated_at=Now(), **changes)

    def with_status(self) -> Self:
        """Adds `status_now` (what `current_status` answers) and `run_id`, the latest run's."""
        latest = CampaignRun.objects.filter(campaign=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            run_id=Subquery(latest.values("pk")[:1]),
            job_status=Subquery(latest.values("job__status")[:1]),
        ).annotate(
            status_now=Case(
                # Its job was deleted, which only one that has ended can be.
                When(status=CampaignStatus.RUNNING, job_status=None, then=Value(CampaignStatus.COMPLETED.value)),
                When(Q(status__in=CAMPAIGN_CLOSED) | Q(job_status=None), then="status"),
                # A recurring one rests between its runs.
                When(status__in=CAMPAIGN_WAITING, job_status__in=JOB_ENDED, then="status"),
                *[When(job_status=ours, then=Value(theirs.value)) for ours, theirs in STATUS_OF_JOB.items()],
                output_field=models.CharField(),
            )
        )


class Campaign(ScopedModel):
    """Who gets what, and when. Launching it makes a run with one job; what became of it is read from there."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="campaigns", verbose_name=_("account"))
    sender = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("sender"))
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(
        _("kind"), max_length=10, choices=MessageKind.choices, default=MessageKind.COMMERCIAL, db_default="commercial"
    )
    message = models.TextField(_("message"))
    # [{"text": …, "weight": 1}, …]: instead of `message`, one is chosen for each recipient. Empty: `message`.
    variants = models.JSONField(_("variants"), default=list, blank=True)
    audience = models.JSONField(_("audience"), default=dict, blank=True)
    segment = models.ForeignKey(
        Segment, models.PROTECT, null=True, blank=True, related_name="campaigns", verbose_name=_("segment")
    )
    # {"type", "url", "filename"} as in seed 003, or empty; an uploaded file has no url until it is sent.
    multimedia = models.JSONField(_("multimedia"), default=dict, blank=True)
    multimedia_file = models.FileField(_("file"), upload_to="campaigns/", max_length=255, blank=True)
    scheduled_at = models.DateTimeField(_("scheduled for"), null=True, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    # "daily", "weekly", "monthly" (as `recurs_from` says) or five-field cron, in `time_zone`; "" for once.
    recurrence = models.CharField(_("recurrence"), max_length=100, blank=True)
    # The day and time that a recurrence in words repeats: `scheduled_at` is the next occurrence.
    recurs_from = models.DateTimeField(null=True, editable=False)
    # {"start": "09:00", "end": "20:00", "weekdays": [0, …, 6]}: when recipients may be written to; empty: the
    # account's.
    sending_window = models.JSONField(_("sending window"), default=dict, blank=True)
    requested_device_ids = ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("devices"))
    devices_limit = models.PositiveSmallIntegerField(_("devices at most"), default=5)
    # Whether variables that do not exist are sent as they stand; else the campaign is refused for them.
    allow_missing = models.BooleanField(_("send unknown variables"), default=False)
    # Whether a line below the text says how to get no more, in the recipient's language.
    way_out = models.BooleanField(db_default=False, default=False)
    # Whether a large one sends to a few first.
    canary = models.BooleanField(db_default=True, default=True)
    # Only what no run can say: pending (or pending again, where it recurs), paused where a person stopped its
    # recurrence, running once launched, whatever became of it; failed or cancelled before there was a run.
    # Read `current_status`.
    status = models.CharField(
        _("status"), max_length=16, choices=CampaignStatus.choices, default=CampaignStatus.PENDING, editable=False
    )
    # Why it failed or waits for a person: a code of `campaign_notes` and what fills the gaps of its sentence.
    note_code = models.CharField(max_length=40, blank=True, editable=False)
    note_details = models.JSONField(default=dict, editable=False)
    # Set when its time went by unnoticed for longer than the misfire window: a person decides.
    missed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated"), db_default=Now(), editable=False)

    unscoped: ClassVar[Any] = CampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["account", "-id"], name="campaign_newest_first"),
            # The schedule, every minute: what is due.
            models.Index(fields=["scheduled_at"], name="campaign_due", condition=Q(status="pending", missed_at=None)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=CampaignStatus.values), name="campaign_status_is_known"),
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="campaign_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def latest_run(self) -> "CampaignRun | None":
        return self.runs.select_related("job").order_by("-pk").first()

    @property
    def current_status(self) -> CampaignStatus:
        """What the campaign is now, as its latest run's job has it."""
        if (known := self.__dict__.get("status_now")) is None:
            annotated: Any = type(self).unscoped.with_status().get(pk=self.pk)
            known = annotated.status_now
        return CampaignStatus(known)


class CampaignRun(models.Model):
    """One launch of a campaign: once for each scheduled time, however many beats and workers there are."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="runs", verbose_name=_("campaign"))
    scheduled_at = models.DateTimeField(_("scheduled for"))
    job = models.OneToOneField(Job, models.CASCADE, related_name="campaign_run", verbose_name=_("job"))
    # The contacts that were left out, by reason: {"opted_out": 3, "no_phone": 1}.
    excluded = models.JSONField(_("left out"), default=dict)
    notified_at = models.DateTimeField(null=True, editable=False)
    # `stamping`: up to which recipient its contacts know when they were last written to; and that all do.
    stamped_position = models.IntegerField(db_default=0, editable=False)
    stamped_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("campaign run")
        verbose_name_plural = _("campaign runs")
        ordering = ("-scheduled_at",)
        constraints = [models.UniqueConstraint(fields=["campaign", "scheduled_at"], name="campaign_runs_once_per_time")]
        indexes = [
            # `notifying`: whose sender has not been told of the end.
            models.Index(fields=["id"], name="campaign_run_untold", condition=Q(notified_at=None)),
            models.Index(fields=["id"], name="campaign_run_unstamped", condition=Q(stamped_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} · {self.scheduled_at:%Y-%m-%d %H:%M}"


class TestSend(models.Model):
    """A campaign's message, sent to a few numbers to see how it looks. Marks its job as a test."""

    __test__ = False  # no test of ours, whatever pytest thinks of the name

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="test_sends", verbose_name=_("campaign"))
    job = models.OneToOneField(Job, models.CASCADE, related_name="campaign_test", verbose_name=_("job"))

    class Meta:
        verbose_name = _("test")
        verbose_name_plural = _("tests")

    def __str__(self) -> str:
        return str(self.job)


class NotificationQuerySet(ScopedQuerySet["Notification"]):
    def of(self, account: Account, user: User) -> Self:
        """What this person is told in this account."""
        return self.for_account(account).filter(user=user)

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notification(ScopedModel):
    """Something a person should know, shown in the admin until read."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="notifications", verbose_name=_("account"))
    user = models.ForeignKey(User, models.CASCADE, related_name="notifications", verbose_name=_("user"))
    # Null where it is of a device, or of a job of a file: `details` says which.
    campaign = models.ForeignKey(Campaign, models.CASCADE, null=True, related_name="+", verbose_name=_("campaign"))
    # Of `campaign_notes`, which says it in the reader's language; `details` fills the sentence's gaps.
    code = models.CharField(max_length=40)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    read_at = models.DateTimeField(_("read"), null=True, editable=False)

    unscoped: ClassVar[Any] = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ("-id",)
        # The admin's bell: what this person has not read yet.
        indexes = [models.Index(fields=["user", "-id"], name="notification_unread", condition=Q(read_at=None))]

    def __str__(self) -> str:
        return f"{self.code} {self.details.get('title', '')}".strip()


class ContactImportQuerySet(ScopedQuerySet["ContactImport"]):
    def move(self, target: ImportStatus, **changes: Any) -> int:
        """Become `target` where that is allowed from where the row is now; return how many did."""
        return self.filter(status__in=import_sources(target)).update(status=target, **changes)


class ContactImport(ScopedModel):
    """A file of contacts, of suppressed numbers or of an exclusion list, on its way in: how it is read, how far it is,
    what was wrong with it."""

    Status = ImportStatus
    Kind = ImportKind

    account = models.ForeignKey(Account, models.CASCADE, related_name="contact_imports", verbose_name=_("account"))
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("created by"))
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.CONTACTS)
    file_name = models.CharField(_("file"), max_length=255)
    upload_name = models.CharField(max_length=80, blank=True)
    # {"delimiter", "encoding", "sheet", "columns": {"phone": 0, "name": 1, "labels": 2, "email": 3,
    #  "custom_attributes": {"region": 4}}, "add_labels": [], "default_country": "PE"}; of suppressed numbers
    #  {…, "columns": {"phone": 0, "reason": 1, "since": 2}, "reason": "RNE", "goes_on": True}: imported once checked
    mapping = models.JSONField(_("columns"), default=dict)
    # Of a file of an exclusion list: which one, and what its numbers become. Null where that is gone.
    exclusion_list = models.ForeignKey(
        ExclusionList, models.SET_NULL, null=True, related_name="imports", editable=False
    )
    exclusion_load = models.ForeignKey(
        ExclusionLoad, models.SET_NULL, null=True, related_name="imports", editable=False
    )
    update_existing = models.BooleanField(_("update contacts that exist"), default=True)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.CHECKING)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    processed = models.PositiveIntegerField(_("processed"), default=0)
    place = models.JSONField(null=True, editable=False)  # {"rows": 20000, "at": [870000, 20001, 6]}: `imports.table`
    created_count = models.PositiveIntegerField(_("new"), default=0)
    updated_count = models.PositiveIntegerField(_("updated"), default=0)
    skipped_count = models.PositiveIntegerField(_("skipped"), default=0)
    error_count = models.PositiveIntegerField(_("with errors"), default=0)
    # What was left out of lines that are imported: a bad e-mail, a label that is none.
    warning_count = models.PositiveIntegerField(_("with something left out"), default=0)
    # How many people the file opts out and in, as its check found.
    opted_out_count = models.PositiveIntegerField(_("opted out"), default=0)
    opted_in_count = models.PositiveIntegerField(_("opted in"), default=0)
    errors = models.JSONField(_("errors"), default=list)  # the first 1,000, of `contact_line_problems`
    warnings = models.JSONField(_("warnings"), default=list)  # the same
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)

    unscoped: ClassVar[Any] = ContactImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact import")
        verbose_name_plural = _("contact imports")
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ImportKind.values), name="contact_import_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.file_name
