"""The tables of moves are the law for campaigns and imports too, and no other update moves one."""

import ast
from pathlib import Path

import pytest

from campaigns.models import Campaign, ContactImport
from campaigns.states import CAMPAIGN_MOVES, IMPORT_MOVES, CampaignStatus, ImportStatus
from tests.campaigns import campaigns_of

CODE = Path(__file__).resolve().parents[2] / "campaigns"


@pytest.mark.django_db
@pytest.mark.parametrize("source", CampaignStatus)
def test_a_campaign_moves_as_the_table_says_and_not_otherwise(source: CampaignStatus):
    account = campaigns_of.account()
    for target in CampaignStatus:
        made = campaigns_of.campaign(account, status=source)
        assert Campaign.unscoped.filter(pk=made.pk).move(target) == (target in CAMPAIGN_MOVES[source])
        made.refresh_from_db()
        assert made.status == (target if target in CAMPAIGN_MOVES[source] else source)


@pytest.mark.django_db
@pytest.mark.parametrize("source", ImportStatus)
def test_an_import_moves_as_the_table_says_and_not_otherwise(source: ImportStatus):
    account = campaigns_of.account()
    for target in ImportStatus:
        row = ContactImport.unscoped.create(account=account, file_name="a.csv", status=source)
        assert ContactImport.unscoped.filter(pk=row.pk).move(target) == (target in IMPORT_MOVES[source])
        row.refresh_from_db()
        assert row.status == (target if target in IMPORT_MOVES[source] else source)


def test_no_update_moves_one_but_those_that_ask_the_tables():
    found = [
        f"{path.relative_to(CODE)}:{node.lineno}"
        for path in CODE.rglob("*.py")
        if "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"update", "bulk_update"} and _names_status(node)
    ]
    assert len(found) == 2
    assert all(place.startswith("models.py:") for place in found)


def _names_status(call: ast.Call) -> bool:
    """Whether the status is among what is updated: as a keyword, or in a dictionary that is written there."""
    named = {keyword.arg for keyword in call.keywords}
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    written = {node.value for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)}
    return "status" in named | written
