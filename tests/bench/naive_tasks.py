"""One Celery task a message: as one would write it first, and the same done carefully.

Both do less than the engine: no claim before the request, no lease, no pacing, no counters, no retry. So the
engine's factor over them is rather too low than too high.
"""

from collections.abc import Callable

import requests
from asgiref.sync import async_to_sync
from celery import shared_task
from channels.layers import get_channel_layer
from django.utils import timezone

from jobs.message.rendering import Template
from jobs.models import Recipient
from jobs.states import RecipientState

_session = requests.Session()


@shared_task
def send_naively(recipient_id: int) -> None:
    """`requests.post`, `save()`, an event."""
    recipient = Recipient.objects.select_related("job", "device").get(pk=recipient_id)
    _send(recipient, requests.post)
    recipient.save()
    async_to_sync(get_channel_layer().group_send)(
        f"job.{recipient.job.uuid}", {"type": "job.event", "phone": recipient.phone, "status": recipient.state}
    )


@shared_task
def send_carefully(recipient_id: int) -> None:
    """The same over kept connections, saving only what changed, and without the event."""
    recipient = Recipient.objects.select_related("job", "device").get(pk=recipient_id)
    _send(recipient, _session.post)
    recipient.save(update_fields=["state", "gateway_message_id", "sent_at"])


def _send(recipient: Recipient, post: Callable[..., requests.Response]) -> None:
    device = recipient.device
    assert device is not None
    answer = post(
        f"{device.base_url}/message/sendText/{device.instance_name}",
        json={
            "number": recipient.phone.removeprefix("+"),
            "text": Template(recipient.job.message).render(recipient.values),
        },
        headers={"apikey": device.token},
        timeout=90,
    )
    answer.raise_for_status()
    recipient.state = RecipientState.SENT
    recipient.gateway_message_id = answer.json()["key"]["id"]
    recipient.sent_at = timezone.now()
