"""Arranges uploads: an account that may send, calls in its name, and what they leave behind."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client

from accounts.models import Account, Role
from devices.models import Device
from jobs.intake.accepting import BulkFields, accept_file
from jobs.models import Job, Recipient
from tests.accounts import people
from tests.factories import make_account, make_device

CONTENT = "phone|@valor1|@valor2\n+51123123123|leonardo|12345\n+51123123124|maria|12346\n+51123123125|juan\n"
MESSAGE = "Hola @valor1, tu pedido @valor2"


@dataclass
class Sender:
    """An account with one connected device, and a member who may send."""

    role: Role = Role.AGENT
    account: Account = field(default_factory=make_account)

    def __post_init__(self) -> None:
        self.device: Device = make_device(self.account)
        self.membership = people.member(self.account, self.role)

    @cached_property
    def client(self) -> Client:
        return people.api(self.membership)

    def upload(
        self,
        content: str | bytes | None = CONTENT,
        *,
        name: str = "lista.csv",
        path: str = "/messages/send-bulk-file",
        key: str | None = None,
        **form: Any,
    ) -> Any:
        """Post a file (none if None) and fields (None: left out); return the response."""
        # Most of the files here are about something else than the message; None asks for the rule.
        form = {"message": MESSAGE, "allow_missing": "true", **form}
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            form["file"] = SimpleUploadedFile(name, data)
        return self.client.post(
            path,
            {field: value for field, value in form.items() if value is not None},
            headers={} if key is None else {"Idempotency-Key": key},
        )

    def job(self, content: str | bytes = CONTENT, **fields: Any) -> Job:
        """A pending job of this content, accepted but not imported."""
        upload = TemporaryUploadedFile("lista.csv", "text/csv", 0, None)
        upload.write(content.encode() if isinstance(content, str) else content)
        upload.size = upload.tell()
        said = BulkFields(**{"message": MESSAGE, "allow_missing": True, **fields})
        with upload:
            return accept_file(self.account, None, upload, said)[0]


def left_behind() -> tuple[int, int, list[str]]:
    """Everything a refused upload could leave: jobs, recipients, files."""
    files = [
        path.name for directory in (settings.UPLOAD_DIR, settings.FILE_UPLOAD_TEMP_DIR) for path in directory.iterdir()
    ]
    return Job.unscoped.count(), Recipient.objects.count(), sorted(files)
