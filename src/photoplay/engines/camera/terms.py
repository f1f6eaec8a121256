"""The words that name a camera move, as data. Longer readings come first: a later term never takes their words."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from photoplay.engines.camera.moves import Move

__all__ = ["TERMS", "Standing", "Term"]


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


def _sideways(pan: Move, truck: Move, side: str, other: str) -> tuple[Term, ...]:
    to = rf"(?:across |over )?(?:to |towards? )?(?:the )?{side}(?:wards?)?(?! to (?:the )?{other})"
    through = rf"(?:from )?(?:the )?{other} to (?:the )?{side}"
    chinese = {"left": ("左", "右"), "right": ("右", "左")}[side]
    at = chinese[0]
    return (
        _term(pan, Standing.ALONE, rf"pan\w* {_HOW}{through}"),
        _term(pan, Standing.ALONE, rf"whip[- ]pan\w* (?:to the )?{side}|pan-{side}|pan(?:ning)? shot {to}"),
        _term(pan, Standing.ALONE, rf"{at}摇|摇向{at}|向{at}平移|向{at}摇"),
        _term(
            truck,
            Standing.ALONE,
            rf"(?:dolly|truck|crab|lateral dolly)(?:ing|s)?[- ](?:to the )?{side}(?! (?:on|in|at|by|behind|alone) )",
        ),
        _term(
            truck,
            Standing.ALONE,
            rf"(?:tracking|slider|trucking|dolly|lateral) shot {_HOW}(?:moving )?(?:{through}|{to})",
        ),
        _term(truck, Standing.ALONE, rf"{at}移|移向{at}|向{at}移动"),
        _term(pan, Standing.CUED, rf"pan(?:ning)? {_HOW}{to}(?! on )|{side}ward pan"),
        _term(truck, Standing.CUED, rf"(?:slid(?:e|ing)|track(?:ing)?) {_HOW}{to}(?! on )"),
        _term(pan, Standing.CAMERA, rf"(?:pans|panning|swing(?:s|ing)?|turn(?:s|ing)?) {_HOW}(?:{through}|{to})"),
        _term(truck, Standing.CAMERA, rf"{_GOES} {_HOW}(?:{through}|{to})"),
        _term(pan, Standing.DENIED, rf"pan(?:s|ning)? {side}"),
    )


def _round(orbit: Move, roll: Move, side: str, clock: str) -> tuple[Term, ...]:
    way = rf"(?:to the {side}|{side}(?:wards?)?|{clock})"
    return (
        _term(
            roll,
            Standing.ALONE,
            rf"(?:barrel |camera )?roll(?:s|ing)? {_HOW}{way}|{clock} roll|dutch (?:angle|tilt|roll) {way}",
        ),
        _term(
            orbit,
            Standing.ALONE,
            rf"(?:orbit\w*|arc shot|arc(?:s|ing)?|circl(?:es?|ing)) (?:shot )?{_HOW}(?:around \w+ )?{way}",
        ),
        _term(roll, Standing.CAMERA, rf"(?:spin|rotat|twist)(?:s|e|es|ing)? {_HOW}{way}"),
    )


def _upright(tilt: Move, crane: Move, way: str, verbs: str, chinese: str) -> tuple[Term, ...]:
    return (
        _term(tilt, Standing.ALONE, rf"tilt-{way}|{chinese}摇|摇向{chinese}"),
        _term(
            crane, Standing.ALONE, rf"(?:crane|pedestal|boom|jib|elevator)(?:s|ing)? (?:shot )?{_HOW}{way}(?:wards?)?"
        ),
        _term(tilt, Standing.CUED, rf"tilt(?:ing)? {_HOW}{way}(?:wards?)?{_NO_OWNER}"),
        _term(tilt, Standing.CAMERA, rf"(?:tilts?|tilting|looks?) {_HOW}{way}(?:wards?)?"),
        _term(crane, Standing.CAMERA, rf"(?:{_GOES}|lift(?:s|ing)?) {_HOW}{way}(?:wards?)?|{verbs}"),
    )


TERMS: Final[tuple[Term, ...]] = (
    _term(
        Move.DOLLY_ZOOM,
        Standing.ALONE,
        r"dolly[- ]zoom\w*|zolly|(?:vertigo|hitchcock|contra|reverse)[- ](?:effect|zoom|shot)"
        r"|希区柯克(?:式)?(?:变焦)?|滑动变焦",
    ),
    *_round(Move.ORBIT_RIGHT, Move.ROLL_RIGHT, "right", "clockwise"),
    *_round(Move.ORBIT_LEFT, Move.ROLL_LEFT, "left", r"(?:counter|anti)[- ]?clockwise"),
    _term(
        Move.ORBIT_RIGHT,
        Standing.ALONE,
        r"(?:orbital|orbiting|orbit|arc|arcing|360|360[- ]degree|bullet[- ]time) (?:camera|shot|move(?:ment)?"
        r"|view|effect|rotation)"
        r"|bullet[- ]time|360(?:°|[- ]degrees?)(?: around)?|环绕|绕拍|环拍|绕着\S{0,8}旋转",
    ),
    _term(
        Move.ORBIT_RIGHT, Standing.CUED, r"orbit(?:ing)?(?: (?:slowly|gently|quickly))?(?: (?:around|the)|$)|arc around"
    ),
    _term(
        Move.ORBIT_RIGHT,
        Standing.CAMERA,
        rf"orbits?|orbiting|arcs?|arcing|(?:circl|rotat|revolv|spin|{_GOES})(?:e?s|ing|e)? {_HOW}(?:around"
        rf"|in a (?:\w+ )?circle)"
        r"|circles?|circling|旋转拍摄|围绕|绕着",
    ),
    _term(
        Move.ROLL_RIGHT,
        Standing.ALONE,
        r"barrel[- ]roll|camera roll|dutch (?:angle|tilt|roll)|canted angle|荷兰角|滚转|镜头旋转",
    ),
    _term(Move.ROLL_RIGHT, Standing.CAMERA, r"spins?|spinning|rolls?|rolling|rotates?|rotating|旋转"),
    _term(
        Move.HANDHELD,
        Standing.ALONE,
        r"hand-?held|hand held|found[- ]footage|(?:shaky|shaking|jittery|wobbly)[- ]?(?:cam\w*|shot|footage)"
        r"|shakycam|camera shakes?"
        r"|手持|晃动镜头|镜头晃动|抖动镜头",
    ),
    _term(Move.HANDHELD, Standing.CAMERA, r"shakes?|shaking|wobbles?|wobbling|trembles?|晃动|抖动"),
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
        r"zoom(?:s|ed|ing)?[- ]?out|(?:moves?|moving|pull|pulling) back shot|doll(?:y|ying|ies)[- ](?:out"
        r"|back)|pull-(?:out|back)|pullback"
        r"|拉远|后拉|拉出镜头|镜头拉开",
    ),
    _term(Move.PULL_OUT, Standing.CUED, rf"pull(?:ing)? {_HOW}(?:out|back|away){_NO_OBJECT}"),
    _term(
        Move.PULL_OUT,
        Standing.CAMERA,
        rf"(?:pull(?:s|ing)?|back(?:s|ing)?|{_GOES}) {_HOW}(?:out|back|away|backwards?)|retreats?|recedes?"
        rf"|withdraws?|后退|后移",
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
        r"|approach(?:es|ing)?|advanc(?:es?|ing)|clos(?:es?|ing) in|靠近|前进|前移|跟随前进",
    ),
    *_sideways(Move.PAN_LEFT, Move.TRUCK_LEFT, "left", "right"),
    *_sideways(Move.PAN_RIGHT, Move.TRUCK_RIGHT, "right", "left"),
    _term(Move.PAN_RIGHT, Standing.ALONE, r"panning shot|camera pan|pan shot"),
    _term(Move.PAN_RIGHT, Standing.CUED, r"pan(?:ning)? (?:across|over|along|around)"),
    _term(Move.PAN_RIGHT, Standing.CAMERA, r"pans|panning"),
    _term(Move.PAN_RIGHT, Standing.DENIED, r"pan(?:s|ning)?|平移|摇镜"),
    _term(
        Move.TRUCK_RIGHT,
        Standing.ALONE,
        r"(?:tracking|slider|trucking|truck|lateral|parallax) shot|side[- ]tracking|侧移|跟拍",
    ),
    _term(Move.TRUCK_RIGHT, Standing.CUED, r"parallax(?: effect| motion| move(?:ment)?)?"),
    _term(Move.TRUCK_RIGHT, Standing.CAMERA, r"(?:tracks?|trucks?|slides?|glides?) (?:along|past|across|sideways|by)"),
    *_upright(
        Move.TILT_UP, Move.CRANE_UP, "up", r"rises?|ascends?|rising(?: up| above| over)?|ascending|lifts off", "上"
    ),
    *_upright(Move.TILT_DOWN, Move.CRANE_DOWN, "down", r"descends?|descending|lowers?|sinks?", "下"),
    _term(
        Move.CRANE_UP,
        Standing.ALONE,
        r"rising (?:crane|drone|aerial) shot|crane shot(?! down)|升镜头|摇臂上升|航拍上升",
    ),
    _term(Move.CRANE_DOWN, Standing.ALONE, r"降镜头|摇臂下降"),
    _term(Move.CRANE_UP, Standing.CAMERA, "上升|升起|上移|升高"),
    _term(Move.CRANE_DOWN, Standing.CAMERA, "下降|降下|下移|降低"),
    _term(Move.TILT_UP, Standing.DENIED, r"tilt(?:s|ing)?"),
)
