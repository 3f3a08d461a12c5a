"""The engine's promises, whatever is done to its processes, its broker, its database and its gateways.

Each scenario is a module beside this one: it torments a whole stack, and proves by the gateway's ledger, by the rows
and by snapshots of the invariants what must be true all the same.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import (
    blind,
    canary,
    control,
    fleet,
    freeze,
    gateways,
    links,
    pace,
    receipts,
    restart,
    stops,
    storm,
    twice_over,
)
from tests.chaos.harness import Stack
from tests.chaos.proofs import watching
from tests.chaos.setting import Size, Together

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds its processes in /proc")


@pytest.fixture(scope="class")
def undisturbed(stack: Stack, size: Size) -> Iterator[Together]:
    """All that may happen at the same time, because nothing is killed in it."""
    at_once = [twice_over.run, restart.run, control.run_cancel, control.run_pauses]
    at_once += [control.run_pauses_at_the_start, gateways.run_away, gateways.run_odd_answers, gateways.run_media]
    # In full it is measured what share of its allowance a device uses: alone, then.
    scenarios = size.of([*at_once, pace.run], at_once)
    with stack.second_helping(), watching(stack, 0.5) as watch, Together(stack, size, scenarios) as together:
        yield together
    watch.assert_held(at_least=5)


class TestWithTwoBeatsAndFourWorkers:
    def test_every_start_every_pause_and_every_end_happens_once(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(twice_over.run)

    def test_after_a_cancel_at_half_way_at_most_the_in_flight_go_out(
        self, undisturbed: Together, say: list[str]
    ) -> None:
        say += undisturbed.figures_of(control.run_cancel)

    def test_a_paused_job_rests_and_a_resumed_one_goes_on(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(control.run_pauses)

    def test_a_pause_right_after_the_upload_wins(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(control.run_pauses_at_the_start)

    def test_a_gateway_that_was_away_when_we_wanted_to_ask_it(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(gateways.run_away)

    def test_answers_of_every_shape_and_size(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(gateways.run_odd_answers)

    def test_a_medium_whose_host_goes_and_comes(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(gateways.run_media)

    def test_workers_that_are_asked_to_stop_leave_nothing_in_doubt(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(restart.run)

    def test_no_device_goes_above_its_limit_and_all_use_it_fairly(self, undisturbed: Together, say: list[str]) -> None:
        say += undisturbed.figures_of(pace.run)


@pytest.mark.chaos_full  # the short storm blows over such a gateway too; here its senders are killed one by one
def test_without_look_up_kills_double_nobody_and_leave_unknown_only_what_was_in_flight(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += blind.run(stack, size)


def test_who_chose_never_twice_gets_nothing_twice_from_a_gateway_killed_at_the_wire(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += gateways.run_never_twice(stack, size)


@pytest.mark.chaos_full  # stands still for twice a lease, twice
def test_a_frozen_worker_holds_nobody_up_and_doubles_nobody(stack: Stack, size: Size, say: list[str]) -> None:
    say += freeze.run(stack, size)


def test_a_canary_goes_ahead_and_is_held_whoever_is_killed(stack: Stack, size: Size, say: list[str]) -> None:
    say += canary.run(stack, size)


def test_a_fleet_whose_senders_are_killed_loses_nobody_and_keeps_every_pace(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += fleet.run(stack, size)


def test_receipts_in_the_inbox_outlive_every_kill_and_are_applied_once(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += receipts.run(stack, size)


def test_nobody_is_written_to_after_they_asked_for_no_more_whoever_is_killed(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += stops.run(stack, size)


def test_in_a_storm_of_kills_nobody_is_lost_and_nobody_is_written_to_twice(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += storm.run(stack, size)


def test_a_link_that_is_closed_and_open_again_a_moment_later_is_sent_through_at_once(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += links.run_reopened(stack, size)


def test_devices_that_are_deleted_or_logged_out_leave_their_work_to_the_others(
    stack: Stack, size: Size, say: list[str]
) -> None:
    say += links.run_parted(stack, size)
