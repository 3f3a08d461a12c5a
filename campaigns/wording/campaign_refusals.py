"""Why a campaign, its segment or one's notifications are not as asked: code, status, the wire's sentence, the page's.

Those of a launch are also what a campaign notes of itself (`campaign_notes`): they have no gaps.
"""

from typing import Final

from django.utils.translation import gettext_lazy as _

from jobs.wording.refusals import Refusal

CAMPAIGN_REFUSALS: Final[dict[str, Refusal]] = {
    "feature_disabled": Refusal(
        403,
        "Las campañas no están activadas en esta cuenta (whatsapp_api_campaigns). Pide a un administrador que las "
        "active.",
    ),
    # Launching
    "campaign_already_ran": Refusal(
        409,
        "La campaña ya se ejecutó. Crea otra para enviar de nuevo.",
        _("The campaign was launched already. Make another one to send again."),
    ),
    "campaign_under_way": Refusal(
        409,
        "La campaña se está enviando en este momento. Espera a que termine, o cancélala.",
        _("The campaign is being sent now. Wait for its end, or cancel it."),
    ),
    "campaign_cancelled": Refusal(
        409,
        "La campaña está cancelada y no se puede ejecutar. Crea otra.",
        _("The campaign is cancelled and cannot be launched. Make another one."),
    ),
    "campaign_paused": Refusal(
        409,
        "La campaña está en pausa. Reanúdala antes de ejecutarla.",
        _("The campaign is paused. Resume it before you send it."),
    ),
    "campaign_changed": Refusal(
        409,
        "La campaña cambió mientras se ejecutaba. Revísala e inténtalo de nuevo.",
        _("The campaign changed meanwhile. Review it and try again."),
    ),
    "audience_empty": Refusal(
        400,
        "La audiencia está vacía: elige contactos, etiquetas o atributos. Para escribir a todos menos a algunos, "
        "usa «exclude».",
        _("The audience is empty: choose labels, attributes or contacts."),
    ),
    "audience_invalid": Refusal(
        400,
        "La audiencia de la campaña no es válida. Corrígela antes de ejecutarla.",
        _("The audience is not valid. Mend it first."),
    ),
    "variables_unknown": Refusal(
        400,
        "El mensaje tiene variables que no existen. Corrígelas, o envía allow_missing: true para enviarlo así.",
        _("The message has variables that do not exist. Mend them, or tick that it may be sent like this."),
    ),
    # Its file
    "media_missing": Refusal(
        400,
        "Falta el archivo de la campaña. Súbelo de nuevo o indica su url.",
        _("The attachment's file is missing. Upload it again, or give its address."),
    ),
    "media_unreachable": Refusal(
        400,
        "El servidor del archivo no responde. Se necesita una dirección pública que funcione.",
        _("The attachment's server does not answer. The address must be a public one that works."),
    ),
    "media_not_found": Refusal(
        400,
        "En la url del archivo no hay ningún archivo. Ábrela en un navegador para comprobarla.",
        _("There is no file at the attachment's address. Open it in a browser to check."),
    ),
    "media_refused": Refusal(
        400,
        "La url del archivo lleva a una red privada. Se necesita una dirección pública.",
        _("The attachment's address leads to a private network. It must be a public one."),
    ),
    "media_wrong_type": Refusal(
        400,
        "El archivo no es del tipo indicado en multimedia. Corrige el tipo o el archivo.",
        _("The attachment is not of the type that was chosen. Mend the type or the file."),
    ),
    "media_too_large": Refusal(
        400,
        "El archivo es demasiado grande para WhatsApp. Los máximos son: image 5 MB, video 16 MB, audio 16 MB, "
        "document 100 MB.",
        _("The attachment is too large for WhatsApp."),
    ),
    "public_url_unusable": Refusal(
        400,
        "Los gateways no pueden descargar archivos subidos desde este servidor: su PUBLIC_URL no es una dirección "
        "pública. Pide a quien lo administra que la cambie, o indica una url.",
        _(
            "Gateways cannot fetch uploaded files from this server: its PUBLIC_URL is no public address. Ask whoever "
            "runs it to change it, or give an address."
        ),
    ),
    "audio_without_text": Refusal(
        400,
        "Un audio de WhatsApp no lleva texto. Deja el mensaje vacío, o elige otro tipo de archivo. El texto puede ir "
        "en otra campaña.",
        _("An audio on WhatsApp carries no text. Empty the message, or choose another type of attachment."),
    ),
    "media_empty": Refusal(400, "El archivo está vacío.", _("The attachment's file is empty.")),
    # Once launched
    "campaign_launched": Refusal(
        409,
        "Una campaña ejecutada ya no se puede modificar, solo pausar, reanudar o cancelar. Una que se repite, sí, "
        "cuando su último envío ha terminado.",
        _("A campaign that was launched can no longer be changed; one that recurs can, once its last run has ended."),
    ),
    "campaign_recurs": Refusal(
        409,
        "La campaña ya se ejecutó y se repite: para que no se repita, páusala o cancélala.",
        _("The campaign has run and recurs: to have it recur no more, pause or cancel it."),
    ),
    "campaign_running": Refusal(
        409,
        "La campaña se está enviando. Cancélala antes de eliminarla.",
        _("The campaign is being sent. Cancel it before you delete it."),
    ),
    "campaign_not_launched": Refusal(409, "La campaña todavía no se ha ejecutado: no hay ningún envío."),
    "campaign_impossible_move": Refusal(
        409,
        "Una campaña en estado «{status}» no admite esta acción. Nada ha cambiado.",
        _("Nothing was done: the campaign is %(status)s by now."),
    ),
    # Tests
    "phones_invalid": Refusal(
        400,
        "phones debe ser una lista de 1 a {limit} teléfonos con código de país.",
        _("Write from 1 to %(count)s phones with their country codes."),
    ),
    # Lists
    "campaign_status_invalid": Refusal(400, "status debe ser uno de: {choices}."),
    "campaign_kind_invalid": Refusal(400, "kind debe ser uno de: {choices}."),
    "unread_invalid": Refusal(400, "unread debe ser true o false."),
    "notifications_invalid": Refusal(
        400, "Indica las notificaciones: «ids», una lista de 1 a {limit} ids, o «all»: true."
    ),
    "sender_invalid": Refusal(400, "sender_id debe ser el id de un usuario."),
}
