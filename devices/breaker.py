"""Taking a device out of service, with the reason; the health check (`health`) brings it back."""

from django.db.models.functions import Now

from devices.gateway.base import DeviceUnavailable, SendError
from devices.models import Device
from devices.states import DeviceStatus

# Reasons that only a person can mend; the others may pass by themselves.
FOR_A_PERSON = frozenset(
    {
        "unauthorized",
        "unknown_instance",
        "licence_required",
        "egress_refused",
        "wrong_address",
        "token_unreadable",
        "unknown_provider",
    }
)
# What our own client calls a gateway that cannot be reached.
UNREACHABLE = frozenset({"ConnectTimeout", "ConnectionError", "DNSError", "SSLError"})


def reason_against(error: SendError) -> str:
    """Why an error speaks against the device it was met with; "" where it does not.

    One whose scope is the account speaks against this device alone, as yet: each of the others meets it by itself.
    Here it will have to speak against them all.
    """
    if error.code in UNREACHABLE:
        return "unreachable"
    return error.code if isinstance(error, DeviceUnavailable) else ""


def take_out(device_id: int, reason: str) -> bool:
    """Give the device no more work until a health check finds it well; False when it was out already."""
    status = DeviceStatus.BLOCKED if reason in FOR_A_PERSON else DeviceStatus.DISCONNECTED
    taken = (
        Device.unscoped.filter(pk=device_id)
        .exclude(status=status)
        .update(status=status, status_reason=reason, status_checked_at=Now())
    )
    return bool(taken)
