"""What the rules across integrations found when they last looked at all of them together."""

from django.db import models
from django.db.models import Q

from registry.record.findings import Other, Severity

from .integrations import Integration


class Survey(models.Model):
    """One look at the whole landscape. Only the newest is kept."""

    taken_at = models.DateTimeField()
    covers = models.DateTimeField(null=True)
    integrations = models.PositiveIntegerField()
    found = models.PositiveIntegerField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.found} findings at {self.taken_at}"


class SurveyFindingQuerySet(models.QuerySet["SurveyFinding"]):
    """Questions asked of a survey."""

    def listing(self, *, rule: str = "", severity: str = "") -> "SurveyFindingQuerySet":
        """Findings of a rule and a severity, the worst first; "" asks for all."""
        asked = {"code": rule, "severity": severity}
        return self.select_related("integration").filter(**{field: value for field, value in asked.items() if value})


class SurveyFinding(models.Model):
    """A finding across integrations, from the side of one of them. Their order is that of their ids."""

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="findings")
    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="+")
    version = models.CharField(max_length=20)
    state = models.CharField(max_length=10)
    code = models.CharField(max_length=60)
    severity = models.CharField(max_length=10)
    path = models.TextField()
    message = models.TextField()
    mend = models.TextField()
    elsewhere = models.JSONField(default=list)

    objects = SurveyFindingQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(severity__in=[str(each) for each in Severity]), name="survey_finding_severity_known"
            ),
        )
        indexes = (
            models.Index(fields=("code", "id"), name="survey_finding_by_rule"),
            models.Index(fields=("severity", "id"), name="survey_finding_by_severity"),
        )

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @property
    def here(self) -> Other:
        """The place it is told from."""
        return Other(self.integration.slug, self.version, self.state, self.path)

    @property
    def others(self) -> list[Other]:
        """The places elsewhere that it is about too."""
        return [Other(**each) for each in self.elsewhere]
