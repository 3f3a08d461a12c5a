"""What campaigns say: one row a code, raised somewhere, explained in the docs, said on the page that lets it happen."""

import ast
import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from campaigns.audience import freezing
from campaigns.audience.attribute_conditions import OPERATORS
from campaigns.erasing.files import NAMES_THE_ERASED
from campaigns.imports import attribute_columns
from campaigns.imports.files.unusable import TooManyRows, Unusable
from campaigns.launch import media, recurrence, unfilled_texts
from campaigns.live import events
from campaigns.results import figures
from campaigns.states import CampaignStatus
from campaigns.wording import audience_words, campaign_words, field_problems
from campaigns.wording.audience_problems import AUDIENCE_PROBLEMS
from campaigns.wording.campaign_notes import COUNTED, ENDED, NOTES
from campaigns.wording.campaign_refusals import CAMPAIGN_REFUSALS
from campaigns.wording.contact_field_problems import CONTACT_FIELD_PROBLEMS
from campaigns.wording.contact_line_problems import CONTACT_LINE_PROBLEMS
from campaigns.wording.field_problems import FIELD_PROBLEMS, FROM_IN_FRONT
from campaigns.wording.refusals import OTHER_REFUSAL, REFUSALS, page_refusal, refusal
from devices.models import Device
from jobs.wording.phone_problems import PHONE_PROBLEMS

DOCS = Path(__file__).resolve().parents[3] / "docs"
APPS = Path(settings.BASE_DIR)
# Of lists, ids and bodies in a call, or behind a button that is not there: no page lets anybody get them wrong.
ONLY_FOR_PROGRAMS = {
    "feature_disabled",
    "campaign_not_launched",
    "campaign_status_invalid",
    "campaign_kind_invalid",
    "unread_invalid",
    "notifications_invalid",
    "sender_invalid",
    "filter_invalid",
    "answer_to_invalid",
    "consent_of_whom",
    "consents_of_whom",
    "labels_missing",
    "contacts_missing",
    "contacts_invalid",
    "contacts_unknown",
}
# Of keys of a JSON, and of fields that a page's form reads by itself.
FIELDS_OF_PROGRAMS = {
    "multimedia_key",
    "file_missing",
    "attributes_invalid",
    "evidence_invalid",
    "basis_of_revocation",
    "source_missing",
    "given_at_invalid",
    "text_invalid",
    "attributes_too_large",
}


# --- Every code that can be raised has one row, and every row is of a code that can be raised -------------------


def codes_given_to(*names: str, files: str = "**/*.py", place: int = 0, app: str = "campaigns") -> set[str]:
    """The words that these are called with in these files of an app, at that place."""
    given = (
        call.args[place]
        for file in (APPS / app).glob(files)
        for name, call in calls(file)
        if name in names and len(call.args) > place
    )
    either = (one for arg in given for one in ([arg.body, arg.orelse] if isinstance(arg, ast.IfExp) else [arg]))
    return {one.value for one in either if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def test_every_refusal_has_one_row():
    raised = codes_given_to("refusal", "LaunchRefused", "MediaRefused")
    raised |= codes_given_to("__init__", files="audience/refused.py") | codes_given_to(
        "__init__", files="launch/launching.py"
    )
    uploads = codes_given_to("Unacceptable", files="intake/upload_check.py", app="jobs")
    raised |= {f"import_{code}" for code in uploads}
    # Of a file that is looked at; how many rows it has is seen later.
    raised |= {kind.code for kind in Unusable.__subclasses__()} - {TooManyRows.code}
    raised |= {unfilled_texts.CODE}
    assert raised == set(REFUSALS)
    assert len(REFUSALS) == len(CAMPAIGN_REFUSALS) + len(REFUSALS.keys() - CAMPAIGN_REFUSALS.keys())
    assert codes_given_to("page_refusal") <= set(REFUSALS)


def test_every_complaint_about_a_field_has_one_row():
    of_contacts = codes_given_to("refuse", files="api/con[ts]*_*.py")
    assert of_contacts | PHONE_PROBLEMS.keys() == set(CONTACT_FIELD_PROBLEMS)
    of_campaigns = codes_given_to("refuse", files="api/serializers.py") | codes_given_to("refuse", files="api/views.py")
    assert of_campaigns | {unfilled_texts.CODE} == set(FIELD_PROBLEMS)
    of_the_form = codes_given_to("ErrorDetail", place=1) | codes_given_to("ValidationError", place=1)
    assert of_the_form <= set(field_problems.ON_THE_PAGE)


def test_every_problem_of_an_audience_has_one_row():
    assert codes_given_to("problem", files="audience/*.py", place=1) == set(AUDIENCE_PROBLEMS)


def test_every_problem_of_a_line_has_one_row():
    raised = codes_given_to("BadLine", files="imports/lines.py") | codes_given_to(
        "_fail", files="imports/work.py", place=1
    )
    raised |= {"line_too_long", "quote_unclosed"}  # a row's own problems, of `csv_records`
    raised |= codes_given_to("Note", files="imports/lines.py")  # what was left out of a person
    raised |= codes_given_to("Note", files="imports/suppression_lines.py")
    raised |= set(attribute_columns.PROBLEMS.values()) | codes_given_to("BadCell", files="imports/attribute_columns.py")
    raised |= codes_given_to("complain", files="imports/consent_columns.py")
    raised |= codes_given_to("stored", files="imports/chunks.py", place=1)
    raised |= codes_given_to("BadLine", files="imports/chunks.py") | {NAMES_THE_ERASED}
    for module in ("chunks", "checking", "writing"):
        raised |= codes_given_to("stored", files=f"imports/{module}.py", place=1)
    raised |= {kind.code for kind in Unusable.__subclasses__()}
    assert raised | PHONE_PROBLEMS.keys() == set(CONTACT_LINE_PROBLEMS)


# --- On the page ------------------------------------------------------------------------------------------------


def test_every_refusal_that_a_page_can_get_has_its_words_there():
    assert {code for code, said in REFUSALS.items() if not said.page} == ONLY_FOR_PROGRAMS
    assert codes_given_to("page_refusal") & ONLY_FOR_PROGRAMS == set()


def test_every_problem_of_a_field_that_a_page_can_get_has_its_words_there():
    rows = [*FIELD_PROBLEMS.items(), *CONTACT_FIELD_PROBLEMS.items()]
    assert {code for code, said in rows if not said.page} == FIELDS_OF_PROGRAMS
    assert FIELD_PROBLEMS.keys() & FROM_IN_FRONT.keys() == set()


def test_one_code_says_the_same_of_a_field_and_of_an_audience():
    for code in AUDIENCE_PROBLEMS.keys() & FIELD_PROBLEMS.keys():
        assert AUDIENCE_PROBLEMS[code].page == FIELD_PROBLEMS[code].page


def test_a_code_of_somebody_else_has_a_sentence_too():
    assert page_refusal("upload_interrupted") == page_refusal("filter_invalid") == OTHER_REFUSAL
    assert field_problems.on_the_page("something_new") == field_problems.OTHER_PROBLEM


@pytest.mark.parametrize("language", ["es", "pt-br"])
def test_in_spanish_and_portuguese(language):
    rows = [
        *REFUSALS.values(),
        *FIELD_PROBLEMS.values(),
        *CONTACT_FIELD_PROBLEMS.values(),
        *AUDIENCE_PROBLEMS.values(),
        *CONTACT_LINE_PROBLEMS.values(),
        *NOTES.values(),
        *ENDED.values(),
        COUNTED,
    ]
    with translation.override(language):
        for said in [*(row.page for row in rows), *FROM_IN_FRONT.values(), OTHER_REFUSAL]:
            if said:
                assert str(said) != said._args[0]


# --- Plain values, which agree with those of the rooms above ----------------------------------------------------


def test_the_words_of_an_audience_are_of_its_operators_and_reasons():
    assert tuple(audience_words.COMPARISONS) == tuple(OPERATORS)
    assert tuple(audience_words.LEFT_OUT) == freezing.REASONS


def test_an_attachment_has_the_kinds_and_sizes_that_are_checked():
    assert campaign_words.MEDIA.keys() == media.MAX_BYTES.keys()
    sizes = ", ".join(f"{kind} {limit // media.MEGABYTE} MB" for kind, limit in media.MAX_BYTES.items())
    assert REFUSALS["media_too_large"].wire.endswith(f": {sizes}.")


def test_recurrences_and_states_all_have_a_name():
    assert campaign_words.RECURRENCES.keys() >= set(recurrence.WORDS)
    with translation.override("es"):
        assert CampaignStatus.COMPLETED.label == "completada"  # of another gender than a job


# --- On the wire ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CAMPAIGN_REFUSALS)
def test_every_refusal_is_explained_with_its_status(code):
    assert [
        line
        for line in (DOCS / "errors.md").read_text().splitlines()
        if f"`{code}`" in line and f"| {CAMPAIGN_REFUSALS[code].status} |" in line
    ]


def test_every_complaint_about_a_field_is_explained():
    page = (DOCS / "errors.md").read_text()
    codes = FIELD_PROBLEMS | CONTACT_FIELD_PROBLEMS | AUDIENCE_PROBLEMS | CONTACT_LINE_PROBLEMS
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_the_page_of_events_shows_what_is_sent():
    shown = [json.loads(line) for line in (DOCS / "events.md").read_text().splitlines() if line.startswith("{")]
    device = Device(pk=3, name="Ventas", status="disconnected", status_reason="instance_closed")
    assert events.subscribed(1) in shown
    assert events.device_changed(device) in shown
    [changed] = [event for event in shown if event["type"] == "campaign_changed"]
    assert changed == events.campaign_changed(7, "running", changed["delivery_stats"])
    stats = changed["delivery_stats"]
    assert list(stats) == list(figures.NO_STATS)
    assert stats["total"] == stats["pending"] + stats["sent"] + stats["failed"] + stats["suppressed"] + stats["unknown"]


@pytest.mark.parametrize("code", REFUSALS)
def test_every_refusal_says_something_and_has_no_gap_left(code):
    error = refusal(code, limit=1, choices="a, b", status="x", what="y")
    assert error.message
    assert not {"{", "}"} & set(error.message)


def test_what_a_launch_refuses_has_no_gaps():
    with_gaps = {
        code for code, said in CAMPAIGN_REFUSALS.items() if [f for _, f, *_ in string.Formatter().parse(said.wire) if f]
    }
    assert with_gaps == {
        "campaign_impossible_move",
        "phones_invalid",
        "campaign_status_invalid",
        "campaign_kind_invalid",
        "notifications_invalid",
    }
