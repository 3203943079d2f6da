"""`waypost fr`: fulfillment requests of a hub that runs, listed, shown and moved over HTTP."""

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from waypost.cli.calling import calling, hub_options
from waypost.cli.faults import Refused
from waypost.cli.options import json_option
from waypost.cli.output import print_json, print_table, say, say_aside

if TYPE_CHECKING:
    from waypost_client import Client

AT_ONCE = 500  # requests in one bulk call (contract section 2.7)
Rows = list[tuple[object, ...]]

ids_argument = click.argument("ids", type=click.IntRange(min=1), nargs=-1, required=True, metavar="ID...")
dry_run_option = click.option("--dry-run", is_flag=True, help="Tell what would happen, and change nothing.")
reason_option = click.option("--reason", metavar="TEXT", help="Why; kept in the timeline.")


@click.group()
def fr() -> None:
    """List, show and move fulfillment requests of a hub that runs."""


@fr.command("list")
@click.option("--status", multiple=True, metavar="NAME", help="In this status, such as Processing; may be repeated.")
@click.option("--source", "source_id", type=click.IntRange(min=1), metavar="ID", help="At this source.")
@click.option("--order", "order_id", type=click.IntRange(min=1), metavar="ID", help="Of this order.")
@click.option("--number", "numbers", multiple=True, metavar="NUMBER", help="With this number; may be repeated.")
@click.option("--failure-code", "codes", multiple=True, metavar="CODE", help="Failed with this code; may be repeated.")
@click.option("--attention", is_flag=True,
              help="Only failed and blocked ones, snoozed or not. `waypost attention` has overdue ones, too.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="COUNT", help="At most.")
@hub_options
@json_option
def list_(
    status: tuple[str, ...], source_id: int | None, order_id: int | None, numbers: tuple[str, ...],
    codes: tuple[str, ...], attention: bool, limit: int, url: str, token: str, as_json: bool,
) -> None:  # fmt: skip
    """List fulfillment requests, oldest first."""
    with calling(url, token) as hub:
        found = hub.iterate(
            hub.list_fulfillment_requests, filter_status=status or None, filter_source_id=source_id,
            find_order_id=order_id, fr_numbers=numbers or None, filter_failure_code=codes or None,
            filter_needs_attention=attention or None, filter_page_size=min(limit, 100),
        )  # fmt: skip
        requests = list(itertools.islice(found, limit))
    if as_json:
        print_json(requests)
        return
    rows: Rows = [
        (one["id"], one["fulfillmentRequestNumber"], one["fulfillmentRequestStatus"]["name"], one["sourceId"],
         one["orderId"], one["lastModifiedAt"][:19], one["processingErrorReason"])
        for one in requests
    ]  # fmt: skip
    print_table(
        "fulfillment requests", ("Id", "Number", "Status", "Source", "Order", "Last change (UTC)", "Reason"), rows
    )
    if len(requests) == limit:
        say_aside(f"There may be more: --limit shows more than {limit}.")


@fr.command()
@click.argument("request_id", type=click.IntRange(min=1), metavar="ID")
@hub_options
@json_option
def show(request_id: int, url: str, token: str, as_json: bool) -> None:
    """Show one with its items, what is allowed now, and its timeline."""
    with calling(url, token) as hub:
        one = hub.get_fulfillment_request(request_id)
        events = hub.list_fulfillment_request_events(request_id)
    if as_json:
        print_json({"fulfillmentRequest": one, "events": events})
        return
    say(f"{one['fulfillmentRequestNumber']} (id {one['id']}, order {one['orderId']}, source {one['sourceId']})")
    say(f"{one['fulfillmentRequestStatus']['name']}, {one['fulfillmentStatus']['name']}, version {one['version']}")
    failure = one["failure"]
    if failure is not None:
        retry = "a retry can help" if failure["retryable"] else "a retry alone does not help"
        say(f"Failed: {failure['message']} ({failure['code']}; {retry})")
    say(f"Allowed now: {', '.join(one['allowedActions']) or 'nothing'}")
    say("")
    items: Rows = [
        (item["id"], item["sku"], item["quantity"], item["acknowledgedQuantity"], item["shippedQuantity"],
         item["canceledQuantity"] + item["voidedQuantity"])
        for item in one["fulfillmentRequestItems"]
    ]  # fmt: skip
    print_table("items", ("Item", "SKU", "Ordered", "Acknowledged", "Shipped", "Canceled or voided"), items)
    say("")
    told: Rows = [
        (event["at"][:19], event["type"].partition(".")[2], event["to"], _who(event["actor"]), event["reason"])
        for event in events
    ]
    print_table("events", ("At (UTC)", "What", "Status then", "Who", "Why"), told)


def _who(actor: Any) -> str:
    return f"{actor['type']} {actor['name'] or ''}".strip()


def _command(name: str, done: str, words: str, *options: Callable[[Any], Any]) -> None:
    """A command that moves any number of requests, by the bulk call."""

    def move(
        ids: tuple[int, ...], url: str, token: str, as_json: bool, dry_run: bool, **given: Any
    ) -> None:
        told = {key: value for key, value in given.items() if value is not None}
        with calling(url, token) as hub:
            results = _moved(hub, name, ids, told, dry_run)
        refused = [one for one in results if one["status"] >= 400]
        if as_json:
            print_json(results)
        else:
            for one in results:
                say(f"{one['id']}: {'would be ' if dry_run else ''}{done}." if one["status"] < 400
                    else f"{one['id']}: refused ({one['code']}).")  # fmt: skip
        if refused:
            raise Refused(f"{len(refused)} of {len(results)} refused.")

    command: Any = move
    for option in (*options, dry_run_option, json_option, hub_options, ids_argument):
        command = option(command)
    fr.command(name, help=words)(command)


def _moved(
    hub: "Client", action: str, ids: tuple[int, ...], given: dict[str, Any], dry_run: bool
) -> list[dict[str, Any]]:
    unique = list(dict.fromkeys(ids))
    if len(unique) == 1 and not dry_run:
        # The single call tells more of a refusal, and source and channel tokens may make it, too.
        method: Any = getattr(hub, _SINGLE[action])
        method(unique[0], **given)
        return [{"id": unique[0], "status": 200, "code": None}]
    results: list[dict[str, Any]] = []
    for first in range(0, len(unique), AT_ONCE):
        results += _moved_at_once(hub, action, unique[first : first + AT_ONCE], given, dry_run)
    return results


def _moved_at_once(
    hub: "Client", action: str, ids: list[int], given: dict[str, Any], dry_run: bool
) -> list[dict[str, Any]]:
    """By one call; by halves where they have more lines than one call may change."""
    from waypost_client import InvalidInput

    body: Any = {"action": action, "items": [{"id": id_, **given} for id_ in ids]}
    try:
        reply: Any = (
            hub.dry_run(hub.bulk_fulfillment_requests, body) if dry_run else hub.bulk_fulfillment_requests(body)
        )
    except InvalidInput as error:
        if len(ids) == 1 or "too_many" not in {one["code"] for one in error.errors}:
            raise
        halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        return [one for half in halves for one in _moved_at_once(hub, action, half, given, dry_run)]
    results: list[dict[str, Any]] = reply["results"]
    return results


_SINGLE = {
    "process": "process_fulfillment_request",
    "processed": "mark_fulfillment_request_processed",
    "fail": "fail_fulfillment_request",
    "acknowledge": "acknowledge_fulfillment_request",
    "cancel": "cancel_fulfillment_request",
    "void": "void_fulfillment_request",
}

_command("process", "released", "Release requests, or process them again after a failure.",
         click.option("--confirm", type=click.Choice(["resend"]),
                      help="Send again what the source may already have: it may be ordered twice."))  # fmt: skip
_command("processed", "marked as handed over", "Mark requests as handed over.")
_command("fail", "failed", "Fail requests that are with their source.",
         click.option("--error", required=True, metavar="TEXT", help="The reason."),
         click.option("--code", metavar="CODE", help="A failure code; `other` if none is given."))  # fmt: skip
_command("acknowledge", "acknowledged", "Acknowledge requests as a whole.")
_command("cancel", "canceled", "Cancel requests; what they held goes back to the order.", reason_option)
_command("void", "voided", "Withdraw requests; what they held goes back to the order.", reason_option)
