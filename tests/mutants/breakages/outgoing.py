"""Addresses that the hub must not call for anybody."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "redirect-followed",
        "A source's server sends the hub on to an address inside the operator's network.",
        "outgoing/calling.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("tests/delivery/test_calls.py::test_redirects_are_not_followed",),
    ),
    Mutant(
        "private-in-disguise",
        "A private address that is written as an IPv6 one is called.",
        "outgoing/targets.py",
        "return secure and address.is_global and inner.is_global and not inner.is_multicast",
        "return secure and address.is_global and not inner.is_multicast",
        ("tests/events/test_targets.py::test_what_is_not_public_is_refused[64:ff9b::a00:1]",),
    ),
    Mutant(
        "private-by-name",
        "A name that resolves to an address inside is called.",
        "outgoing/targets.py",
        'good = [one for one in found if self._targets.may_call(_address(one["host"]), self._secure)]',
        "good = list(found)",
        ("tests/events/test_targets.py::test_a_name_is_judged_by_what_it_resolves_to",),
    ),
    Mutant(
        "socket-unchecked",
        "An address that the client reads otherwise than the hub is connected to without a look.",
        "outgoing/targets.py",
        "                may = self.may_call(_address(str(place[0])), secure)\n",
        "                may = self.may_call(_address(str(place[0])), secure) or bool(place)\n",
        ("tests/events/test_spellings.py::test_a_socket_goes_to_addresses_that_may_be_called_only[10.0.0.1]",),
    ),
    Mutant(
        "metadata-called",
        "A webhook reads what the cloud tells a machine about itself.",
        "outgoing/targets.py",
        "        if any(inner in network for network in _METADATA):\n            return False\n",
        "",
        ("tests/events/test_targets.py::test_what_is_not_public_is_refused[168.63.129.16]",),
    ),
    Mutant(
        "plain-http-called",
        "Customers' addresses are sent over the network without encryption.",
        "outgoing/targets.py",
        "return secure and address.is_global",
        "return address.is_global",
        ("tests/events/test_targets.py::test_what_is_public_may_be_called_over_tls_only",),
    ),
    Mutant(
        "answer-without-an-end",
        "A source that answers without an end fills the hub's memory.",
        "outgoing/calling.py",
        "        if size > at_most:\n            response.close()",
        "        if size > 1000 * at_most:\n            response.close()",
        ("tests/delivery/test_calls.py::test_an_answer_without_an_end_is_left_at_its_limit",),
    ),
    Mutant(
        "call-made-twice",
        "A call whose connection broke is made again by the library: ordered twice.",
        "outgoing/calling.py",
        '_REPEATED = ("GET", "PUT")',
        "_REPEATED = ()",
        ("tests/delivery/test_calls.py::test_nothing_is_sent_again_when_a_kept_connection_turns_out_closed[PUT]",),
    ),
)
