"""The engine's own HTTP client alone: no database, no events, no claims. What no engine above it can exceed.

It shapes each request as the engine does and looks at the answer's status only.
"""

import time
from itertools import cycle, islice

from devices.egress import CheckedAddress
from devices.gateway.base import OutgoingMessage, WireFailure, WireResponse
from devices.gateway.evolution import EvolutionGateway
from devices.gateway.transport import Transport
from tests.bench.cpu import Cpu, tree_seconds
from tests.bench.sending import MESSAGE, BrokenRun, Run, Shape, gateway
from tests.simulator_process import Simulator

DESIGN = "bare client"


def measure(shape: Shape) -> Run:
    """Send `shape.messages` from this process, `devices` × `in_flight` at a time."""
    with gateway(shape) as simulator:
        client = _Client(simulator, shape)
        client.send(2 * shape.devices * shape.in_flight)
        simulator.reset()
        simulator_before, own_before, began = (
            tree_seconds([simulator.process.pid]),
            time.process_time(),
            time.monotonic(),
        )
        client.send(shape.messages)
        seconds, own = time.monotonic() - began, time.process_time() - own_before
        cpu = Cpu(own, 0.0, tree_seconds([simulator.process.pid]) - simulator_before)
        client.transport.close()
        ledger = simulator.ledger()
        if (ledger["accepted"], ledger["distinct"]) != (shape.messages, shape.messages):
            raise BrokenRun(f"{shape.messages} requests, the ledger says {ledger['accepted']}, {ledger['distinct']}")
    return Run(DESIGN, shape, seconds, cpu)


class _Client:
    def __init__(self, simulator: Simulator, shape: Shape) -> None:
        self._window = shape.devices * shape.in_flight
        self.transport: Transport[int] = Transport(5.0, 90.0, max(512, self._window))
        self._gateways = [
            EvolutionGateway(simulator.url, f"demo-{number}", simulator.token) for number in range(1, shape.devices + 1)
        ]
        self._address = CheckedAddress("http", "127.0.0.1", int(simulator.url.rsplit(":", 1)[1]), "127.0.0.1")

    def send(self, messages: int) -> None:
        waiting = enumerate(islice(cycle(self._gateways), messages))
        self._start(waiting, self._window)
        done = 0
        while done < messages:
            finished = self.transport.pump(1.0)
            done += len(finished)
            if not all(isinstance(answer, WireResponse) and answer.status == 201 for _, answer in finished):
                raise BrokenRun(f"the gateway refused: {_first_failure([answer for _, answer in finished])}")
            self._start(waiting, len(finished))

    def _start(self, waiting: "enumerate[EvolutionGateway]", number: int) -> None:
        for key, evolution in islice(waiting, number):
            text = MESSAGE.replace("@valor1", f"persona {key}")
            request = evolution.send_request(OutgoingMessage(f"+{51_900_000_000 + key}", text))
            self.transport.start(key, request, self._address)


def _first_failure(answers: list[WireResponse | WireFailure]) -> object:
    return next(answer for answer in answers if isinstance(answer, WireFailure) or answer.status != 201)
