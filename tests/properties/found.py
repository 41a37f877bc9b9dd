"""Orders that went wrong once, made smaller by hand and by hypothesis."""

from tests.properties.cases import Amend, Cancel, Case, Change, Decide, Ending, Fault, Help, Item, Kind, Move, Skip, Step
from workers.sandbox.faults import Mode, Operation

FOUND = {
    "one of an item's two stuck steps is decided, and the item stays held": Case(
        (Item((Step(Kind.hand), Step(Kind.hand))),), (Move((Decide("resolve"),)),)
    ),
    "a decision that nothing follows is written": Case(
        (Item((Step(Kind.hand), Step(Kind.hand), Step(Kind.hand))),), (Move((Decide("resolve"),)), Move((Decide("skip"),)))
    ),
    "a call that nothing follows is written": Case((Item((Step(Kind.build),)), Item((Step(Kind.hand),))), (Move((Skip(5),)),)),
    "a second point of no return is refused, and the first stays passed": Case(
        (Item((Step(Kind.build, final=True), Step(Kind.open, needs=frozenset({0}), late=True, final=True))),),
        (Move((Skip(5),)),),
        (Fault(Operation.activate, Mode.decline_hard, 10),),
    ),
    "a refused point of no return that is then passed by hand is passed": Case(
        (Item((Step(Kind.build, final=True), Step(Kind.hand, needs=frozenset({0}))), wish="refuse"),),
        (Move((Decide("resolve"),)), Move((Cancel(),))),
    ),
    "what is left of an order is nothing, and is not paid for": Case(
        (Item((Step(Kind.hand),)), Item((Step(Kind.hand),))),
        (Move((Cancel(frozenset({1})),)), Move((Amend(Change.remove),)), Move((Help(),))),
        quorum=1,
        card="tok_declined_hard",
    ),
    "an item that was removed does not come back": Case(
        (Item((Step(Kind.build), Step(Kind.hand, needs=frozenset({0})))), Item((Step(Kind.hand),))),
        (Move((Amend(Change.remove),)), Move((Amend(Change.put_back),)), Move((Help(),))),
    ),
    "an order with an undo that is stuck answers at once to what else is asked": Case(
        (Item((Step(Kind.hand, final=True),)), Item((Step(Kind.hand),))),
        (Move((Decide("compensate"),)), Move((Amend(Change.add),)), Move((Cancel(),))),
        ending=Ending.give_up,
    ),
}
