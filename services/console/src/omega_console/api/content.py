"""POST content: titles in a file, taken at once and worked off in the background."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from omega_console.api.bounds import UUID
from omega_console.api.routes import needs
from omega_console.imports import MEDIA_TYPES, Import, Imports
from omega_console.signin import Operator, Role

_Viewer = Annotated[Operator, Depends(needs(Role.VIEWER))]
_Caller = Annotated[Operator, Depends(needs(Role.OPERATOR))]
_Id = Annotated[str, InPath(pattern=UUID, description="As POST content answered it.")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RowAtFault(_Answer):
    """A row that is no title."""

    line: int = Field(ge=1, description="Line on which it begins.")
    field: str = Field(description="What is wrong in it; empty = the row itself.")
    bound: str = Field(description="What that must be.")


class ImportRecord(_Answer):
    """An upload of titles, as far as it has come. Kept in memory: the last 64."""

    import_id: str = Field(description="A UUID.")
    actor: str = Field(description="Who uploaded it.")
    size_bytes: int = Field(ge=0, description="Of the file.")
    created_at: datetime = Field(description="When it was taken.")
    state: Literal["waiting", "running", "succeeded", "failed"] = Field(
        description="Where it stands."
    )
    finished_at: datetime | None = Field(description="When it ended; absent = it has not.")
    total: int = Field(ge=0, description="Rows of the file; 0 until it was read.")
    done: int = Field(ge=0, description="Titles that are stored.")
    added: int = Field(ge=0, description="Of them, those that were new.")
    updated: int = Field(ge=0, description="Those that were known and differ.")
    unchanged: int = Field(ge=0, description="Those that were known and equal.")
    catalogue_version: int = Field(ge=0, description="Catalogue that holds them; 0 = none yet.")
    model_version: str = Field(description="Encoder of the vectors; empty = it has not begun.")
    code: str | None = Field(description="Row of the error catalogue that ended it.")
    detail: str = Field(description="The same for a person; empty = none.")
    bad_rows: int = Field(ge=0, description="Rows that are no title; with any, nothing is stored.")
    errors: list[RowAtFault] = Field(description="The first of them, at most 100.")


class ImportList(_Answer):
    """Uploads that are still known."""

    imports: list[ImportRecord] = Field(description="The newest first.")


def router(imports: Imports) -> APIRouter:
    """POST content, GET content/imports and GET content/imports/{import_id}."""
    made = APIRouter(tags=["content"])

    @made.post(
        "/content",
        status_code=202,
        response_model=ImportRecord,
        operation_id="UploadContent",
        summary="Upload titles",
        description="The file is taken, then read, embedded and stored in the background: watch"
        " its import. A file with a row at fault stores nothing; one that is repeated changes"
        " nothing.",
        openapi_extra={
            "x-omega-role": Role.OPERATOR.word,
            "requestBody": {
                "required": True,
                "content": {
                    kind: {"schema": {"contentMediaType": kind, "description": text}}
                    for kind, text in MEDIA_TYPES.items()
                },
            },
        },
    )
    async def upload(caller: _Caller, request: Request, response: Response) -> dict[str, Any]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise HTTPException(415, f"a body must be one of {', '.join(MEDIA_TYPES)}")
        imports.check()
        path = await _spool(request)
        job = imports.submit(path, media_type, caller.subject)
        response.headers["Location"] = f"/api/v1/content/imports/{job.import_id}"
        return asdict(job)

    @made.get(
        "/content/imports",
        response_model=ImportList,
        operation_id="ListImports",
        summary="Uploads that are still known",
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def list_imports(_: _Viewer) -> dict[str, Any]:
        return {"imports": [asdict(job) for job in imports.all()]}

    @made.get(
        "/content/imports/{import_id}",
        response_model=ImportRecord,
        operation_id="GetImport",
        summary="An upload, as far as it has come",
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def get_import(_: _Viewer, import_id: _Id) -> dict[str, Any]:
        job: Import | None = imports.get(import_id)
        if job is None:
            raise HTTPException(404, "no such import, or not known any more")
        return asdict(job)

    return made


async def _spool(request: Request) -> Path:
    """The body as a file of its own; removed again when it does not arrive whole."""
    with tempfile.NamedTemporaryFile(prefix="omega-import-", delete=False) as file:
        path = Path(file.name)
        try:
            async for piece in request.stream():
                file.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - as short as the writes above
            raise
    return path
