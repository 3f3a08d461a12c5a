"""Every address the program answers, by app. API paths answer with and without their trailing slash."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("config.probes")),
    path("", include("campaigns.urls")),
    path("", include("jobs.urls")),
    path("", include("devices.api.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "accounts.errors.bad_request"
handler404 = "accounts.errors.not_found"
handler500 = "accounts.errors.server_error"
