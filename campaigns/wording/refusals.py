"""What is refused of campaigns, contacts and their files, by the code of its row.

The wire speaks Spanish, to programs; the page its reader's language, to the person in front of it. A refusal says
what happened and what to do about it, and never repeats what was sent.
"""

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from accounts.errors import ApiError
from campaigns.wording.campaign_refusals import CAMPAIGN_REFUSALS
from campaigns.wording.contact_refusals import CONTACT_REFUSALS
from campaigns.wording.message_refusals import MESSAGE_REFUSALS
from jobs.wording.phrase import Phrase
from jobs.wording.refusals import Refusal

REFUSALS: Final[dict[str, Refusal]] = CAMPAIGN_REFUSALS | CONTACT_REFUSALS | MESSAGE_REFUSALS

# Where nothing fits: a refusal of somebody below us.
OTHER_REFUSAL: Final = _("Something went wrong. Try again.")


def refusal(code: str, errors: Iterable[dict[str, Any]] = (), **details: Any) -> ApiError:
    """Build the answer to what cannot be done; `details` fill the sentence's gaps."""
    said = REFUSALS[code]
    return ApiError(code, said.wire.format(**details), said.status, errors)


def page_refusal(code: str, **details: Any) -> Phrase:
    """Say on the page why it cannot be done; `details` fill the sentence's gaps."""
    said = REFUSALS[code].page if code in REFUSALS else ""
    return str(said) % details if said and details else said or OTHER_REFUSAL
