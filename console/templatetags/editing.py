"""How plain data of a record are shown where they are compared."""

from typing import Any

import yaml
from django import template

register = template.Library()


@register.filter
def plain(value: Any) -> str:
    """A value, a list of values or a whole item, as text."""
    if value in (None, "", [], {}):
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        if isinstance(value, list) and not any(isinstance(each, dict) for each in value):
            return ", ".join(str(each) for each in value)
        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)).rstrip()
    return str(value)
