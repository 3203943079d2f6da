"""The control of every mutant: a hub that is broken in one place only still does this. Not meant to find anything."""

from tests.support.world import World


async def test_the_hub_still_works(world: World) -> None:
    client, id_ = world.client(), await world.request()
    assert (await client.get("/healthz")).status == 200
    assert (await client.get(f"/fulfillment-requests/{id_}")).status == 200
    assert (await client.patch(f"/fulfillment-requests/{id_}/processing-failed?error=x")).status == 204
