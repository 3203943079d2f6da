"""A model against the real store: whatever is asked in whatever order, the two agree after every step."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.property.model import AT_SOURCE, ModelLine, ModelRequest
from tests.support.audit import audit
from tests.support.clock import ManualClock
from tests.support.commands import command, key
from tests.support.database import several
from tests.support.engines import Engine, PostgresEngine, Server, SqliteEngine
from tests.support.merchant import WAYS, Merchant, Wanted, open_merchant
from waypost.app.changes import Changer
from waypost.app.commands import Adjustment, Command, Done, FailureReport, IdempotencyKey
from waypost.domain.adjust import LineChange
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotAllowed, Refusal, Stale
from waypost.domain.statuses import Status
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store

places = st.integers(0, 5)
BEGINNINGS = [Status.UNPROCESSED, Status.PROCESSING, Status.PROCESSING, Status.PROCESSED, Status.CROSS_DOCKED]
actions = st.sampled_from(["process", "processed", "fail", "acknowledge", "cancel", "void", "accounting_sync"])


class Machine(RuleBasedStateMachine):
    """Six requests on three orders."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.models: list[ModelRequest] = []
        self.ids: list[int] = []
        self.keys: dict[str, tuple[Command, IdempotencyKey, Done]] = {}

    def do(self, coroutine: Any) -> Any:
        """Wait for it."""
        return self.loop.run_until_complete(coroutine)

    @initialize(
        beginnings=st.lists(st.sampled_from(BEGINNINGS), min_size=6, max_size=6),
        quantities=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    )
    def open(self, beginnings: list[Status], quantities: list[int]) -> None:
        """A database with requests in it."""
        self.do(self._open(beginnings, quantities))

    async def _open(self, beginnings: list[Status], quantities: list[int]) -> None:
        self.url = await self.engine.migrated()
        self.store = await open_store(self.url, migrate=False)
        self.writer = GroupWriter(self.store)
        self.changes = Changer(self.writer, self.clock)
        self.merchant: Merchant = await open_merchant(self.store)
        wanted = []
        for place, status in enumerate(beginnings):
            lines = [ModelLine("A", quantities[2 * place]), ModelLine("B", quantities[2 * place + 1])]
            way = [str(to) for _, to in WAYS[status]]
            model = ModelRequest(
                f"O{place % 3}", status, lines, len(way), attempts=way.count("processing"), history=way
            )
            self.models.append(model)
            taken = tuple((line.sku, line.quantity) for line in lines)
            wanted.append(Wanted(status, taken, order=model.order))
        self.ids = await self.merchant.requests(*wanted)

    def command(self, place: int, action: str, **given: Any) -> Command:
        """As a token of the account would ask."""
        return command(Action(action), self.ids[place], self.merchant.actor(), **given)

    def settle(self, *commands: Command, keyed: IdempotencyKey | None = None) -> list[Done | Refusal]:
        """What becomes of commands that are asked at the same time; a single one may have a key."""
        calls = [self.changes.change(one, keyed) for one in commands]

        async def together() -> list[Any]:
            return list(await asyncio.gather(*calls, return_exceptions=True))

        return list(self.do(together()))

    def expect(self, outcome: Done | Refusal, model: ModelRequest, verdict: str, was: str) -> None:
        """The outcome is the verdict's; the model has moved already."""
        if verdict == "refuse":
            assert isinstance(outcome, NotAllowed), outcome
            assert outcome.status == was
            return
        assert isinstance(outcome, Done), outcome
        assert (outcome.moved, outcome.version) == (verdict == "move", model.version)
        assert (outcome.from_status, outcome.to_status) == (was, model.status)

    def asked(self, place: int, action: str, confirm: bool, kill: bool, code: str, image: bool) -> Command:
        """The command for one simple action."""
        report = FailureReport(f"because {place}", code) if action == "fail" else None
        given = {"details": report} if report else {}
        return self.command(place, action, confirm_resend=confirm, kill=kill, wants_image=image, **given)

    def play(self, place: int, action: str, confirm: bool, kill: bool, code: str) -> tuple[str, str]:
        """Move the model; the verdict, and the status before."""
        model = self.models[place]
        was, verdict = model.status, model.ask(action, confirm)
        if verdict == "move":
            model.move(action, f"because {place}", code, kill)
        return verdict, was

    simple = st.tuples(places, actions, st.booleans(), st.booleans(), st.sampled_from(["other", "outcome_unknown"]))

    @rule(one=simple, image=st.booleans())
    def ask(self, one: tuple[int, str, bool, bool, str], image: bool) -> None:
        """One action."""
        verdict, was = self.play(*one)
        (outcome,) = self.settle(self.asked(*one, image))
        self.expect(outcome, self.models[one[0]], verdict, was)
        self.agree()

    @rule(many=st.lists(simple, min_size=2, max_size=8))
    def ask_together(self, many: list[tuple[int, str, bool, bool, str]]) -> None:
        """Several at the same time: settled one after the other, in their order."""
        expected = []
        for one in many:
            verdict, was = self.play(*one)
            model = self.models[one[0]]
            expected.append((verdict, was, model.version, model.status))
        outcomes = self.settle(*[self.asked(*one, place % 2 == 0) for place, one in enumerate(many)])
        for outcome, (verdict, was, version, status) in zip(outcomes, expected, strict=True):
            if isinstance(outcome, Done):
                assert verdict == ("move" if outcome.moved else "none")
                assert (outcome.from_status, outcome.to_status, outcome.version) == (was, status, version)
            else:
                assert isinstance(outcome, NotAllowed), outcome
                assert (verdict, outcome.status) == ("refuse", was)
        self.agree()

    @rule(place=places, acknowledge=st.integers(0, 5), cancel=st.integers(0, 5), kill=st.booleans())
    def adjust(self, place: int, acknowledge: int, cancel: int, kill: bool) -> None:
        """Some of the first line."""
        model = self.models[place]
        was = model.status
        change = Adjustment((LineChange(None, "A", acknowledge, 0, cancel, kill),))
        (outcome,) = self.settle(self.command(place, "adjust", details=change))
        if was not in (*AT_SOURCE, "acknowledged"):
            assert isinstance(outcome, NotAllowed)
        elif model.adjust(acknowledge, cancel, kill):
            self.expect(outcome, model, "move", was)
        else:
            assert isinstance(outcome, Invalid)
        self.agree()

    @rule(place=places, action=actions, off=st.sampled_from([-1, 1, 7]))
    def ask_with_a_stale_version(self, place: int, action: str, off: int) -> None:
        """Refused, whatever the status."""
        expected = frozenset({self.models[place].version + off})
        (outcome,) = self.settle(self.command(place, action, expected=expected))
        assert isinstance(outcome, Stale)
        assert outcome.version == self.models[place].version
        self.agree()

    @rule(one=simple)
    def ask_dry(self, one: tuple[int, str, bool, bool, str]) -> None:
        """Answered as in earnest, and nothing happens."""
        place, action, confirm, _, _ = one
        model = self.models[place]
        verdict = model.ask(action, confirm)
        (outcome,) = self.settle(self.asked(*one, True)._replace(dry_run=True))
        assert isinstance(outcome, Refusal) == (verdict == "refuse")
        if isinstance(outcome, Done):
            assert outcome.moved == (verdict == "move")
        self.agree()

    @rule(name=st.sampled_from("abcd"), one=simple)
    def ask_with_a_key(self, name: str, one: tuple[int, str, bool, bool, str]) -> None:
        """Applied once; whoever repeats it hears the first answer again."""
        if name in self.keys:
            asked, its_key, first = self.keys[name]
            (outcome,) = self.settle(asked, keyed=its_key)
            assert isinstance(outcome, Done), outcome
            assert outcome.replayed
            assert outcome._replace(replayed=False) == first
        else:
            asked, its_key = self.asked(*one, True), key(name, call=repr(one).encode())
            verdict, was = self.play(*one)
            (outcome,) = self.settle(asked, keyed=its_key)
            self.expect(outcome, self.models[one[0]], verdict, was)
            if isinstance(outcome, Done):
                self.keys[name] = asked, its_key, outcome
        self.agree()

    @precondition(lambda self: self.ids)
    @rule(seconds=st.integers(-100, 100))
    def let_time_pass(self, seconds: int) -> None:
        """In either direction."""
        self.clock.advance(seconds)

    def agree(self) -> None:
        """Statuses, versions, reasons, histories, lines and roll-ups are the model's; and all of it adds up."""
        self.do(self._agree())

    async def _agree(self) -> None:
        states, lines, events, items = await several(
            self.url,
            [
                "SELECT * FROM fulfillment_request_state ORDER BY id",
                "SELECT * FROM fulfillment_request_line ORDER BY request_id, line_number",
                "SELECT subject_id, to_status FROM event WHERE subject = 'fulfillment_request' ORDER BY seq",
                "SELECT o.order_number, i.* FROM order_item i JOIN orders o ON o.id = i.order_id",
            ],
        )
        for id_, model, state in zip(self.ids, self.models, states, strict=True):
            found = (state["status"], state["version"], state["failure_reason"], state["attempt_count"])
            assert found == (model.status, model.version, model.reason, model.attempts)
            assert [event["to_status"] for event in events if event["subject_id"] == id_] == model.history
            own = [line for line in lines if line["request_id"] == id_]
            assert [ModelLine(**{name: line[name] for name in vars(model.lines[0])}) for line in own] == model.lines
        for item in items:
            mine = [
                line
                for m in self.models
                if m.order == item["order_number"]
                for line in m.lines
                if line.sku == item["sku"]
            ]
            assert item["allocated"] == sum(line.left for line in mine)
            assert item["acknowledged"] == sum(line.acknowledged for line in mine)
            assert item["canceled"] == sum(line.killed for line in mine)
        await audit(self.url)

    def teardown(self) -> None:
        """Throw the database away."""
        if self.ids:
            self.do(self._close())

    async def _close(self) -> None:
        await self.writer.close()
        await self.store.close()
        await self.engine.drop(self.url)


def run(engine: Engine, examples: int, steps: int) -> None:
    """Play."""
    with asyncio.Runner() as runner:
        machine = type("Machine", (Machine,), {"engine": engine, "loop": runner.get_loop()})
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
        bounds = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
        run_state_machine_as_test(machine, settings=bounds)  # type: ignore[no-untyped-call]


def test_the_model_and_sqlite_agree() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(SqliteEngine(Path(folder)), examples=60, steps=40)


@pytest.mark.usefixtures("postgres_server")
def test_the_model_and_postgresql_agree(postgres_server: Server) -> None:
    run(PostgresEngine(postgres_server), examples=12, steps=25)
