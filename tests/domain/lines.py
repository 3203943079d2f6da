"""Lines for tests of quantities: a maker, a Hypothesis strategy, and the schema's CHECK constraints once more."""

from hypothesis import strategies as st

from waypost.domain.fulfillment import Line


def make_line(id_: int = 1, quantity: int = 5, sku: str | None = None, **given: int) -> Line:
    """A line of request 1; quantities as given, the rest empty."""
    blank = dict.fromkeys(Line._fields)
    counts = dict.fromkeys(("acknowledged", "secondary_acknowledged", "shipped", "canceled", "killed", "voided"), 0)
    fixed = {"request_id": 1, "line_number": id_, "cost": 10_000, "custom_fields": "[]"}
    values = {
        **blank,
        **counts,
        **fixed,
        "id": id_,
        "quantity": quantity,
        "sku": sku or f"SKU-{id_}",
        **given,
    }
    return Line(**values)  # type: ignore[arg-type]  # built by name


def fits(line: Line) -> bool:
    """What the CHECK constraints of `fulfillment_request_line` demand."""
    return (
        line.quantity > 0
        and min(line.acknowledged, line.shipped, line.canceled, line.voided) >= 0
        and 0 <= line.killed <= line.canceled
        and 0 <= line.secondary_acknowledged <= line.acknowledged
        and line.shipped + line.canceled + line.voided <= line.quantity
        and line.acknowledged + line.canceled + line.voided <= line.quantity
    )


@st.composite
def line_sets(draw: st.DrawFn, most: int = 4) -> tuple[Line, ...]:
    """Lines in any state that the schema allows."""
    lines = []
    for id_ in range(1, draw(st.integers(1, most)) + 1):
        quantity = draw(st.integers(1, 12))
        canceled = draw(st.integers(0, quantity))
        voided = draw(st.integers(0, quantity - canceled))
        left = quantity - canceled - voided
        acknowledged = draw(st.integers(0, left))
        lines.append(
            make_line(
                id_,
                quantity,
                sku=draw(st.sampled_from(("A", "B", "C"))),
                canceled=canceled,
                killed=draw(st.integers(0, canceled)),
                voided=voided,
                shipped=draw(st.integers(0, left)),
                acknowledged=acknowledged,
                secondary_acknowledged=draw(st.integers(0, acknowledged)),
            )
        )
    return tuple(lines)
