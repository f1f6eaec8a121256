"""A prompt cut into clauses, and the terms that count in each. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.grammar import (
    BREAKERS,
    CAMERA,
    CUES,
    DENIAL_CARRIERS,
    DENIAL_ENDS,
    DENIALS,
    PACES,
)
from photoplay.engines.camera.moves import Move
from photoplay.engines.camera.terms import TERMS, Standing, Term

__all__ = ["Clause", "Mention", "clauses", "effect_mentions", "mentions", "tidy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    move: Move
    pace: float
    denied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    text: str
    camera_before: bool
    """The sentence has named a camera in an earlier clause."""
    phase: int
    """Counts up at every "then", shot, bracket or time."""
    span: tuple[float, float] | None
    """In seconds, where the prompt says."""


# The escapes are the full-width marks of Chinese.
_SENTENCE_END: Final = re.compile(r"[.!?;\n\u3002\uff01\uff1f\uff1b](?!\d)")
_NO_FLAG: Final = re.compile(r"--no[ =]+")
_SECONDS: Final = (
    r"(?:from )?(?P<{0}>\d{{1,3}}(?:\.\d)?) ?(?:s|sec|seconds?|秒)? ?(?:-|\u2013|\u2014|to|至|到) ?"
    r"(?P<{1}>\d{{1,3}}(?:\.\d)?) ?(?:s|sec|seconds?|秒)"
)
_CLOCK: Final = r"\[?0?0:(?P<m0>\d\d) ?[-\u2013\u2014] ?0?0:(?P<m1>\d\d)\]?"
_SPAN: Final = re.compile(rf"(?<![\w.:])(?:{_SECONDS.format('s0', 's1')}|{_CLOCK})(?![a-z\d])")
_ADJECTIVE: Final = re.compile(r"\b(slow|fast|gentle|quick|smooth|steady|subtle|very slow|very fast), (?=[a-z])")
_OPENER: Final = re.compile(
    r"(?:(?<=[\s,:(\]])|^)(?:(?:and )?then|next(?! to\b| door)|finally|afterwards?|after that|followed by"
    r"|before(?= \w+ing\b))(?![a-z])"
    r"|\b(?:shot|scene|cut|镜头|分镜) ?#?(?:\d{1,2}|one|two|three|four)\b ?[:.)\-\u2013\u2014\uff1a]?|\[(?!\d)"
    r"|然后|接着|随后|之后|最后|再(?=推|拉|摇|移|向|环|上|下|左|右)"
)
_CLAUSE_END: Final = re.compile(r"[,:()\[\]\"\uff0c\u3001\uff1a\uff08\uff09\u3010\u3011\u2013\u2014]|--[a-z][\w-]*")

# How far around a term its clause is read: a whole sentence, and a prompt without punctuation stays cheap.
_NEAR: Final = 150
_DENIAL_REACH: Final = 3
_DENIAL_REACH_CHINESE: Final = 5


def tidy(prompt: str) -> str:
    """Lower case, single spaces, plain quotes; an adjective before a comma goes with what follows it."""
    text = re.sub(r"[ \t]+", " ", prompt.lower().replace("\u2019", "'").replace("\u2011", "-"))
    return _ADJECTIVE.sub(r"\1 ", text)


def clauses(text: str) -> list[Clause]:
    """Cut at every mark, and count a new phase where the prompt says that one thing follows another."""
    found: list[Clause] = []
    phase, span = 0, None
    # The words after `--no` are what the author does not want; any other flag only ends a clause.
    for sentence in _SENTENCE_END.split(_NO_FLAG.sub(", no ", text)):
        camera_before = False
        for piece, opens, seconds in _pieces(sentence):
            if opens:
                phase, span = phase + 1, seconds
            for part in _CLAUSE_END.split(piece):
                found.append(Clause(text=part.strip(), camera_before=camera_before, phase=phase, span=span))
                camera_before = camera_before or CAMERA.search(part) is not None
    return found


def _pieces(sentence: str) -> Iterator[tuple[str, bool, tuple[float, float] | None]]:
    """Split at openers and times; a shot's own label counts as naming the camera, so it stays with its piece."""
    marks = sorted(
        [(match.start(), match.end(), _seconds(match)) for match in _SPAN.finditer(sentence)]
        + [(match.start(), match.end(), None) for match in _OPENER.finditer(sentence)],
        key=lambda mark: mark[0],
    )
    end, opens, seconds = 0, False, None
    for start, after, span in marks:
        if start < end:
            continue
        yield sentence[end:start], opens, seconds
        end, opens, seconds = after, True, span
    yield sentence[end:], opens, seconds


def _seconds(match: re.Match[str]) -> tuple[float, float]:
    first, last = (match["s0"], match["s1"]) if match["s0"] else (match["m0"], match["m1"])
    return float(first), float(last)


def mentions(clause: Clause) -> Iterator[Mention]:
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
        yield Mention(move=row.move, pace=_pace(clause.text, match), denied=denied)


def effect_mentions(
    clause: Clause, words: Mapping[Effect, re.Pattern[str]]
) -> Iterator[tuple[Effect, re.Match[str], bool]]:
    """Yield every effect that the clause names, where, and whether it is denied."""
    for effect, pattern in words.items():
        for match in pattern.finditer(clause.text):
            yield effect, match, _is_denied(_before(clause.text, match))


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


def _is_about_camera(clause: Clause, term: re.Match[str], standing: Standing) -> bool:
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


def _camera_is_subject(clause: Clause, before: list[str]) -> bool:
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
