"""A text that is too long for WhatsApp fails its recipient before it is sent; one that is long is warned of."""

import pytest

from jobs.intake.accepting import BulkFields
from jobs.message import lengths
from jobs.message.book import MessageBook
from jobs.message.rendering import Template
from jobs.sending.chunks import Waiting
from jobs.sending.claims import claims_of
from jobs.sending.exchange import Claimed


def test_a_text_is_warned_of_beyond_4096_characters_and_a_caption_beyond_1024():
    assert lengths.problems_of(["x" * 4_096], has_media=False) == []
    assert "4097" in lengths.problems_of(["x", "x" * 4_097], has_media=False)[0]
    assert lengths.problems_of(["x" * 1_024], has_media=True) == []
    assert "1025" in lengths.problems_of(["x" * 1_025], has_media=True)[0]
    assert "65536" in lengths.problems_of(["x" * 70_000], has_media=False)[0]
    assert lengths.problems_of([], has_media=False) == []


@pytest.mark.parametrize("written", ["a\r\nb", "a\rb", "a\nb"])
def test_every_line_end_is_one_whoever_asks(written):
    assert BulkFields(message=written).message == "a\nb"


class Book(MessageBook):
    """Every job says what its recipients' first value is."""

    def of(self, job_id: int) -> tuple[Template, None]:
        return Template("@valor1"), None


@pytest.mark.parametrize(("length", "is_sent"), [(lengths.MOST, True), (lengths.MOST + 1, False)])
def test_a_text_that_values_make_too_long_fails_its_recipient_before_it_is_sent(length, is_sent):
    drawn = [
        (1, 1, Waiting(number, number, "+51987650001", [value], None, None, is_banned=False))
        for number, value in ((1, "x" * length), (2, "Ana"))
    ]
    claims, spoiled = claims_of(
        drawn, dict.fromkeys([(1, 1), (1, 2)], Claimed(tries_left=3, is_in_doubt=False, tries=1)), Book()
    )
    assert [claim.recipient_id for claim in claims] == ([1, 2] if is_sent else [2])
    assert [(one.state, one.error_code) for one in spoiled] == ([] if is_sent else [("failed", "text_too_long")])
