"""What people type into Temporal's UI, read leniently and refused in one line that names the field and shows an example."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from temporalio.exceptions import ApplicationError

from domain.cards import REFUSAL, shows_card_number
from domain.errors import BadInput, TurnupError

Message = TypeVar("Message", bound=BaseModel)
WORDS = {
    "approve": ("approve", "approved", "yes", "y", "ok"),
    "reject": ("reject", "rejected", "no", "n"),
    "delegate": ("delegate",),
}
MEANT = {word: meant for meant, words in WORDS.items() for word in words}


def parse(kind: type[Message], raw: Any, example: dict[str, Any]) -> Message:
    """`raw` as a `kind`: JSON text is read, keys may be in any case, yes and no stand for approve and reject.

    Raises ApplicationError of type BadInput, also for a card number in what somebody wrote: what a validator refuses is in no
    history.
    """
    keyed = _keyed(raw, next(iter(kind.model_fields)))
    written = keyed if isinstance(keyed, dict) else {"body": keyed}
    for field, text in written.items():
        if isinstance(text, str) and shows_card_number(text):
            raise ApplicationError(f"{field}: {REFUSAL}", type="BadInput", non_retryable=True)
    try:
        return kind.model_validate(keyed)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "body"
        problem = f"{field}: {_plain(first['msg'])}. Example: {json.dumps(example)}"
        raise ApplicationError(problem, type="BadInput", non_retryable=True) from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _keyed(raw: Any, first_field: str) -> Any:
    if isinstance(raw, str):
        text = raw.strip()
        if text.startswith("{"):
            try:
                return _keyed(json.loads(text), first_field)
            except json.JSONDecodeError:
                return {first_field: text}
        return {first_field: MEANT.get(text.lower(), text)}
    if isinstance(raw, dict):
        named = {str(key).strip().lower(): value for key, value in raw.items()}
        word = named.get(first_field)
        return named | {first_field: MEANT.get(word.lower(), word)} if isinstance(word, str) else named
    return raw


def refusal(error: TurnupError) -> ApplicationError:
    """A domain error as the one line a caller reads, here or in Temporal's UI."""
    kind = "BadInput" if isinstance(error, BadInput) else "WrongState"
    return ApplicationError(str(error), type=kind, non_retryable=True)
