"""Rules between fields: what breaks each, and what is said then."""

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import pytest

from inputs import judge
from made_up import MADE_UP, options
from photoplay.domain.cards import validate
from photoplay.domain.checks import Problem
from photoplay.domain.fields import Alias, Boolean, Choice, Integer, Number, NumberChoice, NumberOption, Text
from photoplay.domain.json import JsonObject
from photoplay.domain.rules import (
    AllowedWhen,
    Condition,
    Exclusive,
    ExclusiveGroups,
    ForbiddenWhen,
    MaximumWhen,
    RequiredWhen,
    Requires,
    RequiresOneOf,
    Rule,
    fields_of,
)

MESSAGE = "because the card says so"
CARD = replace(
    MADE_UP,
    fields=(
        Text(name="a", label="", help="", chars_max=9),
        Text(name="b", label="", help="", chars_max=9),
        Text(name="c", label="", help="", chars_max=9, default="c"),
        Text(name="d", label="", help="", chars_max=9),
        Integer(name="n", label="", help="", minimum=0, maximum=9, default=5),
        Number(name="x", label="", help="", minimum=0, maximum=9, step=1),
        Choice(name="mode", label="", help="", options=options("1", "2"), default="1"),
        NumberChoice(name="layers", label="", help="", options=(NumberOption(value=1, label="one"),)),
        Boolean(name="flag", label="", help="", default=False),
        Boolean(name="mark", label="", help=""),
        Alias(name="old_a", label="", help="", of="a"),
        Alias(name="old_n", label="", help="", of="n"),
        Alias(name="old_mode", label="", help="", of="mode"),
    ),
)

EXCLUSIVE = Exclusive(fields=("a", "b", "c"), message=MESSAGE)
GROUPS = ExclusiveGroups(groups=(("a", "b"), ("c", "d"), ("x",)), message=MESSAGE)
REQUIRES = Requires(field="a", needs=("b", "c"), message=MESSAGE)
ONE_OF = RequiresOneOf(fields=("a", "c"), message=MESSAGE)


def required(when: Condition) -> Rule:
    return RequiredWhen(field="a", when=when, message=MESSAGE)


def forbidden(when: Condition, field: str = "a") -> Rule:
    return ForbiddenWhen(field=field, when=when, message=MESSAGE)


def maximum(when: Condition, field: str = "n") -> Rule:
    return MaximumWhen(field=field, maximum=4, when=when, message=MESSAGE)


def allowed(when: Condition, field: str = "mode", values: tuple[str | int, ...] = ("2",)) -> Rule:
    return AllowedWhen(field=field, values=values, when=when, message=MESSAGE)


def present(field: str) -> Condition:
    return Condition(field=field)


def equals(field: str, value: str | int | bool) -> Condition:
    return Condition(field=field, equals=value)


KEPT: list[tuple[Rule, JsonObject]] = [
    (EXCLUSIVE, {}),
    (EXCLUSIVE, {"a": "1", "b": None}),
    (EXCLUSIVE, {"b": ""}),
    (EXCLUSIVE, {"a": "1", "old_a": "2"}),
    (GROUPS, {}),
    (GROUPS, {"a": "1", "b": "2"}),
    (GROUPS, {"c": "1", "d": "2"}),
    (REQUIRES, {}),
    (REQUIRES, {"b": "1"}),
    (REQUIRES, {"a": "1", "b": "2", "c": "3"}),
    (ONE_OF, {"a": ""}),
    (ONE_OF, {"c": "1"}),
    (ONE_OF, {"old_a": "1"}),
    (required(present("b")), {}),
    (required(present("b")), {"b": "1", "a": "2"}),
    (required(present("b")), {"b": "1", "old_a": "2"}),
    (required(present("c")), {}),
    (required(present("flag")), {}),
    (required(equals("mode", "2")), {}),
    (required(equals("mode", "1")), {"mode": "2"}),
    (required(equals("mark", False)), {}),
    (required(equals("layers", True)), {"layers": 1}),
    (required(equals("mark", 1)), {"mark": True}),
    (forbidden(present("b")), {"a": "1"}),
    (forbidden(present("b")), {"b": "1"}),
    (forbidden(equals("flag", True)), {"a": "1"}),
    (forbidden(present("b"), "c"), {"b": "1"}),
    (maximum(present("b")), {"n": 9}),
    (maximum(present("b")), {"b": "1", "n": 4}),
    (maximum(present("b")), {"b": "1", "n": 4.0}),
    (maximum(present("b"), "x"), {"b": "1"}),
    (maximum(present("b"), "x"), {"b": "1", "x": 4}),
    (allowed(present("b")), {"mode": "1"}),
    (allowed(present("b")), {"b": "1", "mode": 2}),
    (allowed(present("b"), "layers", (2,)), {"b": "1"}),
]
# Rule, what is sent, and the field to change.
BROKEN: list[tuple[Rule, JsonObject, str]] = [
    (EXCLUSIVE, {"a": "1", "b": ""}, "b"),
    (EXCLUSIVE, {"c": "1", "a": "1"}, "c"),
    (EXCLUSIVE, {"old_a": "1", "b": "2"}, "b"),
    (EXCLUSIVE, {"a": "1", "b": "1", "c": "1"}, "b"),
    (GROUPS, {"b": "1", "d": "2"}, "d"),
    (GROUPS, {"old_a": "1", "x": 0}, "x"),
    (REQUIRES, {"a": "1"}, "b"),
    (REQUIRES, {"a": "1", "b": "2"}, "c"),
    (REQUIRES, {"old_a": "1", "b": None, "c": "2"}, "b"),
    (ONE_OF, {}, "a"),
    (ONE_OF, {"a": None, "b": "1"}, "a"),
    (required(present("b")), {"b": ""}, "a"),
    (required(present("flag")), {"flag": False}, "a"),
    (required(present("mode")), {"old_mode": "1"}, "a"),
    (required(equals("mode", "1")), {}, "a"),
    (required(equals("mode", "1")), {"mode": None}, "a"),
    (required(equals("mode", "2")), {"mode": 2}, "a"),
    (required(equals("mode", "2")), {"old_mode": "2"}, "a"),
    (required(equals("n", 5)), {}, "a"),
    (required(equals("x", 5)), {"x": 5.0}, "a"),
    (required(equals("flag", False)), {}, "a"),
    (required(equals("mark", True)), {"mark": True}, "a"),
    (forbidden(present("b")), {"a": "1", "b": "2"}, "a"),
    (forbidden(present("b")), {"old_a": "1", "b": "2"}, "a"),
    (forbidden(equals("flag", False)), {"a": ""}, "a"),
    (maximum(present("b")), {"b": "1", "n": 6}, "n"),
    (maximum(present("b")), {"b": "1", "old_n": 6}, "n"),
    (maximum(present("b")), {"b": "1"}, "n"),
    (maximum(equals("mode", "1")), {"n": 9}, "n"),
    (maximum(present("b"), "x"), {"b": "1", "x": 4.01}, "x"),
    (allowed(present("b")), {"b": "1"}, "mode"),
    (allowed(present("b")), {"b": "1", "mode": 1}, "mode"),
    (allowed(present("b")), {"b": "1", "old_mode": "1"}, "mode"),
    (allowed(equals("flag", True), "layers", (2,)), {"flag": True, "layers": 1}, "layers"),
]


def readable(value: object) -> str | None:
    """Name a case by its rule and its input."""
    if isinstance(value, get_args(Rule)):
        when = getattr(value, "when", None)
        condition = "" if when is None else f" {when.field}" + ("" if when.equals is None else f"={when.equals}")
        return f"{getattr(value, 'rule', '')}{condition}"
    return str(value).replace("'", "")


@pytest.mark.parametrize(("rule", "sent"), KEPT, ids=readable)
def test_a_rule_that_is_kept_says_nothing(rule: Rule, sent: JsonObject) -> None:
    assert isinstance(validate(sent, replace(CARD, rules=(rule,))), Mapping)
    assert judge(CARD.fields, (rule,))(sent)


@pytest.mark.parametrize(("rule", "sent", "field"), BROKEN, ids=readable)
def test_a_broken_rule_names_the_field_to_change(rule: Rule, sent: JsonObject, field: str) -> None:
    said = validate(sent, replace(CARD, rules=(rule,)))

    assert said == (Problem(field=f"input.{field}", message=f"input.{field}: {MESSAGE}"),)
    assert not judge(CARD.fields, (rule,))(sent)


def test_every_broken_rule_is_told_in_the_order_of_the_card() -> None:
    rules = (ONE_OF, required(equals("mode", "1")), EXCLUSIVE, maximum(equals("flag", False)))

    said = validate({}, replace(CARD, rules=rules))

    assert isinstance(said, tuple)
    assert [problem.field for problem in said] == ["input.a", "input.a", "input.n"]


@pytest.mark.parametrize("kind", get_args(Rule), ids=lambda kind: kind.__name__)
def test_every_rule_is_kept_and_broken_here_and_stands_on_the_made_up_card(kind: type) -> None:
    assert any(isinstance(rule, kind) for rule, _ in KEPT)
    assert any(isinstance(rule, kind) for rule, _, _ in BROKEN)
    assert any(isinstance(rule, kind) for rule in MADE_UP.rules)


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (EXCLUSIVE, ("a", "b", "c")),
        (GROUPS, ("a", "b", "c", "d", "x")),
        (REQUIRES, ("a", "b", "c")),
        (ONE_OF, ("a", "c")),
        (required(present("b")), ("a", "b")),
        (forbidden(present("b")), ("a", "b")),
        (maximum(present("b")), ("n", "b")),
        (allowed(present("b")), ("mode", "b")),
    ],
    ids=readable,
)
def test_a_rule_knows_whom_it_speaks_of(rule: Rule, names: tuple[str, ...]) -> None:
    assert fields_of(rule) == names
