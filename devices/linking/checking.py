"""What a person has done who makes a device, changes it or asks how it is: its gateway is asked, and told where to tell
us. Not inside a transaction: it may take as long as several calls.
"""

from datetime import datetime

from devices.health import probes
from devices.models import Device
from devices.states import DeviceStatus
from devices.webhooks import keeping, subscribing


def check(device: Device, now: datetime) -> DeviceStatus:
    """Ask how the device is, and see to its webhook; what was found of both is in their rows."""
    status = probes.check(device, now)
    if device.status_reason in keeping.ANSWERS:
        subscribing.set_up(device, now)
    else:
        subscribing.not_set(device, device.status_reason, now)
    return status
