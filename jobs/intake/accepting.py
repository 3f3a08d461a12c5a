"""From an upload to a job: everything is checked inside the request, and a refusal leaves nothing behind.

The file has been written to disk as it arrived. Here it is read once, in blocks, to check, count and hash it,
then moved to where `importing` finds it. The answer does not wait for the import.
"""

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone

from accounts.countries import is_country
from accounts.models import Account, User
from accounts.written.reading import is_storable, true_or_false, with_plain_line_ends
from devices.health import breaker, rounds
from devices.models import Device
from devices.numbers import countries
from devices.numbers.landlines import is_surely_landline
from jobs.intake.kept_files import display_name, kept, old_files
from jobs.intake.recipient_file import (
    MAX_COLUMNS,
    MAX_LINE_BYTES,
    MAX_PROBLEMS,
    BadRecipientFile,
    BinaryFile,
    Problem,
    RecipientFile,
)
from jobs.intake.upload_check import Unacceptable, checked
from jobs.message import lengths, unfilled
from jobs.models import Job, OnDuplicate
from jobs.states import JOB_ENDED
from jobs.wording.line_problems import LINE_PROBLEMS
from jobs.wording.refusals import REFUSALS, refusal

MAX_MESSAGE_CHARACTERS = lengths.MOST
MAX_TITLE_CHARACTERS = 200
MAX_KEY_CHARACTERS = 255
DEFAULT_DEVICES_LIMIT = 5
LOWEST_DEVICES_LIMIT, HIGHEST_DEVICES_LIMIT = 1, 1000
EXTENSIONS = (".csv", ".txt")
FURTHEST_START = timedelta(days=366)
# A time that has gone by is a mistake, and not "now"; but clocks differ, and forms take their time.
PAST_GRACE = timedelta(minutes=1)
# A front end learns the job's id from the answer and then connects its WebSocket: this long no event goes out
# that it would miss, so it sees all of them from job_started on.
START_GRACE = timedelta(seconds=2)

_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
_VISIBLE_ASCII = re.compile(rf"[\x21-\x7e](?:[\x20-\x7e]{{0,{MAX_KEY_CHARACTERS - 2}}}[\x21-\x7e])?")


@dataclass(frozen=True, kw_only=True)
class BulkFields:
    """What is asked for besides the file. One that exists is valid: making it raises ApiError (400) if not."""

    message: str
    title: str = ""
    devices_limit: int = DEFAULT_DEVICES_LIMIT
    device_ids: tuple[int, ...] = ()  # empty: any of the account's
    default_country: str = ""  # "PE": what numbers without "+" belong to; "": they stand as written
    scheduled_at: datetime | None = None  # aware; None: now
    on_duplicate: OnDuplicate = OnDuplicate.SKIP_ROW
    allow_missing: bool = False  # whether variables that nothing can fill are sent as they stand, or as ---
    canary: bool = True  # whether a large one sends to a few first

    def __post_init__(self) -> None:
        # Browsers write line ends of a form field as CRLF, whatever was typed; files of Windows hold them.
        object.__setattr__(self, "message", with_plain_line_ends(self.message))
        if not self.message.strip():
            raise refusal("message_missing")
        if len(self.message) > MAX_MESSAGE_CHARACTERS:
            raise refusal("message_too_long", limit=MAX_MESSAGE_CHARACTERS)
        if not is_storable(self.message):
            raise refusal("message_invalid")
        if len(self.title) > MAX_TITLE_CHARACTERS or not is_storable(self.title):
            raise refusal("title_invalid", limit=MAX_TITLE_CHARACTERS)
        if not LOWEST_DEVICES_LIMIT <= self.devices_limit <= HIGHEST_DEVICES_LIMIT:
            raise _wrong_devices_limit()
        if self.scheduled_at is not None and self.scheduled_at.utcoffset() is None:
            raise refusal("scheduled_at_invalid")
        if self.default_country and not is_country(self.default_country):
            raise refusal("default_country_invalid")

    @classmethod
    def from_form(cls, form: QueryDict) -> "BulkFields":
        """Read the form of `POST /messages/send-bulk-file`; an empty field counts as absent."""
        return cls(
            message=form.get("message", ""),
            title=form.get("title", "").strip(),
            devices_limit=_devices_limit(form.get("devices_limit", "").strip()),
            device_ids=_device_ids(form.getlist("devices")),
            default_country=form.get("default_country", "").strip().upper(),
            scheduled_at=_moment(form.get("scheduled_at", "").strip()),
            on_duplicate=_on_duplicate(form.get("on_duplicate", "").strip()),
            allow_missing=_yes_or_no(form, "allow_missing", default=False),
            canary=_yes_or_no(form, "canary", default=True),
        )

    def as_json(self) -> dict[str, Any]:
        """The fields in one spelling, to tell whether two requests ask for the same."""
        moment = self.scheduled_at and self.scheduled_at.astimezone(UTC).isoformat()
        said = {**self.__dict__, "scheduled_at": moment, "device_ids": sorted(self.device_ids)}
        if not self.default_country:
            del said["default_country"]  # requests of before there was such a field are the same as now
        if not self.allow_missing:
            del said["allow_missing"]  # requests of before there was such a field are the same as now
        if self.canary:
            del said["canary"]  # likewise
        return said


@dataclass(frozen=True)
class Survey:
    """What one reading of a good file found."""

    total: int
    countries: dict[str, int]  # how many numbers are of which country
    landlines: int  # how many of them are landlines for sure
    columns: list[str]
    width: int  # how many values the longest row has
    digest: str  # SHA-256 of its bytes, in hexadecimal


def accept_file(
    account: Account,
    user: User | None,
    upload: "UploadedFile[Any] | None",
    fields: BulkFields,
    idempotency_key: str | None = None,
    note: Callable[[Job], object] = lambda job: None,
) -> tuple[Job, bool]:
    """Turn an upload into a pending job, which the caller then has imported.

    Returns the job and whether it is new: the same key with the same content finds the first one again.
    `note` is called with a new one, in the transaction that makes it.
    Raises ApiError (400, 409, 413) for what cannot be accepted; then neither row nor file is left behind.
    """
    now = timezone.now()
    _check_key(idempotency_key)
    if fields.scheduled_at is not None and fields.scheduled_at > now + FURTHEST_START:
        raise refusal("scheduled_at_too_far")
    try:
        upload = checked(upload, EXTENSIONS)
    except Unacceptable as refused:
        raise refusal(refused.code, (), **refused.details) from None
    survey = _survey(upload, fields.default_country)
    digest = _content_digest(survey.digest, fields)
    if idempotency_key is not None and (earlier := _earlier_job(account, idempotency_key, digest)):
        return earlier, False
    if not fields.allow_missing:
        _check_variables(fields.message, survey)
    if fields.scheduled_at is not None and fields.scheduled_at < now - PAST_GRACE:
        raise refusal("scheduled_at_past")
    _check_devices(account, fields)

    upload_name = uuid.uuid4().hex
    with kept(upload, settings.UPLOAD_DIR / upload_name):
        try:
            with transaction.atomic():
                job = Job.unscoped.create(
                    account=account,
                    created_by=user,
                    title=fields.title,
                    message=fields.message,
                    columns=survey.columns,
                    devices_limit=fields.devices_limit,
                    requested_device_ids=list(fields.device_ids),
                    on_duplicate=fields.on_duplicate,
                    default_country=fields.default_country,
                    canary_wanted=fields.canary,
                    countries=survey.countries,
                    landlines=survey.landlines,
                    file_name=display_name(upload.name or ""),
                    upload_name=upload_name,
                    idempotency_key=idempotency_key,
                    content_digest=digest,
                    total=survey.total,
                    start_at=max(fields.scheduled_at or now, now + START_GRACE),
                )
                note(job)
        except IntegrityError:
            # Another request with this key was first, since we looked.
            earlier = _earlier_job(account, idempotency_key, digest) if idempotency_key else None
            if earlier is None:
                raise
            (settings.UPLOAD_DIR / upload_name).unlink()
            return earlier, False
    return job, True


def remove_orphan_uploads(older_than: timedelta) -> int:
    """Delete what a crash left: stored files of no job that waits for its import, unfinished uploads.

    Returns how many. `older_than` must exceed the longest upload: a request that runs has no job yet.
    """
    removed = 0
    for directory in (settings.UPLOAD_DIR, settings.FILE_UPLOAD_TEMP_DIR):
        old = old_files(directory, older_than)
        wanted = set(
            Job.unscoped.filter(upload_name__in=[entry.name for entry in old], imported_at=None)
            .exclude(status__in=JOB_ENDED)
            .values_list("upload_name", flat=True)
        )
        for entry in old:
            if entry.name not in wanted:
                entry.unlink(missing_ok=True)
                removed += 1
    return removed


# --- The file --------------------------------------------------------------------------------------


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryFile) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        block = self._file.read(size)
        self.sha256.update(block)
        return block


def _survey(upload: TemporaryUploadedFile, default_country: str) -> Survey:
    """Read the whole file once. Raises ApiError for one that cannot be used."""
    limit = settings.MAX_RECIPIENTS
    upload.seek(0)
    hashed = _Hashed(upload)
    rows = RecipientFile(hashed, default_country)
    total = width = landlines = 0
    has_phone = False
    beginnings: Counter[str] = Counter()  # of the numbers: few enough to be told apart by country at the end
    bad: list[Problem] = []
    try:
        for row in rows:
            total += 1
            if total > limit:
                raise refusal("too_many_recipients", limit=limit)
            if len(row.values) > width:
                width = len(row.values)
            if row.phone:
                has_phone = True
                beginnings[row.phone[: countries.BEGINNING]] += 1
                landlines += is_surely_landline(row.phone)
            elif not has_phone and len(bad) < MAX_PROBLEMS:
                bad.append(Problem(row.line, "invalid_number"))
    except BadRecipientFile as error:
        raise refusal(error.code, _line_errors(error.problems), **_limit(error.code)) from None
    if not total:
        raise refusal("file_header_only" if rows.has_header else "file_empty")
    if not has_phone:
        raise refusal("no_valid_phone", _line_errors(bad))
    numbers_of = countries.count_by_country(beginnings)
    return Survey(total, numbers_of, landlines, rows.columns, width, hashed.sha256.hexdigest())


def _check_variables(message: str, survey: Survey) -> None:
    """Refuse a message with variables that no column of the file can ever fill. Raises ApiError (400)."""
    if found := unfilled.in_file(message, survey.columns, survey.width):
        said = REFUSALS["variables_unknown"].wire
        errors = [
            {
                "name": one.name,
                "nearest": one.nearest,
                "code": "variables_unknown",
                "message": said.format(names=one),
            }
            for one in found
        ]
        raise refusal("variables_unknown", errors, names=unfilled.sentence(found))


# --- The same request again ------------------------------------------------------------------------


def _check_key(key: str | None) -> None:
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        raise refusal("idempotency_key_invalid", limit=MAX_KEY_CHARACTERS)


def _content_digest(file_digest: str, fields: BulkFields) -> str:
    content = json.dumps([file_digest, fields.as_json()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _earlier_job(account: Account, key: str, digest: str) -> Job | None:
    """Return the job this key stands for. Raises ApiError (409) if that was made of other content."""
    job: Job | None = Job.objects.for_account(account).filter(idempotency_key=key).first()
    if job is not None and job.content_digest != digest:
        raise refusal("idempotency_conflict")
    return job


# --- The other fields ------------------------------------------------------------------------------


def _check_devices(account: Account, fields: BulkFields) -> None:
    devices = Device.objects.for_account(account)
    if fields.device_ids:
        devices = devices.filter(pk__in=fields.device_ids)
        if devices.count() < len(fields.device_ids):
            raise refusal("devices_unknown")
    if not breaker.available_soon(devices).exists():
        rounds.look_now(devices, timezone.now())
    if not breaker.available_soon(devices).exists():
        raise refusal("no_devices_available")


def _wrong_devices_limit() -> Exception:
    return refusal("devices_limit_invalid", low=LOWEST_DEVICES_LIMIT, high=HIGHEST_DEVICES_LIMIT)


def _devices_limit(raw: str) -> int:
    if not raw:
        return DEFAULT_DEVICES_LIMIT
    if not _WHOLE_NUMBER.fullmatch(raw):
        raise _wrong_devices_limit()
    return int(raw)


def _device_ids(raw: list[str]) -> tuple[int, ...]:
    """Read ids from repeated fields, from one field with commas or from a JSON array of numbers."""
    words = [word.strip() for text in raw for word in text.strip().removeprefix("[").removesuffix("]").split(",")]
    words = [word for word in words if word]
    if not all(_WHOLE_NUMBER.fullmatch(word) for word in words) or len(words) > HIGHEST_DEVICES_LIMIT:
        raise refusal("devices_invalid")
    return tuple(dict.fromkeys(int(word) for word in words))


def _moment(raw: str) -> datetime | None:
    if not raw:
        return None
    try:
        moment = datetime.fromisoformat(raw)
        return moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise refusal("scheduled_at_invalid") from None


def _on_duplicate(raw: str) -> OnDuplicate:
    try:
        return OnDuplicate(raw or OnDuplicate.SKIP_ROW)
    except ValueError:
        raise refusal("on_duplicate_invalid", choices=", ".join(OnDuplicate.values)) from None


def _yes_or_no(form: QueryDict, name: str, *, default: bool) -> bool:
    raw = form.get(name, "").strip()
    try:
        return true_or_false(raw) if raw else default
    except ValueError:
        raise refusal(f"{name}_invalid") from None


_LIMITS = {"line_too_long": MAX_LINE_BYTES, "too_many_columns": MAX_COLUMNS}


def _limit(code: str) -> dict[str, int]:
    return {"limit": _LIMITS[code]} if code in _LIMITS else {}


def _line_errors(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The `errors` of a refused file: {"line", "code", "message"} each."""
    return [
        {"line": line, "code": code, "message": LINE_PROBLEMS[code].wire.format(**_limit(code))}
        for line, code in problems
    ]
