"""Form configurations of every shape: any fields, any rules between them, as no card that we know has them.

They are well formed, not sensible: a default may be out of its bounds. Only their reading and writing is to be tested.
"""

import dataclasses
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from photoplay.domain.fields import Alias, Field, Objects
from photoplay.domain.rules import Condition, Rule

__all__ = ["Form", "forms"]

Form: TypeAlias = tuple[tuple[Field, ...], tuple[Rule, ...]]
Strategy: TypeAlias = st.SearchStrategy[Any]

SCALARS: dict[type, Strategy] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**31), 2**31),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: st.text(max_size=8),
}
NAMES = st.text("abc_", min_size=1, max_size=4)
LEAVES = [kind for kind in get_args(Field) if kind not in (Alias, Objects)]


def of(hint: Any) -> Strategy:
    """Any value of a type as our dataclasses write it."""
    if dataclasses.is_dataclass(hint):
        return built(hint)
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return st.sampled_from(arguments)
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([of(argument) for argument in arguments])
    return listed(of(arguments[0])) if get_origin(hint) is tuple else SCALARS[hint]


def built(kind: Any, **given: Strategy) -> Strategy:
    """A value of a dataclass: each of its parts as given, or any."""
    hints = {part.name: get_type_hints(kind)[part.name] for part in dataclasses.fields(kind)}
    return st.builds(kind, **{name: given[name] if name in given else of(hint) for name, hint in hints.items()})


def listed(items: Strategy, *, least: int = 0) -> Strategy:
    return st.lists(items, min_size=least, max_size=3).map(tuple)


def fields(names: Sequence[str]) -> Strategy:
    """A field for each of these names; those below a list of objects are plain ones."""
    below = st.lists(NAMES, unique=True, max_size=3).flatmap(lambda inner: st.tuples(*map(leaf, inner)))
    return st.tuples(*(leaf(name) | built(Objects, name=st.just(name), fields=below) for name in names))


def leaf(name: str) -> Strategy:
    return st.one_of([built(kind, name=st.just(name)) for kind in LEAVES])


def rules(names: Sequence[str]) -> Strategy:
    name = st.sampled_from(names)
    some = listed(name, least=1)
    when = built(Condition, field=name)
    return st.one_of(
        [
            built(kind, field=name, fields=some, needs=some, groups=listed(some, least=1), when=when)
            for kind in get_args(Rule)
        ]
    )


@st.composite
def forms(draw: st.DrawFn) -> Form:
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    others = draw(st.lists(NAMES.filter(lambda name: name not in names), unique=True, max_size=2))
    aliases = [draw(built(Alias, name=st.just(other), of=st.sampled_from(names))) for other in others]
    return (*draw(fields(names)), *aliases), draw(listed(rules(names)))
