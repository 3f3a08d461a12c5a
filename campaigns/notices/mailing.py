"""What a person is told in the admin, by e-mail too, where that is configured."""

import structlog
from django.conf import settings
from django.core.mail import send_mail

from campaigns.models import Notification
from campaigns.wording import campaign_notes

log = structlog.get_logger(__name__)


def mail(told: Notification, page: str) -> None:
    """Send it to its person, with the address of the page it is about. Never raises for want of a server."""
    if not settings.EMAIL_HOST:
        return
    # In Spanish: no user has a language yet.
    text = campaign_notes.spanish_text(told.code, told.details)
    title = campaign_notes.spanish_title(told.code, told.details)
    try:
        send_mail(title, f"{text}\n\n{settings.PUBLIC_URL}{page}", None, [told.user.email])
    except OSError as error:  # SMTPException is one
        log.warning("notification not sent by e-mail", notification=told.pk, error=type(error).__name__)
