"""Addresses (contract section 5): lenient on input, complete in replies, stored as they are rendered.

`name` is split when first and last are absent; state and stateCode (US), country and countryCode (ISO 3166)
fill each other. What was given is never contradicted: only a code in place of a name is spelled out.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from waypost.domain.texts import trimmed
from waypost.wire.places import US_STATES, country_code, country_name, state_code

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
    address_line1: str | None = msgspec.field(name="addressLine1")
    address_line2: str | None = msgspec.field(name="addressLine2")
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


def address_out(given: AddressIn) -> AddressOut:
    """The address, completed."""
    first, last = _names(given)
    country, in_country = _country(_text(given.country), _text(given.country_code))
    state, in_state = _text(given.state), _text(given.state_code)
    if in_country == "US":
        state, in_state = _us_state(state, in_state)
    name = " ".join(part for part in (first, last) if part) or None
    out = AddressOut(
        None, name, first, last, _text(given.company_name), _text(given.address_line1),
        _text(given.address_line2), _text(given.city), state, in_state, _text(given.postal), country,
        in_country, _text(given.email), _text(given.phone), False, "",
    )  # fmt: skip
    out.hash = _hash(out)
    return out


def store_address(given: AddressIn) -> str:
    """The address as JSON, in the form in which it is stored and shown."""
    return msgspec.json.encode(address_out(given)).decode()


def _text(value: str | None) -> str | None:
    return trimmed(value) or None if value else None


def _names(given: AddressIn) -> tuple[str | None, str | None]:
    """First and last name; a whole name is split at its last blank, a single word is a first name."""
    first, last, whole = _text(given.first_name), _text(given.last_name), _text(given.name)
    if first is not None or last is not None or whole is None:
        return first, last
    *firsts, final = filter(trimmed, whole.split())
    return (" ".join(firsts), final) if firsts else (final, None)


def _country(country: str | None, code: str | None) -> tuple[str | None, str | None]:
    """Name and alpha-2 code. A code that ISO 3166 does not know stays as it is."""
    if code is None:
        found = None if country is None else country_code(country)
        if found is not None and country is not None and len(country) <= 3:
            country = country_name(found)
        return country, found
    code = country_code(code) or code.upper()
    return country or country_name(code), code


def _us_state(state: str | None, code: str | None) -> tuple[str | None, str | None]:
    """Name and postal code of a US state, likewise."""
    if code is None:
        code = None if state is None else state_code(state)
        if code is not None and state is not None and len(state) == 2:
            state = US_STATES[code]
        return state, code
    code = state_code(code) or code
    return state or US_STATES.get(code), code


def _hash(address: AddressOut) -> str:
    """Of the content, without regard to case and spacing: equal for the same address written alike."""
    values = [value.casefold().split() if value else [] for value in msgspec.structs.astuple(address)]
    return hashlib.blake2b(msgspec.json.encode(values), digest_size=8).hexdigest()
