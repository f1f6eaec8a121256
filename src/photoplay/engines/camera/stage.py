"""Everything that is worked out once for a clip, before its first frame."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from photoplay.engines.camera.air import Air, noise
from photoplay.engines.camera.ambience import Effect
from photoplay.engines.camera.arrays import Plane
from photoplay.engines.camera.backdrop import Backdrop
from photoplay.engines.camera.direction import Direction
from photoplay.engines.camera.film import CROSSING, Film, Plan, Shot
from photoplay.engines.camera.layer import Layer, Layers, Source
from photoplay.engines.camera.lens import Lens, aim, ease
from photoplay.engines.camera.moves import AXES, Axis
from photoplay.engines.camera.panorama import Panorama
from photoplay.engines.camera.path import Camera, Relief, flat, place
from photoplay.engines.camera.path import look as seen_by
from photoplay.engines.camera.planes import Picture, Region, develop
from photoplay.engines.camera.scene import Scene, survey
from photoplay.engines.camera.sight import Sight, relief_of
from photoplay.engines.camera.specks import SPECKS, Grain
from photoplay.engines.camera.sway import sway_of
from photoplay.engines.camera.veils import VEILS
from photoplay.media.frame import Planes
from photoplay.media.sizes import Size

__all__ = ["prepare"]

Rgb = NDArray[np.uint8]

# How much tighter the second picture comes in than it ends, as a logarithm.
_SETTLE: Final = 0.06
# An orbit needs some depth to go around; where there is none, the picture is held as a shallow bowl.
_BOWL: Final = 0.045
# Writing that leaves the frame cannot be read: drawn pictures are filmed with a shorter arm.
_GRAPHIC_REACH: Final = 0.5

_DEEP_AXES: Final = frozenset({Axis.ZOOM, Axis.TRUCK, Axis.ORBIT, Axis.CRANE, Axis.DOLLY_ZOOM})
_SUBJECT_EFFECTS: Final = frozenset({Effect.STEAM, Effect.SMOKE, Effect.BOKEH, Effect.RACK_FOCUS, Effect.WATER})


def prepare(rgb: Rgb, plan: Plan, *, end: Rgb | None, helper: Executor, look: Callable[[Rgb], Scene] = survey) -> Film:
    """Look at the picture, place the camera, convert what it sees.

    Raises: whatever `look` raises.
    """
    scene = look(rgb) if _needs_depth(plan.direction) else survey(rgb, in_depth=False)
    camera, scene = _place(plan, scene)
    relief = relief_of(scene.relief, half=camera.half)
    sight, picture = _developed(rgb, plan, camera, relief=relief)
    backdrop = Backdrop.of(scene, picture, plan)
    luma = helper.submit(backdrop.luma_behind, picture.planes.luma)
    air = _air(plan, scene, sight)
    effects = plan.direction.effects
    sight = replace(sight, sway=sway_of(dict(effects), scene, air, half=camera.half))
    return Film(
        plan=plan,
        scene=scene,
        shot=_shot(sight, picture.planes, backdrop, luma=luma),
        veils=tuple(make(air, effects[effect]) for effect, make in VEILS.items() if effect in effects),
        specks=tuple(
            make(air, effects[effect], np.random.default_rng([plan.seed, 3, number]))
            for number, (effect, make) in enumerate(SPECKS.items())
            if effect in effects
        ),
        grain=Grain(air, effects[Effect.GRAIN], np.random.default_rng([plan.seed, 4]))
        if Effect.GRAIN in effects
        else None,
        end=None if end is None else _ending(end, plan),
    )


def _needs_depth(direction: Direction) -> bool:
    """Say whether anything in the clip would show that one thing is nearer than another, or where a subject ends."""
    axes = {AXES[motion.move][0] for motion in direction.motions}
    return bool(axes & _DEEP_AXES) or bool(_SUBJECT_EFFECTS & set(direction.effects))


def _place(plan: Plan, scene: Scene) -> tuple[Camera, Scene]:
    axes = {AXES[motion.move][0] for motion in plan.direction.motions}
    if not axes & _DEEP_AXES:
        # A card that does not move needs no background behind it, unless that falls out of focus.
        keeps = {Effect.BOKEH, Effect.RACK_FOCUS} & set(plan.direction.effects)
        subject = scene.subject if keeps else np.zeros((2, 2), np.float32)
        scene = replace(scene, relief=np.zeros((2, 2), np.float32), subject=subject)
    elif axes & {Axis.ORBIT, Axis.DOLLY_ZOOM} and scene.depth < 0.3 and not scene.graphic:
        scene = replace(scene, relief=_bowl(scene.lines))
    lens = aim(
        plan.direction,
        still=plan.still,
        output=plan.output,
        duration_s=plan.duration_s,
        frames=plan.frames,
        seed=plan.seed,
        depth=scene.depth,
        reach=_GRAPHIC_REACH if scene.graphic else 1.0,
    )
    if not scene.relief.any():
        # A dolly zoom shows nothing but depth. Without any, it comes nearer.
        lens = replace(lens, zoom=np.zeros_like(lens.zoom))
    cover = min(plan.still.width_px / plan.output.width_px, plan.still.height_px / plan.output.height_px)
    unit = plan.output.width_px * cover
    half = (plan.still.width_px / unit / 2, plan.still.height_px / unit / 2)
    relief = relief_of(scene.relief, half=half)
    return place(lens, still=plan.still, output=plan.output, focus=scene.focus, relief=relief), scene


def _bowl(lines: float) -> NDArray[np.float32]:
    y, x = np.mgrid[-1:1:48j, -1:1:64j]
    return (-_BOWL * 2 * lines * np.clip((x**2 + y**2) / 1.4, 0, 1)).astype(np.float32)


def _seen(camera: Camera, plan: Plan, *, is_flat: bool) -> tuple[Region, float]:
    """Return what of the still any frame may show, and the width of the widest frame, in pixels of the still."""
    unit = plan.still.width_px / (2 * camera.half[0])
    tall = plan.output.height_px / plan.output.width_px
    frames = np.arange(plan.frames)[:, None]
    x, y = seen_by(
        camera,
        frames,
        np.array([[-0.5, 0.5, -0.5, 0.5]], np.float32),
        np.array([[-tall / 2, -tall / 2, tall / 2, tall / 2]], np.float32),
        relief=flat,
    )
    # With depth the edges lie a little elsewhere: a fiftieth of the width covers the strongest relief.
    more = 0.0 if is_flat else 0.05
    region = Region(
        left=(float(x.min()) - more) * unit + plan.still.width_px / 2,
        right=(float(x.max()) + more) * unit + plan.still.width_px / 2,
        top=(float(y.min()) - more) * unit + plan.still.height_px / 2,
        bottom=(float(y.max()) + more) * unit + plan.still.height_px / 2,
    )
    return region, float((x[:, 1] - x[:, 0]).max()) * unit


def _developed(rgb: Rgb, plan: Plan, camera: Camera, *, relief: Relief) -> tuple[Sight, Picture]:
    seen, unit_px = _seen(camera, plan, is_flat=relief is flat)
    picture = develop(rgb, seen, unit_px=unit_px, output=plan.output)
    sight = Sight(
        camera=camera,
        output=plan.output,
        still=plan.still,
        region=picture.region,
        scale_x=picture.scale_x,
        scale_y=picture.scale_y,
        relief=relief,
    )
    return sight, picture


def _shot(sight: Sight, planes: Planes, backdrop: Backdrop, *, luma: Future[tuple[Plane, Plane | None]]) -> Shot:
    """Put the planes together; the luma's has been begun on another thread."""
    (blue, soft_blue), (red, soft_red) = backdrop.chroma_behind(planes.blue), backdrop.chroma_behind(planes.red)
    bright, soft_bright = luma.result()
    behind = Planes(luma=bright, blue=blue, red=red)
    panorama = Panorama.of(behind, sight) if backdrop.subject is None and backdrop.blur is None else None
    if panorama is not None:
        return Shot(sight=sight, picture=panorama)
    # What the first frame shows is the picture, pixel by pixel.
    soft, step = None, sight.step(0)
    if soft_bright is not None and soft_blue is not None and soft_red is not None:
        soft = Source.of(Planes(luma=soft_bright, blue=soft_blue, red=soft_red), step=step)
    subject = None if backdrop.subject is None else Layer.before(behind, planes, backdrop.subject)
    return Shot(sight=sight, picture=Layers(sharp=Source.of(behind, step=step), soft=soft, subject=subject))


def _air(plan: Plan, scene: Scene, sight: Sight) -> Air:
    width, height = plan.output.width_px, plan.output.height_px

    def anchor(number: int, at: tuple[float, float]) -> tuple[float, float]:
        matrix = sight.matrix(number)
        x = (at[0] * plan.still.width_px - sight.region.left) * sight.scale_x - 0.5
        y = (at[1] * plan.still.height_px - sight.region.top) * sight.scale_y - 0.5
        column, row = np.linalg.solve(matrix[:, :2], np.array([x, y]) - matrix[:, 2])
        return (float(column) + 0.5) / width, (float(row) + 0.5) / height

    return Air(
        output=plan.output,
        fps=plan.fps,
        frames=plan.frames,
        noise=noise(plan.seed),
        anchor=anchor,
        hot=scene.hot,
        light=scene.light,
        loop=plan.direction.loop,
        trusted=bool(scene.subject.any()) or scene.trust > 0.3,
    )


def _ending(rgb: Rgb, plan: Plan) -> Shot:
    """The last picture: flat, and under a camera that settles: the last frame is the picture itself."""
    still = Size(width_px=rgb.shape[1], height_px=rgb.shape[0])
    time = np.linspace(0, 1, plan.frames)
    rest = np.zeros(plan.frames)
    settling = _SETTLE * (1 - ease((time - CROSSING[0]) / (1 - CROSSING[0])))
    lens = Lens(zoom=settling, roll=rest, pan=rest, tilt=rest, across=rest, down=rest, forward=rest)
    camera = place(lens, still=still, output=plan.output, focus=(0.5, 0.5))
    sight, picture = _developed(rgb, replace(plan, still=still), camera, relief=flat)
    return Shot(sight=sight, picture=Layers(sharp=Source.of(picture.planes, step=sight.step(plan.frames - 1))))
