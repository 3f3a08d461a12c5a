"""The inbox: two tables in turn. Nothing is worked twice and nothing is left, whoever adds to it meanwhile."""

import threading

import pytest
from django.db import connection, transaction

from devices.models import Device, InboxEvent, Turn
from devices.webhooks import inbox
from tests.factories import make_account, make_device

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def device(transactional_db: None) -> Device:
    return make_device(make_account())


def keep(device: Device, *bodies: str) -> None:
    inbox.keep([(device.pk, body) for body in bodies])


def take(number: int = 100) -> list[str] | None:
    with transaction.atomic(), connection.cursor() as cursor:
        events = inbox.take(cursor, number)
    return None if events is None else [event.body for event in events]


def test_what_is_written_to_is_not_worked_before_its_turn(device: Device) -> None:
    keep(device, "a", "b")
    assert inbox.turn()
    keep(device, "c")
    assert take() == ["a", "b"]
    assert take() == []
    assert inbox.turn()
    assert take() == ["c"]


def test_it_comes_batch_by_batch_in_order(device: Device) -> None:
    keep(device, *"abcde")
    inbox.turn()
    assert [take(2), take(2), take(2), take(2)] == [["a", "b"], ["c", "d"], ["e"], []]


def test_an_event_knows_its_device(device: Device) -> None:
    keep(device, "{}")
    inbox.turn()
    with transaction.atomic(), connection.cursor() as cursor:
        (event,) = inbox.take(cursor, 1)
    assert (event.device_id, event.provider) == (device.pk, "evolution")


def test_a_turn_waits_until_the_other_table_is_worked(device: Device) -> None:
    keep(device, "a")
    assert inbox.turn()
    keep(device, "b")
    assert not inbox.turn()
    assert take() == ["a"]
    assert inbox.turn()


def test_there_is_no_turn_for_nothing(device: Device) -> None:
    assert not inbox.turn()
    keep(device, "a")
    inbox.turn()
    take()
    assert not inbox.turn()


def test_what_a_killed_worker_took_comes_again(device: Device) -> None:
    keep(device, "a", "b")
    inbox.turn()
    with transaction.atomic(), connection.cursor() as cursor:
        assert len(inbox.take(cursor, 1) or []) == 1
        transaction.set_rollback(True)
    assert take() == ["a", "b"]


def test_only_what_is_worked_is_emptied(device: Device) -> None:
    keep(device, "a", "b")
    inbox.turn()
    take(1)
    inbox.clear()
    assert InboxEvent.objects.count() == 2
    take(1)
    keep(device, "c")
    inbox.clear()
    assert list(InboxEvent.objects.values_list("body", flat=True)) == ["c"]


def test_what_a_backup_kept_from_being_emptied_is_not_worked_again(device: Device) -> None:
    """The tables change places all the same: ids rise, and those that are done with stay so."""
    for body in "abc":
        keep(device, body)
        assert inbox.turn()
        assert take() == [body]
    assert InboxEvent.objects.count() == 3
    inbox.clear()
    keep(device, "d")
    assert inbox.turn()
    assert take() == ["d"]


def test_two_workers_do_not_take_the_same(device: Device) -> None:
    keep(device, "a")
    inbox.turn()
    seen = []

    def another() -> None:
        try:
            seen.append(take())
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        assert len(inbox.take(cursor, 1) or []) == 1
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
    assert seen == [None]
    assert take() == []


def test_nothing_is_lost_or_doubled_while_many_write_and_one_works(device: Device) -> None:
    writers, each = 4, 60

    def write(writer: int) -> None:
        try:
            for number in range(each):
                keep(device, f"{writer}-{number}", f"{writer}-{number}+")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    worked: list[str] = []

    def drain() -> None:
        while batch := take(7):
            worked.extend(batch)
        inbox.clear()

    while any(thread.is_alive() for thread in threads):
        inbox.turn()
        drain()
    for thread in threads:
        thread.join()
    for _ in range(3):
        inbox.turn()
        drain()
    wanted = [f"{writer}-{number}{end}" for writer in range(writers) for number in range(each) for end in ("", "+")]
    assert sorted(worked) == sorted(wanted)
    assert InboxEvent.objects.count() == 0
    assert Turn.objects.get(name="inbox").worked_to > 0
