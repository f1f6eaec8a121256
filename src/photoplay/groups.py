"""What lies in groups of exceptions."""

from typing import TypeVar, cast

__all__ = ["first_in"]

Wanted = TypeVar("Wanted", bound=BaseException)


def first_in(error: BaseException, *kinds: type[Wanted]) -> Wanted | None:
    """Return the error, or the first of these kinds in it, however deep in its groups."""
    if isinstance(error, kinds):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return next((found for each in inner if (found := first_in(each, *kinds)) is not None), None)
