"""Addresses: what is filled in, what is left alone, and how they are shown."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.wire.addresses import AddressIn, AddressOut, address_out, store_address
from waypost.wire.body import read_json
from waypost.wire.faults import BadInput
from waypost.wire.places import US_STATES, country_code, country_name, state_code

FIELDS = [
    "id",
    "name",
    "firstName",
    "lastName",
    "companyName",
    "addressLine1",
    "addressLine2",
    "city",
    "state",
    "stateCode",
    "postal",
    "country",
    "countryCode",
    "email",
    "phone",
    "redacted",
    "hash",
]


def completed(**fields: str | None) -> AddressOut:
    """The address made of these fields."""
    return address_out(AddressIn(**fields))


def test_every_field_is_shown_in_order() -> None:
    shown: dict[str, Any] = json.loads(store_address(AddressIn()))
    assert list(shown) == FIELDS
    assert {name for name, value in shown.items() if value is not None} == {"redacted", "hash"}
    assert shown["redacted"] is False


def test_a_posted_address_comes_back() -> None:
    posted = {
        "firstName": "Zoë",
        "lastName": "O'Neil",
        "companyName": "Ünal GmbH",
        "addressLine1": "Hauptstraße 5",
        "addressLine2": "2. Stock",
        "city": "Köln",
        "state": "NRW",
        "postal": "50667",
        "countryCode": "DE",
        "email": "zoe@example.com",
        "phone": "+49 221 1",
    }
    given_ = read_json(json.dumps(posted).encode(), None, 10_000, AddressIn)
    shown = json.loads(store_address(given_))
    assert shown | posted == shown
    assert (shown["name"], shown["country"], shown["stateCode"]) == ("Zoë O'Neil", "Germany", None)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("  Mary   Ann Smith ", "Mary Ann", "Smith"),
        ("Cher", "Cher", None),
        ("", None, None),
        ("   ", None, None),
        ("李小龍", "李小龍", None),
        ("محمد علي", "محمد", "علي"),
    ],
)
def test_a_name_is_split(name: str, first: str | None, last: str | None) -> None:
    made = completed(name=name)
    assert (made.first_name, made.last_name) == (first, last)
    assert made.name == (" ".join(name.split()) or None)


def test_first_and_last_win_over_the_name() -> None:
    assert completed(name="X Y", first_name="Ada").name == "Ada"
    assert completed(name="X Y", last_name="Lovelace").name == "Lovelace"
    assert completed(name="X Y", first_name=" ", last_name="").name == "X Y"


@pytest.mark.parametrize(
    ("given_", "country", "code"),
    [
        ({"country_code": "us"}, "United States", "US"),
        ({"country_code": "USA"}, "United States", "US"),
        ({"country": "United States"}, "United States", "US"),
        ({"country": "U.S.A."}, "U.S.A.", "US"),
        ({"country": "usa"}, "United States", "US"),
        ({"country": "UK"}, "United Kingdom", "GB"),
        ({"country": "the Netherlands"}, "the Netherlands", "NL"),
        ({"country": "Türkiye"}, "Türkiye", "TR"),
        ({"country": "COTE D’IVOIRE"}, "COTE D’IVOIRE", "CI"),
        ({"country": "Viet Nam"}, "Viet Nam", "VN"),
        ({"country": "Korea, Republic of"}, "Korea, Republic of", "KR"),
        ({"country_code": "KR"}, "South Korea", "KR"),
        ({"country_code": "XK"}, "Kosovo", "XK"),
        ({"country_code": "zz"}, None, "ZZ"),
        ({"country": "Atlantis"}, "Atlantis", None),
        ({"country": "Canada", "country_code": "US"}, "Canada", "US"),
        ({}, None, None),
    ],
)
def test_countries_fill_each_other(given_: dict[str, str], country: str | None, code: str | None) -> None:
    made = completed(**given_)
    assert (made.country, made.country_code) == (country, code)


@pytest.mark.parametrize(
    ("given_", "state", "code"),
    [
        ({"state": "California"}, "California", "CA"),
        ({"state": "new york"}, "new york", "NY"),
        ({"state_code": "tx"}, "Texas", "TX"),
        ({"state": "ca"}, "California", "CA"),
        ({"state": "D.C."}, "D.C.", None),
        ({"state": "District of Columbia"}, "District of Columbia", "DC"),
        ({"state_code": "PR"}, "Puerto Rico", "PR"),
        ({"state_code": "AE"}, "Armed Forces Europe", "AE"),
        ({"state_code": "ZZ"}, None, "ZZ"),
        ({"state": "Nowhere"}, "Nowhere", None),
        ({"state": "Nevada", "state_code": "CA"}, "Nevada", "CA"),
        ({}, None, None),
    ],
)
def test_us_states_fill_each_other(given_: dict[str, str], state: str | None, code: str | None) -> None:
    made = completed(country="United States", **given_)
    assert (made.state, made.state_code) == (state, code)


@pytest.mark.parametrize("country", [None, "Italy"])
def test_states_elsewhere_are_left_alone(country: str | None) -> None:
    made = completed(state="CA", country=country)
    assert (made.state, made.state_code) == ("CA", None)


def test_the_tables_read_back() -> None:
    assert len(US_STATES) == 50 + 1 + 6 + 3  # states, district, territories, armed forces
    assert {state_code(name) for name in US_STATES.values()} == set(US_STATES)
    for code in ("US", "GB", "DE", "CD", "CG", "KP", "KR", "VG", "VI", "XK", "AX"):
        name = country_name(code)
        assert name is not None
        assert country_code(name) == country_code(code) == code


def test_the_hash_is_of_the_content() -> None:
    one = completed(name="Ada Lovelace", city="London", country="UK")
    assert len(one.hash) == 16
    assert one.hash == completed(first_name="ada", last_name="LOVELACE ", city=" london", country_code="GB").hash
    assert one.hash != completed(name="Ada Lovelace", city="Londres", country="UK").hash
    assert completed(city="A").hash != completed(state="A").hash


TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.fixed_dictionaries(dict.fromkeys(AddressIn.__struct_fields__, TEXT)))
def test_any_text_is_completed_and_stays_as_it_is_when_read_again(fields: dict[str, str | None]) -> None:
    stored = store_address(AddressIn(**fields))
    shown = json.loads(stored)
    assert all(value is None or value == value.strip() != "" for value in shown.values() if value is not False)
    again = read_json(stored.encode(), None, 100_000, AddressIn)
    assert json.loads(store_address(again)) == shown


def test_every_length_is_limited() -> None:
    posted = {name: "x" * 401 for name in FIELDS if name not in ("id", "redacted", "hash")}
    with pytest.raises(BadInput) as refused:
        read_json(json.dumps(posted).encode(), None, 100_000, AddressIn)
    assert {(fault.name, fault.code) for fault in refused.value.faults} == {(f"/{n}", "too_long") for n in posted}
