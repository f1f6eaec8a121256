"""One WebSocket, from the upgrade on: texts are read, all else is passed over. It reads what it is given and never
connects.

No extension is offered, compression neither: what is read is as large as what was sent.
Source: RFC 6455.
"""

from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from io import StringIO
from typing import Final, cast

import httpcore2
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import generate_accept_token, generate_nonce

from photoplay.domain.errors import TargetRefused, TargetUnreachable
from photoplay.egress.download import header, not_as_asked

__all__ = ["Upgrade", "texts"]

_READ_BYTES: Final = 64 * 1024
# What is told in words is JSON of some kilobytes.
_TEXT_BYTES_MAX: Final = 1024 * 1024
# Pictures and clips, which are not kept for a moment.
_BINARY_BYTES_MAX: Final = 16 * 1024 * 1024


class Upgrade:
    """One request to speak WebSocket from here on."""

    def __init__(self) -> None:
        self._nonce = generate_nonce()

    @property
    def headers(self) -> Mapping[str, str]:
        return {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self._nonce.decode("ascii"),
        }

    def check(self, response: httpcore2.Response) -> None:
        """Raises: TargetRefused or TargetUnreachable by status; TargetRefused if it is another upgrade's answer."""
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            raise not_as_asked(response.status)
        if header(response, b"sec-websocket-accept") != generate_accept_token(self._nonce).decode("ascii"):
            raise TargetRefused("the host did not answer the upgrade that it was asked for")


async def texts(response: httpcore2.Response, *, quiet_s: float) -> AsyncGenerator[str]:
    """Yield each text message of an upgraded connection, until the other side closes it. Pings are answered.

    Raises: TargetRefused if a message is too large; TargetUnreachable if nothing came, not even the answer to a ping.
    """
    stream = cast("httpcore2.AsyncNetworkStream", response.extensions["network_stream"])  # pyright: ignore[reportUnknownMemberType] - httpcore2 declares a bare dict
    connection, message = Connection(ConnectionType.CLIENT), _Message()
    try:
        while True:
            data = await _read(stream, connection, quiet_s=quiet_s)
            if not data:
                return
            connection.receive_data(data)
            for event in connection.events():
                match event:
                    case Ping():
                        await stream.write(connection.send(event.response()), quiet_s)
                    case CloseConnection():
                        await stream.write(connection.send(event.response()), quiet_s)
                        return
                    case TextMessage() | BytesMessage():
                        text = message.take(event)
                        if text is not None:
                            yield text
                    case _:
                        pass
    except httpcore2.TimeoutException as exc:
        raise TargetUnreachable(f"nothing was heard for {2 * quiet_s:g} s") from exc


async def _read(stream: httpcore2.AsyncNetworkStream, connection: Connection, *, quiet_s: float) -> bytes:
    """Wait for whatever comes next; who says nothing for long is asked whether it is there."""
    try:
        return await stream.read(_READ_BYTES, quiet_s)
    except httpcore2.ReadTimeout:
        await stream.write(connection.send(Ping()), quiet_s)
        return await stream.read(_READ_BYTES, quiet_s)


class _Message:
    """The message that is coming in, piece by piece."""

    def __init__(self) -> None:
        self._text = StringIO()
        self._size_bytes = 0

    def take(self, piece: TextMessage | BytesMessage) -> str | None:
        """Add a piece, and return the whole where it is a text that ends here. Raises: TargetRefused."""
        if isinstance(piece, TextMessage):
            self._size_bytes += len(piece.data.encode())
            bytes_max = _TEXT_BYTES_MAX
            self._text.write(piece.data)
        else:
            self._size_bytes += len(piece.data)
            bytes_max = _BINARY_BYTES_MAX
        if self._size_bytes > bytes_max:
            raise TargetRefused(f"a message is larger than {bytes_max} bytes")
        if not piece.message_finished:
            return None
        whole, self._text, self._size_bytes = self._text.getvalue(), StringIO(), 0
        return whole if isinstance(piece, TextMessage) else None
