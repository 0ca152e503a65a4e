"""Whether a value that was read from JSON has the shape that a type says: dataclasses, typed dictionaries, tuples.

Files of a run may be forged or written by another program; a value of the wrong kind is named where it stands, before
anything is computed with it. Does not read files, and does not check what numbers mean.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, NotRequired, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from isogloss.errors import StoreError

_NAMES: dict[type[Any], str] = {
    bool: "a truth value",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    type(None): "nothing",
}

_PLAIN = {bool, int, float, str, type(None)}
_UNIONS = (Union, types.UnionType)


def shaped(value: Any, kind: Any, where: str) -> Any:
    """The value as what the type says: lists become tuples and objects dataclasses where it says so.

    Parameters
    ----------
    value : from JSON.
    kind : a type: dataclass, TypedDict (keys that it does not name may be there), `tuple[...]`, `list[...]`,
        `dict[str, ...]`, a union, a plain type, or Any. Whole numbers pass for `float`, truth values do not.
    where : what names the place in messages: the file.

    Raises
    ------
    StoreError : it has another shape; names the place inside the file, what is expected and what is there.
    """
    if kind is Any:
        return _tuples(value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in _UNIONS:
        return _one_of(value, inner, where)
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(value, kind, where)
    if is_typeddict(kind):
        return _typed(value, kind, where)
    plain = origin or kind
    if plain is tuple and isinstance(value, list | tuple):
        if inner[1:] == (...,):
            return tuple(_elements(value, inner[0], where))
        if inner and len(inner) != len(value):
            raise StoreError(f"{where}: {len(inner)} values are expected, found {len(value)}")
        return tuple(shaped(v, k, f"{where}[{i}]") for i, (v, k) in enumerate(zip(value, inner, strict=True)))
    if plain is list and isinstance(value, list | tuple):
        return _elements(value, inner[0] if inner else Any, where)
    if plain in (dict, Mapping) and isinstance(value, dict):
        of = inner[1] if inner else Any
        return {key: shaped(v, of, f"{where}, {key!r}") for key, v in value.items()} if of is not Any else value
    right = type(value) is plain or (plain is float and type(value) is int)
    if not right:
        raise _wrong(where, _NAMES.get(plain, str(plain)), value)
    return value


def _elements(values: list[Any] | tuple[Any, ...], kind: Any, where: str) -> list[Any]:
    if kind is Any:
        return [_tuples(value) for value in values]
    # Long lists of numbers and texts are most of a figure.
    plain = {kind} if kind in _PLAIN else set(get_args(kind)) if get_origin(kind) in _UNIONS else set()
    if plain and plain <= _PLAIN and {type(value) for value in values} <= plain | ({int} if float in plain else set()):
        return list(values)
    return [shaped(value, kind, f"{where}[{i}]") for i, value in enumerate(values)]


def _one_of(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    if type(value) in kinds or (type(value) is int and float in kinds):
        return value
    failed: StoreError | None = None
    for kind in kinds:
        try:
            return shaped(value, kind, where)
        except StoreError as error:
            failed = failed or error
    raise failed or _wrong(where, "something else", value)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(cast(Any, kind), include_extras=True)


def _dataclass(value: Any, kind: type[Any], where: str) -> Any:
    if type(value) is kind:
        return value
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    known = {field.name: field for field in fields(kind)}
    if unknown := [name for name in value if name not in known]:
        raise StoreError(f"{where}: there is {unknown[0]!r}, which has no place here")
    needed = (f.name for f in known.values() if f.default is MISSING and f.default_factory is MISSING)
    if absent := [name for name in needed if name not in value]:
        raise StoreError(f"{where}: there is no {absent[0]!r}")
    hints = _hints(cast(Hashable, kind))
    given = {name: shaped(v, hints[name], f"{where}, {name!r}") for name, v in value.items()}
    try:
        return kind(**given)
    except ValueError as error:
        raise StoreError(f"{where}: {error}") from None


def _typed(value: Any, kind: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    made = dict(value)
    for name, hint in _hints(kind).items():
        optional = get_origin(hint) is NotRequired
        if name in value:
            made[name] = shaped(value[name], get_args(hint)[0] if optional else hint, f"{where}, {name!r}")
        elif not optional:
            raise StoreError(f"{where}: there is no {name!r}")
    return made


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _wrong(where: str, expected: str, found: Any) -> StoreError:
    shown = repr(found)
    shown = shown if len(shown) <= 40 else f"{shown[:40]}..."
    return StoreError(
        f"{where}: {expected} is expected, found {_NAMES.get(type(found), type(found).__name__)}: {shown}"
    )
