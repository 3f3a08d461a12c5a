"""What a gateway tells of a device's link to WhatsApp, and how far it is believed.

A link that is open again is believed at once: until it is, people wait. Whatever is told, the device is asked how it is
in the next round, which corrects what came late. Of what comes out of order, or twice, only the newest counts, by the
gateway's own clock.
"""

from django.db import connection, transaction

from devices.gateway.base import LinkNews
from devices.health import acknowledgements, breaker


def apply(device_id: int, news: LinkNews) -> bool:
    """Note it on the device's row; True where the device may be sent through again by this."""
    if news.at is None or not news.instance:
        breaker.ask_now(device_id)
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE devices_webhook SET link_told_at = %(at)s
            WHERE device_id = %(device)s AND coalesce(link_told_at < %(at)s, true) AND EXISTS (
                SELECT FROM devices_device
                WHERE id = %(device)s AND deleted_at IS NULL AND instance_name = %(instance)s
            )
            """,
            {"at": news.at, "device": device_id, "instance": news.instance},
        )
        if not cursor.rowcount:
            return False  # of another instance, or older than what we know
        if news.is_open:
            acknowledgements.try_again(device_id)
        breaker.ask_now(device_id)
        return news.is_open and breaker.is_back(device_id)
