"""How programs spell what they repeat, and what is left of such a spelling in a text."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus


def _in_base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


ECHOES: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "upper case": str.upper,
    "JSON": lambda value: json.dumps(value).replace("/", "\\/"),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value).replace("/", "\\/")),
    "\\u00xx": lambda value: "".join(f"\\u{ord(one):04x}" for one in value),
    "\\u00XX of some": lambda value: "".join(one if one.isalnum() else f"\\u{ord(one):04X}" for one in value),
    "\\xXX": lambda value: "".join(f"\\x{ord(one):02X}" for one in value),
    "percent": lambda value: quote(value, safe=""),
    "percent of all, lower": lambda value: "".join(f"%{ord(one):02x}" for one in value),
    "percent twice": lambda value: quote(quote(value, safe=""), safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML decimal": lambda value: "".join(f"&#{ord(one)};" for one in value),
    "HTML hexadecimal": lambda value: "".join(f"&#x{ord(one):X};" for one in value),
    "HTML of JSON": lambda value: html.escape(json.dumps(value)),
    "base64": _in_base64,
    "base64, for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "base64 of a line": lambda value: _in_base64(f"~~{value}~~"),
    "base64 of JSON": lambda value: _in_base64(f'"{value}"'),
    "base64, broken into lines": lambda value: "\n".join(_in_base64(value)[at : at + 9] for at in range(0, 400, 9)),
    "hexadecimal": lambda value: value.encode().hex(),
    "HEXADECIMAL with colons": lambda value: value.encode().hex(":").upper(),
    "with invisible characters": "\u200b".join,
}


def traces(spelled: str) -> set[str]:
    """Parts of a spelling that nothing but the secret explains: runs of a third of it."""
    size = max(8, len(spelled.strip()) // 3)
    return {spelled[at : at + size] for at in range(max(1, len(spelled) - size))}


def found(text: str, secret: str) -> set[str]:
    """The spellings of the secret of which the text holds parts."""
    return {name for name, spell in ECHOES.items() if any(part in text for part in traces(spell(secret)))}
