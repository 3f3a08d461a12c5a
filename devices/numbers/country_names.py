"""What people write in a column of countries: two letters, a calling code, or a name in es, pt or en."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers

from accounts.countries import is_country
from devices.numbers.countries import prefixes

# Without accents, in small letters. Of the Americas and where their people have family; of others two letters.
_NAMES: Final = {
    "AE": "emiratos arabes unidos, emirados arabes unidos, united arab emirates, uae, eau",
    "AO": "ago, angola",
    "AR": "arg, argentina, republica argentina",
    "AT": "aut, austria",
    "AU": "aus, australia",
    "AW": "aruba",
    "BB": "barbados",
    "BE": "bel, belgica, belgium",
    "BO": "bol, bolivia",
    "BR": "bra, brasil, brazil",
    "BS": "bahamas",
    "BZ": "belice, belize",
    "CA": "can, canada",
    "CH": "che, suiza, suica, switzerland",
    "CL": "chl, chile",
    "CN": "chn, china",
    "CO": "col, colombia",
    "CR": "cri, costa rica",
    "CU": "cub, cuba",
    "CV": "cabo verde",
    "CW": "curacao, curazao",
    "DE": "deu, alemania, alemanha, germany",
    "DK": "dinamarca, denmark",
    "DO": "dom, republica dominicana, rep dominicana, r dominicana, dominicana, dominican republic",
    "EC": "ecu, ecuador, equador",
    "ES": "esp, espana, espanha, spain",
    "FI": "finlandia, finland",
    "FR": "fra, francia, franca, france",
    "GB": "gbr, uk, reino unido, united kingdom, inglaterra, england, gran bretana, great britain",
    "GQ": "guinea ecuatorial, guine equatorial, equatorial guinea",
    "GR": "grecia, greece",
    "GT": "gtm, guatemala",
    "GY": "guyana",
    "HN": "hnd, honduras",
    "HT": "hti, haiti",
    "IE": "irlanda, ireland",
    "IL": "israel",
    "IN": "india",
    "IT": "ita, italia, italy",
    "JM": "jamaica",
    "JP": "jpn, japon, japao, japan",
    "KR": "corea del sur, coreia do sul, south korea",
    "MA": "marruecos, marrocos, morocco",
    "MX": "mex, mexico, mejico, estados unidos mexicanos",
    "MZ": "mozambique, mocambique",
    "NI": "nic, nicaragua",
    "NL": "nld, holanda, paises bajos, paises baixos, netherlands",
    "NO": "noruega, norway",
    "NZ": "nueva zelanda, nova zelandia, new zealand",
    "PA": "pan, panama",
    "PE": "per, peru, republica del peru",
    "PL": "polonia, poland",
    "PR": "pri, puerto rico, porto rico",
    "PT": "prt, portugal",
    "PY": "pry, paraguay, paraguai",
    "RO": "rumania, romenia, romania",
    "RU": "rus, rusia, russia",
    "SE": "suecia, sweden",
    "SR": "surinam, suriname",
    "SV": "slv, el salvador, salvador",
    "TR": "turquia, turkey",
    "TT": "tto, trinidad y tobago, trinidad e tobago, trinidad and tobago",
    "UA": "ucrania, ukraine",
    "US": "estados unidos, eeuu, ee uu, eua, usa, "
    "united states, united states of america, estados unidos de america, estados unidos da america",
    "UY": "ury, uruguay, uruguai",
    "VE": "ven, venezuela, republica bolivariana de venezuela",
    "ZA": "sudafrica, africa do sul, south africa",
}
_OF_NAME: Final = {name: country for country, names in _NAMES.items() for name in names.split(", ")}
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_CODE: Final = re.compile(r"(?:\+|00)?([0-9]{1,4})(?:[.,]0+)?")
_PLACED: Final = str.maketrans("", "", " -()")
# Between two ways to say one country: "Perú (+51)", "PE - Perú", "+51 Perú".
_BETWEEN: Final = re.compile(r"[()\[\]/|,;:]+| - | (?=\+?[0-9])|(?<=[0-9]) ")


@lru_cache(maxsize=1_024)
def country_named(text: str) -> str | None:
    """Return the country ("PE") that a cell says, in any of its spellings; None where it says none that is known.

    Said in several ways it is one only if they agree.
    """
    text = _FLAG.sub(lambda flag: f"/{''.join(chr(ord(one) - 0x1F1E6 + ord('A')) for one in flag[0])}/", text)
    whole = _in_one_way(text)
    if whole is not None:
        return whole
    found = {_in_one_way(part) for part in _BETWEEN.split(text) if part.strip()}
    return found.pop() if len(found) == 1 else None


def is_digit(text: str) -> bool:
    """Whether this is one digit and nothing else: as likely the number of a row in a table as a calling code."""
    return len(text.strip()) == 1 and text.strip().isdecimal()


def _in_one_way(text: str) -> str | None:
    # Without accents, and without marks that nobody sees.
    folded = "".join(
        one for one in unicodedata.normalize("NFKD", text) if unicodedata.category(one) not in ("Mn", "Cf")
    ).upper()
    if code := _CODE.fullmatch(folded.translate(_PLACED)):
        return _of_code(code[1])
    word = " ".join(folded.replace(".", " ").replace("-", " ").split())
    if is_country(word):
        return word
    return _OF_NAME.get(word.lower()) or _OF_NAME.get(word.replace(" ", "").lower())


def _of_code(digits: str) -> str | None:
    # Of North America's also with the area, "1809"; what else is longer or no code is somebody's own number.
    is_code = int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE or len(digits) == 4
    return prefixes().get(digits) if is_code else None
