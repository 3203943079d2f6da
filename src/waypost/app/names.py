"""Names that people give to accounts, sources, channels and tokens."""

from waypost.domain.refusals import Problem
from waypost.domain.texts import trimmed

LONGEST = 200  # code points


def checked_name(field: str, given: str, problems: list[Problem], what: str = "name", longest: int = LONGEST) -> str:
    """`given` without white space at both ends; what is wrong goes to `problems` (contract section 1.1)."""
    name = trimmed(given)
    if not name:
        problems.append(Problem(field, "required", f"The {what} must not be blank."))
    elif len(name) > longest:
        message = f"The {what} has {len(name)} characters; at most {longest} are allowed."
        problems.append(Problem(field, "too_long", message))
    elif not _is_text(name):
        problems.append(Problem(field, "bad_characters", f"The {what} holds characters that no text may hold."))
    return name


def checked_optional(field: str, given: str | None, problems: list[Problem], what: str) -> str | None:
    """As `checked_name`; None stays None."""
    return None if given is None else checked_name(field, given, problems, what)


def _is_text(name: str) -> bool:
    """Neither U+0000 nor half of a surrogate pair, such as undecodable bytes on a command line leave."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
