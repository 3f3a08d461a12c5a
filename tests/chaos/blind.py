"""Where a gateway keeps no messages (Evolution's default), nobody can look up what a dead worker had sent."""

from tests.chaos.faults import Storm
from tests.chaos.harness import Stack
from tests.chaos.proofs import judge, watching
from tests.chaos.setting import Size
from tests.simulator_process import start_simulator

DEVICES = 2
RECIPIENTS, KILLS = 4000, 12


def run(stack: Stack, _: Size) -> list[str]:
    instances = [f"i-{number}" for number in range(1, DEVICES + 1)]
    faults = ["--latency", "100-300", "--faults", "hidden-row=1,500-before-send=0.2x50"]
    with start_simulator(*instances, arguments=faults) as simulator:
        devices = stack.add_devices(simulator, DEVICES, max_in_flight=16)
        job = stack.upload(RECIPIENTS, devices, "blind")
        storm = Storm(stack, seed=2)
        with watching(stack, 0.5) as watch:
            for number in range(KILLS):
                job.wait_until(0.05 + 0.8 * number / KILLS)
                storm.kill_runner()
            job.wait_until_ended()
        verdict = judge(job, simulator)
        stack.retire(devices)

    in_flight = sum(blow.in_flight for blow in storm.blows)
    assert in_flight > 0, "no kill met anything in flight"
    verdict.assert_clean()
    unknown = verdict.states["unknown"]
    assert unknown <= in_flight, f"{unknown} are unknown, though only {in_flight} were in flight at the kills"
    watch.assert_held(at_least=5)
    return [
        f"{RECIPIENTS} recipients, {KILLS} kills with {in_flight} messages in flight: {dict(verdict.states)}",
        f"lost 0, doubled 0; {watch.snapshots} snapshots, none broken",
    ]
