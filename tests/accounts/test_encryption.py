"""Encrypted text: unreadable in the database, readable after a change of keys."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.db import connection

from accounts.encryption import Sealed
from devices.models import Device
from tests.accounts import people

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def device(token):
    return Device.unscoped.create(
        account=people.account(), name="d", base_url="http://127.0.0.1", instance_name="i", token=token
    )


def stored(row):
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM devices_device WHERE id = %s", [row.pk])
        return cursor.fetchone()[0]


def test_the_database_holds_no_plain_text():
    row = device("hush-hush")
    assert "hush" not in stored(row)
    assert Device.unscoped.get(pk=row.pk).token == "hush-hush"


def test_the_same_text_is_stored_differently_each_time():
    assert stored(device("same")) != stored(device("same"))


def test_empty_text_stays_empty_text():
    row = device("")
    assert stored(row) not in {"", None}
    assert Device.unscoped.get(pk=row.pk).token == ""


def test_an_old_key_still_reads_and_the_new_one_writes(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    row = device("kept")
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    again = Device.unscoped.get(pk=row.pk)
    assert again.token == "kept"
    again.save()
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert Device.unscoped.get(pk=row.pk).token == "kept"


def test_without_its_key_nothing_is_read(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    row = device("kept")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    found = Device.unscoped.get(pk=row.pk)
    assert found.token == ""
    assert isinstance(found.token, Sealed)


def test_what_cannot_be_read_is_saved_as_it_was_and_read_once_its_key_is_back(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    row = device("kept")
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    found = Device.unscoped.get(pk=row.pk)
    found.name = "renamed"
    found.save()

    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    again = Device.unscoped.get(pk=row.pk)
    assert (again.name, again.token) == ("renamed", "kept")


def test_searching_it_is_an_error_not_an_empty_answer():
    with pytest.raises(FieldError):
        Device.unscoped.filter(token="x").exists()
