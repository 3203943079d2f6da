"""Two small merchants in a fresh database, made through the hub's own use cases."""

import hashlib
import itertools
from typing import Any

from tests.support.asgi import Client
from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, FailureReport
from waypost.app.generation import RequestDraft
from waypost.app.hub import Hub
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.wire.addresses import AddressIn, store_address

ADDRESS = store_address(AddressIn(name="Zoë Müller", address_line1="Gasse 1", city="Zürich", country="Switzerland"))
ITEMS = (
    ItemDraft("SKU-A", "A thing", 3, 125_000, None, None, None, "[]"),
    ItemDraft("SKU-B", "Another", 2, 99_900, None, None, None, "[]"),
)
# How a request that begins in Processing gets to each status.
WAYS: dict[Status, tuple[Action, ...]] = {
    Status.PROCESSING: (),
    Status.PROCESSED: (Action.PROCESSED,),
    Status.PROCESSING_ERROR: (Action.FAIL,),
    Status.ACKNOWLEDGED: (Action.ACKNOWLEDGE,),
    Status.CANCELED: (Action.CANCEL,),
    Status.VOIDED: (Action.VOID,),
}


class Merchant:
    """An account with two sources, two channels and their tokens (`acc`, `src`, `src2`, `chn`, `chn2`)."""

    def __init__(self, account: int, sources: list[int], channels: list[int], tokens: dict[str, str]) -> None:
        self.account = account
        self.sources = sources
        self.channels = channels
        self.tokens = tokens
        self.actor = Actor("account", Scope(account), None, "setup", None)


class World:
    """The hub, its application, and two merchants: `ours` and `theirs`."""

    def __init__(self, hub: Hub, app: Any, ours: Merchant, theirs: Merchant) -> None:
        self.hub = hub
        self.app = app
        self.ours = ours
        self.theirs = theirs
        self._numbers = itertools.count(1)

    def client(self, token: str = "acc", merchant: Merchant | None = None) -> Client:
        """A client with one of the merchant's tokens."""
        return Client(self.app, (merchant or self.ours).tokens[token])

    async def order(self, merchant: Merchant | None = None, channel: int = 0) -> int:
        """An order of two items; its id."""
        who = merchant or self.ours
        number = f"{who.account}-{next(self._numbers)}"
        posted = await self.hub.changes.create_order(
            OrderDraft(who.actor, who.channels[channel], number, None, None, None, "Ground", ADDRESS, None, None,
                       "[]", "[]", ITEMS)
        )  # fmt: skip
        return posted.view.order.id

    async def request(
        self, status: Status = Status.PROCESSING, merchant: Merchant | None = None, source: int = 0, channel: int = 0
    ) -> int:
        """A fulfillment request in `status`; its id."""
        who = merchant or self.ours
        first = None if status in WAYS else status
        draft = RequestDraft(who.actor, await self.order(who, channel), who.sources[source], status=first)
        made = await self.hub.changes.generate(draft)
        for action in WAYS.get(status, ()):
            report = FailureReport("no stock") if action is Action.FAIL else None
            await self.hub.changes.change(Command(action, made.image.state.id, who.actor, details=report))
        return made.image.state.id

    async def raised(self, subject: str, subject_id: int, code: str, merchant: Merchant | None = None) -> None:
        """What handing over raises, as it does."""
        whose = merchant or self.ours
        row = Attention(whose.account, whose.sources[0], subject, subject_id, code, "Look.", self.hub.clock())
        await self.hub.store.write(lambda tx: tx.raise_attention([row]))

    async def requests(self, count: int) -> list[int]:
        """Several in Processing."""
        return [await self.request() for _ in range(count)]


async def merchant(hub: Hub, name: str) -> Merchant:
    """A merchant with tokens."""

    async def make(tx: Tx) -> Merchant:
        account = await tx.insert_row("account", {"company_name": name, "created_at": 1})
        await tx.insert_row("account_counter", {"account_id": account, "last_seq": 0, "last_at": 0})
        sources, channels = [], []
        for place in (1, 2):
            row = {"account_id": account, "name": f"{name} source {place}", "required_fields": "[]",
                   "auto_process": True, "created_at": 1}  # fmt: skip
            sources.append(await tx.insert_row("source", row))
            row = {"account_id": account, "name": f"{name} channel {place}", "created_at": 1}
            channels.append(await tx.insert_row("channel", row))
        tokens = {}
        bindings = {"acc": ("account", None, None), "src": ("source", sources[0], None),
                    "src2": ("source", sources[1], None), "chn": ("channel", None, channels[0]),
                    "chn2": ("channel", None, channels[1])}  # fmt: skip
        for family, (short, (kind, source, channel)) in enumerate(bindings.items(), account * 100):
            secret = f"wp_{name}_{short}"
            await tx.insert_row("token", {
                "account_id": account, "type": kind, "source_id": source, "channel_id": channel,
                "name": f"{name} {short}", "family": family, "digest": hashlib.sha256(secret.encode()).digest(),
                "hint": secret[-4:], "created_at": 1,
            })  # fmt: skip
            tokens[short] = secret
        return Merchant(account, sources, channels, tokens)

    return await hub.store.write(make)
