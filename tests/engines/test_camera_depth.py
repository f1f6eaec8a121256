"""A depth model of the operator's: a tiny ONNX graph, written here by hand, that finds bright things near."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from photoplay.domain.errors import EngineUnavailable
from photoplay.engines.camera import CameraEngine
from photoplay.engines.camera.depth import DepthModel
from photoplay.engines.engine import Order


def number(value: int) -> bytes:
    """A varint of the protobuf wire format."""
    head, rest = value & 127, value >> 7
    return bytes([head | 128]) + number(rest) if rest else bytes([head])


def field(at: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return number(at << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(at << 3 | 2) + number(len(data)) + data


def tensor(name: str, shape: tuple[int, ...]) -> bytes:
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def mean_of_colours(side_px: int) -> bytes:
    """ONNX's ModelProto of two nodes: ReduceMean over the channels, put into the one shape that it takes."""
    axes = field(1, "axes") + field(20, 7) + field(8, 1)
    keep = field(1, "keepdims") + field(20, 2) + field(3, 0)
    mean = field(1, "image") + field(2, "mean") + field(4, "ReduceMean") + field(5, axes) + field(5, keep)
    shaped = field(1, "mean") + field(1, "shape") + field(2, "depth") + field(4, "Reshape")
    shape = field(1, 3) + field(2, 7) + field(8, "shape") + field(9, struct.pack("<3q", 1, side_px, side_px))
    ends = field(11, tensor("image", (1, 3, side_px, side_px))) + field(12, tensor("depth", (1, side_px, side_px)))
    graph = field(1, mean) + field(1, shaped) + field(2, "bright") + field(5, shape) + ends
    return field(1, 8) + field(8, field(1, "") + field(2, 13)) + field(7, graph)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "bright.onnx"
    path.write_bytes(mean_of_colours(256))
    return path


def disc() -> NDArray[np.uint8]:
    """A bright disc before a dark wall, with the noise of a photograph."""
    rng = np.random.default_rng(1)
    picture = np.full((360, 640, 3), 40, np.int16)
    cv2.circle(picture, (200, 180), 80, (210, 200, 190), -1)
    return (picture + rng.integers(-9, 10, picture.shape)).clip(0, 255).astype(np.uint8)


def test_what_the_model_says_is_near_is_the_subject(model: Path) -> None:
    scene = DepthModel(model).survey(disc())
    subject = cv2.resize(scene.subject, (640, 360))

    assert subject[180, 200] > 0.9
    assert subject[180, 500] < 0.1
    assert float(scene.relief.min()) < -0.05
    assert scene.trust == 1.0


def test_a_model_that_sees_no_depth_films_flat(model: Path) -> None:
    scene = DepthModel(model).survey(np.full((360, 640, 3), 90, np.uint8))

    assert not scene.relief.any()
    assert not scene.subject.any()


@pytest.mark.parametrize("side_px", [256, 384, 518])
def test_the_side_that_the_graph_accepts_is_found(tmp_path: Path, side_px: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(mean_of_colours(side_px))

    assert DepthModel(path).survey(disc()).subject.any()


def test_the_engine_films_with_the_model(model: Path, tmp_path: Path) -> None:
    Image.fromarray(disc()).save(tmp_path / "still.png")
    engine = CameraEngine(depth_model=str(model))
    engine.warm()
    order = Order(
        still=tmp_path / "still.png", prompt="orbit", resolution="720p", duration_s=1, seed=1, output=tmp_path / "c.mp4"
    )

    scene = engine.run(order, lambda _: None).facts["scene"]

    assert isinstance(scene, dict)
    assert (scene["trust"], scene["layers"]) == (1.0, 2)


@pytest.mark.parametrize("content", [None, b"", b"junk", mean_of_colours(100)])
def test_a_file_that_is_no_depth_model_stops_the_warm_up(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(EngineUnavailable, match=r"depth model: model\.onnx") as caught:
        CameraEngine(depth_model=str(path)).warm()
    assert str(tmp_path) not in str(caught.value)
