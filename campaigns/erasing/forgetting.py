"""What the rows of contacts and campaigns know of a person, taken out of them; `jobs.erasing.forgetting` does the rest.

Each function is harmless when doubled.
"""

from django.db import connection, transaction

from campaigns.contacts import consent_history, people
from campaigns.models import Contact
from jobs.erasing.erased import ERASED
from jobs.erasing.person import Person


def find(account_id: int, person: Person) -> None:
    """Add what is known of the person by now: their contact, and what of it may stand in a message."""
    if person.phone:
        theirs = Contact.unscoped.filter(account_id=account_id, phone_key=person.phone_key)
        person.contact_ids = sorted({*person.contact_ids, *theirs.values_list("pk", flat=True)})
    texts = {*person.texts, person.phone}
    for contact in Contact.unscoped.filter(account_id=account_id, pk__in=person.contact_ids):
        texts |= {contact.name, contact.phone or "", contact.email, *map(str, contact.custom_attributes.values())}
    person.texts = sorted(texts - {""})


def contacts(account_id: int, person: Person) -> None:
    """The contact, with what is said of their consent; nobody of a campaign under way writes to them."""
    for contact in Contact.unscoped.filter(account_id=account_id, pk__in=person.contact_ids):
        people.delete(contact, ERASED)


def consents(account_id: int, person: Person) -> None:
    """What they said of being written to."""
    keys = [person.phone_key] if person.phone else []
    consent_history.erase(account_id, contact_ids=person.contact_ids, phone_keys=keys)


def tests(account_id: int, person: Person) -> None:
    """Campaigns' messages, tried out on somebody else's number with this person's values. Whoever shares one of them
    is taken for the person: of a test nothing is missed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE jobs_recipient AS recipient SET "values" = '{}'
            FROM campaigns_testsend AS test JOIN jobs_job AS job ON job.id = test.job_id
            WHERE recipient.job_id = job.id AND job.account_id = %s AND recipient."values" && %s::text[]
            """,
            (account_id, person.texts),
        )


def notifications(account_id: int, person: Person) -> None:
    """What was told to members and says the number."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM campaigns_notification
            WHERE account_id = %s AND regexp_replace(details::text, '[^0-9]', '', 'g') LIKE ANY(%s)
            """,
            (account_id, person.patterns),
        )
