"""The codes of error replies (contract section 1.1): status, what happened, what to do. Words are Markdown."""

from typing import NamedTuple


class ProblemCode(NamedTuple):
    """One `code` of an error reply. `in_errors`: it is used in `errors[].code` as well."""

    code: str
    status: int
    cause: str
    remedy: str
    in_errors: bool = False


P = ProblemCode

PROBLEMS: tuple[ProblemCode, ...] = (
    P("invalid_input", 400,
      "A parameter, a header or the body is wrong. `errors[]` lists every fault with its own `code` and its place:"
      " `parameter`, `header` or `pointer`. A request that breaks the rules of HTTP gets no `errors[]`.",
      "Correct every entry of `errors[]`, then send the call again. Without `errors[]`, correct what `message` names."),
    P("not_allowed_from_status", 400,
      "The request or order is in a status that does not allow this action: `currentStatus`.",
      "For a request, use one of `allowedActions`: what your type of token may do now."
      " For an order, set one of `allowedStatuses`."),
    P("still_blocked", 400,
      "The request was blocked before its release, and the cause is still there: its number is too long or already"
      " used, or a required field is missing.",
      "Remove the cause first: correct the number, or add the missing field. Then release the request again."),
    P("needs_confirmation", 400,
      "The source may already have the request. Sending it again could order twice.",
      "Ask the source. If it does not have the request, release it with `confirm=resend`."),
    P("handover_in_progress", 400,
      "The hub is sending the request to its source at this moment.",
      "Wait until the attempt has ended, read the request again, then decide."),
    P("already_shipped", 400,
      "Part of the request has shipped, so it cannot be canceled or voided as a whole.",
      "Use adjust to cancel the quantity that has not shipped."),
    P("unauthorized", 401,
      "The token is missing, unknown, expired or revoked. The reply does not say which; the hub's log does.",
      "Send a valid token in the header `X-API-TOKEN`. `Authorization: Bearer` is not accepted."
      " The hub's operator makes a new token with `waypost token create`."),
    P("wrong_token_type", 401,
      "The token is valid, but tokens of its type may not make this call.",
      "Use a token of one of the types in `tokenTypes`."),
    P("not_found", 404,
      "The path or the record does not exist, or the record is outside the scope of your token."
      " The reply is the same in both cases.",
      "Check the path and the id, then check which account, source or channel your token belongs to."),
    P("method_not_allowed", 405,
      "The path exists, but it does not take this method.",
      "Use a method from the header `Allow`."),
    P("request_timeout", 408,
      "The headers or the body of the call did not arrive in time.",
      "Send the call again. If the connection is slow, send a smaller body."),
    P("already_exists", 409,
      "Create Order: the channel already has an order with this number, and it was posted with other content:"
      " `differs` names the fields."
      " Set Source Delivery: somebody else changed the settings during your call.",
      "Read the order that exists. Change it with its own operations; a new order needs another number."
      " Read the delivery settings, then send yours again."),
    P("idempotency_key_in_progress", 409,
      "Another call with this `Idempotency-Key` has not ended yet.",
      "Wait for that call, then send the same call with the same key again."),
    P("precondition_failed", 412,
      "`If-Match` does not name the current version: the record has changed since you read it.",
      "Read the record again and decide again. Then send the new `ETag` in `If-Match`."),
    P("content_too_large", 413,
      "The body is larger than 1 MiB, or larger than 8 MiB in a bulk call.",
      "Split the body and send it in several calls.", in_errors=True),
    P("url_too_long", 414,
      "The URL is longer than 40,000 bytes.",
      "Shorten the parameters, or split the call."),
    P("unsupported_media_type", 415,
      "The body is not JSON in UTF-8, or it is compressed. `errors[]` names the header.",
      "Send `Content-Type: application/json` and no `Content-Encoding`.", in_errors=True),
    P("idempotency_key_reused", 422,
      "In the last 24 hours this `Idempotency-Key` was used for a call with another path or input.",
      "Use a new key for a new call. To repeat a call, send the same bytes: store the body, do not build it anew."),
    P("too_many_requests", 429,
      "The token has used up its calls: by default it may make 40 at once and regains 2 per second."
      " After several calls without a valid token, the client's address is limited. The call was not run.",
      "Wait as many seconds as `Retry-After` says, then send the call again."),
    P("headers_too_large", 431,
      "The headers are larger than 32 KiB together, or there are more than 200.",
      "Send fewer or shorter headers."),
    P("internal", 500,
      "The hub has a defect. Its log has the details under the same `requestId`.",
      "Report the `requestId` to the hub's operator."
      " Before you repeat a change, read the record: it may have been made. A repeat with the same"
      " `Idempotency-Key` applies it once. If that gets 500 again, read the record before you use a new key."),
    P("not_implemented", 501,
      "The hub does not know the HTTP method, or the `Transfer-Encoding` is not `chunked`.",
      "Use a method of this reference. Send `Content-Length`, or `Transfer-Encoding: chunked`."),
    P("unavailable", 503,
      "The database cannot be reached or the hub is too busy. `applied` is `no` if nothing was changed,"
      " and `unknown` if the outcome is not known. Without `applied`, the hub did not read the call.",
      "If `Retry-After` is there, wait as many seconds. If `applied` is `unknown`, repeat only with the same"
      " `Idempotency-Key`, or read the record first. Otherwise repeat the call."),
    P("secret_key_missing", 503,
      "The call would store a secret, and the hub has no key to encrypt it.",
      "Ask the hub's operator to give the hub a secret key. A repeat does not help before that."),
)  # fmt: skip
