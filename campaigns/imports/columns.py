"""Which column of a file is what: by the words of its headers first, by what stands below them last.

A header is read folded: without case, accents, brackets and digits, in Spanish, Portuguese and English. What it says
of phones is a score; a header that speaks of a document, a code or a date is never a phone, whatever stands below it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from accounts.written.folding import slug, word_set
from accounts.written.folding import words as _words
from campaigns.contacts.type_marks import type_in
from campaigns.imports import consent_columns
from campaigns.imports.files.csv_records import Head
from campaigns.imports.layouts import Layout, layout_of, own_columns
from devices import phone_numbers
from devices.numbers import country_names

NUMBER_LIKE: Final = re.compile(r"\+?[\d\s().-]{6,}")

_LINKED: Final = re.compile(r"wa\.me/|whatsapp\.(?:com|net)|@c\.us")

# Why a person is asked before anything is imported.
PHONE_BY_CONTENT: Final = "phone_by_content"  # nothing but the look of its cells says that the column is the phone
PHONE_DOUBTFUL: Final = "phone_doubtful"  # most of its cells are no numbers, or it is headed as another person's

_MOBILE, _PHONE, _NUMBER, _ANOTHER = 30, 20, 10, 5


_MOBILE_WORDS: Final = word_set(
    """movil moviles mobile mobiles celular celulares cel cell cellphone cellular whatsapp whats wsp wsap wpp wapp wa
    zap zapzap zaps telemovel telemoveis handy handynummer cellulare cellulari portable gsm"""
)
_PHONE_WORDS: Final = word_set(
    "telefono telefonos tel telf tlf tfno fono fonos phone phones telephone fone fones telefone telefones telefon"
)
_NUMBER_WORDS: Final = word_set("numero numeros nro num number numbers")
_BESIDE_NUMBER: Final = word_set("n no de contacto contact contato")
_NEVER_PHONE: Final = word_set(
    """dni documento documentos document documents doc docs identidad identidade identity identificacion identificador
    cedula ci cc passport pasaporte passaporte codigo codigos code codes cod id ids uid uuid guid sku ruc cpf cnpj rut
    run nit cuit cuil curp rfc rg nif nie fecha fechas date dates data datas nacimiento nascimento birth birthday
    cumpleanos aniversario hora time label etiqueta etiquetas type tipo kind fax pais country countrycode prefijo
    prefixo prefix ddi ddd indicativo zip cep postal edad idade age monto precio preco price total saldo cuenta account
    pedido order factura invoice email mail correo extension ext anexo ramal operador operadora carrier status estado
    valid verified optin optout"""
)
# "With country code": how the number is written, not what it is.
_HOW_WRITTEN: Final = word_set("con com c with incluye incluido incluyendo incluindo including incl sin sem without")
_ANOTHERS: Final = word_set(
    """emergencia emergency referencia referencias reference ref apoderado tutor assistant asistente vendedor vendedora
    seller asesor asesora advisor promotor supervisor jefe garante aval fiador codeudor familiar esposo esposa conyuge
    padre madre papa mama pai mae hijo hija spouse father mother parent owner"""
)
# The only word of its header that WhatsApp's own programs write.
_WHATSAPPS_OWN: Final = word_set("wa_id waid")
_AFTER_OTHERS: Final = word_set(
    """fijo fija fixo fixa landline casa home trabajo trabalho work oficina escritorio business comercial residencial
    secundario secundaria secondary otro otra outro outra other alternativo alternate address direccion endereco"""
)

_NAMES: Final = {
    "name": """nombre nombres nombre_completo nombre_y_apellido nombres_y_apellidos nombre_y_apellidos cliente contacto
        apellidos_y_nombres apellido_y_nombre apellidos_y_nombre apellido_y_nombres apellidos_nombres nombres_apellidos
        nombre_apellido nombre_apellidos nombre_del_cliente nombre_cliente nombre_de_contacto nombre_del_contacto
        nombre_contacto person_name nombre_mostrado nombre_para_mostrar razon_social persona alumno paciente socio
        name full_name fullname display_name contact_name customer customer_name client client_name
        nome nome_completo contato nome_do_cliente nome_do_contato nome_e_sobrenome nome_de_exibicao""",
    "email": """email e_mail mail correo correo_electronico email_address e_mail_address correo_e endereco_de_email
        direccion_de_correo direccion_de_correo_electronico e_mail_1_value email_1""",
    "labels": """etiquetas etiqueta labels label tags tag grupos grupo groups group marcadores marcador rotulos rotulo
        categorias categories group_membership""",
}
_FIELD_OF: Final = {name: field for field, names in _NAMES.items() for name in names.split()}
# A name in pieces, in the order in which they are said.
_PIECES: Final = (
    word_set("first_name firstname given_name primer_nombre nombre nombres nome primeiro_nome"),
    word_set("middle_name additional_name segundo_nombre nome_do_meio"),
    word_set("last_name lastname family_name surname apellido apellidos sobrenome sobrenomes primer_apellido"),
    word_set("second_last_name segundo_apellido apellido_materno"),
)
# Of a header that says whose numbers they are that are written without their code: nothing else is in it, so that
# neither a home's nor a birth's country is one.
_COUNTRY_WORDS: Final = word_set("pais country ddi isd codpais countrycode dialcode phonecode")
_CODE_WORDS: Final = word_set(
    """codigo cod code ddi isd codpais countrycode dialcode phonecode prefijo prefixo prefix indicativo lada dial
    dialing calling"""
)
_BESIDE_COUNTRY: Final = word_set(
    """internacional international region iso de del do da o or of nombre name nome telefono telefone phone celular
    movil mobile whatsapp numero number telefonico"""
)
# What our own export has beside the contact: not attributes of a person.
_OURS: Final = {"id", "opted_out_source"}
_ATTRIBUTE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")


class Guess(NamedTuple):
    """What the columns seem to be, and what makes that doubtful.

    `columns`: {"phone": 0, "more_phones": [5], "name": 1 or [1, 2], "email": 2, "labels": 3, "country": 6,
    "custom_attributes": {"region": 4, "pais": 6}}, and the fields of `consent_columns`; one that no
    column seems to hold is missing. `unsure`: PHONE_BY_CONTENT, PHONE_DOUBTFUL.
    """

    columns: dict[str, Any]
    unsure: list[str]


def guess(found: Head, country: str) -> Guess:
    """Guess which column is what; `country` ("PE", or "") is whose numbers these are."""
    if (own := own_columns(found.names)) is not None:
        return Guess(own, [])
    found = found._replace(names=[type_in(name)[0] for name in found.names])
    layout = layout_of([slug(name) for name in found.names])
    columns: dict[str, Any] = {}
    unsure: list[str] = []
    _take_fields(columns, found, layout)
    taken = set(_places(columns))
    columns.update(consent_columns.found([_words(name) for name in found.names], lambda place: place not in taken))
    taken = set(_places(columns))
    if layout is not None and layout.phones:
        phones = [place for place, name in enumerate(found.names) if slug(name) in layout.phones][:1]
    else:
        phones = _named_phones(found, taken)
    if not phones or not _has_numbers(found, phones[0]):
        by_content = _phone_by_content(found, taken, country)
        if by_content is None:
            # A name below which numbers stand is none: a torn header has moved.
            by_content = _phone_by_content(found, set(), country)
            columns = {field: said for field, said in columns.items() if by_content not in set(_places({field: said}))}
            taken = set(_places(columns))
        if by_content is not None:
            phones = [by_content]
            if any(found.names):
                unsure.append(PHONE_BY_CONTENT)
    if phones and not unsure and any(found.names):
        is_anothers = phone_score(found.names[phones[0]]) == _ANOTHER
        if is_anothers or not _looks(found, phones[0], _is_number_like, 0.25):
            unsure.append(PHONE_DOUBTFUL)
    if phones:
        columns["phone"] = phones[0]
        if phones[1:]:
            columns["more_phones"] = phones[1:]
    rest = [place for place in range(len(found.names)) if place not in {*taken, *phones[:1]}]
    if not any(found.names):
        _claim(columns, "email", rest, found, lambda cell: "@" in cell)
        _claim(columns, "name", rest, found, lambda cell: any(map(str.isalpha, cell)))
    attributes: dict[str, int] = {}
    for place in rest:
        if found.names[place].casefold() not in _OURS:
            attributes[_attribute_name(found.names[place], place, attributes)] = place
    # Not taken from the attributes: a country is also said of a person.
    if (place_of_country := _country(found, rest)) is not None:
        columns["country"] = place_of_country
    return Guess({**columns, "custom_attributes": attributes}, unsure)


def phone_score(header: str) -> int:
    """How much a header says that its column is the phone to write to; 0: nothing, or that it is something else."""
    if header.lstrip().startswith("@"):
        return 0  # a variable of a recipient file: what is put into the text
    if slug(header) in _WHATSAPPS_OWN:
        return _MOBILE
    words = _words(header)
    for number, word in enumerate(words):
        if word in _HOW_WRITTEN:
            words = words[:number]
            break
    if any(word in _NEVER_PHONE for word in words):
        return 0
    if _MOBILE_WORDS.intersection(words):
        score = _MOBILE
    elif _PHONE_WORDS.intersection(words):
        score = _PHONE
    else:
        is_number = _NUMBER_WORDS.intersection(words) and (_NUMBER_WORDS | _BESIDE_NUMBER).issuperset(words)
        return _NUMBER if is_number else 0
    if _ANOTHERS.intersection(words):
        return _ANOTHER
    return score - 5 if _AFTER_OTHERS.intersection(words) else score


def is_known(header: str) -> bool:
    """Whether this names a field of a contact."""
    name = slug(header)
    if name in _FIELD_OF or _says_country(header) or phone_score(header) > 0:
        return True
    return any(name in names for names in _PIECES) or consent_columns.field_of(_words(header)) is not None


def _says_country(header: str) -> bool:
    words = frozenset(_words(header))
    is_one = _COUNTRY_WORDS & words or (_CODE_WORDS & words and words & {"internacional", "international", "dial"})
    return bool(is_one) and words <= _COUNTRY_WORDS | _CODE_WORDS | _BESIDE_COUNTRY


def _places(columns: dict[str, Any]) -> Iterable[int]:
    for said in columns.values():
        yield from said if isinstance(said, list) else [said]


def _take_fields(columns: dict[str, Any], found: Head, layout: Layout | None) -> None:
    """Name, e-mail and labels by their headers."""
    slugs = [slug(name) for name in found.names]
    for field, names in (layout.fields if layout else {}).items():
        places = [slugs.index(name) for name in names if name in slugs]
        if places:
            columns[field] = places if len(places) > 1 else places[0]
    for place, name in enumerate(slugs):
        known = _FIELD_OF.get(name)
        if known is not None and known not in columns and place not in set(_places(columns)):
            columns[known] = place
    if layout is None or "name" not in layout.fields:
        _join_names(columns, slugs)


def _join_names(columns: dict[str, Any], slugs: list[str]) -> None:
    """First and last name are one name, where no column has all of it."""
    known = columns.get("name")
    if known is not None and slugs[known] not in _PIECES[0]:
        return
    pieces = [next((slugs.index(name) for name in names if name in slugs), None) for names in _PIECES]
    places = [place for place in pieces if place is not None]
    if places:
        columns["name"] = places if len(places) > 1 else places[0]


def _named_phones(found: Head, taken: set[int]) -> list[int]:
    """The columns that are headed as phones, the likeliest first; one without any number below only if all are so."""
    scored = [(phone_score(name), place) for place, name in enumerate(found.names) if place not in taken]
    scored = [(score, place) for score, place in scored if score]
    filled = [(score, place) for score, place in scored if _has_numbers(found, place)]
    best = sorted(filled or scored, key=lambda one: (-one[0], one[1]))
    # Beside a phone "number" is another number, and a reference's phone is another person's.
    return [place for rank, (score, place) in enumerate(best) if not rank or score > _NUMBER]


def _country(found: Head, places: Iterable[int]) -> int | None:
    """The column that says whose country's each number is, if most of its cells do."""

    def says_country(cell: str) -> bool:
        return country_names.country_named(cell) is not None

    def is_name(cell: str) -> bool:
        return says_country(cell) and not country_names.is_digit(cell)

    named = [place for place in places if _says_country(found.names[place])]
    codes = [place for place in named if _CODE_WORDS.intersection(_words(found.names[place]))]
    fitting = [place for place in codes if _looks(found, place, says_country)]
    fitting += [place for place in named if place not in codes and _looks(found, place, is_name)]
    return fitting[0] if fitting else None


def _has_numbers(found: Head, place: int) -> bool:
    cells = _cells(found, place)
    return not cells or any(map(_is_number_like, cells))


def _phone_by_content(found: Head, taken: set[int], country: str) -> int | None:
    for place, name in enumerate(found.names):
        if place in taken or _NEVER_PHONE.intersection(_words(name)):
            continue
        if _cells(found, place) and _looks(found, place, lambda cell: _is_phone_of(cell, country)):
            return place
    return None


def _is_number_like(cell: str) -> bool:
    return bool(NUMBER_LIKE.fullmatch(cell)) or sum(map(str.isdecimal, cell)) >= 7


def _is_phone_of(cell: str, country: str) -> bool:
    is_linked = _LINKED.search(cell) is not None
    if not is_linked and (not NUMBER_LIKE.fullmatch(cell) or not (country or "+" in cell)):
        return False
    phone = phone_numbers.parse(cell, country)
    return phone is not None and phone_numbers.is_mobile(phone, "" if is_linked else country)


def _looks(found: Head, place: int, fits: Callable[[str], bool], share: float = 0.5) -> bool:
    """Whether more than this share of the column's cells fit, or there are none."""
    cells = _cells(found, place)
    return sum(map(fits, cells)) > share * len(cells) if cells else True


def _cells(found: Head, place: int) -> list[str]:
    return [row[place].strip() for row in found.sample if row[place].strip()]


def _claim(columns: dict[str, Any], field: str, rest: list[int], found: Head, fits: Callable[[str], bool]) -> None:
    """Give the field the first column of which most cells fit."""
    for place in rest:
        if _cells(found, place) and _looks(found, place, fits):
            columns[field] = place
            rest.remove(place)
            return


def _attribute_name(name: str, place: int, taken: Iterable[str]) -> str:
    """A name that messages can use: as it is where it can be, else `ciudad_de_origen`."""
    made = name if _ATTRIBUTE_NAME.fullmatch(name) else slug(name)[:90] or f"columna_{place + 1}"
    number = 2
    base = made
    while made in taken:
        made, number = f"{base}_{number}", number + 1
    return made
