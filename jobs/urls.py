"""Addresses of this app: those of seed 000, and the same below an account's address."""

from accounts.api.routes import api_path
from jobs import actions
from jobs.api import control_views, views
from jobs.api.suppression_views import Suppressions

_JOBS = [
    ("jobs", views.JobList, "job_list"),
    ("jobs/<str:job_id>", views.JobDetail, "job_detail"),
    ("jobs/<str:job_id>/recipients", views.JobRecipients, "job_recipients"),
    ("jobs/<str:job_id>/receipts", views.JobReceipts, "job_receipts"),
    ("jobs/<str:job_id>/export.csv", views.JobExport, "job_export"),
]

_ACTIONS = [
    *[
        (f"jobs/<str:job_id>/{name}", control_views.JobAction.as_view(action_name=name), f"job_{name}")
        for name in actions.CONTROLS
    ],
    ("jobs/<str:job_id>/resolve_unknown", control_views.ResolveUnknown.as_view(), "job_resolve_unknown"),
]

urlpatterns = [
    *[api_path(route, view, name=name) for route, view, name in _ACTIONS],
    *[
        api_path(f"api/v1/accounts/<int:account_id>/{route}", view, name=f"account_{name}")
        for route, view, name in _ACTIONS
    ],
    api_path("messages/send-bulk-file", views.SendBulkFile.as_view(), name="send_bulk_file"),
    api_path("send-bulk-file", views.SendBulkFile.as_view()),
    *[api_path(route, view.as_view(), name=name) for route, view, name in _JOBS],
    *[
        api_path(f"api/v1/accounts/<int:account_id>/{route}", view.as_view(), name=f"account_{name}")
        for route, view, name in _JOBS
    ],
    api_path(
        "api/v1/accounts/<int:account_id>/suppressions",
        Suppressions.as_view({"get": "list", "post": "create"}),
        name="suppressions",
    ),
    api_path(
        "api/v1/accounts/<int:account_id>/suppressions/<int:suppression_id>",
        Suppressions.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}),
        name="suppression",
    ),
]
