"""What a caller sends to act on an order, beyond what the domain defines.

The person is whoever holds the key: `by`, where it is sent as in Temporal's UI, has to say the same.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from domain.approvals import Person, Verdict
from domain.plans import Identifier
from domain.provisioning import Characteristics
from domain.values import StrictValue

Reason = Annotated[str, Field(max_length=500)]


class DecisionRequest(StrictValue):
    """The body of `POST /v1/orders/{id}/approvals`. `to` names the delegate; `item` and `step` an approval step of the plan."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "approve", "reason": "within budget"}, {"decision": "delegate", "to": "ben"}]
        }
    )

    decision: Verdict
    by: Person | None = None
    reason: Reason = ""
    to: Person | None = None
    item: Identifier | None = None
    step: Identifier | None = None


class FalloutAnswer(StrictValue):
    """The body of `POST /v1/fallout/{id}/{verb}`. `data` corrects characteristics, or `payment_method` of a payment."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "address corrected", "data": {"address": "Hauptstr. 1, Berlin"}}]}
    )

    by: Person | None = None
    reason: Reason = ""
    evidence: Annotated[str, Field(max_length=1000)] = ""
    data: Characteristics = {}
