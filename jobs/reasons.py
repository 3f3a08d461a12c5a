"""Why a job is paused or failed, in Spanish as the wire has it: (what happened in short, what to do)."""

NO_DEVICES = "no_devices"
FILE_LOST = "file_lost"

SENTENCES: dict[str, tuple[str, str]] = {
    NO_DEVICES: (
        "No hay devices disponibles",
        "El envío no pudo comenzar: ningún device de la cuenta está conectado. Conecte uno y vuelva a intentarlo.",
    ),
    FILE_LOST: (
        "El archivo no se pudo leer",
        "El archivo del envío ya no está en el servidor o no se puede leer. Vuelva a subirlo.",
    ),
}


def sentence(reason: str) -> tuple[str, str]:
    """Return the short error and the advice for a reason code; the code itself where there is none."""
    return SENTENCES.get(reason, (reason, ""))
