"""What the HTTP side of seed 003 says, in Spanish: every sentence here, every refusal with its status.

A refusal says what happened and what to do about it, and never repeats what was sent.
"""

from typing import Any, Final

from accounts.errors import ApiError
from campaigns.audience.conditions import BadAudience, EmptyAudience
from campaigns.launch.launching import LaunchRefused
from campaigns.launch.media import MAX_BYTES, MEGABYTE, MediaRefused

_LIMITS: Final = ", ".join(f"{kind} {limit // MEGABYTE} MB" for kind, limit in MAX_BYTES.items())

REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "feature_disabled": (
        403,
        "Las campañas no están activadas en esta cuenta (whatsapp_api_campaigns). Pide a un administrador que las "
        "active.",
    ),
    # Launching
    "campaign_already_ran": (409, "La campaña ya se ejecutó. Crea otra para enviar de nuevo."),
    "campaign_under_way": (409, "La campaña se está enviando en este momento. Espera a que termine, o cancélala."),
    "campaign_cancelled": (409, "La campaña está cancelada y no se puede ejecutar. Crea otra."),
    "campaign_changed": (409, "La campaña cambió mientras se ejecutaba. Revísala e inténtalo de nuevo."),
    "audience_empty": (400, EmptyAudience.message),
    "audience_invalid": (400, "La audiencia de la campaña no es válida. Corrígela antes de ejecutarla."),
    # Its file
    "media_missing": (400, "Falta el archivo de la campaña. Súbelo de nuevo o indica su url."),
    "media_unreachable": (400, "El servidor del archivo no responde. Se necesita una dirección pública que funcione."),
    "media_not_found": (400, "En la url del archivo no hay ningún archivo. Ábrela en un navegador para comprobarla."),
    "media_refused": (400, "La url del archivo lleva a una red privada. Se necesita una dirección pública."),
    "media_wrong_type": (400, "El archivo no es del tipo indicado en multimedia. Corrige el tipo o el archivo."),
    "media_too_large": (400, f"El archivo es demasiado grande para WhatsApp. Los máximos son: {_LIMITS}."),
    "media_empty": (400, "El archivo está vacío."),
    # Once launched
    "campaign_launched": (409, "Una campaña ejecutada ya no se puede modificar, solo pausar, reanudar o cancelar."),
    "campaign_running": (409, "La campaña se está enviando. Cancélala antes de eliminarla."),
    "campaign_not_launched": (409, "La campaña todavía no se ha ejecutado: no hay ningún envío."),
    "campaign_impossible_move": (409, "Una campaña en estado «{status}» no admite esta acción. Nada ha cambiado."),
    # Tests
    "phones_invalid": (400, "phones debe ser una lista de 1 a {limit} teléfonos con código de país."),
    # Lists
    "campaign_status_invalid": (400, "status debe ser uno de: {choices}."),
    "unread_invalid": (400, "unread debe ser true o false."),
    "notifications_invalid": (400, "Indica las notificaciones: «ids», una lista de 1 a {limit} ids, o «all»: true."),
    "sender_invalid": (400, "sender_id debe ser el id de un usuario."),
    "segment_in_use": (409, "Hay campañas que usan este segmento. Cámbialas antes de eliminarlo."),
}

FIELDS: Final = {
    "message_missing": "Escribe el mensaje en «message», o dos o más textos en «variants».",
    "text_invalid": "Contiene caracteres que no se pueden enviar. Quítalos.",
    "too_long": "Supera los {limit} caracteres. Acórtalo.",
    "not_an_object": "Debe ser un objeto JSON.",
    "variants_invalid": 'Debe ser una lista de {low} a {high} textos: [{{"text": "Hola", "weight": 1}}, …].',
    "weight_invalid": "El peso debe ser un número entero de 1 a {limit}.",
    "offset_missing": "Falta la zona horaria: escribe una fecha ISO 8601 como 2026-01-15T20:00:00-05:00.",
    "moment_invalid": "No es una fecha ISO 8601 con zona horaria, por ejemplo 2026-01-15T20:00:00-05:00.",
    "moment_out_of_range": "El año debe estar entre {first} y {last}.",
    "time_skipped": "Esa hora no existe en la zona horaria de la campaña: el reloj se adelanta y la salta.",
    "time_zone_unknown": "No es una zona horaria conocida, por ejemplo America/Lima.",
    "recurrence_invalid": "Debe ser daily, weekly, monthly o una expresión cron de cinco campos, como 30 9 * * 1-5.",
    "recurrence_without_start": "daily, weekly y monthly necesitan scheduled_at: el día y la hora que se repiten.",
    "recurrence_never": "Esa expresión no corresponde a ninguna fecha.",
    "window_invalid": 'Debe ser {"start": "09:00", "end": "20:00", "weekdays": [0, 1, 2, 3, 4]}, con el lunes como 0.',
    "devices_unknown": "Algún device de la lista no existe en tu cuenta. Revisa los ids.",
    "devices_invalid": "Debe ser una lista de ids de devices, por ejemplo [1, 2, 3].",
    "segment_and_audience": "Elige un segmento o una audiencia, no los dos.",
    "contacts_unknown": "Algún contacto de la lista no existe en tu cuenta. Revisa los ids.",
    "multimedia_type": "type debe ser image, document, video o audio.",
    "multimedia_url": "url debe ser una dirección que empiece con http:// o https://.",
    "multimedia_filename": "filename debe ser un nombre de hasta 255 caracteres, sin «/».",
    "multimedia_key": "Esta clave no existe. Las que hay son: type, url, filename.",
    "file_missing": "Falta el archivo. Envíalo en el campo «file» de un formulario multipart/form-data.",
    "name_taken": "Otro segmento de la cuenta ya tiene ese nombre.",
}


def refusal(code: str, errors: Any = (), **details: Any) -> ApiError:
    """Build the answer to what cannot be done; `details` fill the sentence's gaps."""
    status, text = REFUSALS[code]
    return ApiError(code, text.format(**details), status, errors)


def field(code: str, **details: Any) -> str:
    """Say what is wrong with a field."""
    return FIELDS[code].format(**details) if details else FIELDS[code]


def launch_refused(error: Exception) -> ApiError:
    """The answer where `launching.launch` raised one of its errors."""
    match error:
        case LaunchRefused() | MediaRefused():
            return refusal(error.code)
        case EmptyAudience():
            return refusal("audience_empty")
        case BadAudience():
            return refusal("audience_invalid", audience_problems(error))
    raise error


def audience_problems(error: BadAudience) -> list[dict[str, Any]]:
    """The problems of an audience, as `errors` of an answer."""
    return [
        {"field": problem["path"], "code": problem["code"], "message": problem["message"]} for problem in error.problems
    ]


# --- How long it takes ---------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """A length of time as people say it: "40 segundos", "2,5 horas", "11,6 días"."""
    for name, one, length in (("días", "día", 86_400), ("horas", "hora", 3600), ("minutos", "minuto", 60)):
        if seconds >= length:
            number = f"{seconds / length:.1f}".removesuffix(".0").replace(".", ",")
            return f"{number} {one if number == '1' else name}"
    whole = max(1, round(seconds))
    return f"{whole} {'segundo' if whole == 1 else 'segundos'}"


def estimate(seconds: float | None, devices: int, devices_for_one_day: int | None) -> str:
    """The estimate as a sentence: "11,6 días; 53 devices más para terminar en un día"."""
    if not devices:
        return "No hay ningún device que pueda enviar. Conecta uno."
    if seconds is None:
        return "No se puede calcular: los devices no tienen límite de velocidad, o nunca terminarían."
    if not seconds:
        return "No hay a quién enviar."
    text = duration(seconds)
    if devices_for_one_day:
        more = "device más" if devices_for_one_day == 1 else "devices más"
        text += f"; {devices_for_one_day} {more} para terminar en un día"
    return text
