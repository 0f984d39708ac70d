"""Which face answers which address."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path
from django.urls.resolvers import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [path("admin/", admin.site.urls)]
for module in ("api.urls", "console.urls"):
    if find_spec(module):
        urlpatterns.append(path("", include(module)))

handler400 = "console.refusals.unreadable"
