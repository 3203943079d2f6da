"""Pages that miss what they should show, once they are read by another index than that of their order."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "pages-value-twice",
        "A list of deliveries shows each row twice where a status was given twice, and half as many on a page.",
        "wire/query.py",
        "return tuple(dict.fromkeys(one for one in found if one is not None)) or None",
        "return tuple(one for one in found if one is not None) or None",
        ("tests/http/test_webhooks.py::test_the_log_is_filtered_and_paged[sqlite]",),
    ),
    Mutant(
        "page-near-is-all",
        "A list of what has changed lately is empty, because the first rows of the list have not changed.",
        "storage/queries/shortest.py",
        "one.look(most))) == limit:",
        "one.look(most))) <= limit:",
        ("tests/storage/test_narrow_pages.py::test_goods", "tests/storage/test_narrow_pages.py::test_shipments"),
    ),
    Mutant(
        "page-of-a-look-before",
        "A page lacks a request, because another one has left the list since its beginning was looked at.",
        "storage/queries/shortest.py",
        "                return await _asked(ask, one.whole())\n",
        "                return rows if one.look else await _asked(ask, one.whole())\n",
        ("tests/storage/test_merged_pages.py::test_what_moves_up_while_a_page_is_read_is_on_it[sqlite]",),
    ),
    Mutant(
        "page-by-the-longest",
        "A source that has little reads all that has changed in its account, whenever it asks what has.",
        "storage/queries/shortest.py",
        "            if not await one.is_longer(ask, most):\n                return await",
        "            if one.look is None:\n                return await",
        ("tests/growth/test_growth.py::test_who_has_little_does_not_pay_for_what_others_change[SQLite without ANALYZE]",),
    ),
    Mutant(
        "page-far-unsorted",
        "A page of what has changed lately is in the order of the changes, so pages repeat and leave out things.",
        "storage/queries/pages.py",
        '''return self._of(f"({found} LIMIT {LAST}) {rare.alias}", where)''',
        '''return self._of(f"({found} LIMIT {self.limit + self.offset}) {rare.alias}", where)''',
        ("tests/storage/test_narrow_pages.py::test_goods", "tests/storage/test_narrow_pages.py::test_shipments"),
    ),
    Mutant(
        "page-deliveries-one-status",
        "The delivery log, asked for two statuses, shows too few of them on a later page.",
        "storage/webhooks.py",
        "where.args.append(query.limit + query.offset)",
        "where.args.append(query.limit)",
        ("tests/storage/test_narrow_pages.py::test_deliveries",),
    ),
    Mutant(
        "shipment-channel-stays",
        "A shipment that is corrected to another order stays in the list of the first order's channel.",
        "storage/shipments.py",
        '''_update("shipment", _CHANGING, f"channel_id = {_channel(_CHANGING)}")''',
        '''_update("shipment", _CHANGING)''',
        ("tests/storage/test_shipment_channels.py::test_a_shipment_has_the_channel_of_its_request",
         "tests/storage/test_narrow_pages.py::test_shipments"),
    ),
    Mutant(
        "invoice-index-of-the-other-flag",
        "The list of the invoices that accounting has gives an error as soon as they are few.",
        "storage/invoices.py",
        '("synced", query.accounting_synced)',
        '("not_synced", query.accounting_synced)',
        ("tests/storage/test_narrow_pages.py::test_invoices[sqlite]",),
    ),
)  # fmt: skip
