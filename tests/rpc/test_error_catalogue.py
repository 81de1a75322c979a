from __future__ import annotations

import grpc
import pytest

from omega_core.errors import CATALOGUE, ErrorCode, OmegaError


def test_every_code_has_a_row_and_every_row_a_code() -> None:
    assert set(CATALOGUE) == set(ErrorCode)


@pytest.mark.parametrize("code", ErrorCode)
def test_status_is_one_of_grpc_and_the_name_is_the_value(code: ErrorCode) -> None:
    assert grpc.StatusCode[CATALOGUE[code].status] is not grpc.StatusCode.OK
    assert code.value == code.name


@pytest.mark.parametrize("code", ErrorCode)
def test_public_text_shows_field_and_bound_and_never_the_detail(code: ErrorCode) -> None:
    error = OmegaError(code, field="the_field", bound="the bound", detail="the detail")
    assert "{" not in error.public_text
    assert "the detail" not in error.public_text
    assert "the detail" in str(error)
    template = CATALOGUE[code].text
    assert ("the_field" in error.public_text) == ("{field}" in template)
    assert ("the bound" in error.public_text) == ("{bound}" in template)
