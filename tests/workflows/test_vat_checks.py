"""The job that checks VAT ids, from the customer's record to the proof."""

import uuid

from temporalio.client import Client

from activities.contracts.queues import JOBS
from tests.world import World
from workflows.vat_checks import VatChecksWorkflow


async def test_a_customers_number_is_proven_by_the_next_round(world: World) -> None:
    customer = await world.customer(tax={"business": True, "vat_id": "DE136695976"})
    await round_of(world.temporal.client)
    status = (await world.api.get(f"/v1/customers/{customer}/vat-check")).json()
    assert (status["proof"]["result"], status["proof"]["service"]) == ("valid", "VIES")


async def round_of(client: Client) -> int:
    answered: int = await client.execute_workflow(VatChecksWorkflow.run, None, id=f"vat-checks-{uuid.uuid4()}", task_queue=JOBS)
    return answered
