"""What cannot be deleted because something that waits would go wrong without it: who needs it, and the answer."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from accounts.errors import ApiError
from accounts.written.reading import true_or_false

MOST_SHOWN: Final = 20


class Need(NamedTuple):
    """One that waits. `kind` is "campaign" or "job"; `id` as the API names it; `title` is a person's own."""

    kind: str
    id: str
    title: str


class StillNeeded(Exception):
    """It was not deleted: these need it. Whoever asks with `force` has it deleted all the same."""

    def __init__(self, by: Sequence[Need]) -> None:
        super().__init__(", ".join(f"{need.kind} {need.id}" for need in by))
        self.by = list(by)

    @property
    def titles(self) -> str:
        return ", ".join(f"“{need.title}”" for need in self.by[:MOST_SHOWN])


def unless_forced(needs: Sequence[Need], *, force: bool) -> dict[str, list[str]]:
    """What a deletion's audit entry says besides: who needed it all the same. Raises StillNeeded without `force`."""
    if needs and not force:
        raise StillNeeded(needs)
    return {"needed_by": [f"{need.kind} {need.id}" for need in needs[:MOST_SHOWN]]} if needs else {}


# Who needs these devices of an account: asked before one is deleted. The apps above add theirs when they are ready.
WhoNeeds = Callable[[int, Sequence[int]], list[Need]]


def in_use(error: StillNeeded) -> ApiError:
    """The answer: 409, with those that need it as `errors`."""
    return ApiError(
        "in_use",
        status=409,
        errors=[{"field": need.kind, "code": need.id, "message": need.title} for need in error.by[:MOST_SHOWN]],
    )


def is_forced(query: Any) -> bool:
    """Whether the address says force=true. Raises ApiError (400) where it says something else."""
    try:
        return true_or_false(query.get("force", "false"))
    except ValueError:
        raise ApiError("force_invalid") from None
