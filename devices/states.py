"""The states of a device, apart from its model because querysets and constraints need them too."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceStatus(models.TextChoices):
    CONNECTED = "connected", _("connected")
    CONNECTING = "connecting", _("connecting")
    DISCONNECTED = "disconnected", _("disconnected")
    BLOCKED = "blocked", _("blocked")
