"""The Spanish sentences of the API, by error code.

The wire speaks Spanish whatever the browser asks for, so these do not pass through a catalogue. No
sentence holds anything that was sent to us.
"""

from typing import Final

_HOW_TO_SIGN_IN: Final = (
    "Envía un token de API en la cabecera «Authorization: Bearer …». "
    "Un administrador lo crea en /admin/ → Tokens de API, o con «manage.py bootstrap»."
)

ERRORS: Final = {
    # Who is calling
    "not_authenticated": f"No has iniciado sesión. {_HOW_TO_SIGN_IN}",
    "authentication_failed": f"El token no es válido o fue revocado. {_HOW_TO_SIGN_IN}",
    "no_membership": "Tu usuario no pertenece a ninguna cuenta. Pide a un administrador que te agregue.",
    "permission_denied": "Tu rol en esta cuenta no permite esta acción.",
    "csrf_failed": "Falta la protección CSRF o no es correcta. Recarga la página e inténtalo de nuevo.",
    "webhook_unauthorized": "El secreto de la cabecera no es el de ningún device en esta dirección.",
    # What was asked for
    "not_found": "No existe, o no pertenece a tu cuenta.",
    "method_not_allowed": "Este método no está permitido en esta dirección.",
    "not_acceptable": "No hay una respuesta en el formato pedido; usa JSON.",
    "invalid_cursor": "El cursor de la página no es válido.",
    "limit_invalid": "limit debe ser un número entero mayor que 0.",
    "ordering_invalid": "ordering debe ser uno de: {choices}; con «-» delante para el orden inverso.",
    "conflict": "El estado actual no permite esta acción.",
    "throttled": "Demasiadas solicitudes. Espera un momento e inténtalo de nuevo.",
    "in_use": "Lo necesitan envíos o campañas en espera, que están en «errors». Cámbialos antes, o repite con "
    "force=true: se eliminará igualmente.",
    "force_invalid": "force debe ser true o false.",
    "country_rules_invalid": "country_rules debe ser una lista de países que tienen reglas: {choices}.",
    "frequency_cap_invalid": "frequency_cap debe ser null, o messages (de 1 a 30) en days (de 1 a 365).",
    "reason_missing": "Indica en «reason» por qué cambias las reglas: queda en el registro de auditoría.",
    # What was sent
    "invalid": "Los datos enviados no son válidos.",
    "parse_error": "El cuerpo de la solicitud no se puede leer: su formato no es correcto.",
    "unsupported_media_type": "El tipo de contenido de la solicitud no está soportado.",
    "file_too_large": "El archivo supera el tamaño máximo permitido.",
    "body_too_large": "El cuerpo de la solicitud es demasiado grande.",
    "webhook_too_large": "El aviso supera 1 MB.",
    "too_many_fields": "La solicitud tiene demasiados campos.",
    "too_many_files": "La solicitud tiene demasiados archivos.",
    "upload_interrupted": "La carga se interrumpió antes de terminar.",
    "bad_request": "La solicitud no es válida.",
    "come_again": "No se pudo guardar en este momento. Vuelve a enviarlo.",
    "error": "Ocurrió un error inesperado.",
}

# The framework's own sentences for these show the value that was sent; ours do not.
FIELD_ERRORS: Final = {
    "invalid_choice": "No es una de las opciones válidas.",
    "does_not_exist": "No existe, o no pertenece a tu cuenta.",
    "incorrect_type": "El tipo del valor no es correcto.",
    "not_a_list": "Se esperaba una lista.",
    "not_a_dict": "Se esperaba un objeto.",
    "invalid_date": "La fecha no es válida.",
}
