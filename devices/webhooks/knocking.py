"""Whether PUBLIC_URL leads here, secret and all: we go the last part of a webhook's way ourselves, as a gateway would.

It proves the name, the certificate and the proxies in front of us. That the gateway gets as far as them only its own
first word proves; and from within some networks their public address cannot be reached, though from outside it can.
"""

from typing import Final

import requests
import structlog

from devices.gateway.base import Hook

log = structlog.get_logger(__name__)

# What stands as the event: our door answers it, and makes nothing of it.
EVENT: Final = "pregonero.knock"
ANSWER: Final = b'{"status": "success"}'  # the door's to all that it takes
TIMEOUTS_SECONDS: Final = (3.0, 5.0)  # to connect, to read


def knock(hook: Hook) -> str:
    """Return "", or what is wrong as a code of `reasons`. Touches no database."""
    try:
        with requests.post(
            hook.url,
            json={"event": EVENT},
            headers={hook.header: hook.secret},
            timeout=TIMEOUTS_SECONDS,
            allow_redirects=False,  # gateways turn a redirected POST into a GET
            stream=True,
        ) as answer:
            if answer.status_code == 200 and next(answer.iter_content(len(ANSWER) + 1), b"") == ANSWER:
                return ""
            # Whoever has no such door knows no such word.
            if answer.status_code == 401 and b"webhook_unauthorized" in next(answer.iter_content(1000), b""):
                return "hook_header_lost"
            log.info("somebody else answers at PUBLIC_URL", status=answer.status_code)
    except (requests.RequestException, OSError) as error:
        log.info("PUBLIC_URL does not answer", error=type(error).__name__)
    return "hook_not_from_here"
