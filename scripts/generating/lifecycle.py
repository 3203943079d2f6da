"""The life cycle as a page and as a picture, both from the one table."""

from waypost.domain import order_lifecycle
from waypost.domain.lifecycle import TABLE, Action, Row
from waypost.domain.orders import OrderStatus
from waypost.domain.statuses import STATUSES, Status
from waypost.wire.orders import ORDER_STATUS_NAMES

HEAD = "<!-- Made by `make generate` from src/waypost/domain/lifecycle.py. Do not edit. -->\n"


def _edges() -> dict[tuple[Status | None, Status], list[str]]:
    """Which actions lead from one status to another; None is where a request comes from."""
    edges: dict[tuple[Status | None, Status], list[str]] = {}
    for row in TABLE:
        sources: tuple[Status | None, ...] = row.sources or (None,)
        for source in sources:
            if row.to is not None and row.to != source:
                edges.setdefault((source, row.to), [])
                if row.action not in edges[source, row.to]:
                    edges[source, row.to].append(row.action)
    return edges


def _who(row: Row) -> str:
    shown = [who for who in ("account", "source", "channel", "worker") if who in row.who]
    return ", ".join(shown)


def page() -> str:
    """`docs/lifecycle.md`: every status with the arrows in and out, and the whole table."""
    parts = [HEAD, "# The life cycle of a fulfillment request\n", "![The life cycle](lifecycle.svg)\n"]
    parts.append("| action | from | to | again | who | event | evidence |\n| --- | --- | --- | --- | --- | --- | --- |")
    for row in TABLE:
        sources = ", ".join(STATUSES[status].name for status in row.sources) or "–"
        to = STATUSES[row.to].name if row.to else "unchanged"
        outcome = f" ({row.outcome.replace('_', ' ')})" if row.outcome and row.action != Action.GENERATE else ""
        guards = f"; unless `{'`, `'.join(row.guards)}`" if row.guards else ""
        parts.append(f"| {row.action}{outcome} | {sources} | {to} | {row.repeat}{guards} | {_who(row)} | `{row.event}`"
                     f" | {row.evidence} |")  # fmt: skip
    parts.append("")
    edges = _edges()
    for status, facts in STATUSES.items():
        parts.append(f"## {facts.name}\n\n`{status}` – {facts.meaning}{' It is final.' if facts.final else ''}\n")
        into = [(source, actions) for (source, to), actions in edges.items() if to == status]
        out = [(to, actions) for (source, to), actions in edges.items() if source == status]
        named = [(STATUSES[s].name if s else "(new)", actions) for s, actions in into]
        parts.append(
            "In: " + (", ".join(f"{name} ({', '.join(actions)})" for name, actions in named) or "none") + ".\n"
        )
        told = ", ".join(f"{STATUSES[to].name} ({', '.join(actions)})" for to, actions in out)
        parts.append(f"Out: {told or 'none'}.\n")
    return "\n".join(parts)


ORDER_HEAD = "<!-- Made by `make generate` from src/waypost/domain/order_lifecycle.py. Do not edit. -->\n"


def order_page() -> str:
    """`docs/order-lifecycle.md`: what leads an order where, and what each status allows."""
    parts = [ORDER_HEAD, "# The life cycle of an order\n"]
    parts.append(
        "What people ask for, and what follows from the items: all shipped closes an order, all canceled cancels it.\n"
    )
    parts.append("| action | from | to | again | who |\n| --- | --- | --- | --- | --- |")
    for row in order_lifecycle.TABLE:
        sources = ", ".join(ORDER_STATUS_NAMES[status] for status in row.sources) or "–"
        to = ORDER_STATUS_NAMES[row.to] if row.to else "unchanged"
        again = "no change" if row.repeat_from else "–"
        who = ", ".join("the hub" if who == "system" else who for who in row.who if who != "user")
        parts.append(f"| {row.action.replace('_', ' ')} | {sources} | {to} | {again} | {who} |")
    parts.append("\n| status | can be set to |\n| --- | --- |")
    for status, name in ORDER_STATUS_NAMES.items():
        names = ", ".join(ORDER_STATUS_NAMES[to] for to in order_lifecycle.settable(OrderStatus(status)))
        parts.append(f"| {name} | {names} |")
    return "\n".join(parts) + "\n"


# Where each status stands in the picture: column and row of a grid. Only the places are drawn by hand; what is drawn,
# and every arrow, comes from the table.
PLACES: dict[Status, tuple[float, float]] = {
    Status.UNPROCESSED: (0, 0), Status.ADDITIONAL_INFO_REQUIRED: (0, 1), Status.NUMBER_EXCEEDS_MAX_LENGTH: (0, 2),
    Status.DUPLICATE_NUMBER: (0, 3), Status.CROSS_DOCKED: (0, 4), Status.PROCESSING: (1, 2), Status.PROCESSED: (2, 0.6),
    Status.PROCESSING_ERROR: (2, 3.4), Status.ACKNOWLEDGED: (3, 2), Status.CANCELED: (3, 4.2), Status.VOIDED: (3, 5),
}  # fmt: skip
COLUMN, ROW, WIDTH, HEIGHT, MARGIN = 320, 92, 216, 46, 24
COLORS = {Status.PROCESSING_ERROR: "#c62828", Status.ACKNOWLEDGED: "#2e7d32", Status.CANCELED: "#616161",
          Status.VOIDED: "#616161"}  # fmt: skip
ENDS = (Status.CANCELED, Status.VOIDED)


def _box(status: Status) -> tuple[float, float]:
    column, row = PLACES[status]
    return MARGIN + column * COLUMN, MARGIN + row * ROW


def _arrow(source: Status, to: Status, label: str, offset: float) -> str:
    (x1, y1), (x2, y2) = _box(source), _box(to)
    forward = x2 > x1 or (x1 == x2 and y2 > y1)
    if x1 == x2:
        offset = 70.0  # beside the middle, where another arrow passes
        start, end = (x1 + WIDTH / 2 + offset, y1 + HEIGHT), (x2 + WIDTH / 2 + offset, y2)
    elif forward:
        start, end = (x1 + WIDTH, y1 + HEIGHT / 2 + offset), (x2, y2 + HEIGHT / 2 + offset)
    else:
        start, end = (x1, y1 + HEIGHT / 2 + offset), (x2 + WIDTH, y2 + HEIGHT / 2 + offset)
    bend = (end[0] - start[0]) / 2
    path = f"M{start[0]:.0f},{start[1]:.0f} C{start[0] + bend:.0f},{start[1]:.0f} {end[0] - bend:.0f},{end[1]:.0f} " \
           f"{end[0]:.0f},{end[1]:.0f}"  # fmt: skip
    color = "#c62828" if to == Status.PROCESSING_ERROR else "#546e7a"
    aside = 40 if x1 == x2 else 0
    middle = ((start[0] + end[0]) / 2 + aside / 2, (start[1] + end[1]) / 2 - 6 - aside)
    return (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.6" marker-end="url(#tip)"/>'
        f'<text x="{middle[0]:.0f}" y="{middle[1]:.0f}" class="action" fill="{color}">{label}</text>'
    )


def picture() -> str:
    """`docs/lifecycle.svg`. Cancel and void are allowed from every live status: one note instead of eighteen arrows."""
    width, height = MARGIN * 2 + 3 * COLUMN + WIDTH, MARGIN * 2 + 5 * ROW + HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" font-family="sans-serif" role="img"'
        ' aria-label="The life cycle of a fulfillment request">',
        "<style>.name{font-size:14px;fill:#fff;text-anchor:middle}.action{font-size:12px;text-anchor:middle}"
        ".note{font-size:12px;fill:#546e7a;text-anchor:end}</style>",
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L10,5 L0,10 z" fill="#546e7a"/></marker></defs>',
        f'<rect width="{width}" height="{height:.0f}" fill="#fafafa"/>',
    ]
    edges = _edges()
    for (source, to), actions in edges.items():
        if source is None or to in ENDS:
            continue
        back = (to, source) in edges
        shown = [action for action in actions if action not in ("hand_over",)] or actions
        parts.append(_arrow(source, to, ", ".join(shown), -9 if back and source > to else 9 if back else 0))
    for status, facts in STATUSES.items():
        x, y = _box(status)
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{COLORS.get(status, "#1565c0")}"/>'
            f'<text x="{x + WIDTH / 2:.0f}" y="{y + HEIGHT / 2 + 5:.0f}" class="name">{facts.name}</text>'
        )
    for end, action in zip(ENDS, ("cancel", "void"), strict=True):
        x, y = _box(end)
        count = sum(to == end for _, to in edges)
        parts.append(
            f'<text x="{x - 12:.0f}" y="{y + 28:.0f}" class="note">{action}: from {count} statuses, while nothing shipped</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
