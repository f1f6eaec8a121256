"""From a prompt to a direction for the camera. Pure; a prompt is never wrong, at worst it asks for nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from photoplay.domain.json import JsonObject
from photoplay.engines.camera.terms import (
    AXES,
    BREAKERS,
    CAMERA,
    CUES,
    DENIAL_CARRIERS,
    DENIAL_ENDS,
    DENIALS,
    PACES,
    TERMS,
    Axis,
    Move,
    Standing,
    Term,
)

__all__ = ["Direction", "Motion", "Source", "direct"]


class Source(StrEnum):
    """Who chose the moves."""

    PROMPT = "prompt"
    DEFAULT = "default"
    CONTROLS = "controls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    move: Move
    pace: float
    """Times the ordinary speed of this move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What the camera does. All motions run together, for the whole clip."""

    motions: tuple[Motion, ...]
    """At most one an axis. Empty: the camera stands still."""
    source: Source

    def to_json(self) -> JsonObject:
        motions = [{"move": str(motion.move), "pace": motion.pace} for motion in self.motions]
        return {"source": str(self.source), "motions": motions or [{"move": str(Move.STATIC), "pace": 0.0}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mention:
    move: Move
    pace: float
    denied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clause:
    text: str
    camera_before: bool
    """The sentence has named a camera in an earlier clause."""


# The escapes are the full-width marks of Chinese.
_SENTENCE_END: Final = re.compile(r"[.!?;\n\u3002\uff01\uff1f\uff1b](?!\d)")
_CLAUSE_END: Final = re.compile(r"[,:()\[\]\"\uff0c\u3001\uff1a\uff08\uff09\u3010\u3011\u2013\u2014]|--[a-z][\w-]*")
_FIXED_FLAG: Final = re.compile(r"--(?:camerafixed|cf)[ =]+(?:true|1|yes)\b")
# The words after `--no` are what the author does not want; any other flag only ends a clause.
_NO_FLAG: Final = re.compile(r"--no[ =]+")

# How far around a term its clause is read: a whole sentence, and a prompt without punctuation stays cheap.
_NEAR: Final = 150
_DENIAL_REACH: Final = 3
_DENIAL_REACH_CHINESE: Final = 5


def direct(prompt: str, *, seed: int) -> Direction:
    """Read the moves that a prompt asks for; where it names none, choose a gentle push-in that drifts by the seed."""
    text = re.sub(r"[ \t]+", " ", prompt.lower().replace("\u2019", "'").replace("\u2011", "-"))
    mentions = [mention for clause in _clauses(text) for mention in _mentions(clause)]
    asked = _first_per_axis(mention for mention in mentions if not mention.denied)
    still = any(mention.move is Move.STATIC and not mention.denied for mention in mentions)
    if _FIXED_FLAG.search(text) or (still and not asked):
        return Direction(motions=(), source=Source.PROMPT)
    if asked:
        return Direction(motions=asked, source=Source.PROMPT)
    forbidden = {AXES[mention.move][0] for mention in mentions if mention.denied and mention.move in AXES}
    return Direction(motions=_default(seed, forbidden), source=Source.DEFAULT)


def _default(seed: int, forbidden: set[Axis]) -> tuple[Motion, ...]:
    motions = (
        Motion(move=Move.PUSH_IN, pace=0.6),
        Motion(move=Move.PAN_LEFT if seed & 1 else Move.PAN_RIGHT, pace=0.12),
        Motion(move=Move.TILT_DOWN if seed & 2 else Move.TILT_UP, pace=0.08),
    )
    return tuple(motion for motion in motions if AXES[motion.move][0] not in forbidden)


def _first_per_axis(mentions: Iterator[_Mention]) -> tuple[Motion, ...]:
    motions: dict[Axis, Motion] = {}
    for mention in mentions:
        if mention.move in AXES:
            motions.setdefault(AXES[mention.move][0], Motion(move=mention.move, pace=mention.pace))
    return tuple(motions.values())


def _clauses(text: str) -> Iterator[_Clause]:
    for sentence in _SENTENCE_END.split(_NO_FLAG.sub(", no ", text)):
        camera_before = False
        for part in _CLAUSE_END.split(sentence):
            yield _Clause(text=part.strip(), camera_before=camera_before)
            camera_before = camera_before or CAMERA.search(part) is not None


def _mentions(clause: _Clause) -> Iterator[_Mention]:
    """Yield the terms of one clause that count, in the order in which they stand."""
    found: list[tuple[re.Match[str], Term, bool]] = []
    candidates = ((row, match) for row in TERMS for match in row.pattern.finditer(clause.text))
    for row, match in candidates:
        # A row that does not count leaves its words to the rows below it.
        if any(match.start() < other.end() and other.start() < match.end() for other, _, _ in found):
            continue
        denied = _is_denied(_before(clause.text, match))
        if denied or _is_about_camera(clause, match, row.standing):
            found.append((match, row, denied))
    for match, row, denied in sorted(found, key=lambda entry: entry[0].start()):
        yield _Mention(move=row.move, pace=_pace(clause.text, match), denied=denied)


def _before(text: str, term: re.Match[str]) -> str:
    return text[max(0, term.start() - _NEAR) : term.start()]


def _is_denied(before: str) -> bool:
    # Chinese writes no spaces: what counts as a word there is whatever touches the term.
    words = [word if word.isascii() else word[-_DENIAL_REACH_CHINESE:] for word in before.split()]
    recent = [word for word in words if word not in DENIAL_CARRIERS][-_DENIAL_REACH:]
    return DENIALS.search(" ".join(_after_last(recent, DENIAL_ENDS))) is not None


def _after_last(words: list[str], ends: frozenset[str]) -> list[str]:
    last = max((index for index, word in enumerate(words) if word in ends), default=-1)
    return words[last + 1 :]


def _is_about_camera(clause: _Clause, term: re.Match[str], standing: Standing) -> bool:
    before = _before(clause.text, term).split()
    match standing:
        case Standing.ALONE:
            return True
        case Standing.DENIED:
            return False
        case Standing.CAMERA:
            return _camera_is_subject(clause, before)
        case Standing.CUED:
            return not before or _is_cue(before[-1]) or _camera_is_subject(clause, before)


def _camera_is_subject(clause: _Clause, before: list[str]) -> bool:
    text = " ".join(before)
    named = list(CAMERA.finditer(text))
    if named:
        return BREAKERS.search(text, named[-1].end()) is None
    return clause.camera_before and all(_is_cue(word) for word in before)


def _is_cue(word: str) -> bool:
    return word in CUES or any(pattern.search(word) for pattern, _ in PACES)


def _pace(text: str, term: re.Match[str]) -> float:
    """Return the pace of the word nearest to the term, 1.0 where the clause has none."""
    near = [
        (max(word.start() - term.end(), term.start() - word.end(), 0), row, pace)
        for row, (pattern, pace) in enumerate(PACES)
        for word in pattern.finditer(text, max(0, term.start() - _NEAR), term.end() + _NEAR)
    ]
    return min(near)[2] if near else 1.0
