"""A model of fulfillment requests in plain Python: the contract's words once more, and nothing of the hub's code."""

from dataclasses import dataclass, field
from typing import Any

LIVE = (
    "unprocessed", "processing", "processed", "acknowledged", "processing_error", "additional_info_required",
    "number_exceeds_max_length", "duplicate_number", "cross_docked",
)  # fmt: skip
AT_SOURCE = ("processing", "processed", "processing_error")
BLOCKED = ("additional_info_required", "number_exceeds_max_length", "duplicate_number", "cross_docked")

# Contract section 2.3: from where each action may be asked, and from where asking again changes nothing.
FROM = {
    "process": ("unprocessed", "processing_error", *BLOCKED),
    "processed": ("processing",),
    "fail": ("processing", "processed"),
    "acknowledge": AT_SOURCE,
    "adjust": (*AT_SOURCE, "acknowledged"),
    "cancel": LIVE,
    "void": LIVE,
    "accounting_sync": (*LIVE, "canceled", "voided"),
}
ALREADY = {"process": "processing", "processed": "processed", "cancel": "canceled", "void": "voided"}
TO = {"process": "processing", "processed": "processed", "fail": "processing_error", "acknowledge": "acknowledged",
      "cancel": "canceled", "void": "voided"}  # fmt: skip


@dataclass
class ModelLine:
    """One line."""

    sku: str
    quantity: int
    acknowledged: int = 0
    canceled: int = 0
    killed: int = 0
    voided: int = 0

    @property
    def left(self) -> int:
        """Neither canceled nor voided."""
        return self.quantity - self.canceled - self.voided

    def cancel(self, quantity: int, kill: bool) -> None:
        """Cancel, first what is not acknowledged."""
        self.canceled += quantity
        self.killed += quantity if kill else 0
        self.acknowledged = min(self.acknowledged, self.left)


@dataclass
class ModelRequest:
    """One request. `history` holds the status after each change."""

    order: str
    status: str
    lines: list[ModelLine]
    version: int = 1
    reason: str | None = None
    in_doubt: bool = False
    attempts: int = 0
    history: list[str] = field(default_factory=list)

    def ask(self, action: str, confirm: bool = False) -> str:
        """`move`, `none` or `refuse`: what the contract says of this action now."""
        if ALREADY.get(action) == self.status:
            return "none"
        if self.status not in FROM[action]:
            return "refuse"
        return "refuse" if action == "process" and self.in_doubt and not confirm else "move"

    def move(self, action: str, reason: str | None = None, code: str = "other", kill: bool = False) -> None:
        """Carry out what `ask` allowed."""
        for line in self.lines:
            if action == "acknowledge":
                line.acknowledged = line.left
            elif action == "cancel":
                line.cancel(line.left, kill)
            elif action == "void":
                line.voided += line.left
                line.acknowledged = 0
        self._arrive(TO.get(action, self.status))
        if action == "fail":
            self.reason, self.in_doubt = reason, code == "outcome_unknown"

    def adjust(self, acknowledge: int, cancel: int, kill: bool) -> bool:
        """Acknowledge, then cancel, some of the first line; False where that is more than is open."""
        line = self.lines[0]
        if acknowledge > line.left - line.acknowledged or cancel > line.left:
            return False
        line.acknowledged += acknowledge
        line.cancel(cancel, kill)
        if all(one.left == 0 for one in self.lines):
            self._arrive("canceled")
        elif all(one.acknowledged == one.left for one in self.lines):
            self._arrive("acknowledged")
        else:
            self._arrive(self.status)
        return True

    def _arrive(self, status: str) -> None:
        if status != self.status and status == "processing":
            self.attempts += 1
        if status != self.status:
            self.reason, self.in_doubt = None, False
        self.status = status
        self.version += 1
        self.history.append(status)


@dataclass
class ModelPosted:
    """What was last posted of an order: the body of `POST /orders`."""

    body: dict[str, Any]

    def repeat(self, change: dict[str, Any], order: dict[str, Any]) -> dict[str, Any] | None:
        """Payment, tags and note of the order after a repeat with this change; None: it is refused.

        Compared with what was posted, not with the order, which the merchant may have changed.
        """
        was, now = self.body, self.body | change
        if was.get("shippingText") != now.get("shippingText"):
            return None
        after = {name: order[name] for name in ("paymentStatus", "tags", "note")}
        if now.get("paymentStatus") not in (None, was.get("paymentStatus")):
            after["paymentStatus"] = now["paymentStatus"]
        if now.get("note") != was.get("note"):
            after["note"] = now.get("note")
        before, tags = was.get("tags") or [], now.get("tags") or []
        kept = [tag for tag in order["tags"] if tag not in before or tag in tags]
        after["tags"] = kept + [tag for tag in tags if tag not in before and tag not in kept]
        return after
