"""Text that people give: what is left of it without the blanks around it, and whether anybody can see it."""

import re

# What shows nothing: Unicode's categories Cc, Cf, Zs, Zl and Zp, its property Default_Ignorable_Code_Point, and the
# symbols that are drawn empty (Braille blank, null notehead, Khitan filler). Listed, because to ask `unicodedata` about
# every character takes a tenth of a second; a test holds the list against it. U+0000 is not among them: no text may
# hold it, and it is refused as such.
_INVISIBLE = re.compile(
    r"[\x01-\x20\x7f-\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5"
    r"\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]+"
)


def trimmed(text: str) -> str:
    """`text` without the white space around it; empty when none of its characters can be seen."""
    text = text.strip()
    return "" if _INVISIBLE.fullmatch(text) else text


def is_blank(text: str) -> bool:
    """Whether nobody can see anything of it: a reason or a name like that says nothing."""
    return not trimmed(text)
