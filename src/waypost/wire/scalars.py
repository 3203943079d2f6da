"""Single values on the wire: ids, numbers, moments, money and text, strict where Python's own are lenient."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact
from functools import lru_cache

from waypost.domain.texts import trimmed

_ID = re.compile(r"[0-9]{1,19}")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_MAX_ID = 2**63 - 1
SHOWN = 60  # characters of a bad value in a message
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
# Python takes any character between date and time, and "2026-04-20+02:00" for two o'clock.
_LOST_PLUS = re.compile(r"T[0-9:.,]+ [0-9]{2}:?[0-9]{2}$")  # a zone of the east, unencoded in a query
_MOMENT = re.compile(r"[0-9W-]{7,10}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:.,]+)?)?")

Amount = int | Decimal  # money in a body: a JSON number
MONEY_BELOW = 10**11  # units of the currency; keeps every amount exact as a JSON number
_EXACT = Context(prec=50, traps=[Inexact])  # digits: any that are cut off are zeros, or too many decimals


class Misread(ValueError):
    """A value that is none of its kind: a stable code, and what it should have been, without its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(value: str) -> str:
    """A value for a message: quoted, and cut after 60 characters."""
    given = value.strip()
    return repr(given if len(given) <= SHOWN else f"{given[:SHOWN]}…")


def bad_cursor(value: str, besides: str = "") -> Misread:
    """What `after` raises for text that is no cursor. `besides`: what else it may be."""
    words = f"after must be the `next` of an earlier reply, unchanged{besides}; not {shown(value)}."
    return Misread("bad_cursor", words)


def parse_id(text: str) -> int | None:
    """An id of at most 19 ASCII digits that fits 63 bits; None when it is none."""
    if _ID.fullmatch(text) is None:
        return None
    value = int(text)
    return value if value <= _MAX_ID else None


def parse_int(text: str) -> int | None:
    """An integer of ASCII digits that fits 63 bits, white space around it trimmed; None when it is none."""
    text = text.strip()
    if _INTEGER.fullmatch(text) is None:
        return None
    value = int(text)
    return value if -_MAX_ID <= value <= _MAX_ID else None


def parse_bool(text: str) -> bool | None:
    """`true`, `false`, `1` or `0` in any case, white space around it trimmed; else None."""
    return _BOOLEANS.get(text.strip().lower())


def parse_datetime(text: str) -> int:
    """A moment in any ISO 8601 form, as microseconds since 1970 UTC; no zone means UTC. Raises Misread.

    Fractions finer than a microsecond are cut. A zone that takes it out of the years 1 to 9999 is refused.
    """
    given = text.strip().upper()
    try:
        if _MOMENT.fullmatch(given) is None:
            raise ValueError
        moment = datetime.fromisoformat(given)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"{text.strip()[:40]!r} is not a date-time in ISO 8601 form, such as 2026-04-20T00:00:00Z."
        if _LOST_PLUS.search(given):
            message += " In a URL, + means a blank: write %2B."
        raise Misread("bad_date", message) from None
    return (moment - _EPOCH) // timedelta(microseconds=1)


def format_datetime(moment: int) -> str:
    """Microseconds since 1970 UTC as `2026-04-20T00:00:00.000000Z`; OverflowError outside years 1 to 9999."""
    days, rest = divmod(moment, _DAY_US)
    minute, rest = divmod(rest, _MINUTE_US)
    digits = f"{rest:08d}"
    return f"{_day(days)}{_MINUTES[minute]}{digits[:2]}.{digits[2:]}Z"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return f"{(_EPOCH + timedelta(days=days)).date().isoformat()}T"


def parse_money(value: Decimal | int) -> int:
    """An amount as integer ten-thousandths, exactly. Raises Misread.

    At most 4 decimals, and less than 10**11 either side of zero; NaN and infinities are no amounts.
    """
    amount = Decimal(value)
    # The size is judged before anything is computed: 1E+999999999 is a short text and an endless integer.
    if not amount.is_finite() or not -MONEY_BELOW < amount < MONEY_BELOW:
        raise Misread("bad_amount", f"An amount is a number below {MONEY_BELOW}.")
    try:
        return int(_EXACT.to_integral_exact(_EXACT.scaleb(amount, 4)))
    except Inexact:
        raise Misread("bad_amount", "An amount has at most 4 decimals.") from None


def money(amount: int) -> float:
    """Ten-thousandths as a JSON number; up to 15 digits (every amount read) the float prints exactly."""
    whole, rest = divmod(amount, 10_000)
    return whole if rest == 0 else amount / 10_000


def clean_text(text: str, max_len: int) -> str:
    """`text` without the white space around it, of at most `max_len` code points. Raises Misread.

    Text that nobody can see comes back empty; whether that is allowed is for the caller to say.
    """
    text = trimmed(text)
    if len(text) > max_len:
        raise Misread("too_long", f"At most {max_len} characters are allowed; these are {len(text)}.")
    if has_bad_characters(text):
        raise Misread("bad_characters", "U+0000 and lone surrogates are not text.")
    return text


def has_bad_characters(text: str) -> bool:
    """Whether `text` holds U+0000 or a lone surrogate, which no text may (contract section 1.1)."""
    if "\0" in text:
        return True
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def camel(name: str) -> str:
    """`order_number` as the wire spells it: `orderNumber`."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))
