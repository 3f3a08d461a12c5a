"""Why a file of contacts cannot be used, whatever it is made of."""

from typing import Final

MAX_COLUMNS: Final = 200


class Unusable(Exception):
    """Each kind of it has a refusal, by its code."""

    code = "import_file_unreadable"


class Unreadable(Unusable):
    """The file is not what its name says, or is broken."""


class TooManyColumns(Unusable):
    """The file is wider than any list of people."""

    code = "import_too_many_columns"


class TooManyRows(Unusable):
    """The file is longer than allowed."""

    code = "import_too_many_rows"


class TooHeavy(Unusable):
    """To read the file takes more memory, time or parts than a list of people may."""

    code = "import_file_too_heavy"
