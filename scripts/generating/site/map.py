"""The life cycle as a drawing for pages. Places and paths are drawn by hand, the words on the arrows come from the table.

A move of the table without an arrow, and an arrow without a move, raise `ValueError`.
"""

from html import escape

from generating.site.refusing import CHIPS
from waypost.domain.lifecycle import TABLE, Action
from waypost.domain.statuses import BLOCKED, STATUSES, Status

S, A = Status, Action
BOXES = {
    S.UNPROCESSED: (10, 60, 232), S.PROCESSING: (306, 60, 120), S.PROCESSED: (502, 60, 116), S.ACKNOWLEDGED: (712, 60, 130),
    S.PROCESSING_ERROR: (420, 230, 150), S.ADDITIONAL_INFO_REQUIRED: (10, 180, 232), S.NUMBER_EXCEEDS_MAX_LENGTH: (10, 230, 232),
    S.DUPLICATE_NUMBER: (10, 280, 232), S.CROSS_DOCKED: (10, 330, 232), S.CANCELED: (712, 280, 130), S.VOIDED: (712, 330, 130),
}  # fmt: skip
HEIGHT = 40
# From, to, the path of the arrow, where its words stand (x, y, anchor), and their end.
ARROWS = (
    ((S.UNPROCESSED,), S.PROCESSING, "M242 80H304", (273, 72, "middle"), ""),
    ((S.PROCESSING,), S.PROCESSED, "M426 80H500", (463, 72, "middle"), ""),
    ((S.PROCESSED,), S.ACKNOWLEDGED, "M618 80H710", (664, 72, "middle"), ""),
    ((S.PROCESSING,), S.ACKNOWLEDGED, "M366 60C366 6 777 6 777 58", (572, 14, "middle"), ""),
    (BLOCKED, S.PROCESSING, "M258 275H330V102", (266, 294, "start"), ""),
    ((S.PROCESSING_ERROR,), S.PROCESSING, "M418 250H354V102", (336, 294, "start"), " again"),
    ((S.PROCESSING_ERROR,), S.ACKNOWLEDGED, "M570 250C700 250 770 200 777 102", (584, 270, "start"), ""),
    ((S.PROCESSING,), S.PROCESSING_ERROR, "M396 100C396 180 460 150 460 228", (440, 150, "start"), ""),
    ((S.PROCESSED,), S.PROCESSING_ERROR, "M560 100C560 170 530 160 530 228", (557, 180, "start"), ""),
)  # fmt: skip
NARROW = (664, 72)
ENDS = (S.CANCELED, S.VOIDED)  # reached from every status that is not final: a sentence beside the box, no arrows
# A hand-over leads where the source's own call would; its words would say the same twice.
UNSAID = (A.GENERATE, A.HAND_OVER)


def _moves() -> dict[tuple[Status, Status], list[str]]:
    found: dict[tuple[Status, Status], list[str]] = {}
    for row in TABLE:
        for source in row.sources:
            if row.to not in (None, source) and row.action not in UNSAID:
                said = found.setdefault((source, row.to), [])
                if row.action not in said:
                    said.append(str(row.action))
    return found


def _checked() -> list[tuple[str, tuple[int, int, str], str, bool]]:
    moves = _moves()
    drawn = {(source, to) for sources, to, *_ in ARROWS for source in sources}
    wanted = {move for move in moves if move[1] not in ENDS}
    if drawn != wanted:
        raise ValueError(f"the drawing and the table differ: {sorted(drawn ^ wanted)}")
    arrows = []
    for sources, to, path, place, ending in ARROWS:
        words = {", ".join(moves[source, to]) for source in sources}
        if len(words) != 1:
            raise ValueError(f"one arrow, several actions: {words}")
        arrows.append((path, place, words.pop() + ending, to == S.PROCESSING_ERROR))
    return arrows


def _end(status: Status) -> tuple[str, int]:
    sources = [source for (source, to) in _moves() if to == status]
    actions = dict.fromkeys(action for (_, to), said in _moves().items() if to == status for action in said)
    return ", ".join(action for action in actions if action != "adjust"), len(sources)


def drawing() -> str:
    """The figure as HTML."""
    arrows = _checked()
    title = (
        "Life cycle: Unprocessed is released (process) to Processing, then Processed, then Acknowledged."
        " Processing and Processed can fail to Processing Error, from which it is released again."
    )
    parts = [
        '<figure class="panel broad"><div class="scroll" tabindex="0" role="region" aria-label="Life cycle, drawn">'
        f'<svg class="map" viewBox="0 0 852 380" role="img" aria-labelledby="map-t"><title id="map-t">{title}</title>'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0 10 5 0 10z"/></marker></defs><g>'
    ]
    parts += [f'<path class="{"f" if fails else ""}" d="{path}" marker-end="url(#tip)"/>' for path, _, _, fails in arrows]
    parts.append('</g><path d="M242 200H258V350H242"/>')
    for status, (x, y, width) in BOXES.items():
        parts.append(
            f'<g class="{CHIPS[status].split(" ")[0]}"><rect x="{x}" y="{y}" width="{width}" height="{HEIGHT}" rx="6"/>'
            f'<text x="{x + width // 2}" y="{y + 25}" text-anchor="middle">{escape(STATUSES[status].name)}</text></g>'
        )
    for _, (x, y, anchor), words, fails in arrows:
        # Words that are longer than their arrow go on below it.
        lines = words.split(", ", 1) if (x, y) == NARROW else [words]
        parts += [f'<text class="a{" f" if fails else ""}" x="{x}" y="{y + 26 * number}" text-anchor="{anchor}">{line}</text>'
                  for number, line in enumerate(lines)]  # fmt: skip
    parts.append('<text class="a" x="10" y="170">Blocked before release</text>')
    for status in ENDS:
        words, _ = _end(status)
        x, y, _ = BOXES[status]
        parts.append(f'<text class="a" x="{x - 12}" y="{y + 25}" text-anchor="end">{words}: while nothing has shipped</text>')
    parts.append(
        '</svg></div><figcaption class="small dim">Adjust keeps, acknowledges or cancels a request, by what is left open.'
        "</figcaption></figure>"
    )
    return "".join(parts)
