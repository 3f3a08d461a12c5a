"""Has workbooks read by a process of their own, with limits: whatever is in a file, it costs this process nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from campaigns.imports.files import workbook_program
from campaigns.imports.files.csv_records import Row
from campaigns.imports.files.unusable import TooHeavy, Unreadable
from campaigns.imports.files.workbooks import Look

LOOK_SECONDS: Final = 15  # by the clock: a busy machine gives it less than its seconds of CPU
CONVERT_SECONDS: Final = 3600

_ROOT = Path(__file__).resolve().parents[3]


def look(source: Path, sheet: int | None, most: int) -> Look:
    """The first rows of a sheet, by default of the first that holds something; cells are cut. Raises Unusable."""
    found = json.loads(_run(LOOK_SECONDS, "look", str(source), "-" if sheet is None else str(sheet), str(most)))
    return Look(found["sheets"], found["sheet"], [Row(line, cells) for line, cells in found["rows"]])


def to_csv(source: Path, sheet: int, target: Path, most_rows: int) -> None:
    """Write a sheet as CSV; see `workbooks.to_csv`. Raises Unusable; then there is no target."""
    try:
        _run(CONVERT_SECONDS, "convert", str(source), str(sheet), str(most_rows), str(target))
    except BaseException:
        target.with_suffix(".part").unlink(missing_ok=True)  # of a process that was killed
        raise


def _run(seconds: int, *arguments: str) -> bytes:
    command = [sys.executable, "-m", workbook_program.__name__, *arguments]
    try:
        ended = subprocess.run(  # noqa: S603 - our own program; the arguments are paths and numbers
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise TooHeavy from None
    if ended.returncode == 0:
        return ended.stdout
    if ended.returncode < 0:  # a signal: the kernel's, at a limit
        raise TooHeavy
    raise workbook_program.ENDS.get(ended.returncode, Unreadable)
