"""Each method of the contracts, defined once for threads and for event loops.

A definition is a function that makes a request of its arguments. In a client it is a method that
sends this request: in a ServiceClient it returns the answer, in an aio.ServiceClient it is awaited.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from google.protobuf.message import Message

if TYPE_CHECKING:
    from omega_client import aio
    from omega_client.base import ServiceClient
    from omega_client.watch import Watch

P = ParamSpec("P")
E = TypeVar("E")
A = TypeVar("A")
R = TypeVar("R", bound=Message)
E_contra = TypeVar("E_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)
R_contra = TypeVar("R_contra", contravariant=True)

Requests = Iterable[E] | AsyncIterable[E]
"""What is sent on a stream; from threads an Iterable only."""


class Credential(Protocol):
    """Shows who calls; omega_rpc.dpop.Prover is one."""

    def metadata(self, method: str) -> tuple[tuple[str, str], ...]:
        """Metadata of one call of `method`, "/package.Service/Method"; each call needs its own."""
        ...


class Reader(Protocol[R_contra, A_co]):
    """Reads the answers of one stream."""

    def take(self, answer: R_contra) -> A_co:
        """What an answer carries; raises OmegaError where it may not come here."""
        ...

    def end(self) -> None:
        """No answer follows; raises OmegaError where one should."""
        ...


class AsItIs:
    """Reads answers as they are."""

    def __init__(self, _request: object = None) -> None:
        pass

    def take(self, answer: A) -> A:
        """The answer."""
        return answer

    def end(self) -> None:
        """Any end is a good one."""


@dataclass(frozen=True)
class Asked:
    """What a definition made of its arguments, where that is more than a request."""

    request: Any
    """The message, or the Requests of a stream."""
    credential: Credential | None = None
    """Shows who calls, in each attempt anew."""
    seconds: float | None = None
    """Length of this call, whatever the client's timeout; None = the method's own."""


@dataclass(frozen=True)
class Method:
    """One method, as a client sends it."""

    name: str
    """As in the contract."""
    answer: type[Message]
    """Message that answers."""
    seconds: float
    """Default deadline."""
    reads: Callable[[Any], Any]
    """What is returned of an answer; of a stream, the Reader for a request."""


# In a class body, these are functions. Where they are read from a client, they are what it makes of
# them, which mypy sees here and nowhere else.


class Unary(Protocol[P, A_co]):
    """A request, an answer."""

    @overload
    def __get__(self, client: ServiceClient, owner: type[Any], /) -> Callable[P, A_co]: ...
    @overload
    def __get__(
        self, client: aio.ServiceClient, owner: type[Any], /
    ) -> Callable[P, Coroutine[Any, Any, A_co]]: ...


class ServerStream(Protocol[P, A]):
    """A request, many answers."""

    @overload
    def __get__(self, client: ServiceClient, owner: type[Any], /) -> Callable[P, Watch[A]]: ...
    @overload
    def __get__(
        self, client: aio.ServiceClient, owner: type[Any], /
    ) -> Callable[P, aio.Watch[A]]: ...


class ClientStream(Protocol[E_contra, P, A_co]):
    """Many requests, an answer."""

    @overload
    def __get__(
        self, client: ServiceClient, owner: type[Any], /
    ) -> Callable[Concatenate[Iterable[E_contra], P], A_co]: ...
    @overload
    def __get__(
        self, client: aio.ServiceClient, owner: type[Any], /
    ) -> Callable[Concatenate[Requests[E_contra], P], Coroutine[Any, Any, A_co]]: ...


class Exchange(Protocol[E_contra, P, A]):
    """Many of both."""

    @overload
    def __get__(
        self, client: ServiceClient, owner: type[Any], /
    ) -> Callable[Concatenate[Iterable[E_contra], P], Watch[A]]: ...
    @overload
    def __get__(
        self, client: aio.ServiceClient, owner: type[Any], /
    ) -> Callable[Concatenate[Requests[E_contra], P], aio.Watch[A]]: ...


@overload
def unary(
    answer: type[R], seconds: float
) -> Callable[[Callable[Concatenate[Any, P], Message | Asked]], Unary[P, R]]: ...
@overload
def unary(
    answer: type[R], seconds: float, reads: Callable[[R], A]
) -> Callable[[Callable[Concatenate[Any, P], Message | Asked]], Unary[P, A]]: ...
def unary(answer: type[Message], seconds: float, reads: Callable[[Any], Any] | None = None) -> Any:
    """Defines a method with a request and an answer, by a function that makes the request.

    Args:
        answer: the contract's message.
        seconds: default deadline.
        reads: what the method returns of the answer; the answer itself without it.
    """
    return _definition("_unary_unary", answer, seconds, reads)


@overload
def server_stream(
    answer: type[R], seconds: float
) -> Callable[[Callable[Concatenate[Any, P], Message | Asked]], ServerStream[P, R]]: ...
@overload
def server_stream(
    answer: type[R], seconds: float, reads: Callable[[Any], Reader[R, A]]
) -> Callable[[Callable[Concatenate[Any, P], Message | Asked]], ServerStream[P, A]]: ...
def server_stream(
    answer: type[Message], seconds: float, reads: Callable[[Any], Reader[Any, Any]] = AsItIs
) -> Any:
    """Defines a method with many answers, as unary; `reads` makes a Reader of each request."""
    return _definition("_unary_stream", answer, seconds, reads)


def client_stream(
    answer: type[R], seconds: float
) -> Callable[[Callable[Concatenate[Any, Requests[E], P], Asked]], ClientStream[E, P, R]]:
    """Defines a method with many requests, as unary, by a function that makes them."""
    return _definition("_stream_unary", answer, seconds)  # type: ignore[no-any-return]  # as said


def exchange(
    answer: type[R], seconds: float
) -> Callable[[Callable[Concatenate[Any, Requests[E], P], Asked]], Exchange[E, P, R]]:
    """Defines a method with many requests and answers, as client_stream."""
    return _definition("_stream_stream", answer, seconds)  # type: ignore[no-any-return]  # as said


def each(make: Callable[[E], A], requests: Requests[E]) -> Requests[A]:
    """What `make` gives of each, when its turn comes."""
    if isinstance(requests, AsyncIterable):
        return (make(request) async for request in requests)
    return (make(request) for request in requests)


def _definition(
    sends: str, answer: type[Message], seconds: float, reads: Callable[[Any], Any] | None = None
) -> Any:
    """Turns a function that makes requests into a method that has the client send them."""

    def define(makes: Callable[..., Message | Asked]) -> Any:
        name = makes.__name__.title().replace("_", "")
        method = Method(name, answer, seconds, reads or _itself)

        @functools.wraps(makes)
        def call(client: Any, *args: Any, **kwargs: Any) -> Any:
            made = makes(client, *args, **kwargs)
            return getattr(client, sends)(method, made if isinstance(made, Asked) else Asked(made))

        returned = answer if sends == "_unary_unary" and reads is None else inspect.Signature.empty
        vars(call)["__signature__"] = inspect.signature(makes).replace(return_annotation=returned)
        vars(call)["method"] = method
        return call

    return define


def _itself(answer: A) -> A:
    return answer
