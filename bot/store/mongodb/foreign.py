"""BSON types that have no like in Python, and that only other programs store.

PyMongo's stand-ins for them break readers that are written for plain values: its `Code` is a text to Python
and equals none in MongoDB, and neither it nor a regular expression nor a `Decimal128` can stand in a set. So
they are read as `Foreign`, which nothing takes for text or for a number, and written back as they were.
"""

from __future__ import annotations

from typing import Any

from bson.code import Code
from bson.codec_options import TypeDecoder, TypeEncoder, TypeRegistry
from bson.decimal128 import Decimal128
from bson.regex import Regex


class Foreign:
    """Such a value: hashable, equal to its like alone.

    Attributes:
        value: as PyMongo has it.
    """

    __slots__ = ("value",)

    def __init__(self, value: Code | Decimal128 | Regex[Any]) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Foreign):
            return NotImplemented
        return type(self.value) is type(other.value) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(repr(self.value))

    def __str__(self) -> str:
        return str(self.value.pattern if isinstance(self.value, Regex) else self.value)

    def __repr__(self) -> str:
        return repr(self.value)


class _Decoder(TypeDecoder):
    def __init__(self, type_: type[Any]) -> None:
        self._type = type_

    @property
    def bson_type(self) -> Any:
        """What is read as `Foreign`."""
        return self._type

    def transform_bson(self, value: Any) -> Foreign:
        """Read."""
        return Foreign(value)


class _Encoder(TypeEncoder):
    @property
    def python_type(self) -> Any:
        """What is written back."""
        return Foreign

    def transform_python(self, value: Foreign) -> Any:
        """Written."""
        return value.value


REGISTRY = TypeRegistry([_Encoder(), *(_Decoder(type_) for type_ in (Code, Decimal128, Regex))])
"""For the options of a connection."""
