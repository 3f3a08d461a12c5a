import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

BATCH_ROWS: Final = 1000

# The sentences as they were written until now; they stand here, because the code's own may change.
_REFUSALS: Final = {
    "La campaña ya se ejecutó. Crea otra para enviar de nuevo.": "campaign_already_ran",
    "La campaña se está enviando en este momento. Espera a que termine, o cancélala.": "campaign_under_way",
    "La campaña está cancelada y no se puede ejecutar. Crea otra.": "campaign_cancelled",
    "La campaña cambió mientras se ejecutaba. Revísala e inténtalo de nuevo.": "campaign_changed",
    "Falta el archivo de la campaña. Súbelo de nuevo o indica su url.": "media_missing",
    "El servidor del archivo no responde. Se necesita una dirección pública que funcione.": "media_unreachable",
    "En la url del archivo no hay ningún archivo. Ábrela en un navegador para comprobarla.": "media_not_found",
    "La url del archivo lleva a una red privada. Se necesita una dirección pública.": "media_refused",
    "El archivo no es del tipo indicado en multimedia. Corrige el tipo o el archivo.": "media_wrong_type",
    "El archivo es demasiado grande para WhatsApp. Los máximos son: image 5 MB, video 16 MB, audio 16 MB, document 100 MB.": "media_too_large",
    "El archivo está vacío.": "media_empty",
    "La audiencia está vacía: elige contactos, etiquetas o atributos. Para escribir a todos menos a algunos, usa «exclude».": "audience_empty",
    "La audiencia de la campaña no es válida. Corrígela antes de ejecutarla.": "audience_invalid",
}
_JOB_REASONS: Final = {
    "No hay devices disponibles El envío no pudo comenzar: ningún device de la cuenta está conectado. Conecte uno y vuelva a intentarlo.": "no_devices",
    "Ningún device puede enviar. El envío sigue solo en cuanto vuelva uno de sus devices, o cuando conectes otro.": "no_devices_left",
    "En pausa. Alguien de la cuenta pausó el envío. Reanúdalo para que continúe.": "paused_by_person",
    "No hay a quién enviar Nadie de la audiencia puede recibir el mensaje: no hay contactos, no tienen teléfono o pidieron no recibirlo.": "no_recipients",
    "El archivo no se pudo leer El archivo del envío ya no está en el servidor o no se puede leer. Vuelva a subirlo.": "file_lost",
}

_CLOCK: Final = r"(?P<clock>\d\d/\d\d/\d{4} \d\d:\d\d) (?P<zone>[\w/+-]+)"
_NOTES: Final = {
    "missed": re.compile(
        rf"No se envió a su hora \({_CLOCK}\) porque el programa no estaba en marcha, y ya ha pasado demasiado tiempo\. "
        r"Ejecútala tú, o cambia la fecha\."
    ),
    "occurrence_skipped": re.compile(
        rf"Se omitió el envío del {_CLOCK}: el programa no estaba en marcha a su hora\. "
        r"La campaña sigue con el próximo\."
    ),
}
_BAD_AUDIENCE: Final = re.compile(
    r"La audiencia de la campaña no es válida\. Corrígela antes de ejecutarla\. (?P<path>[^:]*): (?P<message>.*)", re.S
)
_TITLES: Final = {
    "Campaña terminada: ": "campaign_completed",
    "La campaña falló: ": "campaign_failed",
    "Campaña cancelada: ": "campaign_cancelled",
}
_COUNTED: Final = re.compile(
    r"(?:(?P<reason>.+) )?(?P<sent>\d+) de (?P<total>\d+) mensajes enviados; (?P<failed>\d+) fallidos, "
    r"(?P<suppressed>\d+) omitidos, (?P<unknown>\d+) sin confirmar\."
)

Coded = tuple[str, dict[str, Any]]


def note_of(text: str) -> Coded:
    """The code and details of a campaign's sentence; `as_written` with the sentence where nobody knows it."""
    if code := _REFUSALS.get(text):
        return code, {}
    for code, pattern in _NOTES.items():
        if found := pattern.fullmatch(text):
            try:
                local = datetime.strptime(found["clock"], "%d/%m/%Y %H:%M").replace(tzinfo=ZoneInfo(found["zone"]))
            except (ValueError, KeyError, OSError):  # no such day, no such zone
                break
            return code, {"scheduled_at": local.isoformat(), "time_zone": found["zone"]}
    if found := _BAD_AUDIENCE.fullmatch(text):
        return "audience_invalid", {"path": found["path"], "message": found["message"]}
    return "as_written", {"text": text}


def notification_of(title: str, text: str) -> Coded:
    """The same of a notification's two sentences."""
    found = _COUNTED.fullmatch(text)
    for start, code in _TITLES.items():
        if found and title.startswith(start):
            reason = found["reason"] or ""
            state_reason = _JOB_REASONS.get(reason, reason)
            if re.fullmatch(r"[a-z_]*", state_reason):
                counts = {name: int(found[name]) for name in ("sent", "total", "failed", "suppressed", "unknown")}
                return code, {"title": title.removeprefix(start), "state_reason": state_reason, **counts}
    return "as_written", {"title": title, "text": text}


def backfill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    campaign: Any = apps.get_model("campaigns", "Campaign")._base_manager
    for pk, text in campaign.exclude(description="").values_list("pk", "description").iterator(BATCH_ROWS):
        code, details = note_of(text)
        campaign.filter(pk=pk).update(note_code=code, note_details=details)
    notification: Any = apps.get_model("campaigns", "Notification")._base_manager
    for pk, title, text in notification.values_list("pk", "title", "text").iterator(BATCH_ROWS):
        code, details = notification_of(title, text)
        notification.filter(pk=pk).update(code=code, details=details)


class Migration(migrations.Migration):
    """The sentences that are stored become codes. What is not recognised is kept as it was written."""

    dependencies = [("campaigns", "0004_note_and_notification_codes")]

    operations = [migrations.RunPython(backfill, migrations.RunPython.noop)]
