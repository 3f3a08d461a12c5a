"""The HTTP side of job control: pause, resume, cancel, retry what failed, settle what is unknown."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.models import Role
from accounts.requests import ApiRequest
from jobs import actions
from jobs.api.serializers import JobDetailSerializer
from jobs.api.views import find_job
from jobs.models import IllegalTransition, Job
from jobs.wording.refusals import refusal

MAX_POSITIONS = 10_000


class JobAction(APIView):
    """POST /jobs/{id}/pause, /resume, /cancel, /retry_failed: answers the job as it is then.

    Asking twice is no error; an impossible move is 409 and changes nothing.
    """

    action_name = ""

    @extend_schema(request=None, responses=JobDetailSerializer)
    def post(self, request: ApiRequest, job_id: str, **_: Any) -> Response:
        job = find_job(request, job_id)
        return _act(job, lambda: actions.CONTROLS[self.action_name](Actor.of(request), job))


class ResolveUnknown(APIView):
    """POST /jobs/{id}/resolve_unknown {"action": "resend|count_as_sent|give_up", "positions": [0, 5]}

    What nobody could find out, an administrator decides; without `positions` for every unknown recipient.
    """

    required_role = Role.ADMINISTRATOR

    @extend_schema(
        request={
            "application/json": {
                "type": "object",
                "required": ["action"],
                "properties": {
                    "action": {"type": "string", "enum": list(actions.RESOLUTIONS)},
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
        if not isinstance(action, str) or action not in actions.RESOLUTIONS:
            raise refusal("resolution_invalid", choices=", ".join(actions.RESOLUTIONS))
        if positions is not None and not _are_positions(positions):
            raise refusal("positions_invalid", limit=MAX_POSITIONS)
        return _act(job, lambda: actions.resolve_unknown(Actor.of(request), job, action, positions))


def _are_positions(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_POSITIONS
        and all(isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 2**31 for item in value)
    )


def _act(job: Job, act: Callable[[], int]) -> Response:
    try:
        act()
    except IllegalTransition:
        job.refresh_from_db()
        raise refusal("impossible_move", status=job.status) from None
    job.refresh_from_db()
    return Response(JobDetailSerializer(job).data)
