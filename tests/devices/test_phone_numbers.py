"""A phone as the recipient file has it (seed 000), and as the people of one country write it."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from devices.phone_numbers import Unreadable, normalise, parse, read, read_kept_from, read_one, reader


@pytest.mark.parametrize(
    "raw",
    [
        "+51987654321",
        "51987654321",
        " +51 987-654.321 ",
        "(51) [987] 654 321",
        "51\u00a0987654321",
        "51987654321.0",
        "51\u200b987654321",
        "５１９８７６５４３２１",
        "https://wa.me/51987654321",
        "51987654321@c.us",
    ],
)
def test_separators_and_the_plus_do_not_matter(raw):
    assert normalise(raw) == "+51987654321"


@pytest.mark.parametrize(("raw", "ok"), [("1" * 7, False), ("1" * 8, True), ("1" * 15, True), ("1" * 16, False)])
def test_a_phone_has_8_to_15_digits(raw, ok):
    assert (normalise(raw) is not None) == ok


@pytest.mark.parametrize("raw", ["+51123123123", "51123123123"])
def test_the_digits_of_a_file_stand_as_written_whatever_the_plan_says(raw):
    assert normalise(raw) == "+51123123123"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "+",
        "051987654321",  # a first digit of 0
        "++51987654321",
        "51+987654321",
        "51987654321x",
        "51/987/654",
        "51987654321 ext. 3",
        "5.1E+10",
        "٩٦٦٥٠١٢٣٤٥٦٧",  # the contract's digits are ASCII; people's contacts may have these
        "987654321 / 987654322",
        "4561234 4561235",  # two, and not one of 14 digits
        "51987654321.5",
    ],
)
def test_anything_else_is_no_phone(raw):
    assert normalise(raw) is None


@pytest.mark.parametrize(
    ("raw", "phone"),
    [
        ("987654321", "+51987654321"),
        ("987 654 321", "+51987654321"),
        ("987654321.0", "+51987654321"),
        ("51987654321", "+51987654321"),
        ("+51123123123", "+51123123123"),  # its own code: as written
        ("+5511987654321", "+5511987654321"),
        ("https://wa.me/51123123123", "+51123123123"),
        ("98765432", None),
        ("12345678901234", None),
        ("987654321 / 987654322", None),
        ("ext", None),
    ],
)
def test_a_file_with_a_country_reads_those_without_plus_by_its_plan(raw, phone):
    assert reader("PE")(raw) == phone


def test_a_file_without_a_country_is_read_as_seed_000_says():
    assert reader("") is normalise


@pytest.mark.parametrize("kind", [PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE])
def test_every_countrys_numbers_are_read_as_the_library_writes_them(kind):
    read_otherwise = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        code = str(number.country_code)
        rest = e164[len(code) + 1 :]
        written = {
            (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL), ""),
            (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.RFC3966), ""),
            (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL), region),
            (f"+{code} {rest}", ""),
            (f"(+{code}) {rest}", ""),
            (f"00{code} {rest}", ""),
            (rest, region),
        }
        read_otherwise += [one for one in written if parse(*one) != e164]
        international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        if len(e164) > 8:  # seed 000's shortest
            read_otherwise += [raw for raw in (international, f"{code} {rest}") if normalise(raw) != e164]
    assert read_otherwise == []


# --- People's numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "country", "code"),
    [
        ("987654321", "", "phone_country_missing"),
        ("(11) 98765-4321", "", "phone_country_missing"),
        ("5512345678", "", "phone_country_missing"),
        ("51987654321", "", "phone_country_missing"),  # a code, perhaps
        ("98765432", "PE", "phone_not_in_plan"),
        ("+51 987 65432", "", "phone_not_in_plan"),
        ("98765-4321", "BR", "phone_not_in_plan"),
        ("15 2345-6789", "AR", "phone_not_in_plan"),
        ("103", "PE", "phone_incomplete"),
        ("+51 98", "", "phone_incomplete"),
        ("20123456789", "PE", "phone_too_long"),  # a RUC
        ("1234567890", "PE", "phone_too_long"),  # to fill a cell
        ("2026-01-15", "CR", "phone_invalid"),
        ("12.01.1990", "PE", "phone_invalid"),
        ("Tel 2 987654321", "MX", "phone_has_letters"),
        ("+999123456789", "", "phone_invalid"),
        ("987654321 ext. 3", "PE", "phone_has_letters"),
    ],
)
def test_a_number_that_is_nobodys_says_why(raw, country, code):
    with pytest.raises(Unreadable) as refused:
        read(raw, country)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("raw", "country", "phone"),
    [
        ("09 8765 4321", "CL", "+56987654321"),
        ("+56 09 8765 4321", "", "+56987654321"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("045 55 1234 5678", "MX", "+525512345678"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("15 11 2345 6789", "AR", None),
        ("011 15 2345 6789", "AR", "+5491123456789"),
        ("+54 11 15 2345 6789", "", "+5491123456789"),
        ("0 15 11 98765-4321", "BR", "+5511987654321"),
        ("0 21 11 98765-4321", "BR", "+5511987654321"),
        ("11 8765-4321", "BR", "+551187654321"),  # from before its ninth digit
        ("+44 (0) 7911 123456", "", "+447911123456"),
        ("098 123456", "UY", "+59898123456"),
        ("0414-1234567", "VE", "+584141234567"),
        ("Cel. 987654321", "PE", "+51987654321"),
        ("Teléfono: 01 4567890", "PE", "+5114567890"),
        ("WHATSAPP +51 987 654 321", "", "+51987654321"),
        ("p:+51987654321", "", "+51987654321"),  # of Meta's forms
        ("4915123456789", "DE", "+4915123456789"),  # and no landline of East Frisia
        ("62812345678", "ID", "+62812345678"),
        ("5532211234", "BR", "+555532211234"),  # a landline of area 55
        ("5491123456789", "PE", "+5491123456789"),  # too long for Peru, and a mobile of Argentina
    ],
)
def test_old_prefixes_and_trunks_go(raw, country, phone):
    if phone is None:
        with pytest.raises(Unreadable):
            read(raw, country)
    else:
        assert read(raw, country).e164 == phone


@pytest.mark.parametrize(
    ("raw", "is_landline"),
    [
        ("+51 1 234 5678", True),
        ("+54 11 2345-6789", True),
        ("+54 9 11 2345-6789", False),
        ("+52 55 1234 5678", False),  # Mexico does not tell them apart
        ("+1 809 555 1234", False),
        ("+51987654321", False),
    ],
)
def test_a_landlines_shape_is_told_and_not_refused(raw, is_landline):
    assert read(raw).is_landline == is_landline


def test_of_two_numbers_the_first_whole_one_is_meant_and_the_other_kept():
    assert read("987654321 / 987654322", "PE") == ("+51987654321", False, ["+51987654322"])
    assert read("4567890 / 987654321", "PE") == ("+51987654321", False, ["4567890"])
    assert read("987654321 / +51 987 654 321", "PE").others == []


def test_where_one_is_meant_two_are_an_error():
    with pytest.raises(Unreadable) as refused:
        read_one("987654321 / 987654322", "PE")
    assert refused.value.code == "phone_two_numbers"


def test_whoever_can_be_written_to_can_be_kept_from():
    assert read_kept_from("+51123123123") == "+51123123123"  # of no plan, but a recipient file can name it
    assert read_kept_from("987654321", "PE") == "+51987654321"
    for raw in ("51123123123", "+51 98", "+51987654321 / +51987654322"):
        with pytest.raises(Unreadable):
            read_kept_from(raw)
