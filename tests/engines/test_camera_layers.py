"""Two layers are one picture: what the subject hides, and its rim."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.resources import files

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photoplay.engines.camera.arrays import as_plane
from photoplay.engines.camera.direction import direct
from photoplay.engines.camera.film import Film, Plan
from photoplay.engines.camera.layer import Layers, Runs, Source
from photoplay.engines.camera.panorama import Panorama
from photoplay.engines.camera.stage import prepare
from photoplay.media.frame import Planes, planes_of
from photoplay.media.sizes import Size, output_size


def coffee() -> NDArray[np.uint8]:
    with Image.open(str(files("photoplay") / "samples" / "coffee.jpg")) as image:
        return np.asarray(image.convert("RGB"))


def made(still: NDArray[np.uint8], prompt: str) -> Film:
    size = Size(width_px=still.shape[1], height_px=still.shape[0])
    plan = Plan(
        direction=direct(prompt, seed=1),
        still=size,
        output=output_size(size, resolution="720p"),
        duration_s=5,
        fps=12,
        seed=1,
    )
    with ThreadPoolExecutor(1) as helper:
        return prepare(still, plan, end=None, helper=helper)


def drawn(film: Film, number: int) -> list[NDArray[np.int64]]:
    frame = film.draw(number)
    planes = planes_of(frame)
    return [plane.astype(np.int64) for plane in (planes.luma, planes.blue, planes.red)]


@pytest.mark.parametrize("prompt", ["push in, bokeh", "orbit left", "roll right, push in", "roll left, rack focus"])
def test_what_the_subject_hides_need_not_be_drawn(prompt: str) -> None:
    film = made(coffee(), prompt)
    layers = film.shot.picture
    assert isinstance(layers, Layers)
    subject = layers.subject
    assert subject is not None
    lines, columns = subject.card.shape[:2]
    # As if it hid nothing and were everywhere.
    first, last = np.zeros(lines, np.intp), np.zeros(lines, np.intp) + columns
    nowhere, everywhere = Runs(start=last, stop=first), Runs(start=first, stop=last)
    shown = replace(layers, subject=replace(subject, opaque=nowhere, seen=everywhere))
    whole = replace(film, shot=replace(film.shot, picture=shown))

    for number in (0, 20, 59):
        for quick, slow in zip(drawn(film, number), drawn(whole, number), strict=True):
            assert np.abs(quick - slow).max() <= 1


def test_at_rest_the_layers_are_the_picture_with_its_colours() -> None:
    # A white disc on red: the rim between them is where two layers could go wrong.
    y, x = np.mgrid[0:720, 0:1280]
    inside = np.hypot(x - 640, y - 360)[:, :, None] < 150
    grain = np.random.default_rng(0).integers(-2, 3, (720, 1280, 1))
    still = (np.where(inside, (240, 236, 228), (170, 40, 20)) + grain).astype(np.uint8)
    layered, flat = made(still, "push in"), made(still, "static shot")
    assert isinstance(layered.shot.picture, Layers)
    assert layered.shot.picture.subject is not None
    assert isinstance(flat.shot.picture, Panorama)

    for together, alone in zip(drawn(layered, 0), drawn(flat, 0), strict=True):
        assert np.abs(together - alone).mean() < 0.1
        assert np.abs(together - alone).max() <= 6


@pytest.mark.parametrize("prompt", ["static shot", "pan left", "tilt up", "pan right, tilt down"])
def test_a_window_of_the_panorama_is_what_sampling_each_pixel_gives(prompt: str) -> None:
    film = made(coffee(), prompt)
    assert isinstance(film.shot.picture, Panorama)
    sight, random = film.shot.sight, np.random.default_rng(0)
    width = round((sight.region.right - sight.region.left) * sight.scale_x)
    height = round((sight.region.bottom - sight.region.top) * sight.scale_y)
    luma, blue, red = (
        cv2.GaussianBlur(random.integers(16, 236, shape, dtype=np.uint8), (0, 0), 4)
        for shape in ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    )
    planes = Planes(luma=as_plane(luma), blue=as_plane(blue), red=as_plane(red))
    window = Panorama.of(planes, sight)
    assert window is not None
    sampled = Layers(sharp=Source.of(planes, step=sight.step(0)))

    for number in (0, 17, 59):
        one, other = (drawn(replace(film, shot=replace(film.shot, picture=view)), number) for view in (window, sampled))
        for quick, slow in zip(one, other, strict=True):
            assert np.abs(quick - slow).max() <= 2


def test_half_out_of_focus_lies_between_sharp_and_soft() -> None:
    film = made(coffee(), "push in, bokeh")
    layers = film.shot.picture
    assert isinstance(layers, Layers)
    assert layers.soft is not None
    sharp, soft = (
        replace(film, shot=replace(film.shot, picture=replace(layers, sharp=only, soft=None)))
        for only in (layers.sharp, layers.soft)
    )

    for half, one, other in zip(drawn(film, 8), drawn(sharp, 8), drawn(soft, 8), strict=True):
        assert (np.abs(one - other) > 4).any()
        assert (half >= np.minimum(one, other) - 1).all()
        assert (half <= np.maximum(one, other) + 1).all()
