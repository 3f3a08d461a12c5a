"""What endpoints can be told. A type has one shape for ever; docs/webhooks.md shows each."""

from typing import Final

TEST: Final = "webhook.test"
EVENT_TYPES: Final = (
    "job.started",
    "job.paused",
    "job.resumed",
    "job.completed",
    "job.cancelled",
    "job.failed",
    "campaign.launched",
    "campaign.completed",
    "campaign.cancelled",
    "campaign.failed",
    "message.received",
    "contact.opted_in",
    "contact.opted_out",
    "import.completed",
    "import.failed",
    "device.connected",
    "device.connecting",
    "device.disconnected",
    "device.blocked",
    TEST,
)
