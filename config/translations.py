"""Collects the texts to translate and compiles the translations: `make messages`, `python -m config.translations`.

Nothing of gettext needs to be installed: Python sources are read as syntax trees, templates by Django's own
converter, and polib reads and writes the catalogues. `--check` changes nothing and says what is missing.
"""

import argparse
import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import django
import polib
import unfold
from django.utils.translation.template import templatize

REPOSITORY: Final = Path(__file__).resolve().parent.parent
LOCALE: Final = REPOSITORY / "locale"
LANGUAGES: Final = {"es": "nplurals=2; plural=(n != 1);", "pt_BR": "nplurals=2; plural=(n > 1);"}
APPS: Final = ("accounts", "devices", "jobs", "campaigns", "config")
# Its texts come without any translation; those that Django has are left to Django.
_UNFOLD: Final = Path(unfold.__file__).parent
_UNFOLD_UNUSED: Final = ("contrib/", "templates/unfold_crispy/", "datasets.py", "layout.py")
_DJANGO: Final = Path(django.__file__).parent

# Which argument is the context, the text and its plural.
_FUNCTIONS: Final = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (0, 1, 2)),
}
# What templatize() makes of a template's texts: calls of those functions amid characters of no meaning.
_STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(gettext|ngettext|pgettext|npgettext|_)\(({_STRING}(?:,\s*{_STRING})*)", re.S)
_PLACEHOLDER = re.compile(r"%\([a-z_]+\)[sd]|%[sd]|%%|\{[a-zA-Z_]+\}")


class Text(NamedTuple):
    """One text to translate, as it stands in the source."""

    context: str | None
    text: str
    plural: str | None


class UntranslatableError(Exception):
    """A text is put together while the program runs, so that no catalogue can hold it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.translations", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something is missing")
    if parser.parse_args().check:
        complaints = [complaint for language in LANGUAGES for complaint in problems(language)]
        print("\n".join(complaints) or "Every text is translated, and what is compiled is current.")
        return int(bool(complaints))
    collected = collect()
    for language in LANGUAGES:
        catalogue = merged(language, collected)
        catalogue.save(str(po_path(language)))
        catalogue.save_as_mofile(str(po_path(language).with_suffix(".mo")))
        missing = [entry.msgid for entry in catalogue if not entry.translated()]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} not translated")
    return 0


def po_path(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def problems(language: str) -> Iterator[str]:
    """Say what is missing or stale in a language's catalogue; nothing when all is well."""
    po = polib.pofile(str(po_path(language)))
    wanted = collect()
    known = {_key(entry) for entry in po}
    yield from (f"{language}: not collected: {text.text!r}" for text in wanted if text not in known)
    yield from (f"{language}: no longer used: {text.text!r}" for text in known if text not in wanted)
    for entry in po:
        if not entry.translated() or entry.fuzzy:
            yield f"{language}: not translated: {entry.msgid!r}"
        for translation in [entry.msgstr, *entry.msgstr_plural.values()]:
            if translation and not _same_placeholders(entry, translation):
                yield f"{language}: other placeholders than {entry.msgid!r}: {translation!r}"
    compiled = po_path(language).with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != po.to_binary():
        yield f"{language}: {compiled.name} is not what {po_path(language).name} says"


def merged(language: str, collected: dict[Text, set[str]]) -> polib.POFile:
    """Return the language's catalogue of today's texts, with the translations it has."""
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = {_key(entry): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    po = polib.POFile(wrapwidth=110)
    po.metadata = {
        "Project-Id-Version": "Pregonero",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": LANGUAGES[language],
    }
    for text, places in sorted(collected.items(), key=lambda item: (sorted(item[1])[0], item[0].text)):
        old = before.get(text)
        po.append(
            polib.POEntry(
                msgctxt=text.context,
                msgid=text.text,
                msgid_plural=text.plural or "",
                msgstr=old.msgstr if old and not text.plural else "",
                msgstr_plural=(old.msgstr_plural if old else {0: "", 1: ""}) if text.plural else {},
                # Without line numbers: they would change with every edit.
                occurrences=[(place, "") for place in sorted(places)],
                flags=["python-format"] if re.search(r"%\(|%[sd]", text.text) else [],
            )
        )
    return po


def collect() -> dict[Text, set[str]]:
    """Return every text of ours, and those of unfold that Django does not translate, with where they stand."""
    found: dict[Text, set[str]] = defaultdict(set)
    for app in APPS:
        for path in sorted((REPOSITORY / app).rglob("*.py")):
            if "migrations" not in path.parts:
                for text in of_python(path):
                    found[text].add(str(path.relative_to(REPOSITORY)))
    for path in sorted((REPOSITORY / "templates").rglob("*.html")):
        for text in of_template(path):
            found[text].add(str(path.relative_to(REPOSITORY)))
    of_django = _texts_of_django()
    for path in sorted([*_UNFOLD.rglob("*.py"), *_UNFOLD.rglob("*.html")]):
        place = path.relative_to(_UNFOLD).as_posix()
        if place.startswith(_UNFOLD_UNUSED) and not place.startswith("contrib/filters/"):
            continue
        for text in of_python(path) if path.suffix == ".py" else of_template(path):
            if text in found or (text.context, text.text) not in of_django:
                found[text].add(f"unfold/{place}")
    return dict(found)


def of_python(path: Path) -> Iterator[Text]:
    """Yield the texts of one Python file. Raises UntranslatableError for one that cannot be known before it runs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in _FUNCTIONS or not node.args:
            continue
        if isinstance(node.args[0], ast.JoinedStr):
            raise UntranslatableError(f"{path}:{node.lineno}: an f-string cannot be translated")
        values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        strings = [value if isinstance(value, str) else None for value in values]
        if strings[0] is not None:
            yield _text(name, strings)


def of_template(path: Path) -> Iterator[Text]:
    for match in _CALL.finditer(templatize(path.read_text(encoding="utf-8"), origin=str(path))):
        strings = [ast.literal_eval(literal) for literal in re.findall(_STRING, match.group(2), re.S)]
        yield _text(match.group(1), strings)


def _text(name: str, strings: list[str | None]) -> Text:
    context, text, plural = (None if place is None else strings[place] for place in _FUNCTIONS[name])
    return Text(context, text or "", plural)


def _key(entry: polib.POEntry) -> Text:
    return Text(entry.msgctxt, entry.msgid, entry.msgid_plural or None)


def _texts_of_django() -> set[tuple[str | None, str]]:
    """What Django itself translates into all of our languages, on the pages that unfold shows."""
    of_language = []
    for language in LANGUAGES:
        catalogues = [_DJANGO / "conf", *(_DJANGO / "contrib" / app for app in ("admin", "auth", "contenttypes"))]
        texts: set[tuple[str | None, str]] = set()
        for catalogue in catalogues:
            mo = polib.mofile(str(catalogue / "locale" / language / "LC_MESSAGES" / "django.mo"))
            texts.update((entry.msgctxt, entry.msgid) for entry in mo)
        of_language.append(texts)
    return set.intersection(*of_language)


def _same_placeholders(entry: polib.POEntry, translation: str) -> bool:
    def of(text: str) -> list[str]:
        return sorted(_PLACEHOLDER.findall(text))

    # A singular may say "one" instead of the number.
    allowed: Iterable[str] = [entry.msgid, entry.msgid_plural] if entry.msgid_plural else [entry.msgid]
    return any(of(translation) == of(text) for text in allowed)


if __name__ == "__main__":
    sys.exit(main())
