"""The brokers this registry may speak to. Administrators name them; where they may lie, the operator allows."""

from django.db import models
from django.db.models import Q

from .catalog import Environment
from .checks import SLUG


class Broker(models.Model):
    """A broker in an environment, by the name design records call it. Its password is only referred to."""

    class Kind(models.TextChoices):
        RABBITMQ = "rabbitmq", "RabbitMQ"
        REDIS_STREAMS = "redis-streams", "Redis Streams"
        NATS = "nats", "NATS JetStream"
        KAFKA = "kafka", "Kafka"
        SQS = "sqs", "Amazon SQS"

    slug = models.CharField(max_length=100)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="brokers")
    kind = models.CharField(max_length=20, choices=Kind)
    url = models.CharField(max_length=500)
    """Where it is, without a password. For Kafka host:port, for SQS the endpoint with its region."""
    credentials = models.CharField(max_length=300, blank=True)
    """Where user:password stand: `env:NAME` or `file:/path`; "" where none are needed."""
    created_at = models.DateTimeField()
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("slug", "environment__position", "id")
        constraints = (
            models.UniqueConstraint(fields=("slug", "environment"), name="broker_once_per_environment"),
            models.CheckConstraint(condition=Q(slug__regex=SLUG), name="broker_slug_is_plain"),
            models.CheckConstraint(
                condition=Q(kind__in=["rabbitmq", "redis-streams", "nats", "kafka", "sqs"]), name="broker_kind_known"
            ),
            models.CheckConstraint(condition=~Q(url=""), name="broker_has_url"),
            models.CheckConstraint(
                condition=Q(credentials="") | Q(credentials__regex=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$"),
                name="broker_credentials_are_referred_to",
            ),
        )

    def __str__(self) -> str:
        return self.slug
