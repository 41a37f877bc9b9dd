"""How this product connects to Temporal, and the search attributes it asks of every server."""

import functools
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.failure.v1 import Failure
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client, TLSConfig
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadConverter,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.contracts.attributes import SEARCH_ATTRIBUTES
from activities.runtime.settings import Settings
from domain.errors import Unavailable

TASK_TIMEOUT = timedelta(seconds=5)
"""How long a workflow task of a worker that died stays with it. The SDK prolongs those that wait for local activities."""

SAID_TO_PEOPLE = frozenset({"BadInput", "WrongState"})
"""Types of application error whose message is written for a person: the traceback is dropped from them."""


class HumanFailureConverter(DefaultFailureConverter):
    """Shows a refused update in Temporal's UI as its one line, without the Python traceback."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Fill `failure`; errors meant for people lose their stack trace."""
        super().to_failure(exception, payload_converter, failure)
        if isinstance(exception, ApplicationError) and exception.type in SAID_TO_PEOPLE:
            failure.stack_trace = ""


class TolerantJson(PydanticJSONPlainPayloadConverter):
    """Ignores fields it does not know, also in values that are strict at the HTTP edge: a payload that a newer release wrote
    stays readable."""

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """The value of `payload` as `type_hint`."""
        return _adapter(type_hint if type_hint is not None else Any).validate_json(payload.data, extra="ignore")


@functools.lru_cache(maxsize=256)
def _adapter(type_hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(type_hint)


_CONVERTERS = tuple(
    TolerantJson() if isinstance(one, JSONPlainPayloadConverter) else one
    for one in DefaultPayloadConverter.default_encoding_payload_converters
)


class TolerantPayloads(CompositePayloadConverter):
    """The SDK's own converters, with JSON read tolerantly. One is made for every call, so the converters are made once."""

    def __init__(self) -> None:
        super().__init__(*_CONVERTERS)


DATA_CONVERTER = DataConverter(payload_converter_class=TolerantPayloads, failure_converter_class=HumanFailureConverter)


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the configured server; `lazy` waits with the connection until the first call.

    Raises `Unavailable` when the server does not answer, naming its address.
    """
    if settings.temporal_address is None:
        raise Unavailable("TURNUP_TEMPORAL_ADDRESS is not set, and no embedded Temporal is running")
    key = settings.temporal_api_key
    try:
        return await Client.connect(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            data_converter=DATA_CONVERTER,
            tls=_tls(settings),
            api_key=key.get_secret_value() if key else None,
            lazy=lazy,
        )
    except (RuntimeError, RPCError) as error:
        raise Unavailable(f"Temporal does not answer at {settings.temporal_address}: {_first_line(error)}") from error


async def missing_search_attributes(client: Client) -> list[SearchAttributeKey[Any]]:
    """Those of `SEARCH_ATTRIBUTES` that the namespace does not have."""
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    return [key for key in SEARCH_ATTRIBUTES if key.name not in listed.custom_attributes]


async def ensure_search_attributes(client: Client) -> list[str]:
    """Register the attributes the namespace lacks; returns their names. Needs the right to administer it."""
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes={key.name: _indexed_as(key) for key in missing}
            )
        )
    return [key.name for key in missing]


def _indexed_as(key: SearchAttributeKey[Any]) -> IndexedValueType.ValueType:
    return IndexedValueType.ValueType(SearchAttributeIndexedValueType(key.indexed_value_type).value)


def _tls(settings: Settings) -> TLSConfig | bool:
    if settings.temporal_tls_cert is None and settings.temporal_tls_ca is None:
        return settings.temporal_tls or settings.temporal_api_key is not None
    return TLSConfig(
        server_root_ca_cert=_read(settings.temporal_tls_ca),
        client_cert=_read(settings.temporal_tls_cert),
        client_private_key=_read(settings.temporal_tls_key),
    )


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
