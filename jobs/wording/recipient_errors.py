"""Why a recipient ended unsent, or what delays it: code, the wire's Spanish, the page's sentence."""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase


class RecipientError(NamedTuple):
    wire: str
    page: Phrase


RECIPIENT_ERRORS: Final[dict[str, RecipientError]] = {
    # Decided by us
    "invalid_number": RecipientError(
        "El teléfono no es válido: se esperan de 8 a 15 dígitos con el código de país.", _("The phone is not valid")
    ),
    "duplicate": RecipientError("Repetido en el archivo: el mensaje se envía una sola vez.", _("Repeated in the file")),
    "opted_out": RecipientError("La persona pidió no recibir mensajes.", _("Asked not to be written to")),
    "suppressed": RecipientError(
        "El número está en la lista de números suprimidos de la cuenta.",
        _("On the list of numbers not to be written to"),
    ),
    "excluded_by_list": RecipientError(
        "El número está en una lista de exclusión de la cuenta.", _("On an exclusion list of the account")
    ),
    "no_phone": RecipientError("El contacto no tiene teléfono.", _("The contact has no phone")),
    "no_consent": RecipientError(
        "La ley del país de este número pide su consentimiento, y el contacto no lo tiene.",
        _("The law of the number's country asks for consent, and the contact has given none"),
    ),
    "country_hours": RecipientError(
        "El horario del envío y el que permite la ley del país de este número no coinciden nunca.",
        _("The sending hours and those that the law of the number's country allows never meet"),
    ),
    "too_recent": RecipientError(
        "La cuenta ya le escribió tantas veces como permiten la ley de su país o su propio límite.",
        _("Was written to as often as the law of their country, or the account's limit, allows"),
    ),
    "no_devices": RecipientError(
        "Ningún device estaba conectado cuando el envío debía comenzar.", _("There was no device to send it")
    ),
    "file_lost": RecipientError("El archivo subido no se pudo leer. Súbelo de nuevo.", _("The file could not be read")),
    "cancelled": RecipientError(
        "El envío fue cancelado antes de llegar a este destinatario.", _("Cancelled before it was sent")
    ),
    "contact_deleted": RecipientError(
        "El contacto se eliminó antes de que le llegara su turno.", _("The contact was deleted before its turn")
    ),
    "erased": RecipientError(
        "La persona pidió que se borraran sus datos.", _("Asked to be erased: nothing of them is kept")
    ),
    "text_too_long": RecipientError(
        "Con los valores de este destinatario el mensaje supera los 65536 caracteres.",
        _("With this recipient's values the message is longer than 65,536 characters"),
    ),
    # Of our own program
    "worker_died": RecipientError(
        "El programa se interrumpió durante el envío; no se sabe si salió el mensaje.",
        _("The sending was interrupted: it is not known whether the message went out"),
    ),
    "unreadable_answer": RecipientError(
        "La respuesta del gateway no se pudo entender; no se sabe si salió el mensaje.",
        _("The gateway's answer could not be understood: it is not known whether the message went out"),
    ),
    "unrecordable": RecipientError(
        "La respuesta del gateway no se pudo guardar; no se sabe si salió el mensaje.",
        _("The gateway's answer could not be kept: it is not known whether the message went out"),
    ),
    "stalled": RecipientError("El envío se demoró antes de salir.", _("The sending was held up before it went out")),
    # Said by a receipt, after the gateway had taken it
    "not_delivered": RecipientError(
        "WhatsApp rechazó el mensaje después de que el gateway lo aceptó.",
        _("WhatsApp refused the message after the gateway had taken it"),
    ),
    # Said by the gateway
    "not_on_whatsapp": RecipientError("El número no tiene WhatsApp.", _("The number has no WhatsApp")),
    "invalid_content": RecipientError(
        "El gateway no acepta este contenido.", _("The gateway does not accept this content")
    ),
    "invalid_request": RecipientError(
        "El gateway no acepta este mensaje.", _("The gateway does not accept this message")
    ),
    "too_large": RecipientError(
        "El mensaje o su adjunto es demasiado grande para el gateway.", _("The message or its attachment is too large")
    ),
    "media_unusable": RecipientError(
        "El adjunto no se puede descargar o su formato no sirve.", _("The attachment cannot be downloaded or used")
    ),
    "media_unreachable": RecipientError(
        "El gateway no pudo descargar el adjunto.", _("The gateway could not fetch the attachment")
    ),
    "media_upload_failed": RecipientError("WhatsApp no aceptó el adjunto.", _("WhatsApp did not take the attachment")),
    "number_look_up_failed": RecipientError(
        "El gateway no pudo comprobar el número.", _("The gateway could not check the number")
    ),
    "rate_limited": RecipientError("El gateway pidió ir más despacio.", _("The gateway asked to go slower")),
    "gateway_error": RecipientError(
        "El gateway falló y no dijo si envió el mensaje.",
        _("The gateway failed and did not say whether it sent the message"),
    ),
    "no_message_id": RecipientError(
        "El gateway respondió sin el id del mensaje; no se sabe si lo envió.",
        _("The gateway did not confirm the message"),
    ),
    # The device
    "not_connected": RecipientError(
        "El device no está conectado a WhatsApp.", _("The device is not connected to WhatsApp")
    ),
    "connection_closed": RecipientError(
        "La conexión del device con WhatsApp está cerrada.", _("The device's connection to WhatsApp is closed")
    ),
    "unauthorized": RecipientError(
        "El gateway no acepta el token del device.", _("The gateway refused the device's token")
    ),
    "unknown_instance": RecipientError(
        "El gateway no conoce la instancia del device.", _("The gateway does not know the device's instance")
    ),
    "wrong_address": RecipientError(
        "En la dirección del device no responde un gateway.", _("No gateway answers at the device's address")
    ),
    "licence_required": RecipientError(
        "El gateway necesita activar su licencia.", _("The gateway's licence is not activated")
    ),
    # The network
    "DNSError": RecipientError(
        "La dirección del gateway no existe en DNS.", _("The gateway's name is unknown to the DNS")
    ),
    "ConnectionError": RecipientError("No se pudo conectar con el gateway.", _("The gateway could not be reached")),
    "ConnectTimeout": RecipientError(
        "El gateway no respondió al conectar.", _("The gateway did not answer when called")
    ),
    "SSLError": RecipientError("El certificado del gateway no es válido.", _("The gateway's certificate is not valid")),
    "ReadTimeout": RecipientError(
        "El gateway no respondió a tiempo; no se sabe si envió el mensaje.",
        _("The gateway did not answer in time: it is not known whether it sent the message"),
    ),
}
MESSAGE_SENT: Final = _("Message sent")
OTHER: Final = RecipientError("No se pudo enviar el mensaje.", _("The message could not be sent"))


def on_the_wire(code: str) -> str:
    """Say it in Spanish; "" for no error."""
    return RECIPIENT_ERRORS.get(code, OTHER).wire if code else ""


def on_the_page(code: str) -> Phrase:
    """Say it to the reader of a page; "" for no error."""
    return RECIPIENT_ERRORS.get(code, OTHER).page if code else ""
