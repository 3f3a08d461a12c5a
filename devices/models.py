"""Device: one WhatsApp number behind a gateway. Pairing: how far it is linked to a phone.

Lane, Runner: what the engine keeps of it while sending. Webhook, InboxEvent, Turn: what its gateway tells of its own
accord; CatchUp, Presence: what it told in vain. Acknowledgement: whether it tells of what we send. Correspondent: who
has written to it. WebhookEndpoint, OutgoingEvent, Delivery, DeliveryAttempt: what we tell the customer's own systems.
"""

import uuid
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.encryption import EncryptedTextField
from accounts.models import Account
from accounts.scoping import ScopedModel, ScopedQuerySet
from devices.states import DeliveryState, DeviceStatus


class Provider(models.TextChoices):
    """The gateways we speak to."""

    EVOLUTION = "evolution", "Evolution API"


class DeviceQuerySet(ScopedQuerySet["Device"]):
    def present(self) -> Self:
        """Devices that were not deleted."""
        return self.filter(deleted_at=None)

    def for_account(self, account: models.Model | int) -> Self:
        return super().for_account(account).present()

    def delete(self) -> tuple[int, dict[str, int]]:
        """Hide the devices and forget their secrets; see Device.deleted_at."""
        ids = list(self.values_list("pk", flat=True))
        Webhook.objects.filter(device__in=ids).delete()
        CatchUp.objects.filter(device__in=ids).delete()
        Correspondent.objects.filter(device__in=ids).delete()
        Pairing.objects.filter(device__in=ids).delete()
        hidden = self.update(deleted_at=Now(), enabled=False, token="")
        return hidden, {self.model._meta.label: hidden}

    def available(self) -> Self:
        """Devices that may be given work: switched on and not known to be out."""
        return self.present().filter(enabled=True).exclude(status__in=[DeviceStatus.DISCONNECTED, DeviceStatus.BLOCKED])

    def shown(self) -> Self:
        """For pages: those that need a person first, then by name; without their tokens, which take time to decrypt."""
        is_well = models.Q(enabled=True, status=DeviceStatus.CONNECTED)
        return self.defer("token").order_by(models.ExpressionWrapper(is_well, models.BooleanField()), "name", "pk")


class Device(ScopedModel):
    """One WhatsApp number: where its gateway is, and how hard it may be driven."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="devices", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=120)
    provider = models.CharField(_("provider"), max_length=16, choices=Provider.choices, default=Provider.EVOLUTION)
    base_url = models.URLField(_("gateway address"), max_length=500)
    instance_name = models.CharField(_("instance"), max_length=120)
    token = EncryptedTextField(_("token"), max_length=500)
    messages_per_minute = models.PositiveIntegerField(
        _("messages per minute"),
        null=True,
        blank=True,
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(60_000)],
        help_text=_("12 protects the number from being blocked; empty means no limit."),
    )
    max_in_flight = models.PositiveSmallIntegerField(
        _("requests at once"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(256)],
        help_text=_("More than 1 only pays for fast gateways without a limit per minute."),
    )
    daily_limit = models.PositiveIntegerField(
        _("messages per day"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    jitter_percent = models.PositiveSmallIntegerField(
        _("irregularity (%)"),
        default=0,
        validators=[MaxValueValidator(300)],
        help_text=_("Waits up to so much longer between two messages, at random."),
    )
    warm_up_since = models.DateField(
        _("warming up since"),
        null=True,
        blank=True,
        help_text=_("A new number sends 20 messages on this day and half as many again each day, for two weeks."),
    )
    new_people_a_day = models.PositiveIntegerField(
        _("new people per day"),
        null=True,
        blank=True,
        help_text=_(
            "Of people who never wrote to this number, it writes to no more than this in a day. 0 means no limit; "
            "empty, as the server is set."
        ),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    status = models.CharField(
        _("status"), max_length=16, choices=DeviceStatus.choices, default=DeviceStatus.CONNECTING, editable=False
    )
    status_reason = models.CharField(_("reason"), max_length=200, blank=True, editable=False)
    status_checked_at = models.DateTimeField(_("checked"), null=True, editable=False)
    # When it is asked next; null: at once.
    next_check_at = models.DateTimeField(null=True, editable=False)
    last_well_at = models.DateTimeField(null=True, editable=False)
    # Times in a row that it was out, or still out, with no message accepted meanwhile: see `health.breaker`.
    trouble_count = models.PositiveSmallIntegerField(db_default=0, editable=False)
    # Until then only people who wrote to it are written to; null: anybody. See `health.timelock`.
    only_known_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    # A deleted device is hidden, not gone: messages in flight are still answered for, and jobs say who sent them.
    deleted_at = models.DateTimeField(null=True, editable=False)

    unscoped: ClassVar[Any] = DeviceQuerySet.as_manager()

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        ordering = ("name", "id")
        indexes = [
            # The rounds: who is asked next, those first who never were. One look at its start where nobody is due.
            models.Index(
                models.F("next_check_at").asc(nulls_first=True),
                name="device_next_check",
                condition=models.Q(enabled=True),
            ),
            # Whose time-lock is over: the few that have one.
            models.Index(
                fields=["only_known_until"],
                name="device_only_known",
                condition=models.Q(only_known_until__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"], name="device_name_once_per_account", condition=models.Q(deleted_at=None)
            ),
            models.CheckConstraint(condition=models.Q(status__in=DeviceStatus.values), name="device_status_is_known"),
            models.CheckConstraint(
                condition=models.Q(max_in_flight__gte=1, max_in_flight__lte=256), name="device_in_flight_1_to_256"
            ),
            models.CheckConstraint(
                condition=models.Q(messages_per_minute__isnull=True) | models.Q(messages_per_minute__gte=1),
                name="device_pace_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Hide the device and forget its token; see `deleted_at`."""
        return type(self).unscoped.filter(pk=self.pk).delete()


class Pairing(models.Model):
    """What a device's gateway showed for linking it when it was last asked: see `linking.pairing`.

    Apart from Device: it changes every second while somebody looks.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="pairing")
    link = models.CharField(max_length=8, default="closed")  # a value of gateway.base.Link
    reason = models.CharField(max_length=200, blank=True)
    qr = models.CharField(max_length=1000, blank=True)
    typed = models.CharField(max_length=8, blank=True)
    codes_shown = models.PositiveIntegerField(default=0)  # since it was begun
    shown_since = models.DateTimeField(null=True)  # the one that shows now
    next_look_at = models.DateTimeField(db_default=Now())  # also who is asking: see `pairing.look`

    def __str__(self) -> str:
        return f"pairing of device {self.device_id}"


class Runner(models.Model):
    """A process that sends, alive as long as its database session: see `lane.runners`."""

    name = models.CharField(max_length=100)  # host:pid
    session_pid = models.IntegerField()
    session_started_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "devices_runner"

    def __str__(self) -> str:
        return self.name


class Lane(models.Model):
    """The engine's side of a device: who may send through it now, and when its next message may go.

    Apart from Device, so that a person who saves a device's form never overwrites the engine's columns.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="lane")
    # Fencing: rises with every lease taken, so a runner that lost its lease can change nothing.
    token = models.BigIntegerField(db_default=0)
    # Who holds it; null: nobody. No constraint and no index: hundreds change hands at once.
    runner = models.ForeignKey(Runner, models.DO_NOTHING, null=True, db_constraint=False, db_index=False)
    next_slot_at = models.DateTimeField(null=True)  # null = at once. Kept while nobody holds it: a holder knows better
    # Messages begun on `day` (UTC), for the daily limit.
    day = models.DateField(null=True)
    day_count = models.IntegerField(db_default=0)
    # Of people who never wrote to it, those it has begun to write to on a day of its account's clock.
    strangers_day = models.DateField(null=True)
    strangers_count = models.IntegerField(db_default=0)

    class Meta:
        db_table = "devices_lane"

    def __str__(self) -> str:
        return f"lane of device {self.device_id} under token {self.token}"


class Acknowledgement(models.Model):
    """When receipts of a device's messages came last, and how many were accepted since: see `watch.acknowledgements`.

    Apart from Device: it changes with each batch of receipts.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="+")
    connects_to = models.CharField(max_length=32)  # a mark of the gateway and instance that it was heard of
    heard_at = models.DateTimeField()
    # When the newest message was sent that was told of, and when it was: by these a gateway is known to be behind.
    told_of = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    unanswered = models.PositiveIntegerField(db_default=0)
    silent_since = models.DateTimeField(null=True)  # from then on they are too many
    # Times in a row that it was taken out for it, and until when it is.
    spells = models.PositiveSmallIntegerField(db_default=0)
    out_until = models.DateTimeField(null=True)
    # Messages to strangers that were refused in a row, and when the last of them was: see `health.timelock`.
    refusals = models.PositiveSmallIntegerField(db_default=0)
    refused_at = models.DateTimeField(null=True)

    class Meta:
        # The watch: the few who are silent now.
        indexes = [
            models.Index(fields=["silent_since"], name="device_silent", condition=models.Q(silent_since__isnull=False))
        ]

    def __str__(self) -> str:
        return f"device {self.device_id}, heard of at {self.heard_at}"


class Incident(models.Model):
    """A device that was found not to be what it seems, from then until it is well: see `watch.acknowledgements`.

    People are told once of its beginning and once of its end, by the apps above.
    """

    device = models.ForeignKey(Device, models.CASCADE, related_name="incidents")
    reason = models.CharField(max_length=40)  # a code of `reasons`
    began_at = models.DateTimeField(db_default=Now())
    over_at = models.DateTimeField(null=True)
    began_told_at = models.DateTimeField(null=True)
    over_told_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # What is to be told; and the one that is not over.
            models.Index(
                fields=["id"],
                name="incident_untold",
                condition=models.Q(began_told_at=None) | models.Q(over_at__isnull=False, over_told_at=None),
            ),
            models.Index(fields=["device"], name="incident_open", condition=models.Q(over_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.reason} of device {self.device_id}"


class Correspondent(models.Model):
    """Somebody who has written to a device, without what they wrote: see `health.correspondents`."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="correspondents", db_index=False)
    phone_key = models.CharField(max_length=16)  # the number without what comes and goes in it
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        # Also the index by which a claim of a device that may write to nobody else looks for its recipient.
        constraints = [
            models.UniqueConstraint(fields=["device", "phone_key"], name="correspondent_once_per_device"),
        ]

    def __str__(self) -> str:
        return f"somebody who wrote to device {self.device_id}"


class DeviceDay(models.Model):
    """What a device did in one day of its account's clock: see `health.days`.

    What gateways tell later counts for the day on which the message went out.
    """

    # No constraint: what is told of a device that is being deleted for good must not fail.
    device = models.ForeignKey(Device, models.CASCADE, db_constraint=False, db_index=False, related_name="days")
    day = models.DateField()
    accepted = models.IntegerField(db_default=0)  # messages that its gateway took
    failed = models.IntegerField(db_default=0)  # tries that it did not take, or of which it never said
    delivered = models.IntegerField(db_default=0)
    read = models.IntegerField(db_default=0)
    refused = models.IntegerField(db_default=0)  # by WhatsApp, after its gateway had taken it
    last_accepted_at = models.DateTimeField(null=True)
    last_failed_at = models.DateTimeField(null=True)
    failed_in_a_row = models.IntegerField(db_default=0)  # the last ones

    class Meta:
        db_table = "devices_day"
        constraints = [
            # Also the index by which a device's history is read.
            models.UniqueConstraint(fields=["device", "day"], name="device_day_once")
        ]
        indexes = [models.Index(fields=["day"], name="device_day_old")]  # what is to be deleted

    def __str__(self) -> str:
        return f"device {self.device_id} on {self.day}"


class Outage(models.Model):
    """A time in which a device that is switched on could not be given work. The table of devices notes it itself, by a
    trigger: whichever door takes it out or brings it back."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="outages")
    reason = models.CharField(max_length=200)  # a code of `reasons`, as it was when it began
    began_at = models.DateTimeField(db_default=Now())
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["device"], name="outage_open_once", condition=models.Q(over_at=None))
        ]
        indexes = [
            models.Index(fields=["device", "began_at"], name="outage_of_device"),  # a device's history
            models.Index(fields=["over_at"], name="outage_over"),  # who came back lately
        ]

    def __str__(self) -> str:
        return f"{self.reason} of device {self.device_id} since {self.began_at}"


class Webhook(models.Model):
    """The secret by which a device's webhooks are known. Apart from Device: what sends need not decrypt it.

    The one before it counts for a while after a rotation: what the gateway tries again still carries it.
    """

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="webhook")
    secret = EncryptedTextField(max_length=100)
    secret_before = EncryptedTextField(max_length=100, default="")
    rotated_at = models.DateTimeField(db_default=Now())
    # What its gateway was told, and what came of it: see `webhooks.subscribing`. `problem` is a code of `reasons`.
    problem = models.CharField(max_length=40, blank=True)
    # What came of it when we went there ourselves, and when: see `webhooks.knocking`.
    knock_problem = models.CharField(max_length=40, blank=True, db_default="", default="")
    knocked_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField(null=True)  # found to be set as we want it, since then without a break
    heard_at = models.DateTimeField(null=True)  # within some seconds
    refused_at = models.DateTimeField(null=True)  # told us something without the right secret; likewise
    provoked_at = models.DateTimeField(null=True)  # did what it must have told us of
    # When it was seen to last, and is next; how often in a row in vain; what PUBLIC_URL was: see `webhooks.keeping`.
    looked_at = models.DateTimeField(null=True)
    look_at = models.DateTimeField(null=True)  # null: at once
    looks_in_vain = models.PositiveSmallIntegerField(db_default=0)
    public_url = models.CharField(max_length=500, db_default="")
    # The newest word of its link, by its gateway's clock: see `webhooks.link_news`.
    link_told_at = models.DateTimeField(null=True)

    class Meta:
        # Which are to be seen to.
        indexes = [models.Index(models.F("look_at").asc(nulls_first=True), name="webhook_look")]

    def __str__(self) -> str:
        return f"webhook of device {self.device_id}"


class CatchUp(models.Model):
    """What a device's gateway may have told in vain, and how far its store was read for it, the newest first: see
    `webhooks.absences` and `webhooks.catching_up`. Only of devices of which it was ever so."""

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="catch_up")
    missed_since = models.DateTimeField(null=True)  # null: nothing is to be read
    # When the reading began that is under way, or was the last: until then nothing is missed once it is through.
    began_at = models.DateTimeField(null=True)
    read_back_to = models.DateTimeField(null=True)  # what is newer, up to its beginning, is read; null: nothing yet
    look_at = models.DateTimeField(null=True)  # when its gateway is asked next; null: at once
    looks_in_vain = models.PositiveSmallIntegerField(db_default=0)
    problem = models.CharField(max_length=40, blank=True, db_default="")  # a code of `reasons`

    class Meta:
        db_table = "devices_catchup"
        indexes = [
            # Whose turn it is: the few that missed something.
            models.Index(
                models.F("look_at").asc(nulls_first=True),
                name="catch_up_due",
                condition=models.Q(missed_since__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"device {self.device_id}, missed since {self.missed_since}"


class Presence(models.Model):
    """One row: when a door for webhooks was last known to be open. See `webhooks.absences`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    open_at = models.DateTimeField()

    class Meta:
        db_table = "devices_presence"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="presence_is_one_row")]

    def __str__(self) -> str:
        return f"open at {self.open_at}"


class Turn(models.Model):
    """Which of two tables that take turns is written to (0 or 1); the other is worked, and emptied as a whole.

    Who writes holds the row, by FOR KEY SHARE, until the commit; who turns locks it FOR UPDATE. So nothing is added to
    a table that is closed. A name without a row stands at 0.
    """

    name = models.CharField(max_length=20, primary_key=True)
    open = models.PositiveSmallIntegerField(db_default=0)
    worked_to = models.BigIntegerField(db_default=0)  # ids up to it are done with, in whichever table they stand
    turned_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.name}: {self.open}"


class InboxEvent(models.Model):
    """An event of a gateway, as it came, until it is worked. Two tables in turn, by `slot`: see `webhooks.inbox`."""

    id = models.BigAutoField(primary_key=True)
    slot = models.PositiveSmallIntegerField()
    # No constraint: a device that is deleted for good takes nothing along.
    device = models.ForeignKey(Device, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    received_at = models.DateTimeField(db_default=Now())
    body = models.TextField()

    class Meta:
        db_table = "devices_inbox"

    def __str__(self) -> str:
        return f"event {self.id} of device {self.device_id}"


class WebhookEndpoint(ScopedModel):
    """A place of the customer's that is told what happens here: see `endpoints`."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="webhook_endpoints", verbose_name=_("account"))
    url = models.CharField(_("address"), max_length=500)
    description = models.CharField(_("description"), max_length=200, blank=True)
    types = ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("events"))  # none: all
    enabled = models.BooleanField(_("enabled"), default=True)
    secret = EncryptedTextField()
    secret_before = EncryptedTextField(default="")  # signs as well, for a day after a rotation
    rotated_at = models.DateTimeField(db_default=Now())
    headers = EncryptedTextField(default="")  # of the customer's own, {"name": "value"}
    # How it stands: answers in a row that were no success, since when; not called before; why it was switched off.
    failures = models.PositiveIntegerField(db_default=0)
    failing_since = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=40, blank=True, db_default="", default="")
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ("id",)

    def __str__(self) -> str:
        return self.description or self.url


class OutgoingEvent(ScopedModel):
    """Something that happened, as endpoints are told it. Written by triggers, in the transaction of what it tells."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(db_default=RandomUUID(), editable=False)  # the receiver's key against doubles
    account = models.ForeignKey(Account, models.CASCADE, related_name="+")
    type = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    happened_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["happened_at"], name="outgoing_event_age")]  # retention

    def __str__(self) -> str:
        return f"{self.type} {self.uuid}"


class Delivery(ScopedModel):
    """One event for one endpoint, and what came of it."""

    account_path = "endpoint__account_id"

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(OutgoingEvent, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState.choices, db_default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(db_default=0)  # of the present round: a replay begins another
    due_at = models.DateTimeField(null=True, db_default=Now())  # null: no more
    last_status = models.PositiveSmallIntegerField(null=True)  # of HTTP
    last_error = models.CharField(max_length=40, blank=True, db_default="", default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # What is due, endpoint by endpoint; and an endpoint's list, newest first.
            models.Index(
                fields=["endpoint", "due_at", "id"], name="delivery_due", condition=models.Q(due_at__isnull=False)
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_newest_first"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_is_known")
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} for endpoint {self.endpoint_id}"


class DeliveryAttempt(models.Model):
    """One call of an endpoint."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    at = models.DateTimeField(db_default=Now())
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=40, blank=True, db_default="", default="")
    milliseconds = models.PositiveIntegerField()
    answer = models.TextField(blank=True)  # its first kilobyte

    def __str__(self) -> str:
        return f"attempt {self.id} of delivery {self.delivery_id}"
