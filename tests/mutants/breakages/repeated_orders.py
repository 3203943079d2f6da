"""Orders that are posted again: the same one is found, another one is a conflict.

The mutants of how the content is compared belong here.
"""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "hash-with-one-value-more",
        "Every order of an earlier release, posted again, is a conflict.",
        "app/posted.py",
        '"billing_address", "payment_status", "tags", "custom_fields", "items", "imported_from",\n)',
        '"billing_address", "payment_status", "tags", "custom_fields", "items", "imported_from", "call_id",\n)',
        (
            "tests/app/test_posted.py::test_hashes_are_those_that_older_versions_kept",
        ),
    ),
    Mutant(
        "first-hash-forgotten",
        "Every order of the first release, posted again, is a conflict.",
        "app/posted.py",
        "_FIRST_ITEM_BY_PLACE = _ITEM_BY_PLACE[:-1]",
        "_FIRST_ITEM_BY_PLACE = _ITEM_BY_PLACE",
        (
            "tests/app/test_posted.py::test_the_first_release_hashed_items_without_their_address",
        ),
    ),
    Mutant(
        "likeness-of-numbers",
        "A possible duplicate is never found, because its number counts.",
        "app/posted.py",
        'content = draft._replace(order_number="", reference_number=None',
        "content = draft._replace(reference_number=None",
        (
            "tests/app/test_posted.py::test_hashes_are_those_that_older_versions_kept",
        ),
    ),
    Mutant(
        "repeat-changes-the-shipping",
        "Another shipping text is taken for an update, and the order goes the old way.",
        "app/posted.py",
        'UPDATED = ("payment_status", "tags", "note")',
        'UPDATED = ("payment_status", "tags", "note", "shipping_text")',
        (
            "tests/app/test_order_repeats.py::test_any_other_difference_is_refused_and_named[sqlite-given0-fields0]",
            "tests/app/test_order_repeats.py::test_any_other_difference_is_refused_and_named[postgresql-given0-fields0]",
        ),
    ),
    Mutant(
        "new-field-overlooked",
        "What is posted for the first time with the repeat is dropped without a word.",
        "app/posted.py",
        "names = dict.fromkeys((*was, *now))",
        "names = dict.fromkeys(was)",
        (
            "tests/app/test_posted.py::test_a_field_that_is_added_and_given_is_a_difference",
        ),
    ),
    Mutant(
        "item-overlooked",
        "A repeat with an item more is taken for the same order.",
        "app/posted.py",
        "for place in range(max(len(items), len(given))):",
        "for place in range(min(len(items), len(given))):",
        (
            "tests/app/test_posted.py::test_what_differs_is_named[change8-pointers8]",
            "tests/app/test_posted.py::test_what_differs_is_named[change9-pointers9]",
        ),
    ),
    Mutant(
        "repeat-compared-with-the-first-post",
        "A repeat that takes an update back is taken for a repeat that changes nothing.",
        "app/order_repeats.py",
        "await tx.update_posted(order_id, posted)",
        "await tx.update_posted(order_id, with_updates(compared.was, compared.was))",
        (
            "tests/app/test_order_repeats.py::test_payment_tags_and_note_are_updated",
        ),
    ),
    Mutant(
        "updates-without-end",
        "A batch of orders that are posted again keeps every other process waiting for seconds.",
        "app/orders.py",
        "ours if updates > 0 else ()",
        "ours if updates is not None else ()",
        ("tests/app/test_order_repeats.py::test_a_batch_updates_some_orders_and_leaves_the_others_to_the_next",),
    ),
    Mutant(
        "older-order-edited",
        "An order of an earlier release whose tags the merchant has changed takes no payment from its channel any more.",
        "app/posted.py",
        "drafts += [one._replace(**{name: getattr(order, name)}) for one in drafts]",
        "drafts = [one._replace(**{name: getattr(order, name)}) for one in drafts]",
        ("tests/app/test_order_repeats.py::test_an_older_order_is_known_again_whichever_of_the_three_the_merchant_has_changed",),
    ),
    Mutant(
        "address-of-nothing",
        "A channel that sends an empty address for none gets a conflict for the same order.",
        "app/posted.py",
        "if one is not None and name != _DERIVED} or None",
        "if one is not None and name != _DERIVED}",
        ("tests/app/test_posted.py::test_an_address_of_nothing_is_no_address",),
    ),
    Mutant(
        "orders-kept-for-small-replies",
        "Each tag that is set with a key stores a copy of the whole order for a day.",
        "app/order_changes.py",
        "OrderDone(view if is_shown else view._replace(items=(), requests=()), changed",
        "OrderDone(view, changed",
        ("tests/app/test_order_repeats.py::test_a_repeat_of_a_small_reply_keeps_no_copy_of_the_order",),
    ),
)
