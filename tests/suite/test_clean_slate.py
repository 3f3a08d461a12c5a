"""The suite itself: a test with `transaction=True` leaves the database as `migrate` made it."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase

from tests import clean_slate
from tests.factories import make_account, make_device, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def permissions() -> set[tuple[int, str]]:
    return set(Permission.objects.values_list("pk", "content_type__model"))


def test_rows_go_with_all_that_refer_to_them_and_what_migrate_made_stays() -> None:
    before = permissions()
    account = make_account()
    make_job(account, 3, (make_device(account),))
    assert clean_slate.tables_with_rows() > clean_slate.STAYS
    clean_slate.empty()
    assert clean_slate.tables_with_rows() == clean_slate.STAYS
    assert permissions() == before


def test_what_migrate_made_comes_back_where_a_test_has_removed_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE django_content_type CASCADE")
    clean_slate.empty(TransactionTestCase())
    ContentType.objects.clear_cache()
    assert clean_slate.tables_with_rows() == clean_slate.STAYS
    assert permissions()


def test_it_is_what_the_suite_does_after_each_such_test() -> None:
    assert TransactionTestCase._fixture_teardown is clean_slate.empty
