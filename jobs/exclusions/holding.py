"""For which jobs an exclusion list holds.

The account's own lists hold for all that is sent to many: campaigns, their tests, files of recipients. Registries of
people who want no advertising hold for runs of commercial campaigns (`Job.kind`). Neither holds for an answer to
somebody who wrote, or for the confirmation that they are written to no more.
"""

from collections.abc import Sequence
from typing import Any, Final

from devices.phone_numbers import key_sql
from jobs.models import ExclusionList, JobPurpose, ListKind
from jobs.states import MessageKind

EXCLUDED: Final = "excluded_by_list"  # the error code of a recipient whom a list names

# Of a `job`, in SQL: the loads of the lists that it heeds.
LOADS_OF: Final = f"""ARRAY(
    SELECT list.load_id FROM jobs_exclusionlist AS list
    WHERE list.account_id = job.account_id AND list.is_on AND list.load_id IS NOT NULL
      AND (list.kind = '{ListKind.OWN}' OR job.kind = '{MessageKind.COMMERCIAL}') AND job.purpose = '{JobPurpose.SEND}'
)"""  # noqa: S608 - constants


def named_in(loads: str, phone: str) -> str:
    """SQL that is true where one of these loads names a contact with this phone: columns, both.

    One look into an index for each load, and none where there is no load.
    """
    return f"""(cardinality({loads}) > 0 AND (
      SELECT true FROM jobs_exclusionhit AS hit
      WHERE hit.load_id = ANY({loads}) AND hit.person = hashtextextended({key_sql(phone)}, 0) LIMIT 1
    ) IS NOT NULL)"""  # noqa: S608 - constants


def loads_in_force(account_id: int, kind: str) -> list[int]:
    """The loads of the lists that a job of this kind heeds in the account."""
    lists: Any = ExclusionList.objects.for_account(account_id).filter(is_on=True, load__isnull=False)
    if kind != MessageKind.COMMERCIAL:
        lists = lists.filter(kind=ListKind.OWN)
    return list(lists.order_by("load_id").values_list("load_id", flat=True))


def hits_of(loads: Sequence[int]) -> tuple[str, list[Any]]:
    """SQL and parameters of a table `exclusion`: each `person` that these loads name, once."""
    if not loads:
        return "(SELECT NULL::bigint AS person WHERE false) AS exclusion", []
    return (
        "(SELECT person FROM jobs_exclusionhit WHERE load_id = ANY(%s::bigint[]) GROUP BY person) AS exclusion",
        [list(loads)],
    )
