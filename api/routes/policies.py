"""Policies of what subscriptions do after their order: one of each kind, and who changed it when."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from activities.store import life_policies
from activities.store.life_policies import KINDS, Changed
from api.dependencies import BillingReader, Ctx, Db, PolicyKeeper
from api.paging import ById, Page, page
from domain.values import StrictValue

Note = Annotated[
    str, Query(max_length=500, description="why it is set so; kept with the version", examples=["as agreed with sales"])
]

router = APIRouter(prefix="/v1/policies", tags=["policies"])


def _add(kind: str, model: type[StrictValue]) -> None:
    """Its routes, with the fields of this kind in the API's document and in what is refused."""

    async def get_policy(principal: BillingReader, database: Db) -> Any:
        """As it holds, whether it was ever set or not."""
        async with database.transaction() as connection:
            return await life_policies.get(connection, model)

    async def put_policy(policy: Any, principal: PolicyKeeper, context: Ctx, note: Note = "") -> Any:
        """Holds for what falls due from now on; what is left out goes back to what holds without it. Lengths of time are after
        ISO 8601, such as P30D."""
        async with context.database.transaction() as connection:
            await life_policies.publish(connection, policy, principal.name, context.now(), note)
        return policy

    put_policy.__annotations__["policy"] = Annotated[model, Body(examples=[model().model_dump(mode="json")])]
    words = kind.replace("_", " ")
    for made, method, summary in (
        (get_policy, "GET", f"Look at the {words} policy"),
        (put_policy, "PUT", f"Set the {words} policy"),
    ):
        router.add_api_route(
            f"/{kind}", made, methods=[method], summary=summary, response_model=model, name=f"{method.lower()}_{kind}_policy"
        )

    async def list_versions(query: Annotated[ById, Query()], principal: BillingReader, database: Db) -> Page[Changed]:
        async with database.transaction() as connection:
            found = await life_policies.changes(connection, model, query.cursor, query.limit + 1)
        return page(found, query.limit, lambda each: each.id)

    router.add_api_route(
        f"/{kind}/versions",
        list_versions,
        methods=["GET"],
        summary=f"List what the {words} policy has been",
        name=f"list_{kind}_policy_versions",
    )


for _model, _kind in KINDS.items():
    _add(_kind, _model)
