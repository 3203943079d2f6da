"""How lists are paged: two sets of names, each with its own default size (contract section 1)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from waypost.app.ports.catalog import Page
from waypost.wire import query as q

PAGE_SIZE = 50  # of `page` and `pageSize`; clients that ask for no size stop at a page of fewer
FILTER_PAGE_SIZE = 20  # of `filterPageNumber` and `filterPageSize`
WHOLE_PAGE = 1000  # records on a page of a list that is short as a rule, such as sources
PAGE_AT_MOST = 100
ORDERS_AT_MOST = 1000
LAST_PAGE = 10**9


class Paging(NamedTuple):
    """The paging of a list: what its parameters are called, its default size and its largest one."""

    number: str
    size: str
    default: int
    at_most: int

    @property
    def params(self) -> tuple[q.Param, q.Param]:
        """The parameters, to be declared with the operation."""
        return q.integer(self.number, 1, LAST_PAGE), q.page_size(self.size, self.default, self.at_most)

    def page(self, params: Mapping[str, Any]) -> Page:
        """The page that a call asks for by its parsed parameters."""
        size = params[self.size]
        return Page(size, (params.get(self.number, 1) - 1) * size)


BY_PAGE = Paging("page", "pageSize", PAGE_SIZE, PAGE_AT_MOST)
ORDERS_BY_PAGE = BY_PAGE._replace(at_most=ORDERS_AT_MOST)
WHOLE = Paging("page", "pageSize", WHOLE_PAGE, WHOLE_PAGE)
BY_FILTER_PAGE = Paging("filterPageNumber", "filterPageSize", FILTER_PAGE_SIZE, PAGE_AT_MOST)
