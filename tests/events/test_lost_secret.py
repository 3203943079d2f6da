"""A webhook whose secret cannot be decrypted is sent nothing, somebody is told, and the other webhooks go on."""

import logging

import pytest

from tests.events.conftest import Sending
from tests.events.test_poison import told
from tests.support.database import rows
from tests.support.receiver import Receiver


async def test_it_is_sent_nothing_until_it_is_rotated(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("waypost.events.webhooks.DEFECT_REST_S", 0.1)
    lost = await sending.configure(receiver.url, "order.created")
    good = await sending.configure(receiver.url, "order.created")
    # A value of another row does not open.
    await rows(sending.database_url, "UPDATE webhook SET secret = (SELECT secret FROM webhook WHERE id = $1) WHERE id = $2",
               good["id"], lost["id"])  # fmt: skip
    await sending.world.order()
    with caplog.at_level(logging.ERROR):
        async with sending.running():
            await receiver.until(1)
            await sending.settled(good["id"])

            async def is_told() -> bool:
                return lost["id"] in await told(sending)

            await sending.until(is_told)
            assert len(receiver.received) == 1
            path = f"/webhook/configurations/{lost['id']}"
            assert (await sending.world.client().get(path)).status == 200
            assert (await sending.world.client().patch(path, json={"configurationName": "still here"})).status == 200
            reply = await sending.world.client().post(f"{path}/rotate-secret", json={"overlapSeconds": 0})
            assert reply.status == 200
            await receiver.until(2)
    assert "cannot be decrypted" in caplog.text
    assert good["secret"] not in caplog.text
