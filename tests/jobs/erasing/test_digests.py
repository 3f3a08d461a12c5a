"""What stays of an erased person: a keyed hash that Python and PostgreSQL compute alike."""

import hashlib
import hmac

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from jobs.erasing import digests
from jobs.erasing.person import Person
from jobs.models import ErasureKey
from tests.factories import make_account

pytestmark = pytest.mark.django_db

KEY = "+541155667788"


def test_it_is_the_hmac_of_the_numbers_key_in_python_and_in_the_database():
    digester = digests.for_first(make_account().pk)

    digest, parameters = digester.sql("key")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {digest} FROM (SELECT %s::text AS key) AS given", [*parameters, KEY])
        in_sql = bytes(cursor.fetchone()[0])

    assert digester.of(KEY) == in_sql == hmac.new(digester.key, KEY.encode(), hashlib.sha256).digest()


def test_two_accounts_have_nothing_in_common():
    one, other = (digests.for_first(make_account().pk) for _ in range(2))

    assert one.of(KEY) != other.of(KEY)


def test_the_key_is_made_once_and_is_not_readable_in_the_database():
    account = make_account()
    key = digests.for_first(account.pk).key

    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM jobs_erasurekey WHERE account_id = %s", [account.pk])
        stored = cursor.fetchone()[0]

    assert digests.for_first(account.pk).key == digests.of_account(account.pk).key == key
    assert key.hex() not in stored


def test_it_outlives_a_rotation_of_the_keys_and_a_lost_one_stops_everybody(settings):
    account = make_account()
    before = digests.for_first(account.pk).of(KEY)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    assert digests.for_first(account.pk).of(KEY) == before
    row = ErasureKey.objects.get(pk=account.pk)
    row.save()  # as a rotation does: the same text under the new key

    assert digests.for_first(account.pk).of(KEY) == before
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(digests.KeyLost):
        digests.of_account(account.pk)


def test_nobody_was_erased_where_there_is_no_key():
    assert digests.of_account(make_account().pk) is None


@pytest.mark.parametrize(
    ("phone", "text"),
    [
        ("+5491155667788", "+54 9 11 5566-7788"),
        ("+5491155667788", "54 11 5566 7788"),
        ("+5491155667788", "011 15 5566-7788 no, (11) 5566-7788"),
        ("+5511987654321", "(11) 8765-4321"),
        ("+5511987654321", "55 11 98765 4321"),
        ("+5215512345678", "55 1234 5678"),
        ("+51987654321", "Ana, 987-654-321"),
        ("+12025550123", "(202) 555-0123"),
    ],
)
def test_a_number_is_found_in_every_spelling(phone, text):
    assert Person(phone).is_written_in(text)


@pytest.mark.parametrize("text", ["", "Ana", "987654322", "51 987 65 4320", "7788"])
def test_another_number_is_not(text):
    assert not Person("+51987654321").is_written_in(text)
    assert not Person("").is_written_in(text)
