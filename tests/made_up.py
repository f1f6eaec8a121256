"""A card that no model has: every kind of field and every rule, small enough to reason about."""

from typing import Final

from photoplay.domain.cards import Card, EngineMapping, Output, PriceRow
from photoplay.domain.fields import (
    Alias,
    Boolean,
    Choice,
    Field,
    FileUrl,
    FileUrls,
    Ids,
    Integer,
    IntegerLists,
    Number,
    NumberChoice,
    NumberOption,
    Objects,
    Option,
    Seed,
    TaskRef,
    Text,
)
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
)

__all__ = ["MADE_UP", "options"]

_PNG = ("image/png",)


def options(*values: str) -> tuple[Option, ...]:
    return tuple(Option(value=value, label=value.upper()) for value in values)


_SHOT: Final = (
    Text(name="words", label="Words", help="", required=True, chars_min=1, chars_max=8),
    Text(name="text", label="Words, once", help="", chars_max=20),
    Integer(name="seconds", label="Seconds", help="", minimum=2, maximum=6, step=2, default=4),
    Alias(name="line", label="Line", help="", of="words"),
)
_FIELDS: Final[tuple[Field, ...]] = (
    Text(name="prompt", label="Prompt", help="What is seen", required=True, chars_min=2, chars_max=12, lines="many"),
    Text(name="title", label="Title", help="", chars_max=5, default="ab"),
    Choice(name="quality", label="Quality", help="", options=options("low", "high"), default="low"),
    Choice(name="duration", label="Duration", help="", options=options("5", "10", "-1", "auto"), default="5"),
    NumberChoice(
        name="layers",
        label="Layers",
        help="",
        options=(
            NumberOption(value=1, label="one"),
            NumberOption(value=2.5, label="two and a half"),
            NumberOption(value=4, label="four"),
        ),
        default=1,
    ),
    Integer(name="steps", label="Steps", help="", minimum=10, maximum=30, step=5, default=20),
    Number(name="strength", label="Strength", help="", minimum=0, maximum=1.5, step=0.1, default=0.5),
    Seed(name="seed", label="Seed", help="", maximum=1000),
    Boolean(name="sound", label="Sound", help="", default=False),
    Boolean(name="draft", label="Draft", help=""),
    FileUrl(name="image", label="Image", help="", accept=_PNG, bytes_max=100),
    FileUrl(name="video", label="Video", help="", accept=("video/mp4",), bytes_max=100),
    FileUrl(name="mask", label="Mask", help="", accept=_PNG, bytes_max=100),
    FileUrls(name="looks", label="Looks", help="", accept=_PNG, bytes_max=100, items_min=1, items_max=2),
    Ids(name="voices", label="Voices", help="", items_max=2),
    TaskRef(name="before", label="Before", help=""),
    Objects(name="shots", label="Shots", help="", fields=_SHOT, items_max=2),
    IntegerLists(name="boxes", label="Boxes", help="", items_min=1, items_max=2, length=2, minimum=-3, maximum=9),
    Alias(name="image_url", label="Image", help="The old name", of="image"),
    Alias(name="image_link", label="Image", help="The name before that", of="image"),
    Alias(name="count", label="Steps", help="", of="steps"),
    Alias(name="grade", label="Quality", help="", of="quality"),
    Alias(name="words", label="Prompt", help="", of="prompt"),
)
_RULES: Final[tuple[Rule, ...]] = (
    Exclusive(fields=("image", "video", "before"), message="one source is enough"),
    ExclusiveGroups(groups=(("looks", "voices"), ("shots", "boxes")), message="either a cast or a script"),
    Requires(field="mask", needs=("image", "strength"), message="a mask needs its image and a strength"),
    RequiresOneOf(fields=("image", "video", "before"), message="there must be a source"),
    RequiredWhen(field="seed", when=Condition(field="draft", equals=True), message="a draft is repeatable"),
    RequiredWhen(field="strength", when=Condition(field="video"), message="a video needs a strength"),
    ForbiddenWhen(field="title", when=Condition(field="quality", equals="high"), message="no title in high"),
    ForbiddenWhen(field="draft", when=Condition(field="before"), message="a continuation is no draft"),
    MaximumWhen(field="steps", maximum=20, when=Condition(field="duration", equals="10"), message="20 steps at most"),
    MaximumWhen(field="steps", maximum=15, when=Condition(field="layers", equals=4), message="15 steps at most"),
    AllowedWhen(
        field="duration", values=("5", "auto"), when=Condition(field="quality", equals="high"), message="5 or auto"
    ),
    AllowedWhen(field="quality", values=("high",), when=Condition(field="mask"), message="masks are for high"),
    AllowedWhen(field="layers", values=(4,), when=Condition(field="sound", equals=True), message="four layers"),
)
MADE_UP: Final = Card(
    id="nobody/made-up",
    title="Made up",
    provider="Nobody",
    task_types=("image-to-video",),
    description="Every kind of field and every rule.",
    sources=("nowhere",),
    retention_days=1,
    output=Output(kind="video/mp4", fps=24, sizes="one"),
    fields=_FIELDS,
    rules=_RULES,
    prices=(PriceRow(when={"quality": "high"}, credits=2, times="steps"), PriceRow(when={}, credits=3)),
    engines=(EngineMapping(name="camera", order={"still": "image"}),),
)
