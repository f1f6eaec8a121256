"""How far a ComfyUI job is, from what its server tells of the nodes. Pure.

A hint and no more: messages get lost, come twice, or speak of other jobs. Only the history knows that a job is over.
Source: ComfyUI 0.3.64: main.py, execution.py and comfy_execution/progress.py.
"""

import json
from collections.abc import Mapping
from typing import Final, cast

from photoplay.domain.json import JsonObject, JsonValue

__all__ = ["WorkflowProgress"]

# Next to its samplers the rest of a workflow takes no time; but a model that loads is something that happens.
_SAMPLER_WEIGHT: Final = 20.0
# The whole is for the clip that has arrived.
_SHARE_MAX: Final = 0.99
# Beyond it a number is a mistake.
_STEPS_MAX: Final = 1e9


class WorkflowProgress:
    """The share of one job. It never falls, although a graph has several samplers and each counts from 0."""

    def __init__(self, prompt_id: str, graph: JsonObject) -> None:
        self.is_over = False
        """Its server says so. It writes the history first, and says this only then."""
        self._prompt_id = prompt_id
        self._weights = {name: _weight(node) for name, node in graph.items()}
        self._done = dict.fromkeys(self._weights, 0.0)
        """By node: from 0 to 1."""
        self._runs: str | None = None

    @property
    def share(self) -> float:
        """From 0 to 0.99."""
        done = sum(self._weights[name] * share for name, share in self._done.items())
        return min(_SHARE_MAX, done / max(1.0, sum(self._weights.values())))

    def hear(self, message: str) -> None:
        """Take what a message says of this job. What is not understood says nothing."""
        try:
            found = cast("JsonValue", json.loads(message))
        except (ValueError, RecursionError):
            return
        said = found.get("data") if isinstance(found, Mapping) else None
        # One without the job's name is about whichever runs now.
        if not isinstance(found, Mapping) or not isinstance(said, Mapping) or said.get("prompt_id") != self._prompt_id:
            return
        nodes, node = said.get("nodes"), said.get("node")
        match found.get("type"):
            case "progress_state" if isinstance(nodes, Mapping):
                for name, state in nodes.items():
                    self._count(name, state)
            case "progress":
                self._count(node, said)
            case "execution_cached" if isinstance(nodes, list):
                for name in nodes:
                    self._end(name)
            case "executing":
                # Nodes run one after the other; no node is left when the job is over.
                self._end(self._runs)
                self._runs = node if isinstance(node, str) else None
                self.is_over = node is None
            case _:
                pass

    def _count(self, name: JsonValue, state: JsonValue) -> None:
        """A node may count to its end several times, picture by picture."""
        if not isinstance(name, str) or name not in self._done or not isinstance(state, Mapping):
            return
        value, most = state.get("value"), state.get("max")
        if not isinstance(value, int | float) or not isinstance(most, int | float):
            return
        if 0 <= value <= most and 0 < most <= _STEPS_MAX:
            self._done[name] = max(self._done[name], value / most)

    def _end(self, name: JsonValue) -> None:
        if isinstance(name, str) and name in self._done:
            self._done[name] = 1.0


def _weight(node: JsonValue) -> float:
    """What only chooses a sampler bears the name too, but takes nothing from other nodes."""
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not isinstance(inputs, Mapping):
        return 1.0
    takes_nodes = any(isinstance(value, list) for value in inputs.values())
    return _SAMPLER_WEIGHT if takes_nodes and "Sampler" in str(node.get("class_type")) else 1.0
