"""When each lane is attended to: at its last alarm, once."""

import math

from jobs.running.alarms import Alarms


def test_alarms_ring_in_their_order_and_once():
    alarms = Alarms()
    for device_id, at in [(1, 3.0), (2, 1.0), (3, 2.0)]:
        alarms.set(device_id, at)
    assert alarms.next() == 1.0
    assert list(alarms.due(2.0)) == [2, 3]
    assert list(alarms.due(2.0)) == []
    assert alarms.next() == 3.0


def test_an_alarm_that_was_put_off_or_brought_forward_rings_at_its_new_time_alone():
    alarms = Alarms()
    alarms.set(1, 1.0)
    alarms.set(1, 5.0)
    assert list(alarms.due(4.0)) == []
    alarms.set(1, 2.0)
    assert alarms.next() == 2.0
    assert list(alarms.due(10.0)) == [1]
    assert alarms.next() == math.inf


def test_never_is_no_alarm():
    alarms = Alarms()
    alarms.set(1, math.inf)
    alarms.set(2, 1.0)
    alarms.set(2, math.inf)
    assert alarms.next() == math.inf
    alarms.set(2, 1.0)
    assert list(alarms.due(1.0)) == [2]


def test_one_that_is_set_while_others_ring_does_not_get_lost():
    alarms = Alarms()
    alarms.set(1, 1.0)
    alarms.set(2, 1.0)
    for device_id in alarms.due(1.0):
        alarms.set(device_id, 2.0)
    assert sorted(alarms.due(2.0)) == [1, 2]
