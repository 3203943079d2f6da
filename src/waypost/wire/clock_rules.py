"""Clock rules on the wire (native)."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from waypost.app.clock_rules import RULES_AT_MOST, RuleDraft
from waypost.domain.clock_rules import ClockRule, Condition, Response
from waypost.wire.bodies import Id
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

YEAR_MINUTES = 366 * 24 * 60


class RuleIn(Struct, rename="camel"):
    """One rule."""

    condition: Condition
    after_minutes: Annotated[int, Meta(ge=1, le=YEAR_MINUTES)]
    action: Response = Response.ALERT
    source_id: Id | None = None
    enabled: bool = True


Rules = Annotated[list[RuleIn], Meta(max_length=RULES_AT_MOST)]


def rule_drafts(body: Sequence[RuleIn]) -> list[RuleDraft]:
    """The rules as asked for."""
    return [RuleDraft(one.source_id, one.condition, one.after_minutes, one.action, one.enabled) for one in body]


def _rule(rule: ClockRule) -> dict[str, Any]:
    return {
        "sourceId": rule.source_id,
        "condition": rule.condition,
        "afterMinutes": rule.after_minutes,
        "action": rule.response,
        "enabled": bool(rule.enabled),
        "createdAt": format_datetime(rule.created_at),
        "updatedAt": format_datetime(rule.updated_at),
    }


def render_rules(rules: Sequence[ClockRule]) -> bytes:
    """A bare array, in the rules' order."""
    return encode([_rule(one) for one in rules])
