"""Asking a system that built a service to close it, open it again or take it down, and seeing that it did."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts.provisioning import LOCAL_ADAPTERS, LookUp, Provisioning, StepCall
    from domain.plans import Retry
    from domain.provisioning import RemoteState, Verb
    from workflows.calls import CALL_FAILED, attempt, ensure_here, explain

PATIENT = Retry(attempts=8, first_wait=1, longest_wait=60)
BELIEVED = {
    Verb.suspend: frozenset({RemoteState.inactive, RemoteState.suspended, RemoteState.terminated, RemoteState.absent}),
    Verb.resume: frozenset({RemoteState.inactive, RemoteState.active}),
    Verb.terminate: frozenset({RemoteState.terminated, RemoteState.absent}),
}
"""What a system has to say of the service before it is believed. One that only built it never switched it on, and has
nothing to resume."""


async def is_unable(call: StepCall) -> bool:
    """Whether a system says that it has no such verb, which not every one has. One that was slowed down is sped up again
    whatever it says now."""
    if call.request.verb is not Verb.throttle:
        return False
    try:
        able = await attempt(Provisioning.capabilities, call.adapter, summary=f"what {call.adapter} can do", retry=PATIENT)
    except CALL_FAILED:
        return False
    return Verb.throttle not in able


async def trouble_of(call: StepCall) -> str:
    """Why a system has not done what it was asked, in words; empty where it has, and says so itself."""
    if call.adapter in LOCAL_ADAPTERS:
        await ensure_here(Provisioning.perform, call, summary="do it in our own records")
        return ""
    verb, reference = call.request.verb, call.request.reference
    try:
        await attempt(Provisioning.perform, call, summary=f"{verb} {reference} at {call.adapter}", retry=PATIENT)
    except CALL_FAILED as error:
        refused = explain(error)
    else:
        refused = ""
    try:
        wanted = LookUp(adapter=call.adapter, reference=reference)
        found = await attempt(Provisioning.look_up, wanted, summary=f"is it done at {call.adapter}?", retry=PATIENT)
    except CALL_FAILED as error:
        return refused or explain(error)
    if verb in {Verb.throttle, Verb.unthrottle}:
        done = found.throttled is (verb is Verb.throttle)
        return "" if done else refused or f"{call.adapter} says that it is {'' if found.throttled else 'not '}slowed down"
    return "" if found.state in BELIEVED[verb] else refused or f"{call.adapter} says that it is {found.state}"
