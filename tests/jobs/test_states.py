"""The tables of moves are the law: each move in them can be made, no other can, and no code has states of its own."""

import ast
import re
from pathlib import Path

import pytest
from django.db import connection

from jobs.models import Recipient
from jobs.sending import recording
from jobs.sending.outcomes import Outcome
from jobs.states import JOB_MOVES, RECIPIENT_MOVES, JobStatus, RecipientState, recipient_move
from tests.factories import make_account, make_device, make_job
from tests.jobs.arrange import sending

CODE = Path(__file__).resolve().parents[2] / "jobs"


def modules() -> list[Path]:
    return [path for path in CODE.rglob("*.py") if "migrations" not in path.parts]


@pytest.mark.django_db
@pytest.mark.parametrize("target", JobStatus)
@pytest.mark.parametrize("source", JobStatus)
def test_a_job_moves_as_the_table_says_and_not_otherwise(source: JobStatus, target: JobStatus):
    job = make_job(make_account(), 0, status=source)
    if target in JOB_MOVES[source]:
        assert job.move(source=source, target=target)
    else:
        with pytest.raises(ValueError, match="may become"):
            job.move(source=source, target=target)
    job.refresh_from_db()
    assert job.status == (target if target in JOB_MOVES[source] else source)


@pytest.mark.django_db
@pytest.mark.parametrize("source", JobStatus)
def test_a_move_names_where_it_begins_and_does_not_happen_from_elsewhere(source: JobStatus):
    job = make_job(make_account(), 0, status=source)
    for named in set(JobStatus) - {source}:
        for target in JOB_MOVES[named]:
            assert not job.move(source=named, target=target)
    job.refresh_from_db()
    assert job.status == source


@pytest.mark.django_db
@pytest.mark.parametrize("source", RecipientState)
def test_an_outcome_moves_a_recipient_as_the_table_says_and_not_otherwise(source: RecipientState):
    device = make_device(make_account())
    job = make_job(device.account, len(RecipientState), (device,))
    claims = sending(job, device)
    Recipient.objects.filter(job=job).update(state=source)
    with connection.cursor() as cursor:
        outcomes = [Outcome(claim, target) for claim, target in zip(claims, RecipientState, strict=True)]
        moved, _ = recording.record(cursor, outcomes, source=source)
    asked_for = {claim.recipient_id: target for claim, target in zip(claims, RecipientState, strict=True)}
    assert {asked_for[recipient_id] for recipient_id in moved} == RECIPIENT_MOVES[source]
    became = dict(Recipient.objects.filter(job=job).values_list("pk", "state"))
    assert became == {pk: target if target in RECIPIENT_MOVES[source] else source for pk, target in asked_for.items()}


@pytest.mark.parametrize("source", RecipientState)
def test_a_statement_is_given_no_move_that_the_table_has_not(source: RecipientState):
    for target in RecipientState:
        if target in RECIPIENT_MOVES[source]:
            assert recipient_move(source, target) == (source.value, target.value)
        else:
            with pytest.raises(ValueError, match="may become"):
                recipient_move(source, target)


def test_no_statement_writes_a_state_of_its_own():
    written = re.compile(r"SET[^;]*?\b(?:state|status)\s*=\s*'[a-z]+'", re.DOTALL)
    found = {
        f"{path.relative_to(CODE)}: {node.value.strip()[:60]}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "UPDATE" in node.value
        if written.search(node.value.split("WHERE")[0])
    }
    assert not found


def test_no_update_moves_a_job_but_the_one_that_asks_the_table():
    found = [
        f"{path.relative_to(CODE)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
        if any(keyword.arg in {"status", "state"} for keyword in node.keywords)
    ]
    assert len(found) == 1
    assert found[0].startswith("models.py:")
