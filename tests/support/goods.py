"""Things in a merchant's catalog, put there around the hub: for tests of what only looks them up."""

from tests.support.database import rows


async def product(url: str, account: int, sku: str, title: str | None = None) -> int:
    """A product variant; its id."""
    sql = """INSERT INTO product_variant (account_id, sku, title, custom_fields, inserted_at, updated_at)
      VALUES ($1, $2, $3, '[]', 1, 1) RETURNING id"""
    return int((await rows(url, sql, account, sku, title))[0]["id"])


async def listing(
    url: str, account: int, channel: int, sku: str, product_id: int | None = None, external: str | None = None,
    price: int | None = None,
) -> int:  # fmt: skip
    """A listing variant of a channel; its id."""
    sql = """INSERT INTO listing_variant
      (account_id, channel_id, sku, title, external_id, product_variant_id, price, custom_fields, inserted_at, updated_at)
      VALUES ($1, $2, $3, $3, $4, $5, $6, '[]', 1, 1) RETURNING id"""
    return int((await rows(url, sql, account, channel, sku, external, product_id, price))[0]["id"])


async def stock(url: str, account: int, source: int, sku: str, quantity: int) -> int:
    """A variant of a source's inventory; its id."""
    sql = """INSERT INTO inventory_variant (account_id, source_id, sku, quantity, committed, updated_at)
      VALUES ($1, $2, $3, $4, 0, 1) RETURNING id"""
    return int((await rows(url, sql, account, source, sku, quantity))[0]["id"])
