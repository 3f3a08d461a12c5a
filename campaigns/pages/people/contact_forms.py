"""What a person writes on the pages of contacts: one contact, a label's name, how the columns of a file are read."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import Account
from accounts.pages.admin_base import AccountForm
from accounts.written.folding import same_name
from accounts.written.reading import with_plain_line_ends, yes_or_no
from campaigns.contacts import labels
from campaigns.contacts.consent_by_file import SOURCE_CHARACTERS
from campaigns.contacts.people import ATTRIBUTE_NAME_CHARACTERS, ATTRIBUTES_MAX_BYTES, NAME_CHARACTERS
from campaigns.imports import attribute_columns, recognition, upload
from campaigns.imports.attribute_columns import AttributeColumn
from campaigns.imports.files.unusable import MAX_COLUMNS
from campaigns.imports.suppression_lines import REASON_CHARACTERS
from campaigns.models import Contact, ContactImport, Label
from campaigns.states import ImportKind
from campaigns.wording import attribute_words, contact_field_problems
from campaigns.wording.refusals import page_refusal
from devices import phone_numbers

ATTRIBUTE_KINDS: Final = {
    "text": gettext_lazy("text"),
    "number": gettext_lazy("number"),
    "boolean": gettext_lazy("yes or no"),
    "json": gettext_lazy("JSON"),
}
# What a column may hold: a type, and after a blank how it is written; "" is found out.
COLUMN_TYPES: Final = {
    "text": attribute_words.TYPES["text"],
    "number": attribute_words.TYPES["number"],
    "number ,": gettext_lazy("number: 1.234,5"),
    "number .": gettext_lazy("number: 1,234.5"),
    "boolean": attribute_words.TYPES["boolean"],
    "date": attribute_words.TYPES["date"],
    "date dmy": gettext_lazy("date: day/month/year"),
    "date mdy": gettext_lazy("date: month/day/year"),
    "json": attribute_words.TYPES["json"],
}
FIELDS: Final = {
    "phone": gettext_lazy("Phone"),
    "more_phones": gettext_lazy("Another phone"),
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail"),
    "labels": gettext_lazy("Labels"),
    "country": gettext_lazy("Country of the number"),
    "opted_out": gettext_lazy("Wants no messages (yes or no)"),
    "opted_out_at": gettext_lazy("Wants no messages since (date)"),
    "opted_in": gettext_lazy("Agreed to messages (yes or no)"),
    "opted_in_at": gettext_lazy("Agreed to messages on (date)"),
    "opted_in_source": gettext_lazy("Where they agreed"),
    "opted_in_basis": gettext_lazy("Legal basis (consent, legitimate interest or contract)"),
    "opted_in_version": gettext_lazy("Version of the text they agreed to"),
}
SUPPRESSION_FIELDS: Final = {
    "phone": gettext_lazy("Phone"),
    "reason": gettext_lazy("Reason"),
    "since": gettext_lazy("Since (date)"),
}
EXCLUSION_FIELDS: Final = {"phone": gettext_lazy("Number, or its hash")}
_FIELDS_OF: Final = {ImportKind.SUPPRESSIONS: SUPPRESSION_FIELDS, ImportKind.EXCLUSIONS: EXCLUSION_FIELDS}
DELIMITERS: Final = {
    ",": gettext_lazy("comma (,)"),
    ";": gettext_lazy("semicolon (;)"),
    "|": gettext_lazy("bar (|)"),
    "\t": gettext_lazy("tab"),
}
ENCODINGS: Final = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 (BOM)",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1252": "Windows-1252 (Excel)",
    "iso-8859-1": "ISO-8859-1",
    "mac-roman": "Mac Roman",
    "cp850": "CP850 (DOS)",
}
EMPTY_ROWS: Final = 2


class LabelNames(forms.CharField):
    """Names of labels with commas between them."""

    def clean(self, value: Any) -> list[str]:
        written = [name for name in str(super().clean(value) or "").split(",") if name.strip()]
        names = [labels.clean(name) for name in written]
        if None in names:
            raise forms.ValidationError(str(contact_field_problems.on_the_page("label_invalid")))
        if len(names) > labels.MAX_ON_A_CONTACT:
            raise forms.ValidationError(str(contact_field_problems.on_the_page("too_many_labels")))
        return list(dict.fromkeys(name for name in names if name))


# --- One contact -------------------------------------------------------------------------------------


class ContactForm(forms.Form):
    """A contact as a person writes it; the attributes are rows of name, kind and value."""

    name = forms.CharField(max_length=NAME_CHARACTERS, required=False)
    phone = forms.CharField(max_length=phone_numbers.MAX_WRITTEN, required=False)
    email = forms.EmailField(max_length=254, required=False)
    labels = LabelNames(required=False)
    opted_out = forms.BooleanField(required=False)

    def __init__(self, account: Account, contact: Contact, data: QueryDict | None = None) -> None:
        super().__init__(
            data,
            initial={
                "name": contact.name,
                "phone": contact.phone or "",
                "email": contact.email,
                "labels": ", ".join(contact.labels),
                "opted_out": contact.opted_out_at is not None,
            },
        )
        self.account = account
        if data is None:
            rows = [shown(name, value) for name, value in contact.custom_attributes.items()]
        else:
            written = (data.getlist(f"attribute_{part}") for part in ("name", "kind", "value"))
            rows = [AttributeRow(*row) for row in zip(*written, strict=False)]
        self.attributes = [row for row in rows if row.name.strip() or row.value.strip()]

    def attribute_rows(self) -> "list[AttributeRow]":
        return [*self.attributes, *[AttributeRow("", "text", "") for _ in range(EMPTY_ROWS)]]

    def clean_phone(self) -> str | None:
        written = self.cleaned_data["phone"]
        if not written:
            return None
        try:
            return phone_numbers.read_one(written, self.account.default_country).e164
        except phone_numbers.Unreadable as problem:
            raise forms.ValidationError(str(contact_field_problems.on_the_page(problem.code))) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        attributes: dict[str, Any] = {}
        for row in self.attributes:
            name = row.name.strip()
            if not 0 < len(name) <= ATTRIBUTE_NAME_CHARACTERS or "\0" in name + row.value:
                self.add_error(None, _("An attribute needs a name, of 100 characters at most."))
            elif name in attributes:
                self.add_error(None, _("The attribute “%(name)s” is there twice.") % {"name": name})
            else:
                try:
                    attributes[name] = row.read()
                except ValueError:
                    problem = _PROBLEMS.get(row.kind, _PROBLEMS["json"])
                    self.add_error(None, str(problem) % {"name": name})
        if len(json.dumps(attributes)) > ATTRIBUTES_MAX_BYTES:
            self.add_error(None, _("The attributes are too large: 16 KB at most."))
        return {**cleaned, "custom_attributes": attributes}


_PROBLEMS: Final = {
    "number": gettext_lazy("The attribute “%(name)s” should be a number, such as 12 or 3.5."),
    "boolean": gettext_lazy("The attribute “%(name)s” should be yes or no."),
    "json": gettext_lazy("The attribute “%(name)s” is no valid JSON."),
}


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One attribute as it is written; `read` says what it means."""

    name: str
    kind: str
    value: str

    def read(self) -> Any:
        """Raises ValueError."""
        text = self.value.strip()
        if self.kind == "text":
            return with_plain_line_ends(self.value)
        if self.kind == "boolean":
            return yes_or_no(text)
        if self.kind == "number":
            value = json.loads(text.replace(",", "."), parse_constant=_no_constant)
            if isinstance(value, bool) or not isinstance(value, int | float) or value in (float("inf"), -float("inf")):
                raise ValueError
            return value
        try:
            return json.loads(text, parse_constant=_no_constant)
        except RecursionError:
            raise ValueError from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity, which PostgreSQL's JSON has not


def shown(name: str, value: Any) -> AttributeRow:
    if isinstance(value, str):
        return AttributeRow(name, "text", value)
    if isinstance(value, bool):
        return AttributeRow(name, "boolean", _("yes") if value else _("no"))
    kind = "number" if isinstance(value, int | float) else "json"
    return AttributeRow(name, kind, json.dumps(value, ensure_ascii=False))


# --- A label -----------------------------------------------------------------------------------------


class LabelForm(AccountForm):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=labels.MAX_CHARACTERS, widget=UnfoldAdminTextInputWidget
    )

    class Meta:
        model = Label
        fields = ("name",)

    def clean_name(self) -> str:
        name = labels.clean(self.cleaned_data["name"])
        if name is None:
            raise forms.ValidationError(str(contact_field_problems.on_the_page("label_invalid")))
        taken = (
            Label.objects.for_account(self.instance.account_id)
            .filter(folded=same_name(name))
            .exclude(pk=self.instance.pk)
        )
        if taken.exists():
            raise forms.ValidationError(str(page_refusal("label_taken")))
        return name


# --- The columns of a file -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """What one column of the file is to become."""

    place: int
    header: str
    samples: list[str]
    meaning: str = ""  # a field's name, "attribute" or ""
    attribute: str = ""
    kind: str = ""  # of COLUMN_TYPES; "": recognised
    found: str = ""  # as what, once it is

    @property
    def found_word(self) -> Any:
        return attribute_words.TYPES[self.found]

    def said(self) -> Any:
        """What a mapping says of it."""
        if not self.kind:
            return self.place
        kind, _blank, reading = self.kind.partition(" ")
        return AttributeColumn(self.place, kind, reading).as_said()


class MappingForm(forms.Form):
    """How a file is read. `problems` says what is wrong with its columns."""

    encoding = forms.ChoiceField(choices=ENCODINGS.items(), required=False)
    delimiter = forms.ChoiceField(choices=DELIMITERS.items(), required=False)
    header = forms.BooleanField(required=False)
    start = forms.IntegerField(min_value=1, max_value=upload.LAST_START, required=False)
    sheet = forms.IntegerField(min_value=0, required=False)
    add_labels = LabelNames(required=False)
    default_country = forms.CharField(max_length=2, required=False)
    opted_in_source = forms.CharField(max_length=SOURCE_CHARACTERS, required=False)
    reason = forms.CharField(max_length=REASON_CHARACTERS, required=False)
    update_existing = forms.ChoiceField(choices=[("true", ""), ("false", "")], required=False)

    def __init__(self, row: ContactImport, data: QueryDict | None = None) -> None:
        mapping = row.mapping
        initial: dict[str, Any] = {**upload.format_of(mapping)._asdict(), "default_country": mapping["default_country"]}
        initial["sheet"] = mapping.get("sheet", 0)
        initial["add_labels"] = ", ".join(mapping["add_labels"])
        initial["opted_in_source"] = mapping.get("opted_in_source", "")
        initial["reason"] = mapping.get("reason", "")
        initial["update_existing"] = "true" if row.update_existing else "false"
        super().__init__(data, initial=initial)
        self.mapping = mapping
        self.is_of_suppressions = row.kind == ContactImport.Kind.SUPPRESSIONS
        self.is_of_exclusions = row.kind == ContactImport.Kind.EXCLUSIONS
        self.is_of_people = row.kind == ContactImport.Kind.CONTACTS
        self.fields_of_columns = _FIELDS_OF.get(ImportKind(row.kind), FIELDS)
        self.is_spreadsheet = row.upload_name.endswith(upload.MADE)
        meanings = {*self.fields_of_columns, *(("attribute",) if self.is_of_people else ())}
        self.columns = _known(mapping, meanings) if data is None else _chosen(mapping, meanings, data)

    def clean_default_country(self) -> str:
        country: str = self.cleaned_data["default_country"].upper()
        if country and not phone_numbers.is_country(country):
            raise forms.ValidationError(_("Write the country's two letters, such as PE."))
        return country

    @property
    def is_read_otherwise(self) -> bool:
        """Whether the file is to be cut into columns in another way: then there is nothing to say of them yet."""
        known = self._known_format()
        return any(said != known[name] for name, said in self.format().items())

    def format(self) -> dict[str, Any]:
        place = {"header": self.cleaned_data["header"], "start": self.cleaned_data["start"] or 1}
        if self.is_spreadsheet:
            sheet, known = self.cleaned_data["sheet"] or 0, self._known_format()
            if sheet == known["sheet"]:
                return {**place, "sheet": sheet}
            # Where another sheet's table begins is found out, unless that is said too.
            return {"sheet": sheet, **{name: said for name, said in place.items() if said != known[name]}}
        return {
            "encoding": self.cleaned_data["encoding"] or self.mapping["encoding"],
            "delimiter": self.cleaned_data["delimiter"] or self.mapping["delimiter"],
            **place,
        }

    def _known_format(self) -> dict[str, Any]:
        return {**upload.format_of(self.mapping)._asdict(), "sheet": self.mapping.get("sheet", 0)}

    def problems(self) -> list[str]:
        found = []
        meanings = [column.meaning for column in self.columns]
        if "phone" not in meanings:
            found.append(_("Say which column holds the phone."))
        for field, label in self.fields_of_columns.items():
            if field not in upload.SEVERAL and (number := meanings.count(field)) > 1:
                text = ngettext(
                    "“%(field)s” stands at %(count)s column: choose one.",
                    "“%(field)s” stands at %(count)s columns: choose one.",
                    number,
                )
                found.append(text % {"field": label, "count": number})
        says_yes = {"opted_in", "opted_in_at", "opted_in_basis"}.intersection(meanings)
        if says_yes and "opted_in_source" not in meanings and not self.cleaned_data["opted_in_source"]:
            found.append(str(page_refusal("opt_in_source_missing")))
        names = [column.attribute for column in self.columns if column.meaning == "attribute"]
        if not all(0 < len(name) <= ATTRIBUTE_NAME_CHARACTERS and "\0" not in name for name in names):
            found.append(_("An attribute needs a name, of 100 characters at most."))
        found += [
            _("The attribute “%(name)s” is there twice.") % {"name": name}
            for name in dict.fromkeys(names)
            if name and names.count(name) > 1
        ]
        return found

    def given(self, *, with_columns: bool) -> dict[str, Any]:
        """What `contact_import.remap` takes."""
        given: dict[str, Any] = {
            **self.format(),
            "add_labels": self.cleaned_data["add_labels"],
            "default_country": self.cleaned_data["default_country"],
            "opted_in_source": self.cleaned_data["opted_in_source"],
            "reason": self.cleaned_data["reason"],
        }
        if with_columns:
            fields = {field: places for field in self.fields_of_columns if (places := self._places(field)) is not None}
            attributes = {
                column.attribute: column.said()
                for column in self.columns
                if column.meaning == "attribute" or (column.meaning in {"more_phones", "country"} and column.attribute)
            }
            given["columns"] = {**fields, "custom_attributes": attributes}
        return given

    def _places(self, field: str) -> Any:
        places = [column.place for column in self.columns if column.meaning == field]
        # In the order that was known: a first name before the last, wherever they stand.
        known = self.mapping["columns"].get(field)
        if isinstance(known, list):
            places.sort(key=lambda place: known.index(place) if place in known else len(known))
        if field == "more_phones" or len(places) > 1:
            return places or None
        return places[0] if places else None


def _known(mapping: Mapping[str, Any], fields: Collection[str]) -> list[ColumnChoice]:
    columns = mapping["columns"]
    meanings = {}
    found = {one.attribute: one.type for one in recognition.shown_types(mapping) if one.is_recognised}
    for name, said in columns["custom_attributes"].items():
        column = attribute_columns.of(said)
        kind = f"{column.type} {column.reading}".strip()
        meanings[column.place] = ("attribute", name, kind, found.get(name, ""))
    for field in fields:
        said = columns.get(field, [])
        for place in said if isinstance(said, list) else [said]:
            meanings[place] = (field, *meanings.get(place, ("", "", "", ""))[1:])
    return [
        ColumnChoice(place, header, samples, *meanings.get(place, ("", "", "", "")))
        for place, header, samples in _columns(mapping)
    ]


def _chosen(mapping: Mapping[str, Any], meanings: Collection[str], data: QueryDict) -> list[ColumnChoice]:
    return [
        ColumnChoice(
            place,
            header,
            samples,
            meaning if (meaning := data.get(f"meaning-{place}", "")) in meanings else "",
            data.get(f"attribute-{place}", "").strip(),
            kind if (kind := data.get(f"kind-{place}", "")) in COLUMN_TYPES else "",
        )
        for place, header, samples in _columns(mapping)
    ]


def _columns(mapping: Mapping[str, Any]) -> list[tuple[int, str, list[str]]]:
    return [
        (place, header, [cells[place] for cells in mapping["sample"] if place < len(cells)])
        for place, header in enumerate(mapping["names"][:MAX_COLUMNS])
    ]
