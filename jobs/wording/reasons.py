"""Why a job is paused or failed, in Spanish as the wire has it: (what happened in short, what to do)."""

NO_DEVICES = "no_devices"
NO_DEVICES_LEFT = "no_devices_left"
PAUSED_BY_PERSON = "paused_by_person"
FILE_LOST = "file_lost"
CANCELLED = "cancelled"
NO_RECIPIENTS = "no_recipients"

SENTENCES: dict[str, tuple[str, str]] = {
    NO_DEVICES: (
        "No hay devices disponibles",
        "El envío no pudo comenzar: ningún device de la cuenta está conectado. Conecte uno y vuelva a intentarlo.",
    ),
    NO_DEVICES_LEFT: (
        "Ningún device puede enviar.",
        "El envío sigue solo en cuanto vuelva uno de sus devices, o cuando conectes otro.",
    ),
    PAUSED_BY_PERSON: ("En pausa.", "Alguien de la cuenta pausó el envío. Reanúdalo para que continúe."),
    NO_RECIPIENTS: (
        "No hay a quién enviar",
        "Nadie de la audiencia puede recibir el mensaje: no hay contactos, no tienen teléfono o pidieron no recibirlo.",
    ),
    FILE_LOST: (
        "El archivo no se pudo leer",
        "El archivo del envío ya no está en el servidor o no se puede leer. Vuelva a subirlo.",
    ),
}


def sentence(reason: str) -> tuple[str, str]:
    """Return the short error and the advice for a reason code; the code itself where there is none."""
    return SENTENCES.get(reason, (reason, ""))
