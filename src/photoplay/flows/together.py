"""Lets what is asked at the same time share one exchange with the database.

An exchange costs about as much for many as for one. A lone question goes at once, so that nobody waits for others.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

from photoplay.domain.errors import AppError, StoreUnavailable

__all__ = ["Together"]

AT_ONCE_MAX: Final = 64

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Together(Generic[Asked, Answered]):
    """Collects what is asked while one exchange runs; the next one serves it all, in the order it came."""

    def __init__(self, serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Answered | AppError]]]) -> None:
        self._serve_all = serve
        self._asked: list[tuple[Asked, asyncio.Future[Answered | AppError]]] = []
        self._wake = asyncio.Event()

    async def ask(self, asked: Asked) -> Answered:
        """Return the answer, or raise the error that stands for it."""
        answer: asyncio.Future[Answered | AppError] = asyncio.get_running_loop().create_future()
        self._asked.append((asked, answer))
        self._wake.set()
        found = await answer
        if isinstance(found, AppError):
            raise found
        return found

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Serve what is asked while the block runs."""
        async with asyncio.TaskGroup() as group:
            runner = group.create_task(self._run())
            try:
                yield
            finally:
                runner.cancel()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            # A caller who hung up meanwhile asks for nothing any more.
            self._asked = [(asked, answer) for asked, answer in self._asked if not answer.done()]
            batch, self._asked = self._asked[:AT_ONCE_MAX], self._asked[AT_ONCE_MAX:]
            if not self._asked:
                self._wake.clear()
            if batch:
                await self._serve(batch)

    async def _serve(self, batch: list[tuple[Asked, asyncio.Future[Answered | AppError]]]) -> None:
        try:
            answers = await self._serve_all([asked for asked, _ in batch])
        except StoreUnavailable as exc:
            answers = [exc] * len(batch)
        except Exception as exc:  # noqa: BLE001 - goes on to those who asked, and not to the one loop that serves all
            if len(batch) > 1:
                # One of them is to blame, and the others must not suffer for it.
                for one in batch:
                    await self._serve([one])
                return
            if not batch[0][1].done():
                batch[0][1].set_exception(exc)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
