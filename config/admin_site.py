"""The admin's site: unfold's, without what none of our pages shows."""

from typing import Any

from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """Lists the models of an app on that app's page alone.

    Django gathers all of them for every page, with Django's own permissions, which nobody has here: two statements and
    an eighth of a page's time. Our sidebar stands in `admin_frame`.
    """

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        return [] if app_label is None else list(super().get_app_list(request, app_label))


class SiteConfig(AdminConfig):
    default_site = "config.admin_site.Site"
