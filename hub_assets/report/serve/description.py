"""The description of the server's endpoints, as OpenAPI and as a web page.

Endpoints are declared in the modules that implement them.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from hub_assets.report.serve.endpoints import FORMAT, FORMATS, Endpoint
from hub_assets.report.serve.parameters import schema_of
from hub_assets.report.site.rendering import environment


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return an OpenAPI 3.1 description of the endpoints."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hub-assets",
            "version": version("hub-assets"),
            "description": "A published week of the Hugging Face Hub. Read-only; every JSON response names its week.",
        },
        "paths": {endpoint.path: {"get": _operation(endpoint)} for endpoint in endpoints},
        "components": {
            "schemas": {
                "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
                "Answer": {
                    "type": "object",
                    "required": ["week", "results"],
                    "properties": {
                        "week": {"type": "string", "format": "date"},
                        "results": {"type": "array", "items": {"type": "object"}},
                    },
                },
            }
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    content: dict[str, Any] = {kind.partition(";")[0]: {} for kind in FORMATS.values()}
    content["application/json"] = {"schema": {"$ref": "#/components/schemas/Answer"}}
    return {
        "operationId": endpoint.path.strip("/").replace("/", "_"),
        "summary": endpoint.title,
        "description": endpoint.description,
        "parameters": [schema_of(parameter) for parameter in (*endpoint.parameters, FORMAT)],
        "responses": {
            "200": {"description": endpoint.title, "content": content},
            "400": {"description": "A parameter is invalid.", "content": error},
            "404": {"description": "The week has no such repository, organization or search index.", "content": error},
            "503": {"description": "The server is busy, or the request took too long.", "content": error},
        },
    }


def page_of(endpoints: Sequence[Endpoint]) -> str:
    """Return the HTML page that lists the endpoints."""
    return environment().get_template("api.html").render(endpoints=endpoints, form=FORMAT)
