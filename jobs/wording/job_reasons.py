"""Why a job is paused or failed: code, the wire's Spanish (in short, and what to do), the page's sentence."""

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from jobs.wording.phrase import Phrase

NO_DEVICES = "no_devices"
NO_DEVICES_LEFT = "no_devices_left"
PAUSED_BY_PERSON = "paused_by_person"
FILE_LOST = "file_lost"
MEDIA_UNREACHABLE = "media_unreachable"
CANCELLED = "cancelled"
# What one under way waits for.
LOOK_UP = "look_up"
OUTSIDE_HOURS = "outside_hours"
RETRY = "retry"
DEVICE_OUT = "device_out"
DAILY_LIMIT = "daily_limit"
GATEWAY_ASKED = "gateway_asked_to_wait"
ONLY_KNOWN_PEOPLE = "only_known_people"
NEW_PEOPLE_LIMIT = "new_people_limit"
NO_RECIPIENTS = "no_recipients"
MISSED_ITS_TIME = "missed_its_time"
# Of a large one that sends a few ahead: it waits for what becomes of them; that is not well, and a person decides.
CANARY_WAITING = "canary_waiting"
CANARY_UNDELIVERED = "canary_undelivered"
CANARY_REFUSED = "canary_refused"
CANARY_OPT_OUTS = "canary_opt_outs"
# Who is paused for one of these waits for a person.
AWAITS_A_PERSON: Final = frozenset({PAUSED_BY_PERSON, CANARY_UNDELIVERED, CANARY_REFUSED, CANARY_OPT_OUTS})


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
    MEDIA_UNREACHABLE: JobReason(
        "El archivo no se puede descargar.",
        "El gateway no pudo descargar el archivo del mensaje. El envío lo intenta de nuevo solo, cada pocos minutos.",
        _("The gateway could not fetch the message's file. It tries again by itself, every few minutes."),
    ),
    LOOK_UP: JobReason(
        "Se comprueba si algunos mensajes salieron.",
        "El gateway no respondió con claridad. Se le vuelve a preguntar antes de enviar nada otra vez.",
        _("Messages in doubt are looked up at the gateway, before anything is sent again."),
    ),
    OUTSIDE_HOURS: JobReason(
        "Fuera del horario de envío.",
        "El envío sigue solo cuando se abra el horario de sus destinatarios.",
        _("It is outside the sending hours where the recipients are."),
    ),
    RETRY: JobReason(
        "Algunos mensajes se intentan de nuevo.",
        "No salieron en el primer intento. Se intentan de nuevo solos.",
        _("Messages that did not go out are tried again."),
    ),
    DEVICE_OUT: JobReason(
        "Ningún device puede enviar por ahora.",
        "El envío sigue solo en cuanto vuelva uno de sus devices.",
        _("None of its devices can send for now. They are looked at again by themselves."),
    ),
    DAILY_LIMIT: JobReason(
        "Sus devices llegaron a su límite diario.",
        "El envío sigue solo mañana (el día empieza a las 00:00 UTC), o cuando conectes otro device.",
        _("Its devices have reached their daily limit. A new day begins at midnight UTC."),
    ),
    GATEWAY_ASKED: JobReason(
        "El gateway pidió esperar.",
        "El envío sigue solo cuando pase el tiempo que pidió el gateway.",
        _("The gateway asked to wait."),
    ),
    ONLY_KNOWN_PEOPLE: JobReason(
        "Solo se escribe a quienes ya escribieron.",
        "WhatsApp rechaza lo que sus devices escriben a personas que nunca les escribieron. Esas personas esperan; el "
        "envío sigue solo cuando termine ese tiempo, o cuando conectes otro device.",
        _(
            "WhatsApp refuses what its devices write to people who never wrote to them. Those people wait; it goes on "
            "by itself when that time is over, or through another device."
        ),
    ),
    NEW_PEOPLE_LIMIT: JobReason(
        "Sus devices ya escribieron hoy a todas las personas nuevas que pueden.",
        "El envío sigue solo mañana, según el reloj de la cuenta, o cuando conectes otro device. A quienes ya les "
        "habían escrito se les escribe.",
        _(
            "Its devices have written to as many new people as they may today. It goes on tomorrow, by the account's "
            "clock; who wrote to them before is written to."
        ),
    ),
    MISSED_ITS_TIME: JobReason(
        "No se envió a su hora.",
        "El programa no estaba en marcha a la hora programada y ya ha pasado demasiado tiempo. Reanúdalo para enviarlo "
        "ahora, o cancélalo.",
        _(
            "The program was not running at its time, and too much time has passed. Resume it to send it now, or "
            "cancel it."
        ),
    ),
    CANARY_WAITING: JobReason(
        "Se espera la confirmación de los primeros mensajes.",
        "Salieron los primeros y el envío sigue solo en cuanto WhatsApp confirme que llegan bastantes.",
        _("The first messages went out. It goes on by itself as soon as WhatsApp acknowledges enough of them."),
    ),
    CANARY_UNDELIVERED: JobReason(
        "Llegaron muy pocos de los primeros mensajes.",
        "El envío espera tu decisión: mira qué pasó con los primeros, y reanúdalo para enviar los demás o cancélalo.",
        _(
            "Too few of the first messages were delivered. Look at them, then resume it to send the others, or cancel "
            "it."
        ),
    ),
    CANARY_REFUSED: JobReason(
        "WhatsApp rechazó demasiados de los primeros mensajes.",
        "El envío espera tu decisión: seguir puede costarte el número. Reanúdalo para enviar los demás o cancélalo.",
        _(
            "WhatsApp refused too many of the first messages: to go on may cost you the number. Resume it to send the "
            "others, or cancel it."
        ),
    ),
    CANARY_OPT_OUTS: JobReason(
        "Demasiados de los primeros pidieron no recibir mensajes.",
        "El envío espera tu decisión: revisa la lista y el mensaje, y reanúdalo para enviar los demás o cancélalo.",
        _(
            "Too many of the first people asked for no more messages. Look at the list and the message, then resume it "
            "to send the others, or cancel it."
        ),
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
