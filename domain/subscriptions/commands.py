"""What people ask of a subscription besides its end and changes of it."""

from typing import Annotated

from pydantic import Field

from domain.values import StrictValue

By = Annotated[str, Field(min_length=1, max_length=120, examples=["your name"])]


class ByCommand(StrictValue):
    by: By


class HoldCommand(StrictValue):
    """`reason` is why its data must be kept; empty lifts the hold."""

    by: By
    reason: Annotated[str, Field(max_length=500, examples=["lawsuit 4711"])] = ""
