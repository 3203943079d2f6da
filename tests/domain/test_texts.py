"""Which text says nothing, because nobody can see any of it."""

import sys
import unicodedata

import pytest

from waypost.domain.texts import is_blank, trimmed

# Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt), which Python does not know.
IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
EMPTY_SYMBOLS = (0x2800, 0x1D159, 0x16FE4)
UNSEEN = ("Cc", "Cf", "Zs", "Zl", "Zp")


def invisible() -> set[int]:
    """Every code point that shows nothing."""
    found = {point for first, last in IGNORABLE for point in range(first, last + 1)} | set(EMPTY_SYMBOLS)
    # U+0000 is refused as no text, not as blank.
    return found | {point for point in range(1, sys.maxunicode + 1) if unicodedata.category(chr(point)) in UNSEEN}


def test_exactly_what_shows_nothing_is_blank() -> None:
    blank = {point for point in range(sys.maxunicode + 1) if is_blank(chr(point))}
    assert invisible() <= blank
    # A newer Unicode may have given a meaning to what an older Python does not know.
    assert {unicodedata.category(chr(point)) for point in blank - invisible()} <= {"Cn"}


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u2060\ufeff", "\u00ad \u3164", "\x01\x1b", "\u2800\ufe0f", "\u115f\u1160"])
def test_nothing_to_see(text: str) -> None:
    assert is_blank(text)
    assert trimmed(text) == ""


@pytest.mark.parametrize("text", ["x", "\u200bx", "x\u200b", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f", "\ud55c", "0", "."])
def test_what_can_be_seen_is_kept_with_what_it_needs_to_be_read(text: str) -> None:
    assert not is_blank(text)
    assert trimmed(f" {text}\n") == text


def test_a_long_text_is_judged_quickly() -> None:
    assert is_blank("\u200b" * 100_000)
    assert not is_blank("\u200b" * 100_000 + "x")
