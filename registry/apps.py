from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The domain: the only app with tables."""

    name = "registry"
    label = "registry"
    default_auto_field = "django.db.models.BigAutoField"
