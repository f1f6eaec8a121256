"""Every error that Photoplay raises on purpose, in one tree.

AppError
  RequestError            the caller's to fix; never retried
    InvalidInput            a field is wrong
    MalformedBody           the body cannot be read at all
    BodyTooLarge            more bytes than the limit
    BodyTooSlow             not sent within the deadline
    UnsupportedMediaType    not JSON, or not multipart
    Unauthorized            no key, or not a live one
    InsufficientCredits     the price is above the balance
    KeyCapReached           the price is above what the key may still spend
    RateLimited             too many requests, or too many unfinished tasks
    IdempotencyConflict     the same key while the first request is in flight
    NotFound                no such path
    ModelSwitchedOff        a model whose engines are not configured here
    MethodNotAllowed        the path exists, the method does not
  EngineError             making the clip
    StillRejected           the picture cannot be used (permanent)
    EngineRejected          the engine refuses the order (permanent)
    EngineUnavailable       the engine crashed or cannot be reached (worth another attempt)
    EngineTimeout           the deadline passed (worth another attempt)
  DeliveryError           what leaves the server
    TargetForbidden         the address is not public
    TargetRefused           the other side answered no
    TargetUnreachable       no answer: DNS, connection, TLS, time-out
  StorageError            the database
    StaleClaim              another worker owns the attempt: drop the result
    StoreUnavailable        the database cannot be reached now
  ConfigError             start-up only
  ServerDraining          the server is stopping or drained, and takes no new work
  DiskFull                the disk is nearly full: no new work

A message says what, which, limit and got, and never a secret, a path or a traceback.
"""

from datetime import timedelta

__all__ = [
    "AppError",
    "BodyTooLarge",
    "BodyTooSlow",
    "ConfigError",
    "DeliveryError",
    "DiskFull",
    "EngineError",
    "EngineRejected",
    "EngineTimeout",
    "EngineUnavailable",
    "IdempotencyConflict",
    "InsufficientCredits",
    "InvalidInput",
    "KeyCapReached",
    "MalformedBody",
    "MethodNotAllowed",
    "ModelSwitchedOff",
    "NotFound",
    "RateLimited",
    "RequestError",
    "ServerDraining",
    "StaleClaim",
    "StillRejected",
    "StorageError",
    "StoreUnavailable",
    "TargetForbidden",
    "TargetRefused",
    "TargetUnreachable",
    "Unauthorized",
    "UnsupportedMediaType",
]


class AppError(Exception):
    """The server could not do what was asked."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or type(self).__doc__ or type(self).__name__)


class RequestError(AppError):
    """The request is wrong."""


class InvalidInput(RequestError):
    """A field is wrong."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field
        """Path of the field, such as `input.resolution`. Empty when the whole body is meant."""


class MalformedBody(RequestError):
    """The body is not JSON that can be read."""


class BodyTooLarge(RequestError):
    """The body is too large."""


class BodyTooSlow(RequestError):
    """The body was not sent in time."""


class UnsupportedMediaType(RequestError):
    """The Content-Type is not one that this path reads."""


class Unauthorized(RequestError):
    """Unauthorized"""


class InsufficientCredits(RequestError):
    """Credits insufficient"""

    def __init__(self, *, price_credits: int, balance_credits: int) -> None:
        super().__init__(f"Credits insufficient: this task costs {price_credits}, the balance is {balance_credits}")
        self.price_credits = price_credits
        self.balance_credits = balance_credits


class KeyCapReached(RequestError):
    """The key's spending cap is reached"""


class RateLimited(RequestError):
    """Your call frequency is too high"""

    def __init__(
        self,
        message: str,
        *,
        limit: int,
        window: timedelta = timedelta(),
        retry_after: timedelta = timedelta(seconds=1),
    ) -> None:
        super().__init__(f"Your call frequency is too high: {message}")
        self.limit = limit
        self.window = window
        self.retry_after = retry_after


class IdempotencyConflict(RequestError):
    """A request with the same Idempotency-Key is in flight."""


class NotFound(RequestError):
    """There is nothing at this path."""


class ModelSwitchedOff(RequestError):
    """No engine of this server can serve the model."""


class MethodNotAllowed(RequestError):
    """The path does not answer this method."""

    def __init__(self, *, allowed: str) -> None:
        super().__init__(f"This path does not answer this method; it answers {allowed}")
        self.allowed = allowed
        """The methods that the path answers, separated by commas."""


class EngineError(AppError):
    """The clip could not be made."""


class StillRejected(EngineError):
    """The picture cannot be used."""


class EngineRejected(EngineError):
    """The engine refuses this order."""

    def __init__(self, message: str = "", *, code: str = "422") -> None:
        super().__init__(message)
        self.code = code
        """What `failCode` becomes: `422` where the order is at fault."""


class EngineUnavailable(EngineError):
    """The engine crashed or cannot be reached."""


class EngineTimeout(EngineError):
    """The engine did not finish within its deadline."""


class DeliveryError(AppError):
    """A request that leaves the server failed."""


class TargetForbidden(DeliveryError):
    """The address is not a public one."""


class TargetRefused(DeliveryError):
    """The other side answered with a refusal."""


class TargetUnreachable(DeliveryError):
    """The other side did not answer."""

    def __init__(self, message: str = "", *, may_have_arrived: bool = False) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        """False: no connection was made, so the other side has surely seen nothing."""


class StorageError(AppError):
    """The database refused or failed."""


class StaleClaim(StorageError):
    """Another worker owns this attempt; nothing was written."""


class StoreUnavailable(StorageError):
    """The database cannot be reached right now. Try again; with an Idempotency-Key nothing happens twice."""


class ConfigError(AppError):
    """The configuration is wrong."""


class ServerDraining(AppError):
    """The server takes no new work: it is stopping, or its operator drains it. Try again later."""


class DiskFull(AppError):
    """The disk of the server is nearly full, and it takes no new work. Nothing was lost; try again later."""
