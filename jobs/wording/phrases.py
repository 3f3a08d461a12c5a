"""What the pages say of uploads, recipients and jobs, in their reader's language, by the codes of `wire` and `reasons`.

The wire speaks Spanish, to programs; these speak to the person in front of the page.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Phrase = str | Promise

# Which field of the upload form a refusal is about. One that is not here is about the whole form.
FIELD_OF: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "file_missing",
            "file_extension",
            "file_too_large",
            "body_too_large",
            "file_empty",
            "file_header_only",
            "too_many_recipients",
            "no_valid_phone",
            "not_utf8",
            "nul_byte",
            "line_too_long",
            "too_many_columns",
            "upload_interrupted",
        ),
        "file",
    ),
    **dict.fromkeys(("message_missing", "message_too_long", "message_invalid"), "message"),
    "title_invalid": "title",
    **dict.fromkeys(("devices_limit_invalid",), "devices_limit"),
    **dict.fromkeys(("devices_invalid", "devices_unknown", "no_devices_available"), "devices"),
    **dict.fromkeys(("scheduled_at_invalid", "scheduled_at_too_far"), "scheduled_at"),
    "on_duplicate_invalid": "on_duplicate",
}

REFUSALS: Final[dict[str, Phrase]] = {
    "file_missing": _("Choose the file with your recipients."),
    "file_extension": _("The file's name must end in .csv or .txt."),
    "file_too_large": _("The file is too large. Divide it into several."),
    "body_too_large": _("The file is too large. Divide it into several."),
    "file_empty": _("The file is empty. Write one recipient a line: phone|value|value"),
    "file_header_only": _("The file has only its header. Add one recipient a line below it."),
    "too_many_recipients": _("The file has too many recipients. Divide it into several."),
    "no_valid_phone": _(
        "No phone in the file is valid. The first column must have 8 to 15 digits with the country code, such as "
        "+51987654321, and “|” goes between columns."
    ),
    "not_utf8": _("The file is not in UTF-8. Save it as “CSV UTF-8” and choose it again."),
    "nul_byte": _("The file is no text, or is in UTF-16. Save it as “CSV UTF-8” and choose it again."),
    "line_too_long": _("The file has a line that is too long (over 8 KB). Shorten or divide it."),
    "too_many_columns": _("The file has a line with more than 50 columns. Remove those you do not need."),
    "upload_interrupted": _("The upload was interrupted. Check your connection and send again."),
    "message_missing": _("Write the message."),
    "message_too_long": _("The message is too long: 65,536 characters at most."),
    "message_invalid": _("The message has characters that cannot be sent. Remove them."),
    "title_invalid": _("The title can have 200 characters at most."),
    "devices_limit_invalid": _("Write a whole number from 1 to 1000."),
    "devices_invalid": _("One of the chosen devices is not valid. Reload the page."),
    "devices_unknown": _("One of the chosen devices no longer exists. Reload the page."),
    "no_devices_available": _("No device is available: connect one, or switch one on, and send again."),
    "scheduled_at_invalid": _("This is not a valid date and time."),
    "scheduled_at_too_far": _("The start can be a year from now at most."),
    "on_duplicate_invalid": _("Choose one of the options."),
    "idempotency_conflict": _("This form was sent before. Review it and send again."),
    # From in front of the job's own rules
    "not_authenticated": _("Your session has ended. Log in again in another tab, then send."),
    "authentication_failed": _("Your session has ended. Log in again in another tab, then send."),
    "csrf_failed": _("Your session has changed. Reload the page and send again."),
    "permission_denied": _("Your role in this account does not allow sending."),
    "no_membership": _("You belong to no account yet. Ask an administrator to add you."),
}
# Where nothing fits: a code that is new, or an answer that is not ours.
OTHER_REFUSAL: Final = _("The job could not be created. Try again in a moment.")

LINES: Final[dict[str, Phrase]] = {
    "not_utf8": _("is not in UTF-8"),
    "nul_byte": _("contains a null byte"),
    "line_too_long": _("is longer than 8 KB"),
    "too_many_columns": _("has more than 50 columns"),
    "invalid_number": _("the phone is not valid"),
}

RECIPIENT_ERRORS: Final[dict[str, Phrase]] = {
    # Decided by us
    "invalid_number": _("The phone is not valid"),
    "duplicate": _("Repeated in the file"),
    "opted_out": _("Asked not to be written to"),
    "suppressed": _("On the list of numbers not to be written to"),
    "no_phone": _("The contact has no phone"),
    "file_lost": _("The file could not be read"),
    "cancelled": _("Cancelled before it was sent"),
    "no_devices": _("There was no device to send it"),
    # Said by the gateway
    "not_on_whatsapp": _("The number has no WhatsApp"),
    "invalid_content": _("The gateway does not accept this content"),
    "invalid_request": _("The gateway does not accept this message"),
    "too_large": _("The message or its attachment is too large"),
    "media_unusable": _("The attachment cannot be downloaded or used"),
    "media_upload_failed": _("WhatsApp did not take the attachment"),
    "number_look_up_failed": _("The gateway could not check the number"),
    "rate_limited": _("The gateway asked to go slower"),
    "gateway_error": _("The gateway failed and did not say whether it sent the message"),
    "no_message_id": _("The gateway did not confirm the message"),
    # Of our own program
    "worker_died": _("The sending was interrupted: it is not known whether the message went out"),
    "stalled": _("The sending was held up before it went out"),
    # The device
    "not_connected": _("The device is not connected to WhatsApp"),
    "connection_closed": _("The device's connection to WhatsApp is closed"),
    "unauthorized": _("The gateway refused the device's token"),
    "unknown_instance": _("The gateway does not know the device's instance"),
    "wrong_address": _("No gateway answers at the device's address"),
    "licence_required": _("The gateway's licence is not activated"),
    # The network
    "DNSError": _("The gateway's name is unknown to the DNS"),
    "ConnectionError": _("The gateway could not be reached"),
    "ConnectTimeout": _("The gateway did not answer when called"),
    "SSLError": _("The gateway's certificate is not valid"),
    "ReadTimeout": _("The gateway did not answer in time: it is not known whether it sent the message"),
}
MESSAGE_SENT: Final = _("Message sent")
OTHER_RECIPIENT_ERROR: Final = _("The message could not be sent")

# Why a job is paused or failed: what happened, and what to do.
JOB_REASONS: Final[dict[str, Phrase]] = {
    "no_devices": _("No device was connected, so nothing was sent. Connect one and upload the list again."),
    "no_devices_left": _("No device can send. It goes on by itself when one of its devices comes back."),
    "paused_by_person": _("Somebody of the account paused it. Resume it to go on."),
    "no_recipients": _("Nobody of the audience can be written to: no contacts, no numbers, or they opted out."),
    "file_lost": _("The file is no longer on the server or cannot be read. Upload it again."),
}


def refusal(code: str) -> Phrase:
    """Say why an upload was refused, and what to do."""
    return REFUSALS.get(code, OTHER_REFUSAL)


def line(code: str) -> Phrase:
    """Say what is wrong with a line of the file, to follow "Line 3:"."""
    return LINES.get(code, code)


def recipient_error(code: str) -> Phrase:
    """Say why a recipient ended unsent; "" for no error."""
    return RECIPIENT_ERRORS.get(code, OTHER_RECIPIENT_ERROR) if code else ""


def job_reason(code: str) -> Phrase:
    """Say why a job is paused or failed; the code itself where there is no sentence for it."""
    return JOB_REASONS.get(code, code)


def as_text(phrases: Mapping[str, Any]) -> dict[str, str]:
    """Translate them all now, for a script of the page."""
    return {code: str(phrase) for code, phrase in phrases.items()}
