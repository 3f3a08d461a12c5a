"""Reads vCards (2.1, 3.0, 4.0), as phones and mail programs export them, and writes them out as a table."""

import csv
import os
import quopri
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from campaigns.imports.files import encodings
from campaigns.imports.files.csv_records import Row
from campaigns.imports.files.unusable import TooManyRows, Unreadable

_PHONES: Final = ("phone", "phone_2", "phone_3")
HEADER: Final = ("name", "mobile", *_PHONES, "email", "labels", "organization", "title", "birthday", "note")
_OTHERS: Final = {"EMAIL": "email", "CATEGORIES": "labels", "TITLE": "title", "BDAY": "birthday", "NOTE": "note"}
_LINE_CHARACTERS = 64 * 1024
_PROPERTY_CHARACTERS = 16 * 1024  # of one property; a photograph has more, and is not wanted
_WHATSAPP_ID = re.compile(r"WAID=\"?([0-9]{8,15})(?![0-9])")
_ESCAPED = re.compile(r"\\([\\,;nN])")


def first_rows(source: Path, most: int) -> list[Row]:
    """The header and the first people. Raises Unreadable."""
    return list(islice(_rows(source), most))


def to_csv(source: Path, target: Path, most_rows: int) -> None:
    """Write the people as UTF-8 CSV, below a header. Raises Unreadable, TooManyRows; then there is no target."""
    unfinished = target.with_suffix(".part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for row in _rows(source):
                if row.line > most_rows + 1:
                    raise TooManyRows
                writer.writerow(row.cells)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)


def _rows(source: Path) -> Iterator[Row]:
    try:
        encoding = encodings.detect(source)
    except encodings.NotText:
        raise Unreadable from None
    yield Row(1, list(HEADER))
    number = 1
    card: dict[str, str] | None = None
    with source.open(encoding=encoding, errors="replace") as text:
        for line in _properties(text):
            name, parameters, value = _split(line)
            if name in ("BEGIN", "END"):
                if card:
                    number += 1
                    yield Row(number, [card.get(column, "") for column in HEADER])
                card = {} if name == "BEGIN" else None
            elif card is not None:
                _put(card, name, parameters, value)
    if card:  # cut off
        yield Row(number + 1, [card.get(column, "") for column in HEADER])
    elif number == 1:
        raise Unreadable


def _properties(text: TextIO) -> Iterator[str]:
    """Properties in one line each; the file folds long ones."""
    whole = ""
    while line := text.readline(_LINE_CHARACTERS):
        line = line.rstrip("\r\n")
        if line[:1] in (" ", "\t") and whole:
            line = line[1:]
        elif whole.endswith("=") and "QUOTED-PRINTABLE" in whole.upper():
            whole = whole[:-1]
        else:
            if whole:
                yield whole
            whole = ""
        if len(whole) < _PROPERTY_CHARACTERS:
            whole += line
    if whole:
        yield whole


def _split(line: str) -> tuple[str, str, str]:
    """The name, the parameters in capitals, and the value as it is meant."""
    before, _, value = line.partition(":")
    name, _, parameters = before.upper().partition(";")
    if "QUOTED-PRINTABLE" in parameters:
        value = _letters(quopri.decodestring(value.encode(errors="replace")))
    return name.rpartition(".")[2].strip(), parameters, value.strip()


def _letters(value: bytes) -> str:
    # What the card names is not to be relied on, and nothing else looks like UTF-8.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _put(card: dict[str, str], name: str, parameters: str, value: str) -> None:
    if not value:
        return
    if name == "FN":
        card["name"] = _plain(value)
    elif name == "N" and "name" not in card:
        family, given, middle = (*map(_plain, re.split(r"(?<!\\);", value)), "", "", "")[:3]
        if full := " ".join(part for part in (given, middle, family) if part):
            card["name"] = full
    elif name == "TEL" and "FAX" not in parameters:
        number = value.removeprefix("tel:").partition(";ext=")[0]
        if own := _WHATSAPP_ID.search(parameters):  # with its country's code, whatever is written
            number = f"+{own[1]}"
        column = next((column for column in _PHONES if column not in card), None)
        if "CELL" in parameters and "mobile" not in card:
            column = "mobile"
        if column is not None and number not in card.values():
            card[column] = number
    elif name == "ORG":
        card.setdefault("organization", _plain(value.replace(";", " ").strip()))
    elif name in _OTHERS:
        card.setdefault(_OTHERS[name], _plain(value))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], text)
