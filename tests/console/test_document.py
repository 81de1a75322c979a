"""The OpenAPI document is that of the code, and says what the contracts say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor
from tests.console.conftest import Site

from omega_console.api.bounds import BOUNDS
from omega_console.api.document import document
from omega_console.api.models import answer_model, words
from omega_console.api.problems import STATUSES
from omega_console.api.routes import ROUTES
from omega_console.upstream import ADMIN
from omega_core.errors import CATALOGUE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
FOUND = document()
PATHS = FOUND["paths"]
OPERATIONS = [(verb, path, PATHS[path][verb]) for path in PATHS for verb in PATHS[path]]


def test_the_page_is_that_of_the_code() -> None:
    assert json.loads(PAGE.read_text("utf-8")) == FOUND, "make openapi"


def test_what_is_served_is_the_same(site: Site) -> None:
    with site.client() as client:
        assert client.get("openapi.json").json() == FOUND


def test_every_method_of_the_contract_has_a_route() -> None:
    own = {"GetShard", "GetRound", "GetInfo", "GetHealth", "GetLive", "GetReady"}
    own |= {"UploadContent", "ListImports", "GetImport"}
    said = {operation["operationId"] for _, _, operation in OPERATIONS} - own
    # A directory goes to each shard, the home shard first: the command does that.
    assert said == {method.name for method in ADMIN.methods} - {"PublishDirectory"}


def test_every_field_of_a_request_has_a_bound() -> None:
    for route in ROUTES:
        for field in route.request.fields:
            if field.enum_type is None:
                name = field.name + ("_seconds" if field.message_type else "")
                bound = BOUNDS[name]
                assert bound.pattern or bound.most or field.type == FieldDescriptor.TYPE_BOOL


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.method)
def test_answers_have_the_fields_of_the_contract(route: object) -> None:
    assert route in ROUTES
    for each in ROUTES:
        schema = FOUND["components"]["schemas"][each.answer.name]
        names = [field.name for field in each.answer.fields]
        assert list(schema["properties"]) == names
        assert schema.get("required", []) == names
        assert schema["additionalProperties"] is False


def test_descriptions_are_the_comments_of_the_contracts() -> None:
    stats = FOUND["components"]["schemas"]["ShardStats"]
    assert stats["description"] == "Figures of a shard, counted."
    assert stats["properties"]["database_bytes"]["description"] == (
        "Bytes that its database takes on disk."
    )
    assert "NOT_FOUND" in PATHS["/api/v1/devices/{device_id}"]["get"]["description"]
    for schema in FOUND["components"]["schemas"].values():
        assert schema["description"]
        assert all("$ref" in each or each["description"] for each in schema["properties"].values())
    for _, _, operation in OPERATIONS:
        assert all(each["description"] for each in operation.get("parameters", []))


def test_enums_are_words() -> None:
    state = answer_model(ADMIN.file.pool.FindMessageTypeByName("omega.federation.v1.Round"))
    kinds = state.model_json_schema()["properties"]["status"]["enum"]
    assert kinds == ["unspecified", "running", "succeeded", "failed", "requested"]
    enum = ADMIN.file.pool.FindEnumTypeByName("omega.common.v1.ResourceKind")
    assert words(enum) == ["unspecified", "catalogue", "factors", "codebook"]


def test_every_operation_says_who_may_and_how_it_is_refused() -> None:
    for _, path, operation in OPERATIONS:
        is_open = path in {"/api/v1/health/live", "/api/v1/health/ready"}
        assert operation["security"] == ([] if is_open else [{"bearer": []}])
        assert ("x-omega-role" in operation) is not is_open
        assert ("401" in operation["responses"]) is not is_open
        assert "422" not in operation["responses"]


def test_every_status_of_the_catalogue_has_its_status_of_http() -> None:
    assert {spec.status for spec in CATALOGUE.values()} <= set(STATUSES)


def test_patterns_are_those_of_every_language() -> None:
    for bound in BOUNDS.values():
        if bound.pattern:
            assert re.compile(bound.pattern)
            assert bound.pattern.startswith("^")
            assert bound.pattern.endswith("$")
