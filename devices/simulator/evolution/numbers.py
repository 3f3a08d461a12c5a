"""How Evolution API 2.3.7 turns a `number` into a WhatsApp jid (its `utils/createJid.ts`)."""

import re

USER = "@s.whatsapp.net"
GROUP = "@g.us"

_KEPT_AS_GIVEN = (GROUP, USER, "@lid", "@broadcast")
_DEVICE_SUFFIX = re.compile(r":\d+", re.ASCII)
_NOT_DIGIT = re.compile(r"[^0-9]")
_NOT_DIGIT_OR_HYPHEN = re.compile(r"[^0-9-]")
_BRAZIL_WITH_NINTH_DIGIT = re.compile(r"55(\d\d)\d(\d{8})", re.ASCII)

# Countries whose mobile numbers exist with and without an extra digit.
_TWO_FORMS = ("52", "54", "55")
_BRAZIL_NINTH_DIGIT_BELOW_AREA = 31
_BRAZIL_MOBILE_FIRST_DIGIT = "7"
_SHORTEST_NUMBER = 7


def create_jid(number: str) -> str:
    """The jid the gateway sends to. No country code is added and `00` is not removed, as in the real one."""
    if number.isdigit() and number.isascii() and len(number) < 18:
        return _local_form(number) + USER  # what most clients send
    number = _DEVICE_SUFFIX.sub("", number, count=1)
    if any(suffix in number for suffix in _KEPT_AS_GIVEN):
        return number
    number = re.sub(r"[\s+()]", "", number).split(":")[0].split("@")[0]
    if "-" in number and len(number) >= 24:
        return _NOT_DIGIT_OR_HYPHEN.sub("", number) + GROUP
    digits = _NOT_DIGIT.sub("", number)
    if len(digits) >= 18:
        return digits + GROUP
    return _local_form(digits) + USER


def digits_of(number: str) -> str:
    """The number as the client meant it, for the ledger: `+51 987-654-321` → `51987654321`. Groups stay."""
    if number.isdigit() and number.isascii():
        return number
    bare = number.split("@")[0]
    return number if GROUP in number else _NOT_DIGIT.sub("", bare)


def is_findable(number: str, jid: str) -> bool:
    """Whether the gateway's look-up would find an account under this number, if there is one at all.

    A leading `+` breaks the look-up of Brazilian, Mexican and Argentine numbers (seen on 2.3.6 and 2.3.7:
    `+5521912345678` is "not on WhatsApp", `5521912345678` is sent).
    """
    if not jid.endswith(USER):
        return True
    digits = jid[: -len(USER)]
    if len(digits) < _SHORTEST_NUMBER or digits[0] == "0":
        return False
    return not (number.startswith("+") and digits.startswith(_TWO_FORMS))


def is_cacheable(jid: str) -> bool:
    """Whether the gateway remembers that a number exists: a bug spoils its cache for other countries."""
    return jid.startswith(_TWO_FORMS)


def sent_as(jid: str) -> list[str]:
    """Every digit string that `create_jid` turns into this jid: one, or several where a digit is dropped."""
    digits = jid.split("@")[0]
    candidates = [digits]
    if len(digits) == 12:
        keep = 4 if digits.startswith("55") else 2
        candidates += [f"{digits[:keep]}{extra}{digits[keep:]}" for extra in range(10)]
    return [candidate for candidate in candidates if create_jid(candidate) == jid]


def kept_as(jid: str) -> list[str]:
    """Every number under which the ledger may have a message to this jid."""
    return [jid, *sent_as(jid)]


def _local_form(digits: str) -> str:
    """Drop the extra digit of Mexican, Argentine and most Brazilian mobile numbers."""
    if len(digits) != 13:
        return digits
    if digits.startswith(("52", "54")):
        return digits[:2] + digits[3:]
    brazilian = _BRAZIL_WITH_NINTH_DIGIT.fullmatch(digits)
    if brazilian is None:
        return digits
    area, subscriber = brazilian.groups()
    if int(area) < _BRAZIL_NINTH_DIGIT_BELOW_AREA or subscriber[0] < _BRAZIL_MOBILE_FIRST_DIGIT:
        return digits
    return f"55{area}{subscriber}"
