"""What a file says of who wants to be written to: which columns say it, and what one line says.

Whoever said no is not written to, so no wins: over a yes of the same line unless both are dated and the yes came later,
and where a cell of an opt-out column is something else than yes or no.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from accounts.written import moments
from accounts.written.folding import loose, word_set
from accounts.written.reading import yes_or_no
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS, VERSION_CHARACTERS, Consent, stronger
from campaigns.states import Basis

OPTED_OUT: Final = "opted_out"
OPTED_OUT_AT: Final = "opted_out_at"
OPTED_IN: Final = "opted_in"
OPTED_IN_AT: Final = "opted_in_at"
SOURCE: Final = "opted_in_source"  # a column's field, and in a mapping the words for all of it
BASIS: Final = "opted_in_basis"
VERSION: Final = "opted_in_version"  # of the text that they agreed to
FIELDS: Final = (OPTED_OUT, OPTED_OUT_AT, OPTED_IN, OPTED_IN_AT, SOURCE, BASIS, VERSION)


# --- Which columns ---------------------------------------------------------------------------------------------


_OUT_PHRASES: Final = (
    *("opt out", "opted out", "optout", "optedout", "dnc", "no molestar", "no contactar", "lista negra"),
    *("lista robinson", "do not call", "do not contact", "do not disturb", "do not message", "donotcall"),
    *("donotcontact", "nao perturbe", "nao perturbar", "nao contatar", "nao contactar", "nao incomodar", "unsubscribe"),
    *("unsubscribed", "desuscrito", "desuscrita", "desuscripto", "desuscribir", "dado de baja", "dados de baja"),
    *("dada de baja", "descadastrado", "descadastrada", "descadastrar", "descadastro", "blacklist", "blacklisted"),
    *("dio de baja", "dieron de baja", "darse de baja", "pidio baja", "pidio la baja", "solicito baja"),
    *("solicito la baja", "desuscripcion", "desinscrito", "desinscrita", "do not text", "cancelou inscricao"),
    *("cancelou a inscricao",),
)
# Only where nothing else is spoken of: "no desea factura" is another thing, and Baja a state of Mexico and a season.
_OUT_ALONE: Final = (
    *("baja", "bajas", "no llamar", "no escribir", "no enviar", "no desea", "no quiere", "no recibir", "do not send"),
    *("nao ligar", "nao enviar", "nao quer", "nao receber", "suppressed", "dnd", "baja si no", "baja s n"),
)
_IN_PHRASES: Final = ("opt in", "opted in", "optin", "optedin")
_IN_ALONE: Final = (
    *("acepta", "acepto", "aceptado", "acepta recibir", "aceita", "aceito", "aceite", "autoriza", "autorizo"),
    *("autorizacion", "autorizado", "autorizacao", "consent", "consented", "consents", "consentimiento"),
    *("consentimento", "consiente", "suscrito", "suscripto", "subscribed"),
)
_AROUND: Final = word_set(
    """de del la el los las do da dos das a al por em para ser si mas whatsapp whats app wsp wa zap mensaje mensajes
    mensagem mensagens message messages messaging msj publicidad publicidade promociones promocoes promotions
    ofertas marketing comunicaciones comunicacoes comunicacion contacto contato contact recibir receber receive
    contactado contatado to comercial comerciales comerciais is has given"""
)
_DATES: Final = word_set("fecha fechas date data at time timestamp dia cuando when quando hora desde since")
_SOURCES: Final = word_set("source origen fuente origem fonte medio meio canal procedencia donde onde where")
_BASES: Final = word_set("basis base bases")
_BASIS_PHRASES: Final = ("base legal", "base juridica", "base de licitud", "legal basis", "lawful basis")
_VERSIONS: Final = word_set("version versao versiones")
_REASONS: Final = word_set("motivo motivos razon razones reason reasons causa razao comentario comment notes nota")
# Of other ways to reach somebody: a no to e-mails is none to messages, and neither is a yes.
_OTHER_WAYS: Final = word_set("email emails mail mails correo correos boletin newsletter fax")
_CALLS: Final = word_set("sms llamada llamadas call calls ligacao ligacoes telefono telefone phone")


def field_of(words: Sequence[str]) -> str | None:
    """The field that a header of these folded words is, or None."""
    there, text = frozenset(words), f" {' '.join(words)} "
    if there & (_OTHER_WAYS | _REASONS):
        return None
    if _speaks(text, _BASIS_PHRASES):
        return BASIS
    is_out = _speaks(text, _OUT_PHRASES) or _speaks_only(text, _OUT_ALONE, _CALLS)
    is_in = not is_out and (
        (_speaks(text, _IN_PHRASES) and not there & _CALLS)
        or _speaks_only(text, _IN_ALONE, _SOURCES | _BASES | _VERSIONS)
    )
    if not (is_out or is_in):
        return None
    for words_of, meant in ((_SOURCES, SOURCE), (_BASES, BASIS), (_VERSIONS, VERSION)):
        if there & words_of:
            return meant if is_in else None
    if there & _DATES:
        return OPTED_OUT_AT if is_out else OPTED_IN_AT
    return OPTED_OUT if is_out else OPTED_IN


def _speaks(text: str, phrases: Sequence[str]) -> bool:
    return any(f" {phrase} " in text for phrase in phrases)


def _speaks_only(text: str, phrases: Sequence[str], besides: frozenset[str]) -> bool:
    allowed = _AROUND | _DATES | besides
    return any(
        f" {phrase} " in text and allowed.issuperset(text.replace(f" {phrase} ", " ", 1).split()) for phrase in phrases
    )


def found(headers: Sequence[Sequence[str]], is_free: Callable[[int], bool]) -> dict[str, Any]:
    """The consent columns of a header, given by its folded words, among those that are nothing else.

    {"opted_out": 4 or [4, 5], "opted_in_at": 6, …}. A person is out whom any one column calls so.
    """
    columns: dict[str, Any] = {}
    for place, words in enumerate(headers):
        field = field_of(words) if is_free(place) else None
        if field is None:
            continue
        if field not in columns:
            columns[field] = place
        elif field == OPTED_OUT:
            known = columns[field]
            columns[field] = [*known, place] if isinstance(known, list) else [known, place]
    return columns


def needs_source(mapping: dict[str, Any]) -> bool:
    """Whether a mapping opts people in without saying where they agreed."""
    columns = mapping["columns"]
    says_yes = not {OPTED_IN, OPTED_IN_AT, BASIS}.isdisjoint(columns)
    return says_yes and SOURCE not in columns and not mapping.get(SOURCE)


# --- What a line says ------------------------------------------------------------------------------------------

_NO_JOINTS: Final = str.maketrans("", "", " -_")
Complain = Callable[[str, int], None]  # by a code and the column's place

# What else is written for yes and no, by whether the column is one of opt-outs; folded, without hyphens.
_YES: Final = {
    True: word_set(
        "s y t v ok ✓ ✔ ☑ on 1.0 optedout optout unsubscribed desuscrito descadastrado baja debaja dadodebaja"
    ),
    False: word_set(
        "s y t v ok ✓ ✔ ☑ on 1.0 optedin optin subscribed suscrito acepta acepto aceptado aceita aceito autoriza"
    ),
}
_NO: Final = {
    True: word_set("n f off 0.0 optedin optin subscribed suscrito activo activa ativo ativa active alta"),
    False: word_set(
        "n f off 0.0 optedout optout unsubscribed desuscrito descadastrado baja noacepta naoaceita noautoriza"
    ),
}


@lru_cache(maxsize=4_096)
def _answer(text: str, is_out: bool) -> bool | None:
    """Whether a cell of an opt-out or else of an opt-in column says yes; None where it says neither."""
    word = loose(text).replace("-", "")
    try:
        return yes_or_no(word)
    except ValueError:
        return True if word in _YES[is_out] else False if word in _NO[is_out] else None


# What is written for a basis: folded, without hyphens.
_BASIS: Final = {
    **dict.fromkeys(("consent", "consentimiento", "consentimento", "consentido"), Basis.CONSENT),
    **dict.fromkeys(
        (
            *("legitimateinterest", "legitimateinterests", "intereslegitimo", "legitimointeres", "interesselegitimo"),
            *("legitimointeresse", "legitimate", "legitimo"),
        ),
        Basis.LEGITIMATE_INTEREST,
    ),
    **dict.fromkeys(("contract", "contrato", "contractual"), Basis.CONTRACT),
}


@lru_cache(maxsize=1_024)
def _basis_of(text: str) -> Basis | None:
    """The basis that a cell names; None where it names none."""
    return _BASIS.get(loose(text).translate(_NO_JOINTS))


class ConsentReader:
    """Reads what lines say by the columns of a mapping; None where it has none of them."""

    def __init__(self, mapping: dict[str, Any], time_zone: str, now: datetime, day_order: str = "dmy") -> None:
        columns = mapping["columns"]
        outs = columns.get(OPTED_OUT, [])
        self._outs: list[int] = outs if isinstance(outs, list) else [outs]
        self._out_at, self._in, self._in_at, self._source = (
            columns.get(field) for field in (OPTED_OUT_AT, OPTED_IN, OPTED_IN_AT, SOURCE)
        )
        self._basis, self._version = columns.get(BASIS), columns.get(VERSION)
        self._source_of_all: str = mapping.get(SOURCE, "")
        others = (self._out_at, self._in, self._in_at, self._source, self._basis, self._version)
        self.places = [*self._outs, *(place for place in others if place is not None)]  # the columns that say it
        self._zone = ZoneInfo(time_zone)
        self._day_order = day_order
        self._latest = now + timedelta(days=1)  # whatever its zone, a later day is none on which somebody spoke

    def read(self, cells: Mapping[int, str], line: int, complain: Complain) -> Consent | None:
        """What one line says, by its cells at `places`, trimmed and "" where they say nothing; None: nothing."""
        out = self._read_out(cells, line, complain)
        agreed = self._read_in(cells, line, complain)
        if agreed is None:
            return out
        return agreed if out is None else stronger(out, agreed)

    def _read_out(self, cells: Mapping[int, str], line: int, complain: Complain) -> Consent | None:
        is_out, at, says_no = False, None, False
        for place in self._outs:
            if not (text := cells[place]):
                continue
            answer = _answer(text, True)
            if answer is None:
                at = self._moment(text)
                if at is None:
                    complain("opt_out_unclear", place)
            is_out, says_no = is_out or answer is not False, says_no or answer is False
        if self._out_at is not None and (text := cells[self._out_at]):
            # A date beside a no is of an earlier no.
            is_out = is_out or not says_no
            at = self._moment(text)
            if at is None:
                complain("consent_date_invalid", self._out_at)
        return Consent(True, at, "", line) if is_out else None

    def _read_in(self, cells: Mapping[int, str], line: int, complain: Complain) -> Consent | None:
        is_in, at, says_no = False, None, False
        if self._in is not None and (text := cells[self._in]):
            answer = _answer(text, False)
            if answer is None:
                at = self._moment(text)
                if at is None:
                    complain("opt_in_unclear", self._in)
            is_in, says_no = answer is True or at is not None, answer is False or (answer is None and at is None)
        if self._in_at is not None and (text := cells[self._in_at]):
            at = self._moment(text)
            if at is None:
                complain("consent_date_invalid", self._in_at)
            is_in = is_in or (at is not None and not says_no)
        basis = Basis.CONSENT
        if self._basis is not None and (text := cells[self._basis]):
            known = _basis_of(text)
            if known is None:
                complain("basis_unclear", self._basis)
                return None
            # Another basis needs no yes; and where no column asks for one, a basis of consent is one.
            basis, has_columns = known, self._in is not None or self._in_at is not None
            is_in = is_in or (not says_no and (basis != Basis.CONSENT or not has_columns))
        if not is_in:
            return None
        source = "" if self._source is None else cells[self._source]
        if len(source) > SOURCE_CHARACTERS:
            source = ""
        source = source or self._source_of_all
        if not source:
            complain("opt_in_without_source", self.places[-1])
            return None
        version = "" if self._version is None else cells[self._version][:VERSION_CHARACTERS]
        return Consent(False, at, source, line, basis.value, version)

    def _moment(self, text: str) -> datetime | None:
        try:
            moment = moments.read(text, self._zone, self._day_order)
        except ValueError:
            return None
        return moment if moment <= self._latest else None
