"""The API's description: /api/schema (OpenAPI, for programs) and /api/docs (the same, for people)."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator

from accounts.access.middleware import API_LANGUAGE

_METHODS: Final = ("get", "post", "put", "patch", "delete")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The three headers a token may come in: two spellings of one, and Chatwoot's."""

    target_class = "accounts.api.authentication.TokenAuthentication"
    name = ["bearer", "api_access_token"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer T`, or `Token T`"},
            {"type": "apiKey", "in": "header", "name": "api_access_token", "description": "As in Chatwoot"},
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{name: []} for name in self.name]


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The admin's session, with its CSRF token."""

    target_class = "accounts.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "With X-CSRFToken"}


def documentation(request: HttpRequest) -> HttpResponse:
    """Show every call: what it does, what it takes and what it answers. Needs no script and no other host."""
    with translation.override(API_LANGUAGE):
        generator: Any = SchemaGenerator  # untyped
        description = generator().get_schema(request=None, public=True)
    context = {"info": description["info"], "groups": _by_tag(description)}
    return render(request, "accounts/api_docs.html", context)


def _by_tag(description: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in description["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                groups.setdefault(operation["tags"][0], []).append(
                    {
                        "method": method.upper(),
                        "path": path,
                        "text": operation.get("description", ""),
                        "parameters": operation.get("parameters", []),
                        "fields": _fields(operation.get("requestBody", {}), description),
                        "answers": sorted(operation["responses"].items()),
                    }
                )
    return sorted(groups.items())


def _fields(body: dict[str, Any], description: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a request's body, as {"name", "type", "required", "description"}."""
    for content in body.get("content", {}).values():
        schema = _resolved(content.get("schema", {}), description)
        return [
            {
                "name": name,
                "type": _type(field, description),
                "required": name in schema.get("required", ()),
                "description": field.get("description", ""),
            }
            for name, field in schema.get("properties", {}).items()
            if not field.get("readOnly")
        ]
    return []


def _type(field: dict[str, Any], description: dict[str, Any]) -> str:
    field = _resolved(field, description)
    for choice in (*field.get("allOf", ()), *field.get("oneOf", ())):
        field = {**_resolved(choice, description), **field}
    if "enum" in field:
        return " | ".join(str(value) for value in field["enum"])
    return str(field.get("format") or field.get("type") or "")


def _resolved(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = description["components"]["schemas"][name] if name else schema
    return found
