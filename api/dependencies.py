"""What routes are given: the application's parts, and the checked pieces of a request.

All are coroutines, though they wait for nothing: FastAPI sends each plain function through a thread."""

from typing import Annotated

from fastapi import Depends, Header, Path
from starlette.requests import Request

from activities.runtime.settings import Settings
from activities.store.database import Database
from api.auth import requires
from api.context import Context
from domain.roles import Principal, Right


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _database(request: Request) -> Database:
    return (await _context(request)).database


Ctx = Annotated[Context, Depends(_context)]
Config = Annotated[Settings, Depends(_settings)]
Db = Annotated[Database, Depends(_database)]

OrderId = Annotated[str, Path(max_length=40, examples=["O-1001"])]
RecordId = Annotated[str, Path(max_length=40)]
InvoiceId = Annotated[str, Path(max_length=200, examples=["O-1001:invoice"])]
_KEY = Header(
    alias="Idempotency-Key",
    pattern=r"^[\x20-\x7e]{1,200}$",
    description="makes repeating the request safe: 1 to 200 printable ASCII characters, your own",
)
Key = Annotated[str | None, _KEY]
NeededKey = Annotated[str, _KEY]

Placer = Annotated[Principal, Depends(requires(Right.place_orders))]
Reader = Annotated[Principal, Depends(requires(Right.read_orders))]
OwnReader = Annotated[Principal, Depends(requires(Right.read_orders, Right.place_orders))]
"""May read every order, or those it placed."""
Changer = Annotated[Principal, Depends(requires(Right.change_orders))]
Approver = Annotated[Principal, Depends(requires(Right.approve))]
Resolver = Annotated[Principal, Depends(requires(Right.resolve_fallout))]
RecordReader = Annotated[Principal, Depends(requires(Right.read_records))]
RecordWriter = Annotated[Principal, Depends(requires(Right.write_records))]
TaxKeeper = Annotated[Principal, Depends(requires(Right.write_tax))]
MethodKeeper = Annotated[Principal, Depends(requires(Right.keep_methods))]
SubscriptionKeeper = Annotated[Principal, Depends(requires(Right.keep_subscriptions))]
Suspender = Annotated[Principal, Depends(requires(Right.keep_subscriptions, Right.keep_fraud_rules))]
"""May suspend for some reason; which, the reason says."""
PrivacyKeeper = Annotated[Principal, Depends(requires(Right.keep_privacy))]
BillingReader = Annotated[Principal, Depends(requires(Right.read_billing))]
Biller = Annotated[Principal, Depends(requires(Right.bill))]
Reconciler = Annotated[Principal, Depends(requires(Right.reconcile))]
PaymentRouter = Annotated[Principal, Depends(requires(Right.route_payments))]
PolicyKeeper = Annotated[Principal, Depends(requires(Right.keep_policies))]
FraudKeeper = Annotated[Principal, Depends(requires(Right.keep_fraud_rules))]
KeyKeeper = Annotated[Principal, Depends(requires(Right.manage_keys))]
