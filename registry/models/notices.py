"""What people and programs are told: notices on the page, webhooks and what became of each delivery."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .checks import set_exactly_when
from .people import Person
from .reviews import Review


class Notice(models.Model):
    """Something one person should know of, until they have read it."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=500)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("person", "-id"), name="notice_by_person"),
            models.Index(fields=("person",), condition=Q(read_at__isnull=True), name="notice_unread"),
        )

    def __str__(self) -> str:
        return self.title


class Nudge(models.Model):
    """A reminder or escalation of a review that went out, so that none goes out twice."""

    class Kind(models.TextChoices):
        REMINDER = "reminder", "Reminder"
        ESCALATION = "escalation", "Escalation"

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="nudges")
    kind = models.CharField(max_length=10, choices=Kind)
    turn = models.PositiveIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("review", "kind", "turn"), name="nudge_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.turn} of {self.review}"


class Webhook(models.Model):
    """An address that is told of events as they happen, each signed with a secret of its own."""

    name = models.CharField(max_length=200)
    url = models.CharField(max_length=2_000)
    kinds = ArrayField(models.CharField(max_length=60), default=list)
    sealed_secret = models.TextField()
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One event on its way to one webhook."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        GIVEN_UP = "given_up", "Given up"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=60)
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=set_exactly_when("delivered_at", Q(state="delivered")), name="delivery_delivered_paired"
            ),
        )
        indexes = (
            models.Index(fields=("next_attempt_at",), condition=Q(state="waiting"), name="delivery_waiting"),
            models.Index(fields=("webhook", "-id"), name="delivery_by_webhook"),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook}"


class DeliveryAttempt(models.Model):
    """What one attempt to deliver came to."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.error or str(self.status)
