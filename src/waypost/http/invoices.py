"""Source invoices: posted by sources, read, and told what accounting made of them (contract section 4)."""

from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.app.invoices import invoice_change
from waypost.app.ports.invoices import InvoiceQuery
from waypost.domain.refusals import NotFound
from waypost.domain.statuses import STATUSES
from waypost.http import operations as ops
from waypost.http.call import Resource, answer, call_of, path_id, replayed
from waypost.http.paging import BY_FILTER_PAGE
from waypost.http.records import Records, asked_for
from waypost.wire import invoices as wire
from waypost.wire.requests import dry_run


class Invoices(Resource):
    """`/source-invoices`"""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List."""
        call = call_of(req)
        call.begin(ops.LIST_INVOICES)
        params = call.query()
        call.check()
        scope = call.actor.scope
        source_id = params.get("filterSourceId") if scope.source_id is None else None
        query = InvoiceQuery(
            scope, params.get("filterPurchaseOrderId"), params.get("filterCreatedAfter"), source_id,
            params.get("isAccountingSynced"), params.get("isForSyncedAccountingPurchaseOrder"),
            params.get("hasAccountingSyncError"), params.get("ids", ()),
            *BY_FILTER_PAGE.page(params),
        )  # fmt: skip
        await self.answer_list(resp, wire.render_invoices(await self.hub.reads.invoices(query)))

    async def on_post(self, req: Request, resp: Response) -> None:
        """Post one."""
        call = call_of(req)
        asked = await asked_for(call, ops.CREATE_INVOICE, wire.CreateInvoice)
        draft = wire.invoice_draft(asked.body, call.actor, call.id, call.faults) if asked.body else None
        call.check()
        if draft is None:
            raise AssertionError("a faulty body has its faults")
        made = await self.hub.changes.invoice(draft._replace(dry_run=asked.params.get("dryRun", False)), asked.key)
        if made.dry_run:
            name = STATUSES[made.status].name
            answer(resp, dry_run(name, name, True, 200))
            return
        answer(resp, wire.render_invoice(made.view), made.view.invoice.version)
        replayed(resp, made.replayed)


class OneInvoice(Records):
    """`/source-invoices/{id}`"""

    async def on_get(self, req: Request, resp: Response, id: str) -> None:
        """Get."""
        call = call_of(req)
        call.begin(ops.GET_INVOICE)
        view = await self.hub.reads.invoice(call.actor.scope, path_id(id, "source invoice"))
        if view is None:
            raise NotFound("source invoice")
        answer(resp, wire.render_invoice(view), view.invoice.version)

    async def on_patch(self, req: Request, resp: Response, id: str) -> None:
        """Change what is not null."""
        call = call_of(req)
        asked = await asked_for(call, ops.UPDATE_INVOICE, wire.UpdateInvoice, id, "source invoice")
        patch = wire.invoice_patch(asked.body or wire.UpdateInvoice(), asked.id, call.expected(), call.faults)
        change = invoice_change(call.actor, patch)
        await self.record(call, resp, asked, change, wire.render_invoice, version=lambda view: view.invoice.version)


def routes(hub: Hub) -> dict[str, Resource]:
    """The paths of this tag."""
    return {"/source-invoices": Invoices(hub), "/source-invoices/{id}": OneInvoice(hub)}
