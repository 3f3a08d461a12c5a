"""What people write in a column of countries: two letters, a calling code, or a name in es, pt or en."""

import unicodedata
from functools import lru_cache
from typing import Final

from accounts.countries import is_country
from devices.numbers.countries import prefixes

# Without accents, in small letters. Of the Americas and whence people there call; elsewhere two letters are asked for.
_NAMES: Final = {
    "AR": "arg, argentina",
    "BO": "bol, bolivia",
    "BR": "bra, brasil, brazil",
    "CA": "can, canada",
    "CL": "chl, chile",
    "CO": "col, colombia",
    "CR": "cri, costa rica",
    "CU": "cub, cuba",
    "DO": "dom, republica dominicana, rep dominicana, dominican republic",
    "EC": "ecu, ecuador, equador",
    "ES": "esp, espana, espanha, spain",
    "GT": "gtm, guatemala",
    "HN": "hnd, honduras",
    "IT": "ita, italia, italy",
    "MX": "mex, mexico, estados unidos mexicanos",
    "NI": "nic, nicaragua",
    "PA": "pan, panama",
    "PE": "per, peru",
    "PR": "pri, puerto rico, porto rico",
    "PT": "prt, portugal",
    "PY": "pry, paraguay, paraguai",
    "SV": "slv, el salvador, salvador",
    "US": "estados unidos, eeuu, ee uu, eua, usa, united states, united states of america, estados unidos de america",
    "UY": "ury, uruguay, uruguai",
    "VE": "ven, venezuela",
}
_OF_NAME: Final = {name: country for country, names in _NAMES.items() for name in names.split(", ")}


@lru_cache(maxsize=1_024)
def country_named(text: str) -> str | None:
    """Return the country ("PE") that a cell says, in any of its spellings; None where it says none that is known."""
    folded = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).upper()
    word = " ".join(folded.replace(".", " ").replace("-", " ").split())
    if is_country(word):
        return word
    digits = word.removeprefix("+").removeprefix("00")
    if digits.isascii() and digits.isdecimal():
        return prefixes().get(digits)
    return _OF_NAME.get(word.lower()) or _OF_NAME.get(word.replace(" ", "").lower())
