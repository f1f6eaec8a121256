"""An engine that makes nothing: it refuses every order, and says what it was ordered."""

import json
from pathlib import Path
from typing import NoReturn

from PIL import Image

from photoplay.domain.errors import EngineRejected
from photoplay.domain.json import JsonValue
from photoplay.engines.engine import Order, Report


class OrderTeller:
    name = "teller"
    version = "1"

    def warm(self) -> None:
        pass

    def run(self, order: Order, report: Report) -> NoReturn:
        del report
        told = {
            "still": None if order.still is None else look_at(str(order.still)),
            "prompt": order.prompt,
            "resolution": order.resolution,
            "duration_s": order.duration_s,
            "seed": order.seed,
            "controls": {name: look_at(value) for name, value in order.controls.items()},
        }
        raise EngineRejected(json.dumps(told))


def look_at(value: JsonValue) -> JsonValue:
    """Where a value is the path of a picture, say its format."""
    if not isinstance(value, str) or not Path(value).is_absolute():
        return value
    with Image.open(value) as image:
        return image.format
