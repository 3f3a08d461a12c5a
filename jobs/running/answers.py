"""What a gateway's answer to a message says: that it was accepted, or an error of ours, whatever the answer holds."""

import structlog

from devices.gateway.base import (
    Acceptance,
    Gateway,
    NotSent,
    OutcomeUnknown,
    Scope,
    SendError,
    WireFailure,
    WireResponse,
)
from jobs.sending.outcomes import Claim

log = structlog.get_logger(__name__)


def read(gateway: Gateway, claim: Claim, answer: WireResponse | WireFailure) -> Acceptance:
    """It costs this one message: raises SendError, and nothing else."""
    try:
        return gateway.read_answer(answer)
    except NotSent as error:
        if error.scope is Scope.MESSAGE and claim.media is None:
            # Those words are known of media. Of a text they prove nothing, and no medium is there to wait for.
            raise OutcomeUnknown("gateway_error") from None
        raise
    except SendError:
        raise
    except Exception:
        log.exception("answer cannot be read", recipient=claim.recipient_id, device=claim.device_id)
        raise OutcomeUnknown("unreadable_answer") from None
