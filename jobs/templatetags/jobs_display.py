"""How a job's status and progress look, the same on every page."""

from typing import Any

from django import template

from jobs.models import Job

register = template.Library()


@register.inclusion_tag("jobs/parts/status.html")
def status_badge(job: Job) -> dict[str, Any]:
    return {"status": job.status, "label": job.get_status_display()}


@register.inclusion_tag("jobs/parts/state.html")
def state_badge(state: str, label: str) -> dict[str, Any]:
    return {"state": state, "label": label}


@register.inclusion_tag("jobs/parts/bar.html")
def progress_bar(job: Job, element_id: str = "") -> dict[str, Any]:
    """Sent and failed as shares of one bar. Widths are attributes of an SVG: no style, whatever the CSP says."""
    total = job.total or 1
    return {
        "job": job,
        "element_id": element_id,
        # Written here: a template would put the language's decimal comma.
        "sent": f"{100 * job.sent / total:.3f}%",
        "failed": f"{100 * job.failed / total:.3f}%",
        "value": f"{job.percentage:.1f}",
    }
