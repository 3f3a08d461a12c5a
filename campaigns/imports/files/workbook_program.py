"""The process in which a workbook is read: it limits itself first. `workbook_calls` starts it.

    python -m campaigns.imports.files.workbook_program look SOURCE SHEET ROWS             → JSON on standard output
    python -m campaigns.imports.files.workbook_program convert SOURCE SHEET ROWS TARGET

SHEET is a number from 0, or "-" for the first that holds something. Ends with 0, or with a number of ENDS and nothing
written; killed at its limits, with a signal.
"""

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from campaigns.imports.files import workbooks
from campaigns.imports.files.unusable import TooHeavy, TooManyColumns, TooManyRows, Unreadable, Unusable

MEMORY_BYTES: Final = 320 * 1024**2  # of address space; a million rows need a tenth of it
CPU_SECONDS: Final = {"look": 4, "convert": 900}
SHOWN_CHARACTERS: Final = 200  # of a cell that is only looked at

ENDS: Final[dict[int, type[Unusable]]] = {3: Unreadable, 4: TooManyColumns, 5: TooManyRows, 6: TooHeavy}


def main(arguments: list[str]) -> int:
    act, source, sheet, rows, *target = arguments
    _limit(CPU_SECONDS[act])
    number = None if sheet == "-" else int(sheet)
    try:
        if act == "look":
            seen = workbooks.look(Path(source), number, int(rows))
            shown = [(row.line, [cell[:SHOWN_CHARACTERS] for cell in row.cells]) for row in seen.rows]
            json.dump({"sheets": seen.sheets, "sheet": seen.sheet, "rows": shown}, sys.stdout)
        else:
            workbooks.to_csv(Path(source), number or 0, Path(target[0]), int(rows))
    except Unusable as error:
        return next(end for end, kind in ENDS.items() if isinstance(error, kind))
    except MemoryError:
        return next(end for end, kind in ENDS.items() if kind is TooHeavy)
    return 0


def _limit(seconds: int) -> None:
    # Not every system has each of them; the caller's own clock strikes everywhere.
    for kind, limit in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
