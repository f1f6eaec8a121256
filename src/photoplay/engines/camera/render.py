"""From a sight and its layers to the planes of one frame. Nothing here knows of prompts or files."""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np

from photoplay.engines.camera.arrays import LANES, Map, Plane, Quad, room
from photoplay.engines.camera.layer import Layer, Layers, Source
from photoplay.engines.camera.sight import Bend, Matrix, Sight, blockwise, halved, moved
from photoplay.media.frame import Planes

__all__ = ["mix", "sample"]

# Of a frame's lines at a time: their maps then stay in the processor's cache.
_BAND_PX: Final = 128

_Look = Callable[[slice, slice, Sequence[tuple[Source, Source]]], None]
"""Samples sources for these lines and columns of blocks, each into its own."""


def sample(sight: Sight, frame: int, layers: Layers, softness: float, *, into: Planes) -> None:
    """Fill a frame with what the camera sees: the background, but where it is hidden, then the subject."""
    height, width = into.luma.shape
    matrix, subject = sight.matrix(frame), layers.subject
    way = matrix if subject is None else subject.way(matrix)
    look = _straight(blockwise(matrix)) if sight.is_flat else _bent(sight.bend(frame))
    wide = -(-width // (2 * LANES)) * 2 * LANES
    seen = _scratch("seen", height // 2, wide // 2)
    for rows in _bands(height):
        hidden = slice(0, 0) if subject is None else subject.hides(way, rows, width=width)
        for columns in (slice(0, hidden.start), slice(hidden.stop, wide)):
            if columns.start < columns.stop:
                _draw_behind(layers, softness, look, halved(rows), halved(columns), into=seen)
    _unpack(seen, into)
    if subject is not None:
        _lay(subject, way, into)


def mix(into: Planes, other: Planes, share: float) -> None:
    """Let another frame show through, wholly at a share of 1."""
    for to, plane in ((into.luma, other.luma), (into.blue, other.blue), (into.red, other.red)):
        cv2.addWeighted(to, 1 - share, plane, share, 0, dst=to)


def _scratch(name: str, height: int, width: int) -> Source:
    return Source(luma=room(f"{name} luma", height, width, 4), colour=room(f"{name} colour", height, width, 4))


def _bands(height: int) -> list[slice]:
    return [slice(top, min(top + _BAND_PX, height)) for top in range(0, height, _BAND_PX)]


def _draw_behind(layers: Layers, softness: float, look: _Look, rows: slice, columns: slice, *, into: Source) -> None:
    if layers.soft is None or softness in (0, 1):
        look(rows, columns, [(layers.soft if layers.soft is not None and softness else layers.sharp, into)])
        return
    sharp = _scratch("sharp", *into.luma.shape[:2])
    look(rows, columns, [(layers.soft, into), (layers.sharp, sharp)])
    for to, from_ in ((into.luma, sharp.luma), (into.colour, sharp.colour)):
        window = to[rows, columns]
        cv2.addWeighted(window, softness, from_[rows, columns], 1 - softness, 0, dst=window)


def _straight(matrix: Matrix) -> _Look:
    def look(rows: slice, columns: slice, pairs: Sequence[tuple[Source, Source]]) -> None:
        here = moved(matrix, columns.start, rows.start)
        for source, into in pairs:
            _warp(source.luma, here, into.luma[rows, columns])
            _warp(source.colour, here / 2, into.colour[rows, columns])

    return look


def _bent(bend: Bend) -> _Look:
    def look(rows: slice, columns: slice, pairs: Sequence[tuple[Source, Source]]) -> None:
        map_ = bend.map(rows, columns)
        half = np.multiply(map_, np.float32(0.5), out=room("half map", *map_.shape[:2], 8).view(np.float32))
        for source, into in pairs:
            _remap(source.luma, map_, into.luma[rows, columns])
            _remap(source.colour, half, into.colour[rows, columns])

    return look


def _unpack(seen: Source, into: Planes) -> None:
    height, width = into.blue.shape
    # Two pixels of a line lie side by side in a block, too.
    pairs = seen.luma[:, :width].view(np.uint16)
    for line in (0, 1):
        cv2.extractChannel(pairs, line, dst=into.luma[line::2].view(np.uint16))
    unread = room("unread", height, width)
    cv2.split(seen.colour[:, :width], [into.blue, into.red, unread, unread])


def _lay(layer: Layer, way: Matrix, into: Planes) -> None:
    """Draw the subject, in the part of the frame where it is."""
    height, width = into.luma.shape
    for rows in _bands(height):
        columns = layer.shown(way, rows, width=width)
        if columns.start >= columns.stop:
            continue
        card = room("card", rows.stop - rows.start, columns.stop - columns.start, 4)
        _warp(layer.card, moved(way, columns.start, rows.start), card, border=cv2.BORDER_CONSTANT)
        half = room("half card", card.shape[0] // 2, card.shape[1] // 2, 4)
        cv2.resize(card, half.shape[1::-1], dst=half, interpolation=cv2.INTER_AREA)
        coarse = (halved(rows), halved(columns))
        _add(card, (0,), [into.luma[rows, columns]])
        _add(half, (1, 2), [into.blue[coarse], into.red[coarse]])


def _add(card: Quad, channels: tuple[int, ...], targets: list[Plane]) -> None:
    """Dim what is behind a card by its opacity, then add the card."""
    parts = [room(f"part {channel}", *card.shape[:2]) for channel in range(4)]
    cv2.split(card, parts)
    veil = cv2.bitwise_not(parts[3], dst=parts[3])
    for channel, target in zip(channels, targets, strict=True):
        cv2.multiply(target, veil, dst=target, scale=1 / 255)
        cv2.add(target, parts[channel], dst=target)


def _warp(source: Quad, matrix: Matrix, target: Quad, *, border: int = cv2.BORDER_REPLICATE) -> None:
    size = (target.shape[1], target.shape[0])
    cv2.warpAffine(source, matrix, size, dst=target, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)


def _remap(source: Quad, map_: Map, target: Quad) -> None:
    cv2.remap(source, map_, None, cv2.INTER_LINEAR, dst=target, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportCallIssue,reportArgumentType] - a map of both coordinates has no second
