"""The operations that this server implements: operationId, who may call, and the parameters it knows.

A test holds this list against `contract/openapi.yaml`.
"""

from waypost.domain.fulfillment import FULFILLMENT_STATUS_NAMES
from waypost.domain.statuses import STATUSES, Status
from waypost.http.call import ACCOUNT, ACCOUNT_CHANNEL, ACCOUNT_SOURCE, EVERY_TOKEN, Operation
from waypost.wire import query as q

REASON = 2000  # characters
NUMBER = 200

_STATUSES = (
    {facts.name: status for status, facts in STATUSES.items()}
    | {status.value: status for status in Status}
    | {"Failed": Status.PROCESSING_ERROR, "NEW": Status.PROCESSING}
)
_SHIPPED = {name: status for status, name in FULFILLMENT_STATUS_NAMES.items()} | {
    status.value: status for status in FULFILLMENT_STATUS_NAMES
}

DRY_RUN = q.boolean("dryRun")

_FILTERS = (
    q.id_("findOrderId"), q.integer("sinceId", 0), q.texts("frNumbers", NUMBER), q.texts("poNumbers", NUMBER),
    q.id_("filterSourceId"), q.named("filterFulfilmentStatus", _SHIPPED, many=True), q.boolean("filterInvoiced"),
    q.named("filterStatus", _STATUSES, many=True), q.only("status", {"NEW": Status.PROCESSING}),
    q.boolean("filterIsAcknowledged"), q.moment("filterAcknowledgedAfter"), q.boolean("filterIsSent"),
    q.moment("filterSentAfter"), q.moment("filterGeneratedAfter"), q.boolean("filterIsCanceled"),
    q.moment("filterCanceledAfter"), q.boolean("filterEligibleForProcessing"), q.moment("filterUpdatedAfter"),
    q.failure_codes("filterFailureCode", many=True), q.boolean("filterNeedsAttention"),
)  # fmt: skip

LIST = Operation(
    "list_fulfillment_requests", EVERY_TOKEN,
    q.Params(*_FILTERS, q.integer("filterPageNumber", 1, 10**9), q.integer("filterPageSize", 1)),
)  # fmt: skip
COUNT = Operation(
    "count_fulfillment_requests", EVERY_TOKEN, q.Params(*_FILTERS, q.texts("fulfillmentRequestNumbers", NUMBER))
)
GET = Operation("get_fulfillment_request", EVERY_TOKEN, q.Params())
CREATE = Operation("create_fulfillment_request", ACCOUNT, q.Params(DRY_RUN))
PULL = Operation(
    "pull_processing_fulfillment_requests", ACCOUNT_SOURCE,
    q.Params(q.id_("filterSourceId"), q.boolean("peek"), DRY_RUN),
)  # fmt: skip
PROCESSED = Operation("mark_fulfillment_request_processed", EVERY_TOKEN, q.Params(DRY_RUN))
FAIL = Operation(
    "fail_fulfillment_request", EVERY_TOKEN,
    q.Params(q.text("error", REASON, required=True), q.failure_codes("code", many=False), q.boolean("retryable"),
             q.ids("itemIds"), DRY_RUN),
)  # fmt: skip
ACKNOWLEDGE = Operation("acknowledge_fulfillment_request", EVERY_TOKEN, q.Params(DRY_RUN))
ACKNOWLEDGE_POST = Operation("acknowledge_fulfillment_request_post", EVERY_TOKEN, q.Params(DRY_RUN))
CANCEL = Operation(
    "cancel_fulfillment_request", ACCOUNT_SOURCE,
    q.Params(q.text("reason", REASON), q.choice("killOrFillType", ("fill", "kill")), DRY_RUN),
)  # fmt: skip
ADJUST = Operation("adjust_fulfillment_request", ACCOUNT_SOURCE, q.Params(DRY_RUN))
SYNC_ACCOUNTING = Operation("sync_fulfillment_request_accounting", ACCOUNT, q.Params(DRY_RUN))
PROCESS = Operation("process_fulfillment_request", ACCOUNT, q.Params(q.choice("confirm", ("resend",)), DRY_RUN))
VOID = Operation("void_fulfillment_request", ACCOUNT, q.Params(q.text("reason", REASON), DRY_RUN))
TIMELINE = Operation("list_fulfillment_request_events", EVERY_TOKEN, q.Params())
BULK = Operation("bulk_fulfillment_requests", ACCOUNT, q.Params(DRY_RUN))
FAILURE_CODES = Operation("list_failure_codes", EVERY_TOKEN, q.Params())
CREATE_ORDER = Operation("create_order", ACCOUNT_CHANNEL, q.Params(DRY_RUN))
GET_ORDER = Operation("get_order", ACCOUNT_CHANNEL, q.Params())
GET_ACCOUNT = Operation("get_account", ACCOUNT, q.Params())

ALL = (
    LIST, COUNT, GET, CREATE, PULL, PROCESSED, FAIL, ACKNOWLEDGE, ACKNOWLEDGE_POST, CANCEL, ADJUST, SYNC_ACCOUNTING,
    PROCESS, VOID, TIMELINE, BULK, FAILURE_CODES, CREATE_ORDER, GET_ORDER, GET_ACCOUNT,
)  # fmt: skip
