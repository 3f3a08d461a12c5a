"""The same job as by `POST /messages/send-bulk-file`, from a terminal, with a progress bar."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import Actor
from accounts.errors import ApiError
from accounts.management.naming import account_named
from jobs import actions
from jobs.intake.accepting import DEFAULT_DEVICES_LIMIT, BulkFields
from jobs.models import Job
from jobs.states import JOB_ENDED
from jobs.wording import recipient_errors
from jobs.wording.refusals import job_created

POLL_SECONDS = 0.5
BLOCK_BYTES = 1024 * 1024
ALL_SENT, SOME_UNSENT, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Command(BaseCommand):
    help = (
        "Send a message to everybody in a file (phone|value|value…), and watch. "
        "Exit status: 0 all sent, 1 some were not, 2 refused, 130 no longer watching (the job goes on)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--message", required=True, help="the text; @valor1, @valor2, … stand for the values")
        parser.add_argument("--account", default="", help="its name or id; may be left out where there is only one")
        parser.add_argument(
            "--default-country", default="", metavar="PE", help="what numbers without + belong to; else as written"
        )
        parser.add_argument("--devices-limit", type=int, default=DEFAULT_DEVICES_LIMIT, metavar="N")
        parser.add_argument(
            "--no-canary", action="store_true", help="send to all at once, however many, and not to a few first"
        )
        parser.add_argument(
            "--allow-missing", action="store_true", help="send even where no column can fill one of its variables"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        account = account_named(options["account"], returncode=REFUSED)
        try:
            with _opened(options["file"]) as upload:
                fields = BulkFields(
                    message=options["message"],
                    default_country=options["default_country"].upper(),
                    devices_limit=options["devices_limit"],
                    allow_missing=options["allow_missing"],
                    canary=not options["no_canary"],
                )
                job, _ = actions.send_file(Actor(account), upload, fields)
        except ApiError as refusal:
            for error in (error for error in refusal.errors if "line" in error):
                self.stderr.write(f"{options['file']}:{error['line']}: {error['message']}")
            raise CommandError(refusal.message, returncode=REFUSED) from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}", returncode=REFUSED) from None
        self.stdout.write(f"job {job.uuid}: {job_created(job.total, job.file_name)}")
        try:
            self._watch(job)
        except KeyboardInterrupt:
            self.stdout.write(f"\nNo longer watching. The job goes on: GET /jobs/{job.uuid}")
            raise SystemExit(INTERRUPTED) from None
        self._report(job)
        raise SystemExit(ALL_SENT if job.sent == job.total else SOME_UNSENT)

    def _watch(self, job: Job) -> None:
        """Show the job's progress until it ends."""
        bar = Bar(self.stdout, job)
        while True:
            job.refresh_from_db()
            bar.show()
            if job.status in JOB_ENDED:
                bar.close()
                return
            time.sleep(POLL_SECONDS)

    def _report(self, job: Job) -> None:
        reason = f" ({job.state_reason})" if job.state_reason else ""
        self.stdout.write(f"{job.status}{reason}: sent {job.sent:,}, failed {job.failed:,}, total {job.total:,}")
        for code, number in sorted(job.results.get("by_error", {}).items()):
            self.stdout.write(f"  {number:>9,}  {recipient_errors.on_the_wire(code)}")


class Bar:
    """A progress bar on a terminal; elsewhere a line for every tenth and every change of status."""

    def __init__(self, output: Any, job: Job) -> None:
        self._output = output
        self._job = job
        self._is_terminal = output.isatty()
        self._told: tuple[str, int] | None = None

    def show(self) -> None:
        job = self._job
        state = f"{job.status} ({job.state_reason})" if job.state_reason else job.status
        figures = f"{job.percentage:5.1f} %  sent {job.sent:,}  failed {job.failed:,}  of {job.total:,}  {state}"
        if self._is_terminal:
            columns = shutil.get_terminal_size().columns
            width = max(10, min(40, columns - len(figures) - 4))
            filled = int(width * job.percentage / 100)
            line = f"{'█' * filled}{'░' * (width - filled)} {figures}"
            self._output.write(f"\r{line[: columns - 1]}\033[K", ending="")
            self._output.flush()
        elif self._told != (told := (state, int(job.percentage // 10))):
            self._told = told
            self._output.write(figures)

    def close(self) -> None:
        if self._is_terminal:
            self._output.write("")


@contextmanager
def _opened(path: Path) -> Iterator[TemporaryUploadedFile]:
    """Give the file as if it had been uploaded. A copy: what is accepted gets moved."""
    with path.open("rb") as file:
        size = path.stat().st_size
        with TemporaryUploadedFile(path.name, None, size, None) as upload:
            # One that will be refused for its size needs no copy.
            while size <= settings.MAX_UPLOAD_BYTES and (block := file.read(BLOCK_BYTES)):
                upload.write(block)
            upload.size = max(size, upload.tell())
            upload.flush()
            yield upload
