"""The words around a term that decide whether it counts, and how fast it is, as data."""

import re
from typing import Final

__all__ = ["BREAKERS", "CAMERA", "CUES", "DENIALS", "DENIAL_CARRIERS", "DENIAL_ENDS", "PACES"]

CAMERA: Final = re.compile(
    r"(?<![a-z])(?:camera|cam|shot|lens|drone|pov|view(?:point)?|frame|framing|gimbal|steadicam"
    r"|dolly)(?:'s)?(?![a-z])|镜头|机位|视角|画面"
)
BREAKERS: Final = re.compile(
    r"\b(?:of|with|as|while|when|where|who|that|which|showing|shows?|captur\w+|reveal\w*|follow\w*|watch\w*)\b"
)
"""After one of these the camera is no longer the subject: "a shot of steam that rises"."""

CUES: Final[frozenset[str]] = frozenset(
    {
        "a",
        "an",
        "first",
        "while",
        "handheld",
        "then",
        "and",
        "with",
        "one",
        "long",
        "cinematic",
        "smooth",
        "smoothly",
        "steady",
        "steadily",
    }
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
