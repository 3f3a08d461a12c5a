"""What the HTTP side of seed 000 says, in Spanish: every sentence here, every refusal with its status.

A refusal says what happened and what to do about it, and never repeats what was sent.
"""

from collections.abc import Iterable
from typing import Any, Final

from accounts.errors import ApiError
from jobs.intake.recipient_file import MAX_COLUMNS, MAX_LINE_BYTES, Problem

_SAVE_AS_UTF8: Final = "Guárdalo como «CSV UTF-8» y vuelve a subirlo."

REFUSALS: Final[dict[str, tuple[int, str]]] = {
    # The file as a whole
    "file_missing": (
        400,
        "Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data.",
    ),
    "file_extension": (400, "El archivo debe terminar en .csv o .txt."),
    "file_too_large": (413, "El archivo supera el máximo de {limit} bytes. Divídelo en varios envíos."),
    "file_empty": (400, "El archivo está vacío. Agrega un destinatario por línea: teléfono|valor1|valor2"),
    "file_header_only": (400, "El archivo solo tiene la cabecera. Agrega un destinatario por línea debajo."),
    "too_many_recipients": (
        413,
        "El archivo tiene más de {limit} destinatarios, que es el máximo. Divídelo en varios envíos.",
    ),
    "no_valid_phone": (
        400,
        "Ningún teléfono del archivo es válido. La primera columna debe tener de 8 a 15 dígitos con el código de "
        "país, por ejemplo +51987654321, y las columnas se separan con «|».",
    ),
    # Single lines of it; the sentence for the first stands for the file
    "not_utf8": (400, f"El archivo no está en UTF-8. {_SAVE_AS_UTF8}"),
    "nul_byte": (400, f"El archivo contiene bytes nulos: no es texto, o está en UTF-16. {_SAVE_AS_UTF8}"),
    "line_too_long": (
        400,
        f"El archivo tiene una línea de más de {MAX_LINE_BYTES} bytes. Acórtala o divídela.",
    ),
    "too_many_columns": (
        400,
        f"El archivo tiene una línea con más de {MAX_COLUMNS} columnas. Quita las que sobran.",
    ),
    # The other fields
    "message_missing": (400, "Falta el mensaje. Escríbelo en el campo «message»."),
    "message_too_long": (400, "El mensaje supera los {limit} caracteres. Acórtalo."),
    "message_invalid": (400, "El mensaje contiene caracteres que no se pueden enviar. Quítalos."),
    "title_invalid": (400, "El título debe tener como máximo {limit} caracteres, ninguno nulo."),
    "devices_limit_invalid": (400, "devices_limit debe ser un número entero de {low} a {high}."),
    "devices_invalid": (400, "devices debe ser una lista de ids de devices, por ejemplo 1,2,3."),
    "devices_unknown": (400, "Algún device de la lista no existe en tu cuenta. Revisa los ids."),
    "no_devices_available": (400, "No hay devices disponibles"),
    "scheduled_at_invalid": (
        400,
        "scheduled_at no es una fecha ISO 8601 con zona horaria, por ejemplo 2026-01-15T20:00:00-05:00.",
    ),
    "scheduled_at_too_far": (
        400,
        "scheduled_at no puede estar a más de un año. Elige una fecha más cercana.",
    ),
    "on_duplicate_invalid": (400, "on_duplicate debe ser {choices}."),
    "idempotency_key_invalid": (
        400,
        "Idempotency-Key debe tener de 1 a {limit} caracteres ASCII visibles.",
    ),
    "idempotency_conflict": (
        409,
        "Ya existe un envío con esta Idempotency-Key y otro contenido. Usa una clave nueva para un envío nuevo.",
    ),
    # Lists
    "limit_invalid": (400, "limit debe ser un número entero mayor que 0."),
    "before_invalid": (400, "before debe ser el id de uno de tus jobs."),
    "status_invalid": (400, "status debe ser uno de: {choices}."),
    "state_invalid": (400, "state debe ser uno de: {choices}."),
    "cursor_invalid": (400, "El cursor de la página no es válido. Empieza de nuevo sin cursor."),
    "job_not_found": (404, "Job no encontrado"),
    # Job control
    "impossible_move": (409, "Un job en estado «{status}» no admite esta acción. Nada ha cambiado."),
    "resolution_invalid": (400, "action debe ser uno de: {choices}."),
    "positions_invalid": (400, "positions debe ser una lista de filas, por ejemplo [0, 5], como mucho {limit}."),
}

LINES: Final[dict[str, str]] = {
    "not_utf8": "La línea no está en UTF-8.",
    "nul_byte": "La línea contiene un byte nulo.",
    "line_too_long": f"La línea supera los {MAX_LINE_BYTES} bytes.",
    "too_many_columns": f"La línea tiene más de {MAX_COLUMNS} columnas.",
    "invalid_number": "El teléfono no es válido.",
}

RECIPIENT_ERRORS: Final[dict[str, str]] = {
    # Decided by us
    "invalid_number": "El teléfono no es válido: se esperan de 8 a 15 dígitos con el código de país.",
    "duplicate": "Repetido en el archivo: el mensaje se envía una sola vez.",
    "opted_out": "La persona pidió no recibir mensajes.",
    "suppressed": "El número está en la lista de números a los que la cuenta no escribe.",
    "no_phone": "El contacto no tiene teléfono.",
    "no_devices": "Ningún device estaba conectado cuando el envío debía comenzar.",
    "file_lost": "El archivo subido no se pudo leer. Súbelo de nuevo.",
    "cancelled": "El envío fue cancelado antes de llegar a este destinatario.",
    "worker_died": "El programa se interrumpió durante el envío; no se sabe si salió el mensaje.",
    "stalled": "El envío se demoró antes de salir.",
    # Said by the gateway
    "not_on_whatsapp": "El número no tiene WhatsApp.",
    "invalid_content": "El gateway no acepta este contenido.",
    "invalid_request": "El gateway no acepta este mensaje.",
    "too_large": "El mensaje o su adjunto es demasiado grande para el gateway.",
    "media_unusable": "El adjunto no se puede descargar o su formato no sirve.",
    "media_upload_failed": "WhatsApp no aceptó el adjunto.",
    "number_look_up_failed": "El gateway no pudo comprobar el número.",
    "rate_limited": "El gateway pidió ir más despacio.",
    "gateway_error": "El gateway falló y no dijo si envió el mensaje.",
    "no_message_id": "El gateway respondió sin el id del mensaje; no se sabe si lo envió.",
    # The device
    "not_connected": "El device no está conectado a WhatsApp.",
    "connection_closed": "La conexión del device con WhatsApp está cerrada.",
    "unauthorized": "El gateway no acepta el token del device.",
    "unknown_instance": "El gateway no conoce la instancia del device.",
    "wrong_address": "En la dirección del device no responde un gateway.",
    "licence_required": "El gateway necesita activar su licencia.",
    # The network
    "DNSError": "La dirección del gateway no existe en DNS.",
    "ConnectionError": "No se pudo conectar con el gateway.",
    "ConnectTimeout": "El gateway no respondió al conectar.",
    "SSLError": "El certificado del gateway no es válido.",
    "ReadTimeout": "El gateway no respondió a tiempo; no se sabe si envió el mensaje.",
}
_OTHER_RECIPIENT_ERROR: Final = "No se pudo enviar el mensaje."


def refusal(code: str, errors: Iterable[dict[str, Any]] = (), **details: Any) -> ApiError:
    """Build the answer to what cannot be accepted; `details` fill the sentence's gaps."""
    status, sentence = REFUSALS[code]
    return ApiError(code, sentence.format(**details), status, errors)


def line_errors(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The `errors` of a refused file: {"line", "code", "message"} each."""
    return [{"line": line, "code": code, "message": LINES[code]} for line, code in problems]


def job_created(total: int, file_name: str) -> str:
    return f"Job creado y en proceso. Procesando {total} mensajes desde archivo '{file_name}'."


def recipient_error(code: str) -> str:
    """Say in Spanish why a recipient ended unsent, or what delays it; "" for no error."""
    return RECIPIENT_ERRORS.get(code, _OTHER_RECIPIENT_ERROR) if code else ""
