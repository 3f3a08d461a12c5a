"""How long a campaign will take, as a sentence: in the wire's Spanish, and in the language of the page's reader."""

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext


def on_the_wire(seconds: float | None, devices: int, more_devices_for_one_day: int | None) -> str:
    """ "11,6 días; 53 devices más para terminar en un día"."""
    if not devices:
        return "No hay ningún device que pueda enviar. Conecta uno."
    if seconds is None:
        return "No se puede calcular: los devices no tienen límite de velocidad, o nunca terminarían."
    if not seconds:
        return "No hay a quién enviar."
    text = wire_duration(seconds)
    if more_devices_for_one_day:
        more = "device más" if more_devices_for_one_day == 1 else "devices más"
        text += f"; {more_devices_for_one_day} {more} para terminar en un día"
    return text


def wire_duration(seconds: float) -> str:
    """A length of time as people say it: "40 segundos", "2,5 horas", "11,6 días"."""
    for name, one, length in (("días", "día", 86_400), ("horas", "hora", 3600), ("minutos", "minuto", 60)):
        if seconds >= length:
            number = f"{seconds / length:.1f}".removesuffix(".0").replace(".", ",")
            return f"{number} {one if number == '1' else name}"
    whole = max(1, round(seconds))
    return f"{whole} {'segundo' if whole == 1 else 'segundos'}"


def on_the_page(seconds: float | None, devices: int, more_devices_for_one_day: int | None) -> str:
    """“11.6 days; 53 more devices to finish in one day”."""
    if not devices:
        return gettext("No device can send. Connect one.")
    if seconds is None:
        return gettext("It would not end within ten years with these devices, limits and hours.")
    if not seconds:
        return gettext("There is nobody to send to.")
    text = _page_duration(seconds)
    if more := more_devices_for_one_day:
        text += "; " + ngettext(
            "%(count)s more device to finish in one day", "%(count)s more devices to finish in one day", more
        ) % {"count": intcomma(more)}
    return text


def _page_duration(seconds: float) -> str:
    """A length of time as people say it: "40 seconds", "2.5 hours", "11.6 days"."""
    days, hours, minutes = round(seconds / 86_400, 1), round(seconds / 3600, 1), round(seconds / 60, 1)
    if days >= 1:
        return ngettext("%(count)s day", "%(count)s days", 1 if days == 1 else 2) % {"count": _number(days)}
    if hours >= 1:
        return ngettext("%(count)s hour", "%(count)s hours", 1 if hours == 1 else 2) % {"count": _number(hours)}
    if minutes >= 1:
        return ngettext("%(count)s minute", "%(count)s minutes", 1 if minutes == 1 else 2) % {"count": _number(minutes)}
    whole = max(1, round(seconds))
    return ngettext("%(count)s second", "%(count)s seconds", whole) % {"count": whole}


def _number(value: float) -> str:
    return number_format(value, 0 if value == int(value) else 1)
