from typing import Any

import pytest

from accounts.models import Account
from devices.models import Device
from jobs.replies import opting_out
from tests.campaigns import campaigns_of
from tests.factories import make_device


@pytest.fixture
def account(transactional_db: None) -> Account:
    opting_out._words.clear()
    return campaigns_of.account(default_country="AR")


@pytest.fixture
def device(account: Account) -> Any:
    return make_device(account)


@pytest.fixture
def another(account: Account) -> Device:
    """The device of another account."""
    return make_device(campaigns_of.account(default_country="AR"))
