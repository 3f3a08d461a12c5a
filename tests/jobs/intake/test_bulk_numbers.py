"""A recipient file's numbers as people paste them: who is written to, who is one person, of which country."""

from pathlib import Path

import pytest

from jobs.models import Job, OnDuplicate
from tests.jobs.intake.test_importing import import_all, recipients

CASES = Path(__file__).parent / "cases"


def sent_to(job: Job) -> list[str]:
    return [phone for phone, state in recipients(job, "phone", "state") if state == "queued"]


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


def test_a_spreadsheets_final_zero_is_no_digit(sender):
    job = import_all(sender.job(case("k4_dot_zero_bulk.csv")))
    assert sent_to(job) == ["+51987650001", "+5511987650001", "+5491123456789"]


def test_what_is_pasted_from_phones_and_pages_is_read(sender):
    job = import_all(sender.job(case("k8_bulk_pasted.csv")))
    assert sent_to(job) == ["+51987650001", "+51987650002", "+5511987654321", "+51987650003", "+51987650009"]


@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        (OnDuplicate.SKIP_ROW, ["+5511987650001", "+5215512345678"]),
        (OnDuplicate.SKIP_PHONE, ["+5511987650001", "+5215512345678"]),
        (OnDuplicate.SEND, ["+5511987650001", "+551187650001", "+5215512345678", "+525512345678"]),
    ],
)
def test_the_spellings_of_one_number_are_one_person(sender, mode, sent):
    assert sent_to(import_all(sender.job(case("k7_bulk_variants.csv"), on_duplicate=mode))) == sent


def test_skip_row_sends_other_values_to_the_other_spelling(sender):
    job = import_all(sender.job("5511987650001|A\n551187650001|B\n"))
    assert sent_to(job) == ["+5511987650001", "+551187650001"]


@pytest.mark.parametrize(
    "cell",
    [
        "51987650001\t12",
        "51987650001 12",
        "51987650001 / 51987650002",
        "4561234 4561235",
        "5.1E+10",
        "51987650001 ext. 3",
    ],
)
def test_what_is_not_one_number_is_written_to_nobody(sender, cell):
    job = import_all(sender.job(f"51987650009|a\n{cell}|b\n"))
    assert recipients(job, "state", "error_code") == [("queued", ""), ("failed", "invalid_number")]


def test_without_a_country_digits_stand_as_they_are(sender):
    job = import_all(sender.job("987654321|a\n+51987654322|b\n"))
    assert sent_to(job) == ["+987654321", "+51987654322"]
    assert (job.default_country, job.countries) == ("", {"IR": 1, "PE": 1})


def test_landlines_are_counted_and_written_to(sender):
    job = import_all(sender.job("5114567890|a\n51987654321|b\n541141234567|c\n"))
    assert (len(sent_to(job)), job.landlines) == (3, 1)


def test_with_a_country_numbers_without_plus_are_its_own(sender):
    content = "987654321|a\n+5511987654321|b\n51987654322|c\n98765432|d\n"
    job = import_all(sender.job(content, default_country="PE"))
    assert sent_to(job) == ["+51987654321", "+5511987654321", "+51987654322"]
    assert recipients(job, "error_code")[3] == ("invalid_number",)
    assert job.countries == {"PE": 2, "BR": 1}


def test_the_answer_and_the_job_say_how_many_numbers_are_of_which_country(sender):
    content = "987654321|a\n+525512345678|b\n01 4567890|c\n"
    answer = sender.upload(content, default_country=" pe ").json()
    assert (answer["countries"], answer["landlines"]) == ({"PE": 2, "MX": 1}, 1)
    job = sender.client.get(f"/jobs/{answer['job']['id']}").json()
    assert (job["default_country"], job["countries"], job["landlines"]) == ("PE", {"PE": 2, "MX": 1}, 1)


@pytest.mark.parametrize("country", ["Peru", "ZZ", "5", "P\x00"])
def test_no_country_is_refused(sender, country):
    answer = sender.upload(default_country=country)
    assert (answer.status_code, answer.json()["code"]) == (400, "default_country_invalid")
    assert not Job.unscoped.exists()


def test_another_country_is_another_request(sender):
    assert sender.upload(key="a", default_country="PE").status_code == 200
    assert sender.upload(key="a", default_country="PE").status_code == 200
    assert sender.upload(key="a").json()["code"] == "idempotency_conflict"
