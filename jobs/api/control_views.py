"""The HTTP side of job control: pause, resume, cancel, retry what failed, settle what is unknown."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import audit
from accounts.models import Role
from accounts.requests import ApiRequest
from jobs import control
from jobs.api.serializers import JobDetailSerializer
from jobs.api.views import find_job
from jobs.models import IllegalTransition, Job
from jobs.states import RecipientState
from jobs.wording import wire

MAX_POSITIONS = 10_000


class JobAction(APIView):
    """POST /jobs/{id}/pause, /resume, /cancel, /retry_failed: answers the job as it is then.

    Asking twice is no error; an impossible move is 409 and changes nothing.
    """

    actions: ClassVar[dict[str, Callable[[Job], int]]] = {
        "pause": control.pause,
        "resume": control.resume,
        "cancel": control.cancel,
        "retry_failed": control.retry_failed,
    }
    action_name = ""

    @extend_schema(request=None, responses=JobDetailSerializer)
    def post(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        job = find_job(request, job_id)
        return _act(request, job, self.action_name, lambda: self.actions[self.action_name](job))


class ResolveUnknown(APIView):
    """POST /jobs/{id}/resolve_unknown {"action": "resend|count_as_sent|give_up", "positions": [0, 5]}

    What nobody could find out, an administrator decides; without `positions` for every unknown recipient.
    """

    required_role = Role.ADMINISTRATOR
    resolutions: ClassVar[dict[str, Callable[[Job, list[int] | None], int]]] = {
        "resend": control.resend_unknown,
        "count_as_sent": lambda job, rows: control.settle_unknown(job, RecipientState.SENT, rows),
        "give_up": lambda job, rows: control.settle_unknown(job, RecipientState.FAILED, rows),
    }

    @extend_schema(
        request={
            "application/json": {
                "type": "object",
                "required": ["action"],
                "properties": {
                    "action": {"type": "string", "enum": list(resolutions)},
                    "positions": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                },
            }
        },
        responses=JobDetailSerializer,
    )
    def post(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        job = find_job(request, job_id)
        given = request.data if isinstance(request.data, dict) else {}
        action, positions = given.get("action"), given.get("positions")
        if not isinstance(action, str) or action not in self.resolutions:
            raise wire.refusal("resolution_invalid", choices=", ".join(self.resolutions))
        if positions is not None and not _are_positions(positions):
            raise wire.refusal("positions_invalid", limit=MAX_POSITIONS)
        resolve = self.resolutions[action]
        return _act(request, job, f"unknown_{action}", lambda: resolve(job, positions), positions=positions)


def _are_positions(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_POSITIONS
        and all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**31 for item in value)
    )


def _act(request: ApiRequest, job: Job, name: str, act: Callable[[], int], **details: Any) -> Response:
    try:
        changed = act()
    except IllegalTransition:
        job.refresh_from_db()
        raise wire.refusal("impossible_move", status=job.status) from None
    if changed:
        audit.record(request, f"job.{name}", job, id=str(job.uuid), recipients=int(changed), **details)
    job.refresh_from_db()
    return Response(JobDetailSerializer(job).data)
