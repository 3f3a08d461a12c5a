"""Why a device cannot send, and why an address is refused: short codes, each with its sentence.

The Spanish one goes over the wire; the other is for the admin, which is translated.
"""

from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Sentence(NamedTuple):
    """One meaning, for the API and for the admin."""

    spanish: str
    shown: str | Promise


SENTENCES: Final = {
    # The gateway cannot be reached
    "unreachable": Sentence(
        "No se pudo conectar con el gateway. Revisa que la dirección sea correcta y que esté encendido.",
        _("The gateway cannot be reached. Check that the address is right and that it is running."),
    ),
    "unknown_host": Sentence(
        "El nombre del gateway no existe en el DNS. Revisa la dirección.",
        _("The gateway's name is unknown to the DNS. Check the address."),
    ),
    "bad_certificate": Sentence(
        "El certificado TLS del gateway no es válido.", _("The gateway's TLS certificate is not valid.")
    ),
    "no_answer": Sentence(
        "El gateway aceptó la conexión pero no respondió a tiempo.",
        _("The gateway took the connection but did not answer in time."),
    ),
    "gateway_error": Sentence(
        "El gateway respondió con un error interno.", _("The gateway answered with an internal error.")
    ),
    "unexpected_answer": Sentence(
        "La respuesta no es la de Evolution API. Revisa la dirección del gateway.",
        _("The answer is not Evolution API's. Check the gateway's address."),
    ),
    # Only a person can mend these
    "unauthorized": Sentence(
        "El gateway rechazó el token. Copia el token de la instancia de nuevo.",
        _("The gateway refused the token. Copy the instance's token again."),
    ),
    "token_unreadable": Sentence(
        "No se puede leer el token: falta una clave en FIELD_ENCRYPTION_KEYS. Repón esa clave o copia el token.",
        _("The stored token cannot be read: FIELD_ENCRYPTION_KEYS lacks a key. Put it back, or copy the token again."),
    ),
    "unknown_provider": Sentence(
        "Esta versión del programa no conoce el proveedor del dispositivo. Actualízala o elige otro proveedor.",
        _("This version of the program does not know the device's provider. Update it, or choose another provider."),
    ),
    "unknown_instance": Sentence(
        "La instancia no existe en el gateway. Revisa su nombre.",
        _("The gateway has no instance of this name. Check its name."),
    ),
    "wrong_address": Sentence(
        "En esa dirección no responde Evolution API. Revisa la dirección del gateway.",
        _("Evolution API does not answer at this address. Check the gateway's address."),
    ),
    "licence_required": Sentence(
        "El gateway está sin licencia activada. Actívala en su propia página de administración.",
        _("The gateway's licence is not activated. Activate it on the gateway's own page."),
    ),
    "egress_refused": Sentence(
        "La dirección del gateway está en una red privada que no está permitida (EGRESS_ALLOWED_CIDRS).",
        _("The gateway's address is in a private network that is not allowed (EGRESS_ALLOWED_CIDRS)."),
    ),
    # WhatsApp itself
    "instance_connecting": Sentence(
        "WhatsApp se está conectando. Si no termina, vincula el dispositivo: escanea su código QR.",
        _("WhatsApp is connecting. If that does not end, link the device: scan its QR code."),
    ),
    "instance_closed": Sentence(
        "La sesión de WhatsApp está cerrada. Vincula el dispositivo: escanea su código QR.",
        _("The WhatsApp session is closed. Link the device: scan its QR code."),
    ),
    "instance_not_loaded": Sentence(
        "El gateway no tiene cargada la instancia. Reinicia el gateway.",
        _("The gateway has not loaded the instance. Restart the gateway."),
    ),
    "connection_closed": Sentence(
        "El gateway perdió la conexión con WhatsApp mientras enviaba.",
        _("The gateway lost its connection to WhatsApp while sending."),
    ),
    "time_lock": Sentence(
        "WhatsApp rechaza los mensajes que este número escribe a personas que nunca le escribieron. Por ahora solo se "
        "escribe por él a quienes ya le escribieron; los demás esperan, o van por otros dispositivos.",
        _(
            "WhatsApp refuses what this number writes to people who never wrote to it. For now it writes only to those "
            "who did; all others wait, or go through other devices."
        ),
    ),
    "no_acknowledgement": Sentence(
        "El gateway acepta mensajes, pero hace tiempo que no llega ningún acuse de WhatsApp: su conexión está colgada, "
        "o su webhook ya no llega aquí. Reinicia la instancia o revisa el webhook; se vuelve a probar solo, con pocos "
        "mensajes.",
        _(
            "The gateway accepts messages, but no acknowledgement of any has come from WhatsApp for a while: its "
            "connection hangs, or its webhook does not arrive here any more. Restart the instance, or look at the "
            "webhook; it is tried again by itself, with a few messages."
        ),
    ),
    "not_connected": Sentence(
        "La instancia todavía no se ha conectado a WhatsApp. Vincula el dispositivo: escanea su código QR.",
        _("The instance has not been connected to WhatsApp yet. Link the device: scan its QR code."),
    ),
    "rate_limited": Sentence("El gateway pide ir más despacio (429).", _("The gateway asks to go slower (429).")),
    "number_look_up_failed": Sentence(
        "El gateway no consigue comprobar números en WhatsApp.",
        _("The gateway does not manage to check numbers at WhatsApp."),
    ),
    "media_upload_failed": Sentence(
        "WhatsApp no acepta adjuntos del gateway en este momento.",
        _("WhatsApp takes no attachments from the gateway at this time."),
    ),
    # What it says to what a person has it do
    "not_linked": Sentence(
        "El dispositivo no está vinculado a ningún teléfono: no hay sesión que cerrar ni reiniciar.",
        _("The device is linked to no phone: there is no session to end or to restart."),
    ),
    "gateway_refused": Sentence(
        "El gateway no acepta lo que se le pide. Revisa su registro y su versión.",
        _("The gateway does not accept what it is asked for. Look at its log and its version."),
    ),
    "instance_exists": Sentence(
        "El gateway ya tiene una instancia con ese nombre. Úsala con su propio token, o elige otro nombre.",
        _("The gateway has an instance of this name already. Use that with its own token, or choose another name."),
    ),
    "server_key_refused": Sentence(
        "El gateway rechazó la clave. Para crear una instancia hace falta la del servidor (AUTHENTICATION_API_KEY).",
        _("The gateway refused the key. Making an instance takes the server's own (AUTHENTICATION_API_KEY)."),
    ),
    "linking_unsupported": Sentence(
        "Los números de este proveedor no se vinculan con un teléfono.",
        _("This provider's numbers are not linked to a phone."),
    ),
    "codes_ran_out": Sentence(
        "Se mostraron todos los códigos y nadie los escaneó. Empieza de nuevo cuando tengas el teléfono a mano.",
        _("All codes were shown, and nobody scanned one. Start again when you have the phone at hand."),
    ),
    "phone_cannot_link": Sentence(
        "Ya pasaron varios códigos. Si el teléfono los escanea y solo aparece otro, su cuenta de WhatsApp tiene una "
        "llave de acceso (passkey) y así no se puede vincular: quítala en WhatsApp, en Ajustes → Cuenta, y prueba de "
        "nuevo.",
        _(
            "Several codes have passed. If the phone scans them and only another one shows, its WhatsApp account has a "
            "passkey, with which it cannot be linked: remove it in WhatsApp, in Settings → Account, and try again."
        ),
    ),
    "number_invalid": Sentence(
        "El número no es válido. Escríbelo con su código de país, por ejemplo +51 987 654 321.",
        _("Write the number with its country code, such as +51 987 654 321."),
    ),
    "delete_instance_invalid": Sentence(
        "delete_instance debe ser true o false.", _("delete_instance is true or false.")
    ),
    # What its webhook lacks
    "hook_missing": Sentence(
        "El gateway no tiene puesto nuestro webhook. Ponlo de nuevo.",
        _("The gateway does not have our webhook. Set it again."),
    ),
    "hook_elsewhere": Sentence(
        "El gateway avisa a otro sistema: la instancia tiene otro webhook, y solo puede tener uno.",
        _("The gateway tells another system: the instance has another webhook, and can have only one."),
    ),
    "hook_header_lost": Sentence(
        "Los avisos del gateway llegan sin nuestra cabecera secreta. Ponlo de nuevo; si sigue, la quita un proxy.",
        _("What the gateway tells comes without our secret header. Set it again; if it stays, a proxy drops it."),
    ),
    "hook_unreached": Sentence(
        "El gateway tiene el webhook, pero no llega nada: desde él no se alcanza PUBLIC_URL.",
        _("The gateway has the webhook, but nothing arrives: PUBLIC_URL cannot be reached from it."),
    ),
    "hook_not_from_here": Sentence(
        "El gateway tiene el webhook, pero desde este equipo PUBLIC_URL no lleva aquí. Revisa esa dirección; hay redes "
        "que desde dentro no alcanzan su propia dirección pública, y entonces no es un problema.",
        _(
            "The gateway has the webhook, but from this machine PUBLIC_URL does not lead here. Check that address; "
            "some networks cannot reach their own public address from within, and then nothing is wrong."
        ),
    ),
    "hook_url_local": Sentence(
        "PUBLIC_URL es una dirección de este equipo, a la que el gateway no llega. Pon la pública.",
        _("PUBLIC_URL is an address of this machine alone, which the gateway cannot reach. Set the public one."),
    ),
    "no_store": Sentence(
        "El gateway no guarda mensajes (DATABASE_SAVE_DATA_NEW_MESSAGE): lo que avisó en vano no se puede saber.",
        _("The gateway keeps no messages (DATABASE_SAVE_DATA_NEW_MESSAGE): what it told in vain cannot be known."),
    ),
    # What a webhook endpoint may not be
    "endpoint_https": Sentence(
        "La dirección debe empezar con https://; con http:// solo dentro de las redes de EGRESS_ALLOWED_CIDRS.",
        _("The address must start with https://; with http:// only within the networks of EGRESS_ALLOWED_CIDRS."),
    ),
    "endpoint_types": Sentence(
        "Hay un tipo de evento que no existe. La documentación de webhooks los lista.",
        _("There is no such type of event. The documentation of webhooks lists them."),
    ),
    "endpoint_headers": Sentence(
        "Las cabeceras son un objeto con hasta 20 nombres y textos ASCII de una línea; no pueden ser de las que "
        "ponemos nosotros (content-type, webhook-…).",
        _(
            "Headers are an object of at most 20 names and ASCII texts of one line, and none of those that we set "
            "ourselves (content-type, webhook-…)."
        ),
    ),
    "endpoint_replay": Sentence(
        "Indica delivery (el número de una entrega) o since (desde cuándo reenviar las que fallaron).",
        _("Give delivery (the number of one) or since (from when on those that failed are told again)."),
    ),
    "endpoint_gone": Sentence(
        "Respondió 410: ya no quiere recibir nada. Se apagó.",
        _("It answered 410: it wants to be told nothing any more. It was switched off."),
    ),
    "endpoint_failing": Sentence(
        "Falló durante cinco días y se apagó. Enciéndelo cuando vuelva a responder: lo pendiente se envía entonces.",
        _("It failed for five days and was switched off. Switch it on when it answers again: what waits is told then."),
    ),
    # What a form or a call may not contain
    "address_characters": Sentence(
        "La dirección contiene caracteres no permitidos.",
        _("The address holds characters that are not allowed."),
    ),
    "address_scheme": Sentence(
        "La dirección debe empezar con http:// o https://.",
        _("The address must start with http:// or https://."),
    ),
    "address_credentials": Sentence(
        "La dirección no debe llevar usuario ni contraseña.",
        _("The address must carry no user name and no password."),
    ),
    "address_host": Sentence(
        "La dirección no es válida. Escríbela como https://gateway.ejemplo.com.",
        _("This is no valid address. Write it like https://gateway.example.com."),
    ),
    "address_extra": Sentence("La dirección no debe llevar «?» ni «#».", _("The address must have no “?” and no “#”.")),
    "instance_characters": Sentence(
        "El nombre de la instancia no puede llevar «/» ni «\\», ni ser «.» o «..».",
        _("An instance's name has no “/” and no “\\”, and is not “.” or “..”."),
    ),
    "token_characters": Sentence(
        "El token no puede llevar espacios ni saltos de línea.", _("A token has no spaces and no line breaks.")
    ),
    "name_taken": Sentence(
        "Otro dispositivo de la cuenta ya tiene ese nombre.",
        _("Another device of the account has this name."),
    ),
    "instance_taken": Sentence(
        "Otro dispositivo ya envía con esta instancia, en esta cuenta o en otra. El ritmo es del número: usa ese.",
        _("Another device sends through this instance, here or in another account. A number has one pace: use that."),
    ),
}
_UNKNOWN: Final = Sentence("El dispositivo no está disponible.", _("The device is not available."))


def spanish(code: str) -> str:
    """The sentence for the wire; "" for no reason."""
    return SENTENCES.get(code, _UNKNOWN).spanish if code else ""


def shown(code: str) -> str | Promise:
    """The sentence for the admin, in its user's language; "" for no reason."""
    return SENTENCES.get(code, _UNKNOWN).shown if code else ""
