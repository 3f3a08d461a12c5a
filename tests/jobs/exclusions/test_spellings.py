"""By which digests a number is found in an exclusion list, plain or hashed."""

import pytest

from devices.phone_numbers import key_of, spelt
from jobs.exclusions import spellings
from tests.jobs.exclusions.arrange import hashed

PERU, BRAZIL, MEXICO, ARGENTINA = "+51987654321", "+5511987654321", "+525512345678", "+5491112345678"


def is_found(phone: str, written: str, algorithm: str = "sha256", country: str = "") -> bool:
    found = spellings.hash_in(hashed(written, algorithm))
    assert found is not None
    form, digest = found
    assert form == algorithm
    return digest in spellings.digests_for(phone, [form], country)


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "md5"])
@pytest.mark.parametrize("written", ["+51987654321", "51987654321"])
def test_a_hash_of_the_whole_number_is_found_with_and_without_its_plus(written, algorithm):
    assert is_found(PERU, written, algorithm)
    assert not is_found("+51987654322", written, algorithm)


@pytest.mark.parametrize(
    ("phone", "country", "written"),
    [
        (PERU, "PE", "987654321"),
        ("+593987654321", "EC", "0987654321"),
        ("+593987654321", "EC", "987654321"),
        (BRAZIL, "BR", "11987654321"),
        (BRAZIL, "BR", "1187654321"),
        (MEXICO, "MX", "5512345678"),
        (ARGENTINA, "AR", "1112345678"),
        (ARGENTINA, "AR", "91112345678"),
    ],
)
def test_a_hash_of_the_national_number_is_found_in_a_list_of_that_country_alone(phone, country, written):
    assert is_found(phone, written, country=country)
    assert not is_found(phone, written)
    assert not is_found(phone, written, country="CO")


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        ("+5511987654321", "+551187654321"),
        ("+551187654321", "+5511987654321"),
        ("+525512345678", "+5215512345678"),
        ("+5215512345678", "525512345678"),
        ("+5491112345678", "541112345678"),
        ("+541112345678", "+5491112345678"),
    ],
)
def test_the_digit_that_comes_and_goes_hides_nobody(phone, written):
    assert is_found(phone, written)
    (plain,) = spellings.digests_for(phone, [spellings.PLAIN], "")
    assert plain == spellings.digest_of(key_of(written if written[0] == "+" else f"+{written}"))


def test_all_spellings_of_a_number_share_its_key():
    for phone in (PERU, BRAZIL, MEXICO, ARGENTINA, "+551123456789", "+34612345678"):
        assert {key_of(one) for one in spelt(phone)} == {key_of(phone)}
        assert spelt(phone)[0] == phone


@pytest.mark.parametrize("text", ["", "x" * 64, "a" * 63, "a" * 65, "987654321", "+51987654321", "a" * 32 + " b"])
def test_what_is_no_hash_is_none(text):
    assert spellings.hash_in(text) is None


def test_a_hash_may_be_written_in_capitals_and_with_0x():
    text = hashed(PERU)
    assert spellings.hash_in(f" 0x{text.upper()} ") == spellings.hash_in(text) != None  # noqa: E711
