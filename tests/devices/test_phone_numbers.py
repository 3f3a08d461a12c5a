import pytest

from devices.phone_numbers import normalise


@pytest.mark.parametrize(
    "raw", ["+51987654321", "51987654321", " +51 987-654.321 ", "(51) [987] 654 321", "51\u00a0987654321"]
)
def test_separators_and_the_plus_do_not_matter(raw):
    assert normalise(raw) == "+51987654321"


@pytest.mark.parametrize(("raw", "ok"), [("1" * 7, False), ("1" * 8, True), ("1" * 15, True), ("1" * 16, False)])
def test_a_phone_has_8_to_15_digits(raw, ok):
    assert (normalise(raw) is not None) == ok


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
        "٩٦٦٥٠١٢٣٤٥٦٧",  # Arabic digits
        "５１９８７６５４３２１",  # full-width digits
        "51987654321\n",
        "51\u200b987654321",
        "5.1E+10",
    ],
)
def test_anything_else_is_no_phone(raw):
    assert normalise(raw) is None
