"""A partner over HTTP: one service per reference, whatever gets lost on the way."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from activities.adapters.http import Throttled
from activities.adapters.provisioning.entitlements import EntitlementProvisioner
from activities.adapters.provisioning.partner import PartnerProvisioner
from domain.errors import Refused, Unavailable, Unknown
from domain.provisioning import DataExport, ExportState, ProvisionRequest, RemoteState, Verb
from tests.sandbox_server import RunningSandbox, running_sandbox, serving
from tests.world import World

DOING = [Verb.create, Verb.activate, Verb.change, Verb.suspend, Verb.resume, Verb.terminate, Verb.throttle]
LIFE = {
    Verb.create: [],
    Verb.activate: [Verb.create],
    Verb.change: [Verb.create],
    Verb.suspend: [Verb.create, Verb.activate],
    Verb.resume: [Verb.create, Verb.activate, Verb.suspend],
    Verb.terminate: [Verb.create, Verb.activate],
    Verb.throttle: [Verb.create, Verb.activate],
}
"""What must have been done before a verb."""

AFTER = {
    Verb.create: RemoteState.inactive,
    Verb.activate: RemoteState.active,
    Verb.change: RemoteState.inactive,
    Verb.suspend: RemoteState.suspended,
    Verb.resume: RemoteState.active,
    Verb.terminate: RemoteState.terminated,
    Verb.throttle: RemoteState.active,
}


NUMBERS = itertools.count(1001)


@dataclass(frozen=True)
class Case:
    """One test's own order, and the requests about its second item."""

    order: str

    @property
    def reference(self) -> str:
        return f"{self.order}:2"

    def asked(
        self, verb: Verb, *, quantity: int = 5, probe: bool = False, attempt: str = "", **wishes: str
    ) -> ProvisionRequest:
        """A change asks for one more than `quantity`."""
        return ProvisionRequest(
            verb=verb,
            key=f"{self.reference}:{verb}{attempt}",
            reference=self.reference,
            customer="C-1",
            product="mailbox",
            plan="mailbox-standard",
            quantity=quantity + 1 if verb is Verb.change else quantity,
            characteristics=wishes,
            probe=probe,
        )


@pytest.fixture
def case() -> Case:
    return Case(f"O-{next(NUMBERS)}")


@pytest_asyncio.fixture(scope="module")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningSandbox]:
    async with running_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest_asyncio.fixture
async def sandbox(shared_sandbox: RunningSandbox, case: Case) -> AsyncIterator[RunningSandbox]:
    """The sandbox as this test's order sees it; no fault outlives the test."""
    yield shared_sandbox.of(case.order)
    await shared_sandbox.faults()


@pytest.fixture
def mailhub(sandbox: RunningSandbox) -> PartnerProvisioner:
    return PartnerProvisioner(sandbox.partner_url("mailhub"), "mailhub", sandbox.client)


@pytest.fixture
def fibreworks(sandbox: RunningSandbox) -> PartnerProvisioner:
    return PartnerProvisioner(sandbox.partner_url("fibreworks"), "fibreworks", sandbox.client)


@pytest_asyncio.fixture
async def nowhere() -> AsyncIterator[PartnerProvisioner]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with httpx.AsyncClient(trust_env=False) as client:
        yield PartnerProvisioner(f"http://127.0.0.1:{port}", "nowhere", client)


async def live_until(case: Case, partner: PartnerProvisioner, verb: Verb) -> None:
    for earlier in LIFE[verb]:
        await partner.perform(case.asked(earlier))


@pytest.mark.parametrize("verb", DOING)
async def test_each_verb_leads_to_its_state(case: Case, mailhub: PartnerProvisioner, verb: Verb) -> None:
    await live_until(case, mailhub, verb)
    result = await mailhub.perform(case.asked(verb))
    assert result.state is AFTER[verb]
    assert result.remote_id is not None
    assert await mailhub.look_up(case.reference) == result
    assert await mailhub.perform(case.asked(Verb.verify)) == result


async def test_change_changes_the_quantity(case: Case, mailhub: PartnerProvisioner) -> None:
    await mailhub.perform(case.asked(Verb.create, quantity=5))
    assert (await mailhub.perform(case.asked(Verb.change, quantity=5))).quantity == 6


async def test_partner_that_takes_time_is_working_until_it_has_finished(
    case: Case, fibreworks: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.configure("fibreworks", hold=True)
    created = await fibreworks.perform(case.asked(Verb.create))
    assert created.state is RemoteState.working
    await sandbox.finish("fibreworks", case.reference)
    finished = await fibreworks.look_up(case.reference)
    assert (finished.state, finished.remote_id) == (RemoteState.inactive, created.remote_id)


async def test_what_is_not_built_yet_cannot_be_activated(
    case: Case, fibreworks: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await fibreworks.perform(case.asked(Verb.create))
    with pytest.raises(Refused) as refusal:
        await fibreworks.perform(case.asked(Verb.activate))
    assert refusal.value.code == "service_working"


async def test_nothing_there_is_absent(case: Case, mailhub: PartnerProvisioner) -> None:
    assert (await mailhub.look_up(case.reference)).state is RemoteState.absent


async def test_definite_refusal_leaves_nothing(case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox) -> None:
    with pytest.raises(Refused) as refusal:
        await mailhub.perform(case.asked(Verb.create, sandbox="refuse"))
    assert refusal.value.code == "not_serviceable"
    assert await sandbox.journal() == []


async def test_create_at_once_from_everywhere_makes_one_account(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    requests = [case.asked(Verb.create, attempt=f":{number % 5}") for number in range(20)]
    results = await asyncio.gather(*(mailhub.perform(request) for request in requests))
    assert len({result.remote_id for result in results}) == 1
    assert [service.accounts for service in (await sandbox.summary()).services] == [1]


async def test_same_key_with_another_order_is_refused(case: Case, mailhub: PartnerProvisioner) -> None:
    await mailhub.perform(case.asked(Verb.create, quantity=5))
    with pytest.raises(Refused) as refusal:
        await mailhub.perform(case.asked(Verb.create, quantity=6))
    assert refusal.value.code == "idempotency_conflict"


async def test_repeated_create_tells_what_the_service_is_now(case: Case, mailhub: PartnerProvisioner) -> None:
    await mailhub.perform(case.asked(Verb.create))
    await mailhub.perform(case.asked(Verb.activate))
    assert (await mailhub.perform(case.asked(Verb.create))).state is RemoteState.active


async def test_terminated_reference_is_not_created_again(case: Case, mailhub: PartnerProvisioner) -> None:
    await mailhub.perform(case.asked(Verb.create))
    await mailhub.perform(case.asked(Verb.terminate))
    with pytest.raises(Refused) as refusal:
        await mailhub.perform(case.asked(Verb.create, attempt=":2", probe=True))
    assert refusal.value.code == "already_exists"


async def test_failed_work_is_tried_again_in_the_same_account(
    case: Case, fibreworks: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.configure("fibreworks", hold=True)
    first = await fibreworks.perform(case.asked(Verb.create))
    await sandbox.finish("fibreworks", case.reference, "failed")
    assert (await fibreworks.look_up(case.reference)).state is RemoteState.failed
    second = await fibreworks.perform(case.asked(Verb.create, attempt=":2", probe=True))
    assert (second.state, second.remote_id) == (RemoteState.working, first.remote_id)


@pytest.mark.parametrize("probe", [False, True])
async def test_terminate_of_what_never_was_is_terminated(case: Case, mailhub: PartnerProvisioner, probe: bool) -> None:
    assert (await mailhub.perform(case.asked(Verb.terminate, probe=probe))).state is RemoteState.terminated


@pytest.mark.parametrize("verb", [Verb.activate, Verb.suspend, Verb.resume, Verb.change])
async def test_verb_on_what_never_was_is_refused(case: Case, mailhub: PartnerProvisioner, verb: Verb) -> None:
    with pytest.raises(Refused) as refusal:
        await mailhub.perform(case.asked(verb))
    assert refusal.value.code == "service_absent"


@pytest.mark.parametrize("verb", DOING)
@pytest.mark.parametrize("mode", ["timeout_after", "garbled"])
async def test_lost_reply_is_unknown_and_probing_finds_the_effect(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, verb: Verb, mode: str
) -> None:
    await live_until(case, mailhub, verb)
    await sandbox.fault(verb.value, mode)
    with pytest.raises(Unknown):
        await mailhub.perform(case.asked(verb))
    happened = await sandbox.journal()
    result = await mailhub.perform(case.asked(verb, probe=True))
    assert result.state is AFTER[verb]
    assert await sandbox.journal() == happened


@pytest.mark.parametrize("verb", DOING)
@pytest.mark.parametrize("mode", ["timeout_before", "error_500"])
async def test_no_reply_is_unknown_and_probing_does_what_was_not_done(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, verb: Verb, mode: str
) -> None:
    await live_until(case, mailhub, verb)
    before = await sandbox.journal()
    await sandbox.fault(verb.value, mode, count=1)
    with pytest.raises(Unknown):
        await mailhub.perform(case.asked(verb))
    assert await sandbox.journal() == before
    assert (await mailhub.perform(case.asked(verb, probe=True))).state is AFTER[verb]


@pytest.mark.parametrize("mode", ["rate_limit", "not_attempted"])
async def test_turned_away_is_unavailable(case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, mode: str) -> None:
    await sandbox.fault("create", mode, count=1)
    with pytest.raises(Unavailable):
        await mailhub.perform(case.asked(Verb.create))
    assert await sandbox.journal() == []


async def test_rate_limit_says_how_long_to_wait(case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox) -> None:
    await sandbox.fault("create", "rate_limit")
    with pytest.raises(Throttled, match="retry after 1 s") as throttled:
        await mailhub.perform(case.asked(Verb.create))
    assert throttled.value.retry_after_seconds == 1


@pytest.mark.parametrize("mode", ["decline_soft", "decline_hard"])
async def test_ordered_decline_is_a_refusal(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, mode: str
) -> None:
    await sandbox.fault("create", mode)
    with pytest.raises(Refused) as refusal:
        await mailhub.perform(case.asked(Verb.create))
    assert refusal.value.code == mode.replace("decline", "declined")


async def test_no_connection_is_unavailable(case: Case, nowhere: PartnerProvisioner) -> None:
    with pytest.raises(Unavailable):
        await nowhere.perform(case.asked(Verb.create))


async def test_probe_that_cannot_look_leaves_it_unknown(case: Case, nowhere: PartnerProvisioner) -> None:
    with pytest.raises(Unknown):
        await nowhere.perform(case.asked(Verb.create, probe=True))


async def test_answer_that_takes_too_long_is_unknown(case: Case, sandbox: RunningSandbox) -> None:
    partner = PartnerProvisioner(sandbox.partner_url("mailhub"), "mailhub", sandbox.client, total_seconds=0.1)
    await sandbox.fault("create", "slow", delay_seconds=60)
    with pytest.raises(Unknown):
        await partner.perform(case.asked(Verb.create))
    assert await sandbox.kinds() == ["service_created"]


async def test_a_wrong_address_is_not_taken_for_absence(case: Case, sandbox: RunningSandbox) -> None:
    partner = PartnerProvisioner(f"{sandbox.url}/wrong", "mailhub", sandbox.client)
    with pytest.raises(Refused):
        await partner.perform(case.asked(Verb.terminate))


async def test_error_texts_hold_ids_and_nothing_of_what_was_sent(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.fault("create", "garbled")
    with pytest.raises(Unknown) as error:
        await mailhub.perform(case.asked(Verb.create, address="Elm Street 1"))
    assert "mailhub: POST services" in str(error.value)
    assert "Elm" not in repr(error.value) + repr(error.value.__cause__)


async def exported(case: Case, partner: PartnerProvisioner, *, attempt: str = "", probe: bool = False) -> DataExport:
    return await partner.export(case.asked(Verb.export, attempt=attempt, probe=probe))


def address(export: DataExport) -> str:
    assert export.address is not None
    return export.address.get_secret_value()


async def test_what_is_in_a_service_is_given_out_once_and_can_be_fetched_until_it_is_taken_down(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await live_until(case, mailhub, Verb.resume)
    first = await exported(case, mailhub)
    again = await exported(case, mailhub)
    other = await exported(case, mailhub, attempt=":2")
    probed = await exported(case, mailhub, attempt=":3", probe=True)
    fetched = await sandbox.client.get(address(first))
    await mailhub.perform(case.asked(Verb.terminate))
    gone = await sandbox.client.get(address(first))
    assert (first.state, first.expires_at) == (ExportState.ready, None)
    assert first == again == other == probed
    assert (await sandbox.kinds()).count("exported") == 1
    assert (fetched.status_code, fetched.json()["reference"], gone.status_code) == (200, case.reference, 404)
    assert address(first) not in f"{first!r}{first}{first.model_dump_json()}"


async def test_export_that_takes_time_is_working_until_it_is_there(
    case: Case, fibreworks: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await fibreworks.perform(case.asked(Verb.create))
    await sandbox.finish("fibreworks", case.reference)
    asked = await exported(case, fibreworks)
    looked_at = await exported(case, fibreworks, attempt=":2", probe=True)
    await sandbox.finish("fibreworks", case.reference)
    there = await exported(case, fibreworks, attempt=":3", probe=True)
    assert (asked.state, asked.address, looked_at) == (ExportState.working, None, asked)
    assert there.state is ExportState.ready
    assert address(there)
    assert (await sandbox.kinds()).count("exported") == 1


async def test_export_that_failed_or_has_expired_is_made_anew(
    case: Case, fibreworks: PartnerProvisioner, mailhub: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    await sandbox.configure("fibreworks", hold=True)
    await fibreworks.perform(case.asked(Verb.create))
    await sandbox.finish("fibreworks", case.reference)
    await exported(case, fibreworks)
    await sandbox.finish("fibreworks", case.reference, "failed")
    again = await exported(case, fibreworks, attempt=":2", probe=True)
    await mailhub.perform(case.asked(Verb.create))
    await sandbox.configure("mailhub", export_days=1e-9)
    expired = await exported(case, mailhub)
    await sandbox.configure("mailhub", export_days=7)
    fresh = await exported(case, mailhub, attempt=":2", probe=True)
    await sandbox.configure("mailhub")
    assert again.state is ExportState.working
    assert address(expired) != address(fresh)
    assert expired.expires_at is not None
    assert fresh.expires_at is not None
    assert fresh.expires_at - expired.expires_at > timedelta(days=6)


@pytest.mark.parametrize("mode", ["timeout_after", "garbled"])
async def test_lost_reply_to_an_export_is_unknown_and_probing_finds_it(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, mode: str
) -> None:
    await live_until(case, mailhub, Verb.resume)
    await sandbox.fault("export", mode)
    with pytest.raises(Unknown) as error:
        await exported(case, mailhub)
    found = await exported(case, mailhub, attempt=":2", probe=True)
    assert (await sandbox.kinds()).count("exported") == 1
    assert address(found).rpartition("/")[2] not in repr(error.value) + repr(error.value.__cause__)


@pytest.mark.parametrize(
    ("mode", "error"),
    [("timeout_before", Unknown), ("error_500", Unknown), ("not_attempted", Unavailable), ("decline_hard", Refused)],
)
async def test_export_that_was_not_made_is_made_by_another_try(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox, mode: str, error: type[Exception]
) -> None:
    await live_until(case, mailhub, Verb.resume)
    await sandbox.fault("export", mode, count=1)
    with pytest.raises(error):
        await exported(case, mailhub)
    assert "exported" not in await sandbox.kinds()
    assert (await exported(case, mailhub, probe=True)).state is ExportState.ready


async def test_nothing_is_given_out_of_what_is_not_there(case: Case, mailhub: PartnerProvisioner) -> None:
    for probe in (False, True):
        with pytest.raises(Refused) as refusal:
            await exported(case, mailhub, probe=probe)
        assert refusal.value.code == "service_absent"


async def test_a_partner_says_whether_it_gives_anything_out(
    case: Case, mailhub: PartnerProvisioner, sandbox: RunningSandbox
) -> None:
    able = await mailhub.capabilities()
    await sandbox.configure("mailhub", exports=False)
    unable = await mailhub.capabilities()
    await sandbox.configure("mailhub")
    assert able - unable == {Verb.export}
    assert unable == {Verb.throttle, Verb.unthrottle}


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://files.example/1", "https://files.example/a b", None])
async def test_an_address_that_nobody_could_fetch_from_is_no_answer(case: Case, url: str | None) -> None:
    said = {"reference": case.reference, "state": "ready", "url": url}
    app = FastAPI()
    app.post("/services/{reference}/export")(lambda: said)
    async with serving(app) as root, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(Unknown, match="unreadable"):
            await exported(case, PartnerProvisioner(root, "odd", client))


async def test_entitlements_give_nothing_out(case: Case, world: World) -> None:
    entitlements = EntitlementProvisioner(world.database)
    assert Verb.export not in await entitlements.capabilities()
    with pytest.raises(Refused):
        await entitlements.export(case.asked(Verb.export))
