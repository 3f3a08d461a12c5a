"""How the admin looks: settings.UNFOLD. What depends on the request is named here and lives in admin_frame."""

from typing import Any, Final

# Teal a step darker than usual: white text on 600 has a contrast of 5.5 to 1.
_PRIMARY: Final = {
    "50": "oklch(98.4% .014 180.7)",
    "100": "oklch(95.3% .045 180.8)",
    "200": "oklch(90% .08 181)",
    "300": "oklch(84% .11 182)",
    "400": "oklch(75% .12 183)",
    "500": "oklch(66% .115 184)",
    "600": "oklch(51.1% .096 186.4)",
    "700": "oklch(45.5% .084 187)",
    "800": "oklch(40.5% .07 188)",
    "900": "oklch(36% .058 188.5)",
    "950": "oklch(27.7% .046 192.5)",
}


UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "Pregonero",
    "SITE_HEADER": "Pregonero",
    "SITE_URL": None,  # there is no other site than this one
    "SITE_ICON": "config.admin_frame.icon",
    "SITE_SUBHEADER": "accounts.pages.navigation.account_name",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.admin_frame.icon"}],
    "STYLES": ["config.admin_frame.style"],
    "SCRIPTS": ["config.admin_frame.script", "config.admin_frame.bell_script"],
    "COLORS": {"primary": _PRIMARY},
    "SIDEBAR": {"navigation": "config.admin_frame.sidebar", "show_search": False},
    "DASHBOARD_CALLBACK": "jobs.pages.dashboard.dashboard",
    "ACCOUNT": {"navigation": "accounts.pages.navigation.user_links"},
    "SHOW_LANGUAGES": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": False,  # the audit log is the history
    "BORDER_RADIUS": "8px",
}
