"""What a job says: its template, compiled once, and its media."""

from devices.gateway.base import Media
from jobs.message.rendering import CampaignTemplate, MessageTemplate, Template
from jobs.message.way_out import WithWayOut
from jobs.models import Job, MessageSyntax


def template_of(job: Job) -> MessageTemplate:
    """Compile a job's message, or its variants."""
    template = _template_of(job)
    return WithWayOut(template) if job.way_out else template


def _template_of(job: Job) -> MessageTemplate:
    if job.syntax == MessageSyntax.FILE:
        return Template(job.message, job.columns)
    texts = [(variant["text"], variant["weight"]) for variant in job.variants] or [(job.message, 1)]
    return CampaignTemplate(texts, job.columns, salt=str(job.uuid))


class MessageBook:
    """The templates of the jobs a process is sending. A job's message never changes once it exists."""

    LIMIT = 1000

    def __init__(self) -> None:
        self._entries: dict[int, tuple[MessageTemplate, Media | None]] = {}

    def of(self, job_id: int) -> tuple[MessageTemplate, Media | None]:
        """Return a job's template and media, from the database the first time."""
        return self._entries.get(job_id) or self._read(job_id)

    def _read(self, job_id: int) -> tuple[MessageTemplate, Media | None]:
        if len(self._entries) >= self.LIMIT:
            self._entries.clear()
        job = Job.unscoped.only("message", "columns", "media", "syntax", "variants", "uuid", "way_out").get(pk=job_id)
        media = Media(job.media["type"], job.media["url"], job.media.get("filename", "")) if job.media else None
        entry = self._entries[job_id] = template_of(job), media
        return entry
