"""Addresses (contract section 5): lenient on input, complete in replies, stored as they are rendered.

`name` is split when first and last are absent; state and stateCode (US), country and countryCode (ISO 3166) fill
each other.
"""

import hashlib
from typing import Annotated

import msgspec
from iso3166 import countries, countries_by_alpha2, countries_by_alpha3, countries_by_apolitical_name, countries_by_name
from msgspec import Meta, Struct

Part = Annotated[str, Meta(max_length=200)]


class AddressIn(Struct, rename="camel"):
    """An address as posted; everything is optional."""

    name: Annotated[str, Meta(max_length=400)] | None = None
    first_name: Part | None = None
    last_name: Part | None = None
    company_name: Part | None = None
    address_line1: Part | None = msgspec.field(name="addressLine1", default=None)
    address_line2: Part | None = msgspec.field(name="addressLine2", default=None)
    city: Part | None = None
    state: Part | None = None
    state_code: Part | None = None
    postal: Part | None = None
    country: Part | None = None
    country_code: Part | None = None
    email: Annotated[str, Meta(max_length=320)] | None = None
    phone: Part | None = None


class AddressOut(Struct, rename="camel"):
    """An address as stored and shown."""

    id: int | None
    name: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    address_line1: str | None
    address_line2: str | None
    city: str | None
    state: str | None
    state_code: str | None
    postal: str | None
    country: str | None
    country_code: str | None
    email: str | None
    phone: str | None
    redacted: bool
    hash: str


US_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas",
    "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan",
    "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada",
    "NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina",
    "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania",
    "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas",
    "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington", "WV": "West Virginia",
    "WI": "Wisconsin", "WY": "Wyoming", "AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands",
    "PR": "Puerto Rico", "VI": "U.S. Virgin Islands", "AA": "Armed Forces Americas", "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}  # fmt: skip
_STATE_CODES = {name.casefold(): code for code, name in US_STATES.items()}

# Names that people use where ISO 3166 has a longer one.
_COMMON_COUNTRIES = {
    "united states": "US", "usa": "US", "u.s.a.": "US", "u.s.": "US", "uk": "GB", "united kingdom": "GB",
    "great britain": "GB", "england": "GB", "south korea": "KR", "russia": "RU", "netherlands": "NL",
    "holland": "NL", "vietnam": "VN", "czech republic": "CZ", "taiwan": "TW", "bolivia": "BO", "venezuela": "VE",
    "tanzania": "TZ", "moldova": "MD", "iran": "IR", "syria": "SY", "laos": "LA", "turkey": "TR",
}  # fmt: skip
_COUNTRY_NAMES = {code: name.title() for name, code in
                  [("united states", "US"), ("united kingdom", "GB"), ("south korea", "KR"), ("russia", "RU"),
                   ("netherlands", "NL"), ("vietnam", "VN"), ("taiwan", "TW"), ("bolivia", "BO"),
                   ("venezuela", "VE"), ("tanzania", "TZ"), ("moldova", "MD"), ("iran", "IR"), ("syria", "SY"),
                   ("laos", "LA"), ("turkey", "TR")]}  # fmt: skip


def _country_code(name: str) -> str | None:
    folded = name.casefold()
    if folded in _COMMON_COUNTRIES:
        return _COMMON_COUNTRIES[folded]
    upper = name.upper()
    found = (countries_by_alpha2.get(upper) or countries_by_alpha3.get(upper) or countries_by_name.get(upper)
             or countries_by_apolitical_name.get(upper))  # fmt: skip
    return found.alpha2 if found else None


def _country_name(code: str) -> str | None:
    upper = code.upper()
    return _COUNTRY_NAMES.get(upper) or (countries.get(upper).apolitical_name if upper in countries else None)


def _text(value: str | None) -> str | None:
    return (value or "").strip() or None


def _names(given: AddressIn) -> tuple[str | None, str | None]:
    first, last = _text(given.first_name), _text(given.last_name)
    whole = _text(given.name)
    if first is None and last is None and whole is not None:
        head, _, tail = whole.partition(" ")
        first, last = head, _text(tail)
    return first, last


def address_out(given: AddressIn) -> AddressOut:
    """The address, completed."""
    first, last = _names(given)
    country, code = _text(given.country), _text(given.country_code)
    code = code.upper() if code else (_country_code(country) if country else None)
    country = country or (_country_name(code) if code else None)
    state, state_code = _text(given.state), _text(given.state_code)
    if code in (None, "US"):
        if state and state.upper() in US_STATES and state_code is None:
            state_code, state = state.upper(), US_STATES[state.upper()]
        state_code = state_code or (_STATE_CODES.get(state.casefold()) if state else None)
        state = state or (US_STATES.get(state_code.upper()) if state_code else None)
    name = " ".join(part for part in (first, last) if part) or None
    out = AddressOut(
        None, name, first, last, _text(given.company_name), _text(given.address_line1), _text(given.address_line2),
        _text(given.city), state, state_code, _text(given.postal), country, code, _text(given.email),
        _text(given.phone), False, "",
    )  # fmt: skip
    out.hash = hashlib.blake2b(msgspec.json.encode(out), digest_size=12).hexdigest()
    return out


def store_address(given: AddressIn) -> str:
    """The address as JSON, in the form in which it is stored and shown."""
    return msgspec.json.encode(address_out(given)).decode()
