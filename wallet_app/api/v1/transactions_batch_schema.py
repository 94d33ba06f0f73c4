"""What the batch endpoint takes and answers."""

from typing import Annotated, Any, Literal, Union, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema, WithJsonSchema
from pydantic_core import CoreSchema

from wallet_app.api.fields import Answer, Request, Text
from wallet_app.api.openapi import PROBLEM_SCHEMA, SENT_HEADERS
from wallet_app.api.v1.transactions_schema import EXAMPLE_ID, TransactionIn, TransactionOut
from wallet_app.transactions.idempotency import is_key

MOST_ITEMS = 1000


def _check_key(value: str) -> str:
    if not is_key(value):
        raise ValueError("A key has 1 to 255 printable ASCII characters.")
    return value


ItemKey = Annotated[Text, AfterValidator(_check_key), WithJsonSchema(SENT_HEADERS["Idempotency-Key"]["schema"])]


class _Keyed(BaseModel):
    idempotency_key: ItemKey


def _add_key(move: type[BaseModel]) -> type[BaseModel]:
    return create_model(f"Batch{move.__name__}", __base__=(_Keyed, move))


# Each body of POST /transactions with a key, for the OpenAPI document: whatever moves there are, a batch takes.
_KEYED_MOVES: Any = Union[tuple(_add_key(move) for move in get_args(TransactionIn.model_fields["root"].annotation))]  # noqa: UP007
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Annotated[_KEYED_MOVES, Field(discriminator="type")])


class BatchItemIn(_Keyed):
    """A body of POST /transactions with its key.

    Only the key is read with the batch. The rest is judged as a request of its own, whose fault is the item's alone.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:  # noqa: ARG003
        return handler(_ADAPTER.core_schema)


def _check_count(items: object) -> object:
    """Counted before the items are looked at, so that a long list costs nothing."""
    if isinstance(items, list) and not 1 <= len(items) <= MOST_ITEMS:
        raise ValueError(f"A batch has 1 to {MOST_ITEMS} items.")
    return items


class BatchIn(Request):
    mode: Literal["atomic", "independent"] = Field(
        description="`atomic`: one refusal, and nothing is written. `independent`: each item stands for itself."
    )
    items: Annotated[
        list[BatchItemIn],
        BeforeValidator(_check_count),
        Field(json_schema_extra={"minItems": 1, "maxItems": MOST_ITEMS}),
    ]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "mode": "atomic",
                    "items": [
                        {
                            "idempotency_key": "payroll-7-1",
                            "type": "transfer",
                            "to_user_email": "bo@wallet.example",
                            "amount": "25.00",
                            "currency": "USD",
                        },
                        {
                            "idempotency_key": "payroll-7-2",
                            "type": "withdrawal",
                            "account_id": EXAMPLE_ID,
                            "amount": "40.00",
                            "currency": "USD",
                        },
                    ],
                }
            ]
        }
    )


class BatchResultOut(Answer):
    """What the item would have been answered alone: its transaction, or its error."""

    index: int
    status: int = Field(description="The HTTP status that the item would have had alone.")
    transaction: TransactionOut | SkipJsonSchema[None] = None
    error: Annotated[dict[str, Any], WithJsonSchema(PROBLEM_SCHEMA)] | SkipJsonSchema[None] = None

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["transaction"]}, {"required": ["error"]}]})


class BatchOut(Answer):
    results: list[BatchResultOut]
