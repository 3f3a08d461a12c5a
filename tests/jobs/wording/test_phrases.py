"""Whatever the wire can say of an upload, a recipient or a job, the pages can say to a person."""

import pytest
from django.utils import translation

from jobs.wording import phrases, reasons, wire

# Of lists, ids and actions in an address or a call, which a page does not let anybody get wrong.
ONLY_FOR_PROGRAMS = {
    "idempotency_key_invalid",
    "limit_invalid",
    "before_invalid",
    "status_invalid",
    "state_invalid",
    "cursor_invalid",
    "job_not_found",
    "impossible_move",
    "resolution_invalid",
    "positions_invalid",
}


def test_every_refusal_of_an_upload_has_its_sentence_and_its_field():
    refusals = wire.REFUSALS.keys() - ONLY_FOR_PROGRAMS
    assert refusals <= phrases.REFUSALS.keys()
    of_the_whole_form = {"idempotency_conflict"}
    assert refusals - of_the_whole_form <= phrases.FIELD_OF.keys()


def test_every_problem_of_a_line_every_error_and_every_reason_has_its_words():
    assert wire.LINES.keys() == phrases.LINES.keys()
    assert wire.RECIPIENT_ERRORS.keys() <= phrases.RECIPIENT_ERRORS.keys()
    assert reasons.SENTENCES.keys() <= phrases.JOB_REASONS.keys()


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_in_spanish_and_portuguese(language):
    with translation.override(language):
        for catalogue in (phrases.REFUSALS, phrases.LINES, phrases.RECIPIENT_ERRORS, phrases.JOB_REASONS):
            for phrase in catalogue.values():
                assert str(phrase) != phrase._args[0]
        assert str(phrases.recipient_error("new code")) == str(phrases.OTHER_RECIPIENT_ERROR)
    assert phrases.recipient_error("") == ""
