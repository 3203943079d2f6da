"""Values as SQL literals of PostgreSQL, where a parameter cannot be given."""

from typing import Any


def literal(value: Any, kind: str) -> str:
    """`value` as a literal of the type `kind`."""
    if value is None:
        return f"NULL::{kind}"
    if isinstance(value, list | tuple):
        inner = ", ".join(literal(one, kind.removesuffix("[]")) for one in value)
        return f"ARRAY[{inner}]::{kind}"
    if isinstance(value, bool):
        return f"{str(value).lower()}::{kind}"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'::{kind}"
    text = str(value).replace("'", "''")
    return f"'{text}'::{kind}"
