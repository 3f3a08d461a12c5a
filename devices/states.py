"""States of what this app keeps, apart from the models because querysets and constraints need them too."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceStatus(models.TextChoices):
    CONNECTED = "connected", _("connected")
    CONNECTING = "connecting", _("connecting")
    DISCONNECTED = "disconnected", _("disconnected")
    BLOCKED = "blocked", _("blocked")


class DeliveryState(models.TextChoices):
    """Of an event for one endpoint."""

    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")
