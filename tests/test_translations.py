"""Every text is translated, and what is compiled is what the catalogues say."""

import re
from pathlib import Path

import polib
import pytest

from config import translations

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def texts():
    """All of them: to read every source takes seconds."""
    return translations.collect()


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_no_text_lacks_a_translation_and_none_is_stale(language, texts, monkeypatch):
    monkeypatch.setattr(translations, "collect", lambda: texts)
    assert list(translations.problems(language)) == []  # `make messages`, then translate


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_collecting_again_changes_nothing(language, texts):
    catalogue = translations.merged(language, texts)
    assert str(catalogue).strip() == translations.po_path(language).read_text().strip()


def test_texts_are_found_in_python_and_in_templates(tmp_path):
    python = tmp_path / "some.py"
    python.write_text('from x import _, ngettext\n_("one" " text")\nngettext("a", "b", 2)\npgettext("month", "May")\n')
    assert set(translations.of_python(python)) == {
        translations.Text(None, "one text", None),
        translations.Text(None, "a", "b"),
        translations.Text("month", "May", None),
    }
    template = tmp_path / "some.html"
    template.write_text(
        """{% load i18n %}<p title="{% translate "It's" %}">{% blocktranslate count n=n %}one{% plural %}{{ n }} %"""
        """{% endblocktranslate %}{{ x|default:_("none") }}</p>"""
    )
    assert set(translations.of_template(template)) == {
        translations.Text(None, "It's", None),
        translations.Text(None, "one", "%(n)s %%"),
        translations.Text(None, "none", None),
    }


def test_a_text_that_no_catalogue_can_hold_is_refused(tmp_path):
    python = tmp_path / "some.py"
    python.write_text('_(f"{name} left")\n')
    with pytest.raises(translations.UntranslatableError, match="f-string"):
        list(translations.of_python(python))


def test_a_missing_or_wrong_translation_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(translations, "LOCALE", tmp_path)
    texts = {translations.Text(None, "Hello %(name)s", None): {"a.py"}, translations.Text(None, "Bye", None): {"a.py"}}
    monkeypatch.setattr(translations, "collect", lambda: texts)
    catalogue = translations.merged("es", texts)
    catalogue.find("Hello %(name)s").msgstr = "Hola %(nombre)s"
    catalogue.save(str(translations.po_path("es")))
    complaints = "\n".join(translations.problems("es"))
    assert "not translated: 'Bye'" in complaints
    assert "other placeholders than 'Hello %(name)s'" in complaints
    assert "django.mo is not what django.po says" in complaints


def test_spanish_opens_its_questions_and_exclamations():
    for entry in polib.pofile(str(translations.po_path("es"))):
        for text in [entry.msgstr, *entry.msgstr_plural.values()]:
            sentences = re.sub(r"https?://\S+|«[?#]»", "", text)
            assert sentences.count("?") == sentences.count("¿"), text
            assert sentences.count("!") == sentences.count("¡"), text
