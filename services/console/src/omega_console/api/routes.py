"""The routes that are one call of AdminService each, derived from its descriptors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from google.protobuf.descriptor import Descriptor

from omega_console.api import descriptions
from omega_console.api.bounds import BOUNDS, SHARD
from omega_console.api.models import answer_model, request_model, to_json, to_message
from omega_console.signin import Operator, Role
from omega_console.upstream import ADMIN, Upstream

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """One route and the method behind it."""

    verb: str
    """HTTP method."""
    path: str
    """Below /api/v1; places name fields of the request."""
    method: str
    """Name of the method of AdminService."""
    role: Role
    """Who may."""
    summary: str
    """What it does, in the OpenAPI document."""
    part: str = ""
    """Field of the answer that is answered; empty = all of it."""
    status: int = 200
    """HTTP status of success."""

    @property
    def request(self) -> Descriptor:
        """What the method asks for."""
        found: Descriptor = ADMIN.methods_by_name[self.method].input_type
        return found

    @property
    def answer(self) -> Descriptor:
        """What the route answers."""
        found: Any = ADMIN.methods_by_name[self.method].output_type
        answer: Descriptor = found.fields_by_name[self.part].message_type if self.part else found
        return answer


ROUTES = (
    Route("GET", "/shards", "ListShards", Role.VIEWER, "The shards of the fleet"),
    Route(
        "GET",
        "/shards/{shard}/stats",
        "GetShardStats",
        Role.VIEWER,
        "Figures of a shard",
        part="stats",
    ),
    Route("GET", "/devices", "ListDevices", Role.VIEWER, "Devices of a shard, page by page"),
    Route("GET", "/devices/{device_id}", "GetDevice", Role.VIEWER, "A device", part="device"),
    Route("DELETE", "/devices/{device_id}", "EraseDevice", Role.ADMIN, "Erase a device"),
    Route(
        "POST", "/devices/{device_id}/revoke", "RevokeDevice", Role.OPERATOR, "Shut a device out"
    ),
    Route("GET", "/content", "ListContents", Role.VIEWER, "Titles, page by page"),
    Route("GET", "/federation/rounds", "ListRounds", Role.VIEWER, "Rounds, newest first"),
    Route("GET", "/trends", "ListTrends", Role.VIEWER, "Trends in force"),
    Route("GET", "/releases", "ListReleases", Role.VIEWER, "Releases, newest first"),
    Route(
        "POST",
        "/releases/{release_id}/end",
        "EndRelease",
        Role.ADMIN,
        "End a release",
        part="release",
    ),
    Route("GET", "/audit", "ListAudit", Role.VIEWER, "What operators did, newest first"),
    Route("POST", "/claims", "CreateClaims", Role.ADMIN, "Make one-time claims", status=201),
)


def needs(role: Role) -> Callable[[Request], Operator]:
    """A dependency: the caller, held to a role."""

    def caller(request: Request) -> Operator:
        operator: Operator = request.state.operator
        operator.needs(role)
        return operator

    return caller


def router(upstream: Upstream) -> APIRouter:
    """The derived routes."""
    made = APIRouter()
    for route in ROUTES:
        made.add_api_route(
            route.path,
            _endpoint(route, upstream),
            methods=[route.verb],
            status_code=route.status,
            response_model=answer_model(route.answer),
            operation_id=route.method,
            summary=route.summary,
            description=descriptions.of_method(ADMIN, route.method) or None,
            tags=[route.path.split("/")[1]],
            openapi_extra={"x-omega-role": route.role.word},
        )
    return made


def _endpoint(route: Route, upstream: Upstream) -> Callable[..., Any]:
    """A function with the signature that FastAPI reads the route's parameters from."""
    places = _PLACE.findall(route.path)
    query = route.verb == "GET"
    model = request_model(route.request, frozenset(places), query=query)

    def serve(caller: Operator, rest: Any = None, **given: Any) -> Mapping[str, Any]:
        values = given | (rest.model_dump(exclude_unset=True) if rest is not None else {})
        found = upstream.call(route.method, to_message(route.request, values), caller.subject)
        return to_json(getattr(found, route.part) if route.part else found)

    parameters = {"caller": Annotated[Operator, Depends(needs(route.role))]}
    if model is not None:
        parameters["rest"] = Annotated[model, Query() if query else Body()]
    parameters |= {name: place(name, route.request) for name in places}
    serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # read by FastAPI
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
            for name, kind in parameters.items()
        ]
    )
    return serve


def place(name: str, descriptor: Descriptor) -> Any:
    """The type of a part of a path that stands for a field of a message."""
    bound = BOUNDS[name]
    text = descriptions.of_field(descriptor, name) or None
    if bound.least is not None:
        return Annotated[int, Path(ge=bound.least, le=bound.most, description=text)]
    # In a path a shard is named: nothing between two slashes is none.
    pattern = SHARD if name == "shard" else bound.pattern
    return Annotated[str, Path(pattern=pattern, description=text)]
