"""Single values on the wire: ids, numbers, moments, money and text, strict where Python's own are lenient."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_ID = re.compile(r"[0-9]{1,19}", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_MAX_ID = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_FRACTION = re.compile(r"([.,][0-9]{6})[0-9]+", re.ASCII)
MONEY_BELOW = 10**11  # units of the currency; keeps every amount exact as a JSON number


def parse_id(text: str) -> int | None:
    """An id of at most 19 ASCII digits that fits 63 bits; None when it is none."""
    if _ID.fullmatch(text) is None:
        return None
    value = int(text)
    return value if value <= _MAX_ID else None


def parse_int(text: str) -> int | None:
    """An integer of ASCII digits that fits 63 bits, white space around it trimmed."""
    text = text.strip()
    if _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if -_MAX_ID <= value <= _MAX_ID else None


def parse_bool(text: str) -> bool | None:
    """`true`, `false`, `1` or `0` in any case, white space around it trimmed."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())


def parse_datetime(text: str) -> int:
    """A moment in any ISO 8601 form, as microseconds since 1970 UTC; no zone means UTC. Raises ValueError.

    Fractions finer than a microsecond are cut.
    """
    given = text.strip()
    if not given.isascii():
        raise ValueError(f"{given[:40]!r} is not a date-time in ISO 8601 form.")
    try:
        moment = datetime.fromisoformat(_LONG_FRACTION.sub(r"\1", given))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{given[:40]!r} is not a date-time in ISO 8601 form.") from None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_datetime(moment: int) -> str:
    """Microseconds since 1970 as `2026-04-20T00:00:00.000000Z`."""
    seconds, micros = divmod(moment, 1_000_000)
    return f"{_second(seconds)}.{micros:06d}Z"


_seconds: dict[int, str] = {}


def _second(seconds: int) -> str:
    found = _seconds.get(seconds)
    if found is None:
        if len(_seconds) > 4096:
            _seconds.clear()
        at = _EPOCH + timedelta(seconds=seconds)
        found = _seconds[seconds] = (
            f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
        )
    return found


def parse_money(value: Decimal | int) -> int:
    """An amount as integer ten-thousandths. Raises ValueError on more than 4 decimals or 11 digits before them."""
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) >= MONEY_BELOW:
        raise ValueError(f"An amount is a number below {MONEY_BELOW}.")
    scaled = amount.scaleb(4)
    if scaled != scaled.to_integral_value():
        raise ValueError("An amount has at most 4 decimals.")
    return int(scaled)


def money(amount: int) -> float:
    """Ten-thousandths as a JSON number: with at most 15 digits the nearest float prints exactly."""
    whole, rest = divmod(amount, 10_000)
    return whole if rest == 0 else amount / 10_000


def has_bad_characters(text: str) -> bool:
    """Whether `text` holds U+0000 or a lone surrogate, which no text may (contract section 1.1)."""
    if text.isascii():
        return "\0" in text
    return "\0" in text or any("\ud800" <= char <= "\udfff" for char in text)
