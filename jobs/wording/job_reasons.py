"""Why a job is paused or failed: code, the wire's Spanish (in short, and what to do), the page's sentence."""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase

NO_DEVICES = "no_devices"
NO_DEVICES_LEFT = "no_devices_left"
PAUSED_BY_PERSON = "paused_by_person"
FILE_LOST = "file_lost"
CANCELLED = "cancelled"
NO_RECIPIENTS = "no_recipients"


class JobReason(NamedTuple):
    error: str
    advice: str
    page: Phrase


JOB_REASONS: Final[dict[str, JobReason]] = {
    NO_DEVICES: JobReason(
        "No hay devices disponibles",
        "El envío no pudo comenzar: ningún device de la cuenta está conectado. Conecte uno y vuelva a intentarlo.",
        _("No device was connected, so nothing was sent. Connect one and upload the list again."),
    ),
    NO_DEVICES_LEFT: JobReason(
        "Ningún device puede enviar.",
        "El envío sigue solo en cuanto vuelva uno de sus devices, o cuando conectes otro.",
        _("No device can send. It goes on by itself when one of its devices comes back."),
    ),
    PAUSED_BY_PERSON: JobReason(
        "En pausa.",
        "Alguien de la cuenta pausó el envío. Reanúdalo para que continúe.",
        _("Somebody of the account paused it. Resume it to go on."),
    ),
    NO_RECIPIENTS: JobReason(
        "No hay a quién enviar",
        "Nadie de la audiencia puede recibir el mensaje: no hay contactos, no tienen teléfono o pidieron no recibirlo.",
        _("Nobody of the audience can be written to: no contacts, no numbers, or they opted out."),
    ),
    FILE_LOST: JobReason(
        "El archivo no se pudo leer",
        "El archivo del envío ya no está en el servidor o no se puede leer. Vuelva a subirlo.",
        _("The file is no longer on the server or cannot be read. Upload it again."),
    ),
}


def sentence(reason: str) -> tuple[str, str]:
    """Return the short error and the advice for a reason code; the code itself where there is none."""
    said = JOB_REASONS.get(reason)
    return (said.error, said.advice) if said else (reason, "")


def job_reason(code: str) -> Phrase:
    """Say on the page why a job is paused or failed; the code itself where there is no sentence for it."""
    said = JOB_REASONS.get(code)
    return said.page if said else code
