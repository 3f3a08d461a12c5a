"""What the pages say of contacts and their files, in their reader's language, by the codes of `contact_wire`."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Phrase = str | Promise

REFUSALS: Final[dict[str, Phrase]] = {
    "import_file_missing": _("Choose the file with your contacts."),
    "import_file_extension": _("The file's name must end in .csv, .txt or .xlsx."),
    "import_file_too_large": _("The file is too large. Divide it into several."),
    "import_file_empty": _("The file has no contact: it is empty, or has only its header."),
    "import_file_unreadable": _("The file cannot be read. Save it again as CSV UTF-8 or as XLSX."),
    "import_too_many_columns": _("The file has too many columns. Remove those you do not need."),
    "import_not_ready": _("Nothing was done: the import has moved on meanwhile."),
    "phone_column_missing": _("Say which column holds the phone."),
}
OTHER_REFUSAL: Final[Phrase] = _("Something went wrong. Try again.")

LINES: Final[dict[str, Phrase]] = {
    "phone_missing": _("The line has no phone."),
    "phone_invalid": _("The phone is not valid: write it with its country code, or choose the country of the numbers."),
    "email_invalid": _("The e-mail is not valid."),
    "name_too_long": _("The name is too long: 200 characters at most."),
    "label_invalid": _("A label has 1 to 100 visible characters."),
    "too_many_labels": _("The line has too many labels: 50 at most."),
    "attribute_too_long": _("An attribute is too long: 1,000 characters at most."),
    "attribute_not_a_number": _("An attribute that should be a number is none."),
    "attribute_not_a_boolean": _("An attribute that should be yes or no is something else."),
    "undecodable": _("The line has characters that cannot be read with the chosen encoding."),
    "nul_byte": _("The line holds a zero byte."),
    "line_too_long": _("The line is too long: perhaps a quote was never closed."),
    "import_too_many_rows": _("The file has too many contacts. Divide it into several."),
    "import_file_lost": _("The uploaded file can no longer be read. Upload it again."),
}


def refusal(code: str) -> Phrase:
    return REFUSALS.get(code, OTHER_REFUSAL)


def line(code: str) -> Phrase:
    return LINES.get(code, OTHER_REFUSAL)
