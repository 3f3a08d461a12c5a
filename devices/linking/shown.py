"""What a page, the API and the live event show of how far a device is linked."""

from datetime import datetime
from typing import NamedTuple

import segno
from django.db import models


class Step(models.TextChoices):
    """How far it is."""

    CONNECTED = "connected"
    CODE = "code"  # one shows
    WAITING = "waiting"  # connecting, with none to show (yet)
    NOT_LINKED = "not_linked"


class Shown(NamedTuple):
    """`reason` is a code of `reasons`, "" where all goes well."""

    step: Step
    reason: str = ""
    qr: str = ""  # its text
    typed: str = ""
    codes_shown: int = 0
    expires_at: datetime | None = None

    @property
    def image(self) -> str:
        """The QR code as a data URI (PNG), drawn by us: a gateway's own picture is not for browsers. "" for none."""
        return segno.make_qr(self.qr, error="l").png_data_uri(scale=6, border=4) if self.qr else ""
