"""A campaign whose texts have variables that nothing can fill is neither kept nor sent, unless that is allowed."""

from collections.abc import Sequence

from campaigns.audience.refused import Problem, Refused
from campaigns.contacts import attributes
from campaigns.models import Campaign
from campaigns.wording import field_problems
from jobs.message import unfilled
from jobs.message.rendering import unknown_variables
from jobs.message.unfilled import Unfilled

CODE = "variables_unknown"


class VariablesUnknown(Refused):
    """Its texts have variables that do not exist. `problems`: one for each, with those that may have been meant."""

    def __init__(self, found: Sequence[Unfilled]) -> None:
        super().__init__(CODE)
        self.found = found
        self.problems: list[Problem] = [
            {"path": "message", "code": CODE, "message": field_problems.on_the_wire(CODE, names=one)} for one in found
        ]


def check(campaign: Campaign) -> None:
    """Raises VariablesUnknown."""
    if campaign.allow_missing:
        return
    unknown = unknown_variables(*texts_of(campaign))
    if unknown and (found := unfilled.in_campaign(unknown, attributes.names(campaign.account_id))):
        raise VariablesUnknown(found)


def texts_of(campaign: Campaign) -> list[str]:
    """What the campaign says: its variants, or its one message."""
    return [variant["text"] for variant in campaign.variants] or [campaign.message]
