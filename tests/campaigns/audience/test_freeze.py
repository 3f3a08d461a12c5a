"""An audience counted, sampled, and frozen into a job's recipients."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from campaigns.audience.conditions import Audience
from campaigns.audience.freezing import Count, count, freeze, sample
from campaigns.audience.refused import EmptyAudience
from campaigns.models import Contact
from jobs import invariants
from jobs.message.book import template_of
from jobs.message.rendering import draw, variables_of
from jobs.models import Job, MessageSyntax, Recipient, Suppression
from jobs.states import JobStatus
from tests.factories import make_account

pytestmark = pytest.mark.django_db

VIPS = Audience.parse({"labels": ["vip"]})
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def person(account: Account, number: int | None, **fields: Any) -> Contact:
    phone = None if number is None else f"+519{number:08}"
    return Contact.unscoped.create(
        **{"account": account, "labels": ["vip"], "phone": phone, "phone_key": phone, **fields}
    )


def people(account: Account, number: int) -> None:
    Contact.unscoped.bulk_create(
        Contact(account=account, labels=["vip"], phone=f"+519{n:08}", phone_key=f"+519{n:08}", name=f"Persona {n}")
        for n in range(number)
    )


def campaign_job(account: Account, message: str = "Hola {{name}}", **fields: Any) -> Job:
    texts = [variant["text"] for variant in fields.get("variants", [])] or [message]
    job: Job = Job.unscoped.create(
        account=account,
        message=message,
        syntax=MessageSyntax.CAMPAIGN,
        columns=variables_of(*texts),
        status=JobStatus.PENDING,
        **fields,
    )
    return job


def frozen(job: Job, audience: Audience = VIPS) -> list[Recipient]:
    with connection.cursor() as cursor:
        freeze(cursor, job, audience)
    return list(job.recipients.in_order())


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def everybody(account: Account) -> dict[str, Contact]:
    """Somebody for each reason, two whom nothing hinders, and one who is not meant."""
    Suppression.unscoped.create(account=account, phone="+51900000003")
    Suppression.unscoped.create(account=account, phone="+51900000004")
    Suppression.unscoped.create(account=make_account(), phone="+51900000001")
    person(account, 8, labels=["otra"])
    person(make_account(), 1)
    return {
        "ana": person(account, 1, name="Ana"),
        "opted_out": person(account, 2, opted_out_at=NOW),
        "suppressed": person(account, 3),
        "both": person(account, 4, opted_out_at=NOW),
        "no_phone": person(account, None),
        "blank_phone": person(account, None, phone=""),
        "opted_out_without_phone": person(account, None, opted_out_at=NOW),
        "luz": person(account, 5, name="Luz"),
    }


class TestCounting:
    def test_says_who_is_left_out_and_why(self, account, everybody):
        assert count(account, VIPS) == Count(2, {"opted_out": 3, "suppressed": 1, "excluded_by_list": 0, "no_phone": 2})
        assert count(account.pk, VIPS).matched == 8

    def test_takes_one_statement_and_looks_for_labels_lists_and_the_erased(
        self, account, everybody, django_assert_num_queries
    ):
        with django_assert_num_queries(5):
            count(account, VIPS)

    def test_nobody_is_nobody(self, account, everybody):
        nobody = Count(0, {"opted_out": 0, "suppressed": 0, "excluded_by_list": 0, "no_phone": 0})
        assert count(account, Audience.parse({})) == nobody
        assert count(account, Audience.parse({"labels": ["no existe"]})) == nobody


class TestSampling:
    def test_takes_only_those_who_would_get_it(self, account, everybody):
        assert [one.phone for one in sample(account, VIPS, 5)] == ["+51900000001", "+51900000005"]
        assert sample(account, Audience.parse({}), 5) == []

    def test_is_the_same_each_time_and_from_all_over(self, account):
        people(account, 200)
        first = sample(account, VIPS, 5)
        assert len(first) == 5
        assert sample(account, VIPS, 5) == first
        ids = sorted(Contact.objects.for_account(account).values_list("pk", flat=True))
        assert [one.contact_id for one in first] != ids[:5]

    def test_has_the_values_that_freezing_would_take(self, account):
        person(account, 1, name="Ana", custom_attributes={"n": 1.50, "l": [1, "a"]})
        job = campaign_job(account, "{{custom_attributes.n}}{{name}}{{custom_attributes.l}}")
        (sampled,) = sample(account, VIPS, 1, job.columns)
        (recipient,) = frozen(job)
        assert (sampled.contact_id, sampled.phone, sampled.values) == (
            recipient.contact_id,
            recipient.phone,
            recipient.values,
        )


class TestFreezing:
    def test_everybody_meant_is_a_recipient_in_order_of_the_ids(self, account, everybody):
        recipients = frozen(campaign_job(account))
        assert [one.position for one in recipients] == list(range(8))
        assert [one.contact_id for one in recipients] == [one.pk for one in everybody.values()]
        assert [(one.phone, one.state, one.error_code) for one in recipients] == [
            ("+51900000001", "queued", ""),
            ("+51900000002", "suppressed", "opted_out"),
            ("+51900000003", "suppressed", "suppressed"),
            ("+51900000004", "suppressed", "opted_out"),
            ("", "suppressed", "no_phone"),
            ("", "suppressed", "no_phone"),
            ("", "suppressed", "opted_out"),
            ("+51900000005", "queued", ""),
        ]

    def test_the_job_is_as_one_whose_file_is_imported(self, account, everybody):
        job = campaign_job(account)
        with connection.cursor() as cursor:
            counted = freeze(cursor, job, VIPS)
        assert counted == count(account, VIPS)
        assert (job.total, job.imported, job.failed) == (8, 8, 6)
        job.refresh_from_db()
        assert (job.total, job.imported, job.sent, job.failed) == (8, 8, 0, 6)
        assert job.imported_at is not None
        # `check` asks in a transaction of its own kind, which a test is not.
        with connection.cursor() as cursor:
            for invariant in invariants.INVARIANTS:
                cursor.execute(invariant.sql, {"stuck": 60})
                assert cursor.fetchall() == []

    def test_what_happens_to_a_contact_later_changes_nothing(self, account, everybody):
        job = campaign_job(account)
        frozen(job)
        Contact.unscoped.update(name="Otra", labels=[], phone=None)
        assert job.recipients.in_order()[0].values == ["Ana"]

    def test_an_empty_audience_is_refused(self, account, everybody):
        job = campaign_job(account)
        with pytest.raises(EmptyAudience):
            frozen(job, Audience.parse({}))
        assert not Recipient.objects.exists()

    def test_an_audience_of_nobody_makes_a_job_of_nobody(self, account):
        job = campaign_job(account)
        assert frozen(job) == []
        job.refresh_from_db()
        assert (job.total, job.imported_at is not None) == (0, True)

    def test_takes_two_statements_and_looks_for_labels_lists_and_the_erased(
        self, account, everybody, django_assert_num_queries
    ):
        job = campaign_job(account)
        with django_assert_num_queries(6), connection.cursor() as cursor:
            freeze(cursor, job, VIPS)


class TestValues:
    @pytest.mark.parametrize(
        ("attribute", "value"),
        [
            ("norte", "norte"),
            ("", ""),
            ('com"illas, {y} \\ barras\n', 'com"illas, {y} \\ barras\n'),
            ("{{name}} {a|b}", "{{name}} {a|b}"),
            (5, "5"),
            (1.5, "1.5"),
            (True, "true"),
            (False, "false"),
            (None, ""),
            ([1, "a"], '[1, "a"]'),
            ({"a": None}, '{"a": null}'),
        ],
    )
    def test_an_attribute_is_text_or_json(self, account, attribute, value):
        person(account, 1, custom_attributes={"k": attribute})
        (recipient,) = frozen(campaign_job(account, "{{custom_attributes.k}}"))
        assert recipient.values == [value]

    def test_are_in_the_order_of_the_columns(self, account):
        person(account, 1, name="Ana", email="ana@example.com", custom_attributes={"region": "norte"})
        message = (
            "{{custom_attributes.region}} {{email}} {{contact.name}} {{phone}} {{custom_attributes.nada}} {{name}}"
        )
        job = campaign_job(account, message)
        (recipient,) = frozen(job)
        assert job.columns == ["custom_attributes.region", "email", "name", "phone", "custom_attributes.nada"]
        assert recipient.values == ["norte", "ana@example.com", "Ana", "+51900000001", ""]
        assert template_of(job).render(recipient.values) == "norte ana@example.com Ana +51900000001 --- Ana"

    def test_a_path_leads_into_an_attribute_but_a_key_with_dots_comes_first(self, account):
        person(account, 1, custom_attributes={"a": {"b": "dentro", "c": "hondo"}, "a.b": "llano"})
        (recipient,) = frozen(campaign_job(account, "{{custom_attributes.a.b}}{{custom_attributes.a.c}}"))
        assert recipient.values == ["llano", "hondo"]

    def test_hostile_keys_are_only_keys(self, account):
        key = "%s'); DROP TABLE --"
        person(account, 1, custom_attributes={key: "x"})
        (recipient,) = frozen(campaign_job(account, f"{{{{custom_attributes.{key}}}}}"))
        assert recipient.values == ["x"]

    def test_without_variables_there_are_none(self, account):
        person(account, 1)
        (recipient,) = frozen(campaign_job(account, "Hola"))
        assert recipient.values == []


class TestVariants:
    VARIANTS = [{"text": "A {{name}}", "weight": 3}, {"text": "B", "weight": 1}]

    def test_are_drawn_by_weight_and_recorded(self, account):
        people(account, 1000)
        job = campaign_job(account, variants=self.VARIANTS)
        recipients = frozen(job)
        drawn = Counter(one.variant for one in recipients)
        assert set(drawn) == {0, 1}
        assert 680 < drawn[0] < 820
        assert all(one.variant == draw([3, 1], one.phone, str(job.uuid)) for one in recipients)

    def test_another_job_draws_anew(self, account):
        people(account, 100)
        one, other = (frozen(campaign_job(account, variants=self.VARIANTS)) for _ in range(2))
        assert [recipient.variant for recipient in one] != [recipient.variant for recipient in other]

    def test_the_text_is_the_variants(self, account):
        people(account, 20)
        job = campaign_job(account, variants=self.VARIANTS)
        template = template_of(job)
        for one in frozen(job):
            text = template.render(one.values, one.phone, one.variant)
            assert text == (f"A {one.values[0]}" if one.variant == 0 else "B")

    def test_one_text_has_no_variant(self, account):
        person(account, 1)
        assert frozen(campaign_job(account))[0].variant is None


@given(weights=st.lists(st.integers(1, 1000), min_size=1, max_size=5), numbers=st.sets(st.integers(0, 10**8 - 1)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_postgresql_draws_as_python_does(account, weights, numbers):
    Contact.unscoped.all()._raw_delete(Contact.unscoped.db)
    Recipient.objects.all()._raw_delete(Recipient.objects.db)
    for number in sorted(numbers):
        person(account, number)
    job = campaign_job(account, variants=[{"text": "x", "weight": weight} for weight in weights])
    for one in frozen(job):
        assert one.variant == draw(weights, one.phone, str(job.uuid))
