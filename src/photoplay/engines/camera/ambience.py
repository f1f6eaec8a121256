"""The words that name an effect, a scene or a mood, as data."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from photoplay.engines.camera.moves import Move

__all__ = ["CALM", "EFFECTS", "FAINT", "HEAVY", "LOOPS", "SCENES", "Effect", "Scene"]


class Effect(StrEnum):
    STEAM = "steam"
    SMOKE = "smoke"
    FOG = "fog"
    DUST = "dust"
    SNOW = "snow"
    RAIN = "rain"
    CANDLE = "candle"
    SUN = "sun"
    WATER = "water"
    CLOUDS = "clouds"
    BOKEH = "bokeh"
    RACK_FOCUS = "rack_focus"
    VIGNETTE = "vignette"
    GRAIN = "grain"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z])(?:{pattern})(?![a-z])")


# The look-aheads are things that only sound like weather: a steam engine, a snow leopard, water colours.
EFFECTS: Final[Mapping[Effect, re.Pattern[str]]] = {
    Effect.STEAM: _words(
        r"(?<!full )steam(?:ing)?(?![- ]?(?:punk|engine|train|locomotive|boat|ship|roller|ed))|vapou?r(?! ?wave)"
        r"|热气|蒸汽|水蒸气|冒着热"
    ),
    Effect.SMOKE: _words(
        r"smok(?:e|ing|es)(?! (?:alarm|detector|jacket|area))|incense|chimneys?|烟雾|青烟|炊烟|冒烟|香烟"
    ),
    Effect.FOG: _words(
        r"(?:fog|mist|haze)(?! ?(?:horn|lights?))|foggy|misty|hazy|low clouds rolling|薄雾|晨雾|浓雾|大雾|雾气"
    ),
    Effect.DUST: _words(
        r"dust(?:[- ]?(?:motes?|particles?|specks?))?(?! ?(?:jacket|bin|pan|cover|er|ing))|(?:floating"
        r"|airborne|drifting) (?:particles|motes|specks)"
        r"|motes|fireflies|pollen|尘埃|灰尘|浮尘"
    ),
    Effect.SNOW: _words(
        r"(?:snow(?:ing|fall|flakes?|storm)|blizzard|falling snow|snow (?:falls?|falling|drifts?|drifting"
        r"|swirls?|swirling|flurries)"
        r"|(?:gentle|light|soft|heavy|fresh|thick) snow(?!y)|flurries|^snow$|(?<=and )snow$|(?<=with )snow$)"
        r"|下雪|飘雪|雪花|落雪|大雪纷"
    ),
    Effect.RAIN: _words(
        r"rain(?:ing|fall|storm|drops?|s|y)?(?![- ]?(?:bow|forest|coat|boots?|barrel))|downpour|drizzl(?:e"
        r"|ing)|下雨|雨中|雨滴|细雨|大雨|暴雨"
    ),
    Effect.CANDLE: _words(
        r"candle(?:s|[- ]?light|[- ]?lit)?|fire(?:light|place|side|lit)|campfire|lantern(?:s|[- ]?light)?"
        r"|torch(?:light|lit|es)"
        r"|flickering (?:light|flames?|glow|fire)|flames?|烛光|蜡烛|火光|篝火"
    ),
    Effect.SUN: _words(
        r"sun(?:light|lit|beams?|rays?|shine|set|rise|ny)|golden[- ]hour|god ?rays?|light (?:rays|shafts"
        r"|beams)|(?:rays|shafts|beams) of (?:sun|light|sunlight)"
        r"|volumetric (?:light|lighting|rays)|crepuscular rays|(?:morning|evening|afternoon) (?:light|sun)"
        r"|阳光|夕阳|日落|日出|光束|丁达尔|黄金时刻"
    ),
    Effect.WATER: _words(
        r"(?:waves?(?! (?:hello|goodbye|at|to))|ripples?|rippling|ocean|sea(?!l|t|son|food|side town)|seaside"
        r"|lake|river|pond|harbou?r|bay|lagoon"
        r"|water(?:front|fall)?(?! ?(?:bottle|colou?rs?|melon|glass|lil|proof|mark|tower|jug"
        r"|can))(?<!glass of water)(?<!cup of water)(?<!bottle of water))"
        r"|湖面|水面|海面|海浪|波浪|河水|涟漪|大海"
    ),
    Effect.CLOUDS: _words(
        r"clouds?(?! (?:comput|storage|service|server))|cloudy|(?:moving|drifting|dramatic|time-?lapse) sky"
        r"|overcast|云朵|白云|乌云|云层|流云|云海"
    ),
    Effect.BOKEH: _words(
        r"bokeh|shallow (?:depth[- ]of[- ]field|focus|dof)|(?:blurr(?:ed|y)|defocus(?:s?ed)?"
        r"|out[- ]of[- ]focus|soft[- ]focus) background"
        r"|background (?:blur|blurs|falls out of focus|out of focus)|f/?(?:0\.95|1\.[0-9]|2(?:\.[0-8])?)|虚化"
        r"|散景|浅景深"
    ),
    Effect.RACK_FOCUS: _words(
        r"rack(?:s|ing)?[- ]focus|focus (?:pull|shift|rack|change|transition)|pull(?:s|ing)? focus|(?:shift"
        r"|rack|pull)(?:s|ing)? (?:of )?(?:the )?focus"
        r"|focus (?:shifts?|shifting|moves?|moving|racks?|racking) (?:from|to)|焦点转移|变焦点|移焦|焦点切换"
    ),
    Effect.VIGNETTE: _words(r"vignett(?:e|ed|ing)|cinematic(?:ally)?|film noir|noir|暗角|电影感|电影质感"),
    Effect.GRAIN: _words(
        r"film[- ]grain|grainy|grain texture|(?:16|35|8|super ?8)[- ]?mm(?: film)?|super ?8|analog(?:ue)? film"
        r"|shot on film|vhs|胶片(?:颗粒|质感)?|颗粒感"
    ),
}
"""What each effect answers to. An effect that is denied ("no rain") stays away."""

FAINT: Final = _words(
    r"faint(?:ly)?|subtle|subtly|slight(?:ly)?|light(?= (?:rain|snow|fog|mist|dust|smoke|steam|drizzle"
    r"|flurries))|thin|delicate|wisps?|wispy|gentle|gently|soft(?:ly)?|a little|淡|轻|微|薄|细"
)
HEAVY: Final = _words(
    r"heavy|heavily|thick|dense|strong(?:ly)?|billowing|intense|dramatic|pouring|blizzard|storm|浓|大|强"
)

LOOPS: Final = _words(
    r"--loop|(?:seamless(?:ly)?|perfect(?:ly)?|endless(?:ly)?|infinite(?:ly)?)[- ]loop(?:ing|ed|s)?|loop(?:ing"
    r"|ed|able)? (?:video|clip|animation|shot)|无缝循环|循环播放|循环视频"
)

CALM: Final = _words(r"serene|calm(?:ly|ing)?|tranquil|peaceful|meditative|quiet|soothing|dreamy|宁静|平静|安静|静谧")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a prompt without a move gets, by what it shows."""

    pattern: re.Pattern[str]
    moves: tuple[tuple[Move, Move, float], ...]
    """The move, its mirror image for every other seed, and the pace."""


SCENES: Final[tuple[Scene, ...]] = (
    Scene(
        pattern=_words(
            r"aerial|bird'?s[- ]eye|vista|panoram\w*|skyline|overlook|from above the (?:city|clouds)|航拍|鸟瞰"
            r"|全景|俯瞰"
        ),
        moves=((Move.PULL_OUT, Move.PULL_OUT, 0.7), (Move.CRANE_UP, Move.CRANE_UP, 0.4)),
    ),
    Scene(
        pattern=_words(
            r"corridor|hallway|tunnel|alley(?:way)?|(?:forest |garden )?(?:path|trail)|road|highway|aisle|走廊"
            r"|隧道|小路|公路|小巷"
        ),
        moves=((Move.PUSH_IN, Move.PUSH_IN, 1.0),),
    ),
    Scene(
        pattern=_words(
            r"close[- ]?up|macro|portrait|product(?: shot)?|still life|headshot|food|perfume|wrist ?watch|(?:a"
            r"|the) watch|bottle|cup|face|特写|肖像|人像|产品|微距"
        ),
        moves=((Move.PUSH_IN, Move.PUSH_IN, 0.8), (Move.TRUCK_RIGHT, Move.TRUCK_LEFT, 0.3)),
    ),
    Scene(
        pattern=_words(
            r"landscape|mountains?|valley|meadows?|(?<!of )fields?|beach|coast(?:line)?|desert|forest|lake"
            r"|ocean|sea|prairie|风景|山|草原|海滩|沙漠|森林|湖"
        ),
        moves=((Move.TRUCK_RIGHT, Move.TRUCK_LEFT, 0.7), (Move.PUSH_IN, Move.PUSH_IN, 0.3)),
    ),
)
