"""`python -m tests.bench.receiver`: a customer's system that takes whatever it is told at once. Prints its port."""

import asyncio
import contextlib
import sys
from typing import Any

_ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class Taker(asyncio.Protocol):
    """Answers each request when the last byte of its body is there."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (head_end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:head_end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self.data) < head_end + 4 + length:
                return
            self.data = self.data[head_end + 4 + length :]
            self.transport.write(_ANSWER)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Taker, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it is gone


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
