"""What checking the contract's example costs: Photoplay's own checks, a pydantic model of the same, and jsonschema.

Each reads the same input into what an engine reads. Rounds alternate between them, so that a busy neighbour slows all.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.resources import files
from statistics import median
from typing import Annotated, Any, Final, Literal

from jsonschema import Draft202012Validator
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictStr

from machine import load, machine
from photoplay.domain.cards import validate
from photoplay.domain.checks import URL_CHARS_MAX, URL_PATTERN
from photoplay.domain.schema import input_schema
from photoplay.files.cards import load_cards

MODEL: Final = "bytedance/v1-pro-fast-image-to-video"


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Input(BaseModel):
    """The same input as the card, as somebody would write it by hand for this one model."""

    prompt: Annotated[StrictStr, Field(min_length=1, max_length=10_000)]
    image_url: Annotated[StrictStr, Field(max_length=URL_CHARS_MAX, pattern=f"^{URL_PATTERN}$")]
    resolution: Literal["720p", "1080p"] = "720p"
    duration: Annotated[Literal["5", "10"], BeforeValidator(_as_text)] = "5"
    nsfw_checker: StrictBool | None = None


def main() -> None:
    arguments = _arguments()
    values = _example()
    candidates = _candidates(values)
    print(machine())
    print(f"pydantic {version('pydantic')}, jsonschema {version('jsonschema')}")
    print(
        f"{MODEL}, its example of {len(json.dumps(values))} bytes, {arguments.rounds} rounds of {arguments.calls} calls"
    )
    costs: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(arguments.rounds):
        for name, call in candidates.items():
            costs[name].append(_microseconds(call, arguments.calls))
    ours = median(costs["photoplay"])
    print(f"{'':<12}{'µs best':>9}{'median':>9}{'median / photoplay':>20}")
    for name, each in costs.items():
        print(f"{name:<12}{min(each):>9.2f}{median(each):>9.2f}{median(each) / ours:>20.2f}")
    print(f"load         {load()} at the end")


def _example() -> Mapping[str, Any]:
    text = (files("photoplay") / "cards" / MODEL / "example.json").read_text(encoding="utf-8")
    return json.loads(text)["input"]


def _candidates(values: Mapping[str, Any]) -> Mapping[str, Callable[[], object]]:
    """Return the calls to compare, each seen to tell the example from a wrong input."""
    card = load_cards()[MODEL]
    judge: Any = Draft202012Validator(json.loads(json.dumps(input_schema(card.fields, card.rules))))
    wrong = {**values, "duration": "7"}
    assert isinstance(validate(values, card), Mapping)
    assert isinstance(validate(wrong, card), tuple)
    assert judge.is_valid(values)
    assert not judge.is_valid(wrong)
    assert _Input.model_validate(values).model_dump(exclude_none=True) == validate(values, card)
    return {
        "photoplay": lambda: validate(values, card),
        "pydantic": lambda: _Input.model_validate(values),
        "jsonschema": lambda: judge.is_valid(values),
    }


def _microseconds(call: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - start) / calls * 1e6


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25, help="alternating rounds (default: %(default)s)")
    parser.add_argument("--calls", type=int, default=1000, help="calls in each round (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
