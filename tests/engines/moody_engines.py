"""An engine that is away whenever the prompt says so. It runs in child processes; tests name it by import path."""

from dataclasses import replace

from photoplay.domain.errors import EngineRejected, EngineUnavailable
from photoplay.engines.engine import Clip, Order, Report
from photoplay.engines.sandbox import SandboxEngine


class Moody(SandboxEngine):
    name = "moody"
    version = "7"

    def run(self, order: Order, report: Report) -> Clip:
        match order.prompt:
            case "away":
                raise EngineUnavailable("the other server is away")
            case "refused":
                raise EngineRejected("not this one")
            case _:
                return super().run(replace(order, controls={}), report)
