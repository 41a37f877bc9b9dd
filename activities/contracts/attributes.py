"""The search attributes that orders carry in Temporal, typed."""

from typing import Any

from temporalio.common import SearchAttributeKey

ORDER_STATE = SearchAttributeKey.for_keyword("OrderState")
CUSTOMER = SearchAttributeKey.for_keyword("Customer")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
OWNER_QUEUE = SearchAttributeKey.for_keyword("OwnerQueue")
JEOPARDY = SearchAttributeKey.for_keyword("Jeopardy")
NEXT_DUE = SearchAttributeKey.for_datetime("NextDue")

SEARCH_ATTRIBUTES: list[SearchAttributeKey[Any]] = [ORDER_STATE, CUSTOMER, WAITING_ON, OWNER_QUEUE, JEOPARDY, NEXT_DUE]
