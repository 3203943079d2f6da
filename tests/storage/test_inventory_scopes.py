"""What is looked up before it is changed is bound to its account, its source and its channel."""

from tests.support.goods import listing, product, stock
from tests.support.merchant import Merchant, open_merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store


async def test_a_variant_is_found_by_its_own_source_and_account_only(
    store: Store, merchant: Merchant, migrated_url: str
) -> None:
    other = await open_merchant(store, "Theirs")
    places = [(merchant.account, source) for source in merchant.sources] + [(other.account, other.sources[0])]
    ids = [await stock(migrated_url, account, source, "A", 5) for account, source in places]
    names = [(source, "A") for _, source in places]
    for scope, seen in (
        (Scope(merchant.account), ids[:2]), (Scope(other.account), ids[2:]),
        (Scope(merchant.account, merchant.sources[0]), ids[:1]), (Scope(merchant.account, other.sources[0]), []),
    ):  # fmt: skip
        by_id = await store.write(lambda tx, scope=scope: tx.variants_named(scope, ids, []))
        by_name = await store.write(lambda tx, scope=scope: tx.variants_named(scope, [], names))
        assert sorted(by_id) == sorted(by_name) == seen


async def test_a_listing_is_found_by_its_own_account_only(store: Store, merchant: Merchant, migrated_url: str) -> None:
    other = await open_merchant(store, "Theirs")
    ours = await listing(migrated_url, merchant.account, merchant.channels[0], "L", None, "ext-1")
    theirs = await listing(migrated_url, other.account, other.channels[0], "L", None, "ext-1")
    externals = [(merchant.channels[0], "ext-1"), (other.channels[0], "ext-1")]
    for account, seen in ((merchant.account, ours), (other.account, theirs)):
        for ids, named in (([ours, theirs], []), ([], externals)):
            found = await store.write(lambda tx, account=account, ids=ids, named=named: tx.listed(account, ids, named))
            assert [one.id for one in found] == [seen]


async def test_a_product_is_found_by_its_own_account_only(store: Store, merchant: Merchant, migrated_url: str) -> None:
    other = await open_merchant(store, "Theirs")
    ours = await product(migrated_url, merchant.account, "P")
    theirs = await product(migrated_url, other.account, "P")
    for account, seen in ((merchant.account, ours), (other.account, theirs)):
        for ids, skus in (([ours, theirs], []), ([], ["P"])):
            found = await store.write(lambda tx, account=account, ids=ids, skus=skus: tx.sold(account, ids, skus))
            assert [one.id for one in found] == [seen]
        by_id = await store.write(lambda tx, account=account: tx.products_by_id(account, [ours, theirs]))
        by_sku = await store.write(lambda tx, account=account: tx.products_named(account, ["P"]))
        assert [list(by_id), by_sku["P"].id] == [[seen], seen]
