"""What a campaign notes and tells: a code in the database, the reader's language on the page, Spanish on the wire."""

import importlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import translation

from campaigns.audience.conditions import Audience
from campaigns.audience.refused import BadAudience
from campaigns.launch import schedule
from campaigns.models import Notification
from campaigns.wording import campaign_notes
from campaigns.wording.campaign_refusals import CAMPAIGN_REFUSALS
from jobs.wording import job_reasons
from tests.accounts import people
from tests.campaigns import campaigns_of

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
MISSED = (
    "No se envió a su hora (10/06/2026 07:00 America/Lima) porque el programa no estaba en marcha, y ya ha pasado "
    "demasiado tiempo. Ejecútala tú, o cambia la fecha."
)
SKIPPED = (
    "Se omitió el envío del 10/06/2026 07:00 America/Lima: el programa no estaba en marcha a su hora. La campaña "
    "sigue con el próximo."
)
COUNTS = "1200 de 1203 mensajes enviados; 1 fallidos, 2 omitidos, 0 sin confirmar."
STATS = {"sent": 1200, "total": 1203, "failed": 1, "suppressed": 2, "unknown": 0}
backfill = importlib.import_module("campaigns.migrations.0005_backfill_note_and_notification_codes")


def missed_campaign(member):
    made = campaigns_of.campaign(member.account, title="Sale", scheduled_at=NOON, time_zone="America/Lima")
    schedule.launch_due(made.pk, NOON + timedelta(hours=2))
    made.refresh_from_db()
    return made


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "said", "clock"),
    [
        ("en", "It was not sent at its time", "06/10/2026 7 a.m. America/Lima"),
        ("pt-br", "Não foi enviada", "10/06/2026 07:00 America/Lima"),
    ],
)
def test_a_missed_campaigns_page_holds_no_spanish(client, language, said, clock):
    member = campaigns_of.member()
    made = missed_campaign(member)
    client.force_login(member.user)
    answer = client.get(f"/admin/campaigns/campaign/{made.pk}/page/", headers={"accept-language": language})
    page = answer.content.decode()
    assert said in page
    assert clock in page
    for spanish in ("No se envió", "Ejecútala", "a su hora", "porque el programa"):
        assert spanish not in page


@pytest.mark.django_db
def test_the_wire_says_it_in_spanish_as_before():
    member = campaigns_of.member()
    made = missed_campaign(member)
    address = f"/api/v1/accounts/{member.account_id}/whatsapp_api_campaigns/{made.pk}"
    assert people.api(member).get(address).json()["description"] == MISSED


@pytest.mark.django_db
def test_a_bad_audience_is_said_with_its_place():
    member = campaigns_of.member()
    made = campaigns_of.campaign(member.account, audience={"labels": "vip"}, scheduled_at=NOON)
    schedule.launch_due(made.pk, NOON)
    made.refresh_from_db()
    with pytest.raises(BadAudience) as bad:
        Audience.parse(made.audience)
    [problem] = bad.value.problems
    assert campaign_notes.spanish(made.note_code, made.note_details) == (
        f"La audiencia de la campaña no es válida. Corrígela antes de ejecutarla. audience.labels: {problem['message']}"
    )
    with translation.override("en"):
        assert campaign_notes.shown(made.note_code, made.note_details).startswith(
            "The audience is not valid. Mend it first. labels: "
        )


def test_a_notification_is_said_in_each_language():
    told = Notification(
        code="campaign_completed", details=campaign_notes.ended_details("Sale\nof all", "paused_by_person", STATS)
    )
    assert campaign_notes.spanish_title(told.code, told.details) == "Campaña terminada: Sale of all"
    paused = " ".join(job_reasons.sentence("paused_by_person"))
    assert campaign_notes.spanish_text(told.code, told.details) == f"{paused} {COUNTS}"
    with translation.override("en"):
        assert campaign_notes.shown_title(told.code, told.details) == "Campaign finished: Sale of all"
        assert campaign_notes.shown_text(told.code, told.details).endswith(
            "1,200 of 1,203 messages sent; 1 failed, 2 left out, 0 unconfirmed."
        )
    with translation.override("pt-br"):
        assert campaign_notes.shown_title(told.code, told.details) == "Campanha concluída: Sale of all"


# --- What was stored before ------------------------------------------------------------------------------

LAUNCH_CODES = [code for code in CAMPAIGN_REFUSALS if code.startswith("media_")] + [
    "campaign_already_ran",
    "campaign_under_way",
    "campaign_cancelled",
    "audience_empty",
]


@pytest.mark.parametrize("code", LAUNCH_CODES)
def test_every_refusal_that_was_stored_is_recognised(code):
    assert backfill.note_of(CAMPAIGN_REFUSALS[code].wire) == (code, {})


# Those of a job that there were when notifications were stored as sentences; younger ones never were.
STORED = ("no_devices", "no_devices_left", "paused_by_person", "no_recipients", "file_lost")


@pytest.mark.parametrize("reason", ["", "cancelled", *STORED])
def test_every_reason_that_was_stored_is_recognised(reason):
    text = f"{campaign_notes.job_description(reason)} {COUNTS}".strip()
    details = {"title": "Rebajas: 50 %", "state_reason": reason, **STATS}
    assert backfill.notification_of("La campaña falló: Rebajas: 50 %", text) == ("campaign_failed", details)


@pytest.mark.parametrize(
    "text",
    [
        MISSED,
        SKIPPED,
        CAMPAIGN_REFUSALS["audience_empty"].wire,
        CAMPAIGN_REFUSALS["audience_invalid"].wire + " audience.labels: Debe ser…",
    ],
)
def test_what_is_recognised_reads_on_the_wire_as_it_was_stored(text):
    code, details = backfill.note_of(text)
    assert code != "as_written"
    assert campaign_notes.spanish(code, details) == text


@pytest.mark.parametrize(
    "text", ["Algo de antes.", MISSED.replace("America/Lima", "Marte/Olimpo"), MISSED.replace("10/06", "31/02")]
)
def test_what_is_not_recognised_is_kept_as_it_was_written(text):
    code, details = backfill.note_of(text)
    assert code == "as_written"
    assert campaign_notes.spanish(code, details) == campaign_notes.shown(code, details) == text


@pytest.mark.django_db(transaction=True)
def test_the_migration_makes_codes_of_what_is_there():
    def migrate(name):
        executor = MigrationExecutor(connection)
        executor.migrate([("campaigns", name)])
        return MigrationExecutor(connection).loader.project_state([("campaigns", name)]).apps

    try:
        before = migrate("0004_note_and_notification_codes")
        account = before.get_model("accounts", "Account")._base_manager.create(name="Uno")
        user = before.get_model("accounts", "User")._base_manager.create(email="ana@example.com")
        campaigns = before.get_model("campaigns", "Campaign")._base_manager
        made = [
            campaigns.create(account_id=account.pk, title="Uno", message="Hola", description=text)
            for text in ("", MISSED, "Algo de antes.")
        ]
        told = before.get_model("campaigns", "Notification")._base_manager
        for title, text in (("Campaña terminada: Uno", COUNTS), ("Aviso", "Algo de antes.")):
            told.create(account_id=account.pk, user_id=user.pk, campaign_id=made[0].pk, title=title, text=text)
        after = migrate("0006_drop_stored_sentences")
        notes = after.get_model("campaigns", "Campaign")._base_manager.order_by("pk")
        assert list(notes.values_list("note_code", "note_details")) == [
            ("", {}),
            ("missed", {"scheduled_at": "2026-06-10T07:00:00-05:00", "time_zone": "America/Lima"}),
            ("as_written", {"text": "Algo de antes."}),
        ]
        kept = after.get_model("campaigns", "Notification")._base_manager.order_by("pk")
        assert list(kept.values_list("code", "details")) == [
            ("campaign_completed", {"title": "Uno", "state_reason": "", **STATS}),
            ("as_written", {"title": "Aviso", "text": "Algo de antes."}),
        ]
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
