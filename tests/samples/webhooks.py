"""Webhook configurations."""

from tests.samples import Preparer, Real
from tests.support.world import World


async def configured(world: World) -> Real:
    """An endpoint, and an event that is for it."""
    body = {"configurationName": "desk", "webhookUrl": "https://hooks.invalid/x", "subscribedEvents": ["*"]}
    made = (await world.client().post("/webhook/configurations", json=body)).json()
    await world.request()
    events = (await world.client().get("/events")).json()["events"]
    return {"3001": made["id"], "4711": events[-1]["seq"]}


_ON_ONE = (
    "get_webhook_configuration", "update_webhook_configuration", "get_webhook_configuration_right_spelling",
    "update_webhook_configuration_right_spelling", "rotate_webhook_secret", "send_test_webhook",
    "replay_webhook_events", "list_webhook_deliveries", "retry_webhook_events",
)  # fmt: skip
PREPARES: dict[str, Preparer] = dict.fromkeys(_ON_ONE, configured)
