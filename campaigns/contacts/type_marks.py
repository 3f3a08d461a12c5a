"""What a header says of the type of what stands below it: "codigo [text]". Our export says it where cells cannot.

Also which headers speak of codes: their digits are no numbers, whoever reads them.
"""

import re
from typing import Final

from accounts.written.folding import word_set, words

TEXT, NUMBER, BOOLEAN, DATE, JSON = TYPES = ("text", "number", "boolean", "date", "json")

_WORDS: Final = {
    TEXT: "text texto",
    NUMBER: "number número numero",
    BOOLEAN: "yes/no sí/no si/no sim/não sim/nao",
    DATE: "date fecha data",
    JSON: "json",
}
_TYPE_OF: Final = {word: kind for kind, spoken in _WORDS.items() for word in spoken.split()}
_MARK: Final = re.compile(r"\s*\[([^\[\]]{1,10})\]")


CODES: Final = word_set(
    """dni documento documentos document doc docs identidad identidade identity identificacion identificador
    cedula ci cc passport pasaporte passaporte codigo codigos code codes cod id ids uid uuid guid sku ruc cpf
    cnpj rut run nit cuit cuil curp rfc rg nif nie zip cep postal postcode cp cuenta conta account cbu clabe
    iban pedido order factura fatura invoice extension ext anexo ramal operador fax imei serie serial placa
    lote ticket folio guia tracking tarjeta card pin token"""
)
_MAY_BE_A_PHONE: Final = re.compile("tel|fon|phone|cel|movil|mobil|whats|wsp|wpp|zap|^wa|^handy|^num|^nro|^n$|^no$")


def type_in(header: str) -> tuple[str, str]:
    """A header's name, and the type that it says beside it or "": "codigo [text]" is "codigo", "text"."""
    start = header.rfind("[")
    if start > 0 and (found := _MARK.fullmatch(header, len(header[:start].rstrip()))):
        kind = _TYPE_OF.get(found[1].strip().casefold(), "")
        if kind:
            return header[: found.start()], kind
    return header, ""


def marked(name: str, kind: str) -> str:
    """The header that says so."""
    return f"{name} [{_WORDS[kind].split()[0]}]"


def may_be_codes(header: str) -> bool:
    """Whether whoever reads the digits below this header may take them for codes or phones."""
    said = words(header)
    return bool(CODES.intersection(said)) or any(map(_MAY_BE_A_PHONE.search, said))
