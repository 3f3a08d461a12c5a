"""Addresses of the API: each answers with and without its trailing slash, and neither redirects."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern
from django.urls.resolvers import RoutePattern


class OptionalSlash(RoutePattern):
    """A route, written without its trailing slash, that also matches the path with one."""

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        return super().match(path.removesuffix("/"))


def api_path(
    route: str,
    view: Callable[..., HttpResponseBase],
    kwargs: dict[str, Any] | None = None,
    name: str | None = None,
) -> URLPattern:
    """Like `django.urls.path`, for `jobs/<uuid:job_id>` and `jobs/<uuid:job_id>/` at once.

    `reverse` gives the path without the slash.
    """
    return URLPattern(OptionalSlash(route.removesuffix("/"), name=name, is_endpoint=True), view, kwargs, name)
