"""The last message: that somebody is written to no more. Once for each time they leave, in their word's language."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Max

from devices.phone_numbers import key_of
from jobs.message.way_out import language_of
from jobs.models import IncomingMessage, JobPurpose
from jobs.replies import answering
from jobs.replies.keeping import Said
from jobs.states import Wish

TEXTS: Final = {
    "es": "Listo: no te escribiremos más. Si cambias de idea, responde ALTA.",
    "pt": "Pronto: não vamos mais escrever para você. Se mudar de ideia, responda VOLTAR.",
    "en": "Done: we will not write to you again. If you change your mind, reply START.",
}


def confirm(said: Sequence[Said]) -> None:
    """Write to those who left just now, in the transaction that kept what they said."""
    for one in said:
        if one.wish is Wish.OUT and not _said_before(one):
            text = TEXTS[language(one)]
            answering.write_to(one.account_id, one.device_id, one.phone, text, JobPurpose.CONFIRMATION)


def language(said: Said) -> str:
    """That of the word; where several have it, what is mostly spoken where the number is from."""
    if len(said.languages) == 1:
        return next(iter(said.languages))
    spoken = language_of(said.phone)
    return spoken if not said.languages or spoken in said.languages else min(said.languages)


def _said_before(one: Said) -> bool:
    """Whether they said so before and did not come back between; which of the two is told first makes no difference."""
    theirs = IncomingMessage.objects.for_account(one.account_id).filter(phone_key=key_of(one.phone))
    back = theirs.filter(wish__in=[Wish.IN, Wish.IN_AFTER_OUT], at__lte=one.at)
    since = back.aggregate(last=Max("at"))["last"]
    others = theirs.filter(wish=Wish.OUT).exclude(pk=one.message_row)
    return bool((others if since is None else others.filter(at__gte=since)).exists())
