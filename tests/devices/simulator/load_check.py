"""How many sends a second the simulator takes, and what they cost it. Not a test: run it by hand.

python -m tests.devices.simulator.load_check [--messages N] [--connections N] [-- simulator arguments]
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

import uvloop

from tests.simulator_process import Simulator, start_simulator

TEXT = "Hola {}, tu pedido {} está listo. Pasa por la tienda de lunes a viernes entre las 9 y las 18. Gracias."


class Client(asyncio.Protocol):
    """Sends one request after another on one connection."""

    def __init__(self, requests: "Requests") -> None:
        self._requests = requests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.send_next()

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 201"):
            self._requests.failures += 1
        self.send_next()

    def connection_lost(self, problem: Exception | None) -> None:
        self._requests.closed()

    def send_next(self) -> None:
        request = self._requests.next()
        if request is None:
            self._transport.close()
        else:
            self._transport.write(request)


class Requests:
    def __init__(self, simulator: Simulator, messages: int, connections: int) -> None:
        self.failures = 0
        self.done = asyncio.get_running_loop().create_future()
        self._left, self._open = messages, connections
        self._head = (
            f"POST /message/sendText/demo HTTP/1.1\r\nHost: {simulator.url[7:]}\r\nUser-Agent: load\r\n"
            f"Accept: */*\r\nContent-Type: application/json\r\napikey: {simulator.token}\r\nContent-Length: "
        )

    def next(self) -> bytes | None:
        if not self._left:
            return None
        self._left -= 1
        body = json.dumps({"number": f"51{900000000 + self._left}", "text": TEXT.format("Ana", self._left)})
        return f"{self._head}{len(body)}\r\n\r\n{body}".encode()

    def closed(self) -> None:
        self._open -= 1
        if not self._open:
            self.done.set_result(None)


async def load(simulator: Simulator, messages: int, connections: int) -> int:
    requests = Requests(simulator, messages, connections)
    port = int(simulator.url.rsplit(":", 1)[1])
    for _ in range(connections):
        await asyncio.get_running_loop().create_connection(lambda: Client(requests), "127.0.0.1", port)
    await requests.done
    return requests.failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=64)
    given, arguments = parser.parse_known_args()
    with start_simulator(arguments=[each for each in arguments if each != "--"]) as simulator:
        uvloop.run(load(simulator, 2_000, given.connections))
        cpu, began = simulator.cpu_seconds(), time.perf_counter()
        failures = uvloop.run(load(simulator, given.messages, given.connections))
        took, cpu = time.perf_counter() - began, simulator.cpu_seconds() - cpu
        status = Path(f"/proc/{simulator.process.pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) // 1024
        ledger = simulator.ledger()
        print(
            f"{given.messages / took:,.0f} requests/s, {cpu / given.messages * 1e6:.0f} ms CPU per 1,000,"
            f" {memory} MB resident, {failures} not 201, ledger {ledger['accepted']:,} accepted,"
            f" {ledger['duplicates']:,} duplicates"
        )


if __name__ == "__main__":
    main()
