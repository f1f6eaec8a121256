"""The words that name a camera move, as data. Longer readings come first: a later term never takes their words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = [
    "AXES",
    "BREAKERS",
    "CAMERA",
    "CUES",
    "DENIALS",
    "DENIAL_CARRIERS",
    "DENIAL_ENDS",
    "PACES",
    "TERMS",
    "Axis",
    "Move",
    "Standing",
    "Term",
]


class Move(StrEnum):
    PUSH_IN = "push_in"
    PULL_OUT = "pull_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    TILT_UP = "tilt_up"
    TILT_DOWN = "tilt_down"
    STATIC = "static"


class Axis(StrEnum):
    """What can be moved independently of the rest."""

    ZOOM = "zoom"
    PAN = "pan"
    TILT = "tilt"


AXES: Final[Mapping[Move, tuple[Axis, int]]] = {
    Move.PUSH_IN: (Axis.ZOOM, +1),
    Move.PULL_OUT: (Axis.ZOOM, -1),
    Move.PAN_RIGHT: (Axis.PAN, +1),
    Move.PAN_LEFT: (Axis.PAN, -1),
    Move.TILT_UP: (Axis.TILT, +1),
    Move.TILT_DOWN: (Axis.TILT, -1),
}
"""The axis and the sense of each move. A static camera has none."""


class Standing(StrEnum):
    """How much company a term needs before it is taken to speak of the camera."""

    ALONE = "alone"
    """Means a camera move wherever it stands."""
    CUED = "cued"
    """Needs the start of a clause or a word of CUES before it: "slow push in", not "she pushes in"."""
    CAMERA = "camera"
    """Needs a camera that is the subject: "the drone rises", not "rising steam"."""
    DENIED = "denied"
    """Too ambiguous to ask for anything ("pan"), clear enough to forbid it ("no pan")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    move: Move
    standing: Standing
    pattern: re.Pattern[str]


def _term(move: Move, standing: Standing, pattern: str) -> Term:
    # Chinese puts no spaces between words and CJK letters count as \w, so a plain \b would never match there.
    return Term(move=move, standing=standing, pattern=re.compile(rf"(?<![a-z])(?:{pattern})(?![a-z])"))


# "She pulls out a phone": a verb with an object is about the scene.
_NO_OBJECT = r"(?! (?:an?|the|his|her|its|their|my|your|some) )"
_NO_OWNER = r"(?! (?:his|her|its|their|my|your) )"
_GOES = (
    r"(?:(?:mov|glid|drift|creep|eas|float|inch|travel|swoop|swing|turn|sweep|slid|track|truck)(?:e?s|e|ing)?"
    r"|fl(?:y|ies|ying))"
)
_HOW = r"(?:\w+ly )?"


def _sideways(move: Move, side: str, other: str, chinese: str) -> tuple[Term, ...]:
    # A flat picture has no parallax: trucking sideways looks like panning.
    to = rf"(?:across |over )?(?:to |towards? )?(?:the )?{side}(?:wards?)?(?! to (?:the )?{other})"
    through = rf"(?:from )?(?:the )?{other} to (?:the )?{side}"
    return (
        _term(move, Standing.ALONE, rf"pan\w* {_HOW}{through}"),
        _term(move, Standing.ALONE, rf"whip[- ]pan\w* (?:to the )?{side}|pan-{side}|(?:dolly|truck)(?:ing)?[- ]{side}"),
        _term(move, Standing.ALONE, rf"(?:tracking|slider|trucking|dolly|pan(?:ning)?) shot {to}|{chinese}"),
        _term(move, Standing.CUED, rf"(?:pan(?:ning)?|slid(?:e|ing)|track(?:ing)?) {_HOW}{to}(?! on )|{side}ward pan"),
        _term(move, Standing.CAMERA, rf"(?:{_GOES}|pans|panning) {_HOW}(?:{through}|{to})"),
    )


def _upright(move: Move, way: str, verbs: str, chinese: str) -> tuple[Term, ...]:
    # Likewise a crane looks like a tilt.
    return (
        _term(move, Standing.ALONE, rf"tilt-{way}|(?:crane|pedestal|boom|jib)(?:s|ing)? (?:shot )?{way}|{chinese}"),
        _term(move, Standing.CUED, rf"tilt(?:ing)? {_HOW}{way}(?:wards?)?{_NO_OWNER}"),
        _term(move, Standing.CAMERA, rf"(?:tilts?|tilting|{_GOES}) {_HOW}{way}(?:wards?)?|{verbs}"),
    )


TERMS: Final[tuple[Term, ...]] = (
    _term(
        Move.STATIC,
        Standing.ALONE,
        r"(?:static|fixed|stationary|locked|immobile|still) (?:\w+ )?(?:camera|shot|frame|framing|tripod)"
        r"|locked[- ](?:off|down)|(?:on|from) a tripod|tripod shot"
        r"|固定镜头|镜头固定|固定机位|静止镜头|镜头静止|镜头不动"
        r"|camera (?:is |stays |remains |holds |held |kept )?(?:(?!not |never )\w+ )?"
        r"(?:static|fixed|still|stationary|motionless|locked)"
        r"|(?:no|without|zero) (?:any )?camera (?:movement|motion(?! blur)|moves?)"
        r"|camera (?:does not|doesn't|never|should not|must not) move",
    ),
    _term(Move.STATIC, Standing.CAMERA, r"static|stationary|motionless"),
    _term(
        Move.PULL_OUT,
        Standing.ALONE,
        r"zoom(?:s|ed|ing)?[- ]?out|doll(?:y|ying|ies)[- ](?:out|back)|pull-(?:out|back)|pullback"
        r"|拉远|后拉|拉出镜头|镜头拉开",
    ),
    _term(Move.PULL_OUT, Standing.CUED, rf"pull(?:ing)? {_HOW}(?:out|back|away){_NO_OBJECT}"),
    _term(
        Move.PULL_OUT,
        Standing.CAMERA,
        rf"(?:pull(?:s|ing)?|back(?:s|ing)?|{_GOES}) {_HOW}(?:out|back|away|backwards?)|retreats?|recedes?|withdraws?",
    ),
    _term(
        Move.PUSH_IN,
        Standing.ALONE,
        r"zoom(?:s|ed|ing)?[- ]?in(?:to)?|doll(?:y|ying|ies)[- ](?:in|forwards?)|push-in|推进|推近|拉近|镜头前推",
    ),
    _term(Move.PUSH_IN, Standing.ALONE, r"zoom(?:s|ing)?(?! (?:lens|call|meeting|past|by|through|along|around) ?)"),
    _term(Move.PUSH_IN, Standing.CUED, rf"push(?:ing)? {_HOW}in{_NO_OBJECT}"),
    _term(
        Move.PUSH_IN,
        Standing.CAMERA,
        rf"(?:push(?:es|ing)?|{_GOES}) {_HOW}(?:in(?! an? )|into|closer|forwards?|towards?)"
        r"(?! (?:the )?(?:camera|lens|viewer))"
        r"|approach(?:es|ing)?|advanc(?:es?|ing)|clos(?:es?|ing) in",
    ),
    *_sideways(Move.PAN_LEFT, "left", "right", "左摇|左移|摇向左|向左平移"),
    *_sideways(Move.PAN_RIGHT, "right", "left", "右摇|右移|摇向右|向右平移"),
    _term(Move.PAN_RIGHT, Standing.ALONE, r"panning shot|camera pan|pan shot"),
    _term(Move.PAN_RIGHT, Standing.CUED, r"pan(?:ning)? (?:across|over|along|around)"),
    _term(Move.PAN_RIGHT, Standing.CAMERA, r"pans|panning"),
    _term(Move.PAN_RIGHT, Standing.DENIED, r"pan(?:s|ning)?|平移|摇镜"),
    *_upright(Move.TILT_UP, "up", r"rises?|ascends?|rising (?:up|above|over)", "上摇|摇向上"),
    *_upright(Move.TILT_DOWN, "down", r"descends?|lowers?|sinks?", "下摇|摇向下"),
    _term(Move.TILT_UP, Standing.CAMERA, "上升|升起"),
    _term(Move.TILT_DOWN, Standing.CAMERA, "下降|降下"),
    _term(Move.TILT_UP, Standing.DENIED, r"tilt(?:s|ing)?"),
)

CAMERA: Final = re.compile(
    r"(?<![a-z])(?:camera|cam|shot|lens|drone|pov|view(?:point)?|frame|framing|gimbal|steadicam|dolly)(?:'s)?(?![a-z])|镜头|机位|视角|画面"
)
BREAKERS: Final = re.compile(
    r"\b(?:of|with|as|while|when|where|who|that|which|showing|shows?|captur\w+|reveal\w*|follow\w*|watch\w*)\b"
)
"""After one of these the camera is no longer the subject: "a shot of steam that rises"."""

CUES: Final[frozenset[str]] = frozenset(
    {"a", "an", "then", "and", "with", "one", "long", "cinematic", "smooth", "smoothly", "steady", "steadily"}
    | {"continuous", "dramatic", "next", "finally"}
)
"""Words, beside those of PACES, that announce a move as a noun or as an instruction."""

DENIALS: Final = re.compile(
    r"\b(?:no|not|non|without|never|avoid(?:ing)?|don't|dont|doesn't|free of)\b(?! only)|不要|不|无|没有|禁止|避免|别"
)

DENIAL_CARRIERS: Final[frozenset[str]] = frozenset({"any", "or", "nor", "camera"})
"""Words that a denial reaches across without being worn out: "without any zooming or panning"."""

DENIAL_ENDS: Final[frozenset[str]] = frozenset({"and", "but", "then", "just", "only", "instead"})

PACES: Final[tuple[tuple[re.Pattern[str], float], ...]] = (
    (
        re.compile(
            r"\b(?:very|extreme(?:ly)?|ultra|super)[- ]slow(?:ly)?\b|\bbarely\b|\bimperceptibl[ey]\b|极慢|非常慢"
        ),
        0.4,
    ),
    (
        re.compile(r"\b(?:very|extreme(?:ly)?|ultra|super)[- ](?:fast|quick(?:ly)?)\b|\b(?:crash|whip)\b|急|极快|猛"),
        1.7,
    ),
    (re.compile(r"\bslow(?:ly)?\b(?![- ]mo)|\bgent(?:le|ly)\b|\bsubt(?:le|ly)\b|\bslight(?:ly)?\b|缓|慢|轻"), 0.6),
    (re.compile(r"\bgradual(?:ly)?\b|\bsoft(?:ly)?\b|\bleisurely\b"), 0.6),
    (re.compile(r"\bfast\b|\bquick(?:ly)?\b|\brapid(?:ly)?\b|\bswift(?:ly)?\b|\bbrisk(?:ly)?\b|快|迅速"), 1.5),
)
"""How many times the ordinary speed. The word nearest to the move counts; of equal ones, the first here."""
