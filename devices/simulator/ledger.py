"""Every message the simulator accepted, in columns: about 150 bytes each, a million in one process.

The ledger proves what a sender did (nothing lost, nothing doubled) and is also what findMessages reads.
"""

import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from devices.simulator.archive import TextArchive

# Evolution API 2.3.7 `utils/renderStatus.ts`; the index is WhatsApp's own number for it.
STATUSES = ("ERROR", "PENDING", "SERVER_ACK", "DELIVERY_ACK", "READ", "PLAYED")

_HASH_BITS = (1 << 60) - 1  # a Python int of 60 bits takes 32 bytes, one of 64 takes 48
_ID_BITS = (1 << 72) - 1
_NOT_A_PLAIN_NUMBER = 0

_HIDDEN, _FIRST = 1, 2


def _is_plain(number: str) -> bool:
    """Whether an integer of 64 bits keeps all of it."""
    return number.isdigit() and number.isascii() and len(number) < 19 and number[0] != "0"


class MessageIds:
    """WhatsApp message ids (`3EB0` and 18 hexadecimal digits) that can be turned back into row numbers.

    A bijection instead of an index: it costs no memory. Not drawn from the seeded generator, so that a
    restarted simulator never repeats an id its clients have stored.
    """

    def __init__(self) -> None:
        self._factor = int.from_bytes(os.urandom(9), "big") | 1
        self._offset = int.from_bytes(os.urandom(9), "big")
        self._inverse = pow(self._factor, -1, _ID_BITS + 1)

    def of(self, row: int) -> str:
        return f"3EB0{(row * self._factor + self._offset) & _ID_BITS:018X}"

    def row(self, message_id: str) -> int:
        """The row of an id made here; for any other text some number that is no row."""
        try:
            value = int(message_id[4:], 16)
        except ValueError:
            return -1
        return ((value - self._offset) * self._inverse) & _ID_BITS


@dataclass(frozen=True, slots=True)
class Content:
    """What kind of message: a text (`mediatype` empty) or a medium as the client described it."""

    mediatype: str = ""
    mimetype: str = ""
    file_name: str = ""


@dataclass(slots=True)
class _Repeats:
    count: int
    last_at: float


class Ledger:
    """Rows are numbered from 0 for the whole life of the process; `reset` forgets them but goes on counting.

    Times are seconds since the epoch. `instance` is a small number the caller chooses.
    """

    def __init__(self) -> None:
        self._ids = MessageIds()
        self._contents: list[Content] = [Content()]
        self._content_numbers: dict[Content, int] = {self._contents[0]: 0}
        self._base = 0
        self._clear()

    def _clear(self) -> None:
        self._accepted_at = array("d")
        self._numbers = array("Q")
        self._odd_numbers: dict[int, str] = {}  # by row: groups and what an integer would change
        self._instances = array("H")
        self._accepted_by: Counter[int] = Counter()  # by instance
        self._client_ports = array("H")
        self._kinds = array("H")
        self._flags = array("B")
        self._statuses = array("B")  # a bit for each status that was reported
        self._texts = TextArchive()
        self._seen: set[int] = set()  # hashes of (number, text)
        self._first_rows = array("L")
        self._repeats: dict[int, _Repeats] = {}
        self._last_row_to: dict[int | str, int] = {}
        self._previous_row: dict[int, int] = {}
        self._indexed = 0

    def reset(self) -> None:
        self._base += len(self._accepted_at)
        self._clear()

    # --- writing -----------------------------------------------------------------------------------

    def accept(
        self, number: str, text: str, instance: int, now: float, kind: int, *, hidden: bool, client_port: int = 0
    ) -> int:
        """Record one accepted message and return its row. `number` is digits, or an address that is none.

        `client_port` is the TCP port it came from, 0 where nobody knows: it tells senders on one machine apart.
        """
        position = len(self._accepted_at)
        flags = _HIDDEN if hidden else 0
        pair = hash((number, text)) & _HASH_BITS
        if pair in self._seen:
            repeats = self._repeats.get(pair)
            if repeats is None:
                self._repeats[pair] = _Repeats(2, now)
            else:
                repeats.count += 1
                repeats.last_at = now
        else:
            self._seen.add(pair)
            self._first_rows.append(position)
            flags |= _FIRST
        if _is_plain(number):
            self._numbers.append(int(number))
        else:
            self._numbers.append(_NOT_A_PLAIN_NUMBER)
            self._odd_numbers[position] = number
        self._accepted_at.append(now)
        self._instances.append(instance)
        self._accepted_by[instance] += 1
        self._client_ports.append(client_port)
        self._kinds.append(kind)
        self._flags.append(flags)
        self._statuses.append(0)
        self._texts.append(text)
        return self._base + position

    def kind_of(self, content: Content) -> int:
        """A small number for this description of a medium. Beyond 65,000 details are dropped."""
        kind = self._content_numbers.get(content)
        if kind is None:
            if len(self._contents) >= 0xFFF0:
                content = Content(content.mediatype)
            kind = self._content_numbers.setdefault(content, len(self._contents))
            if kind == len(self._contents):
                self._contents.append(content)
        return kind

    def report(self, row: int, status: str) -> None:
        """Remember that the gateway reported this status; harmless for a row that was reset meanwhile."""
        position = row - self._base
        if position >= 0:
            self._statuses[position] |= 1 << STATUSES.index(status)

    # --- one message ---------------------------------------------------------------------------------

    def message_id(self, row: int) -> str:
        return self._ids.of(row)

    def row_of(self, message_id: str) -> int | None:
        row = self._ids.row(message_id)
        return row if self._base <= row < self._base + len(self._accepted_at) else None

    def is_stored(self, row: int) -> bool:
        """False for a message that was sent but not written to the gateway's database."""
        return not self._flags[row - self._base] & _HIDDEN

    def number(self, row: int) -> str:
        position = row - self._base
        return self._odd_numbers.get(position) or str(self._numbers[position])

    def text(self, row: int) -> str:
        return self._texts[row - self._base]

    def content(self, row: int) -> Content:
        return self._contents[self._kinds[row - self._base]]

    def accepted_at(self, row: int) -> float:
        return self._accepted_at[row - self._base]

    def instance(self, row: int) -> int:
        return self._instances[row - self._base]

    def statuses(self, row: int) -> list[str]:
        reported = self._statuses[row - self._base]
        return [status for rank, status in enumerate(STATUSES) if reported & 1 << rank]

    # --- finding -------------------------------------------------------------------------------------

    def rows(self, instance: int) -> Iterator[int]:
        """All rows of an instance, newest first."""
        for position in range(len(self._instances) - 1, -1, -1):
            if self._instances[position] == instance:
                yield self._base + position

    def rows_to(self, numbers: Iterable[str], instance: int) -> Iterator[int]:
        """The rows sent to any of these through an instance. The first look-up builds the index."""
        self._index_new_rows()
        for number in set(numbers):
            position = self._last_row_to.get(int(number) if _is_plain(number) else number)
            while position is not None:
                if self._instances[position] == instance:
                    yield self._base + position
                position = self._previous_row.get(position)

    def was_sent_to(self, numbers: Iterable[str]) -> bool:
        """Whether anything went to one of these; only for digits."""
        self._index_new_rows()
        return any(int(number) in self._last_row_to for number in numbers if _is_plain(number))

    def _index_new_rows(self) -> None:
        last_row_to = self._last_row_to
        for position in range(self._indexed, len(self._numbers)):
            key: int | str = self._numbers[position] or self._odd_numbers[position]
            previous = last_row_to.get(key)
            if previous is not None:
                self._previous_row[position] = previous
            last_row_to[key] = position
        self._indexed = len(self._numbers)

    # --- proving ---------------------------------------------------------------------------------------

    @property
    def accepted(self) -> int:
        return len(self._accepted_at)

    @property
    def distinct(self) -> int:
        """How many different (number, text) pairs."""
        return len(self._first_rows)

    def accepted_by(self, instance: int) -> int:
        return self._accepted_by[instance]

    def entries(self, offset: int, limit: int) -> Iterator[tuple[str, str, int, int, float, float]]:
        """(number, text, count, instance of the first, first_at, last_at) by first acceptance."""
        for position in self._first_rows[offset : offset + limit]:
            row = self._base + position
            number, text, first_at = self.number(row), self.text(row), self.accepted_at(row)
            repeats = self._repeats.get(hash((number, text)) & _HASH_BITS)
            count, last_at = (repeats.count, repeats.last_at) if repeats else (1, first_at)
            yield number, text, count, self.instance(row), first_at, last_at

    def arrivals(self, offset: int, limit: int) -> Iterator[tuple[float, int, int]]:
        """(accepted at, instance, the client's port) of each message, in the order of acceptance."""
        part = slice(offset, offset + limit)
        return zip(self._accepted_at[part], self._instances[part], self._client_ports[part], strict=True)

    def times(self, instance: int | None, limit: int) -> list[float]:
        """When the last `limit` messages (of one instance) were accepted, oldest first."""
        if instance is None:
            return self._accepted_at[max(0, self.accepted - limit) :].tolist()
        newest: list[float] = []
        for row in self.rows(instance):
            newest.append(self.accepted_at(row))
            if len(newest) == limit:
                break
        return newest[::-1]
