"""Why a campaign cannot be launched, changed or tried out as it is: one exception, so that each door has one answer."""

from collections.abc import Sequence
from typing import TypedDict


class Problem(TypedDict):
    """What is wrong with an audience, and where: "audience.custom_attributes.region.op"."""

    path: str
    code: str
    message: str


class Refused(Exception):
    """It cannot be done as it is. `code` is one of `campaign_refusals`; `is_passing`: it may be well a minute later."""

    problems: Sequence[Problem] = ()

    def __init__(self, code: str, *, is_passing: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_passing = is_passing


class BadAudience(Refused):
    """An audience that cannot be read. `problems`: at most 20, in the order of the JSON."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("audience_invalid")
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(f"{problem['path']}: {problem['message']}" for problem in self.problems)


class EmptyAudience(Refused):
    """An audience without a condition was to be launched."""

    def __init__(self) -> None:
        super().__init__("audience_empty")
