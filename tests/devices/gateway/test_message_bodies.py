"""Under which name a medium leaves: the gateway types it by the name's ending, over what its server says."""

import json

import pytest

from devices.gateway.base import Media
from devices.gateway.evolution import message_bodies


def body_of(media, caption=""):
    return json.loads(message_bodies.media("+51987654321", media, caption))


@pytest.mark.parametrize(
    ("given", "url", "sent"),
    [
        ("lista.pdf", "https://example.com/d", "lista.pdf"),
        ("lista", "https://example.com/d.xlsx", "lista.xlsx"),
        ("lista", "https://example.com/d", "lista.pdf"),
        ("lista de enero 1. parte", "https://example.com/d", "lista de enero 1. parte.pdf"),
        ("", "https://example.com/a/lista%20de%20precios.docx?v=1.2", "lista de precios.docx"),
        ("", "https://example.com/descargar?id=1.2", "documento.pdf"),
        ("", "https://example.com", "documento.pdf"),
    ],
)
def test_a_document_always_has_a_name_with_an_ending(given, url, sent):
    assert body_of(Media("document", url, given))["fileName"] == sent


@pytest.mark.parametrize("name", ["", "foto.png", "campaña"])
def test_an_image_has_none(name):
    assert "fileName" not in body_of(Media("image", "https://example.com/a.png", name))


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize(("name", "sent"), [("clip.mp4", "clip.mp4"), ("clip", None), ("", None)])
def test_a_name_without_an_ending_would_hide_what_it_is(kind, name, sent):
    assert body_of(Media(kind, "https://example.com/a", name)).get("fileName") == sent


def test_an_audio_has_no_caption():
    assert "caption" not in body_of(Media("audio", "https://example.com/a.ogg"), "Escucha")
    assert body_of(Media("video", "https://example.com/a.mp4"), "Mira")["caption"] == "Mira"
