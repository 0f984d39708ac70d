"""The people who act, and the teams they answer for."""

from django.contrib.auth.models import AbstractUser, Permission
from django.db import models
from django.db.models import Q

from .checks import SLUG


def granted(codename: str) -> Q:
    """People who hold our permission with this codename, by name or through a group. May match one of them twice."""
    wanted = {"codename": codename, "content_type__app_label": "registry"}
    by_name = Q(**{f"user_permissions__{name}": value for name, value in wanted.items()})
    return by_name | Q(**{f"groups__permissions__{name}": value for name, value in wanted.items()})


class Person(AbstractUser):
    """Somebody who signs in."""

    wants_mail = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "people"

    @property
    def name(self) -> str:
        """What others call this person."""
        return self.get_full_name() or self.username

    def grants(self, codename: str) -> models.QuerySet[Permission]:
        """The permission of ours with this codename, if held by name or through a group. A superuser holds none."""
        return Permission.objects.filter(
            Q(user=self) | Q(group__user=self), content_type__app_label="registry", codename=codename
        )


class Team(models.Model):
    """The people who answer for systems; its leads sign for them."""

    slug = models.CharField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    contact = models.CharField(max_length=300, blank=True)
    is_platform = models.BooleanField(default=False)

    class Meta:
        ordering = ("name", "id")
        constraints = (models.CheckConstraint(condition=Q(slug__regex=SLUG), name="team_slug_is_plain"),)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    is_lead = models.BooleanField(default=False)

    class Meta:
        ordering = ("-is_lead", "person__username")
        constraints = (models.UniqueConstraint(fields=("team", "person"), name="membership_once_per_team"),)

    def __str__(self) -> str:
        return f"{self.person} in {self.team}"
