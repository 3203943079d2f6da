"""Countries and US states by the names and codes that people write, beside those of ISO 3166."""

import unicodedata
from functools import lru_cache

from iso3166 import countries

US_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida",
    "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa",
    "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi", "MO": "Missouri",
    "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio",
    "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "AS": "American Samoa",
    "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico", "VI": "U.S. Virgin Islands",
    "UM": "U.S. Minor Outlying Islands", "AA": "Armed Forces Americas", "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}  # fmt: skip

# Shown instead of the official name, which nobody writes on a parcel.
_SHORT_NAMES = {
    "BO": "Bolivia", "BN": "Brunei", "CC": "Cocos Islands", "CD": "Democratic Republic of the Congo",
    "FK": "Falkland Islands", "FM": "Micronesia", "GB": "United Kingdom", "IR": "Iran", "KP": "North Korea",
    "KR": "South Korea", "LA": "Laos", "MD": "Moldova", "MF": "Saint Martin", "NL": "Netherlands",
    "PS": "Palestine", "RU": "Russia", "SH": "Saint Helena", "SX": "Sint Maarten", "SY": "Syria",
    "TW": "Taiwan", "TZ": "Tanzania", "US": "United States", "VE": "Venezuela",
    "VG": "British Virgin Islands", "VI": "U.S. Virgin Islands", "VN": "Vietnam",
}  # fmt: skip

# Understood on input, beside the official and the short names.
_ALIASES = {
    "america": "US", "u s": "US", "u s a": "US", "uk": "GB", "u k": "GB", "great britain": "GB",
    "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "holland": "NL",
    "korea": "KR", "turkey": "TR", "czech republic": "CZ", "ivory coast": "CI", "cape verde": "CV",
    "burma": "MM", "swaziland": "SZ", "macedonia": "MK", "east timor": "TL", "macau": "MO", "uae": "AE",
    "vatican": "VA", "vatican city": "VA", "republic of the congo": "CG",
}  # fmt: skip


def _folded(name: str) -> str:
    """`Côte d'Ivoire`, `COTE D’IVOIRE` and `cote d ivoire` alike; a leading article does not count."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace("&", " and "))
    plain = "".join(char for char in letters if not unicodedata.combining(char))
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return " ".join(words[1:] if words[:1] == ["the"] else words)


_STATE_CODES = {_folded(name): code for code, name in US_STATES.items()} | {code.casefold(): code for code in US_STATES}
# XK is in no edition of ISO 3166, but on every carrier's list.
_COUNTRY_NAMES = {country.alpha2: country.apolitical_name for country in countries} | {"XK": "Kosovo"} | _SHORT_NAMES
_COUNTRY_CODES = (
    {_folded(form): c.alpha2 for c in countries for form in (c.name, c.apolitical_name, c.alpha3)}
    | {_folded(text): code for code, name in _COUNTRY_NAMES.items() for text in (name, code)}
    | {_folded(alias): code for alias, code in _ALIASES.items()}
)


@lru_cache(maxsize=1024)
def country_code(text: str) -> str | None:
    """The alpha-2 code of a country written as a name or as a code; None when it is not known."""
    return _COUNTRY_CODES.get(_folded(text))


def country_name(code: str) -> str | None:
    """The usual English name of an alpha-2 code."""
    return _COUNTRY_NAMES.get(code)


@lru_cache(maxsize=1024)
def state_code(text: str) -> str | None:
    """The postal code of a US state, district, territory or armed forces region, written as name or code."""
    return _STATE_CODES.get(_folded(text))
