"""Forms of catalog, tokens, and who signs and hears. Records have none: their controls come from types (fields)."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, get_args

from django import forms
from django.utils import timezone

from registry.errors import Invalid
from registry.models import ApprovalRule, Environment, Membership, Person, Role, System, Team, Webhook
from registry.record import SECTIONS, labels
from registry.record.overview import Criticality, IntegrationType
from registry.services.approvals import MOST_SIGNATURES
from registry.services.deliveries import KINDS

MOST_CHOICES = 200
"""In a menu."""
DAYS = [(30, "30 days"), (90, "90 days"), (365, "1 year"), (0, "Never")]
SLUG_HELP = "Small letters, digits, dots and hyphens. Records and addresses use it; it never changes."


class NamedField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the checker only
    """A system or team by its short name: from a menu while that can be looked through, else typed."""

    def __init__(self, queryset: Any, *, help_text: str, required: bool = True, empty_label: str = "Choose…") -> None:
        super().__init__(
            queryset, to_field_name="slug", help_text=help_text, required=required, empty_label=empty_label
        )

    def __deepcopy__(self, memo: Any) -> "NamedField":
        """Each form has a copy of its own, which looks how many there are by now."""
        field = super().__deepcopy__(memo)
        assert field.queryset is not None
        if field.queryset[: MOST_CHOICES + 1].count() > MOST_CHOICES:
            field.widget = forms.TextInput(attrs={"maxlength": 100, "spellcheck": "false", "autocapitalize": "off"})
            field.widget.is_required = field.required
            field.help_text = f"By its short name. {self.help_text}"
        return field

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.strip().lower() if isinstance(value, str) else value)


class PersonalTokenForm(forms.Form):
    """A token that speaks for its owner."""

    prefix = "personal"
    use_required_attribute = True
    name = forms.CharField(max_length=100, help_text="What it is for, such as “laptop”.")
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=90, label="Expires after")


class ServiceTokenForm(PersonalTokenForm):
    """A token that speaks for a system in one environment."""

    prefix = "service"
    system = NamedField(System.objects.all(), help_text="It sees the integrations this system is party to.")
    environment = forms.ModelChoiceField(
        Environment.objects.all(), empty_label="Choose…", help_text="It gets the settings of this one."
    )
    field_order = ("name", "system", "environment", "days")


class SystemForm(forms.Form):
    """A system of the catalog."""

    name = forms.CharField(max_length=200)
    slug = forms.CharField(max_length=100, label="Short name", help_text=SLUG_HELP)
    description = forms.CharField(required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}))
    team = NamedField(
        Team.objects.all(), required=False, empty_label="None", help_text="Its leads sign for this system."
    )

    @staticmethod
    def initial_of(system: System) -> dict[str, Any]:
        return {"name": system.name, "slug": system.slug, "description": system.description, "team": system.team}


class PeopleField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # generic for the checker only
    """People by name, to be ticked."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, *, help_text: str) -> None:
        people = Person.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        super().__init__(people, required=False, help_text=help_text)

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.username})"


class TeamForm(forms.Form):
    """A team of the catalog and its people."""

    name = forms.CharField(max_length=200)
    slug = forms.CharField(max_length=100, label="Short name", help_text=SLUG_HELP)
    contact = forms.CharField(required=False, max_length=300, help_text="A mailbox, a channel or a pager.")
    is_platform = forms.BooleanField(
        required=False, label="Platform team", help_text="Its members sign reviews as platform/infra."
    )
    leads = PeopleField(help_text="They sign for the team.")
    members = PeopleField(help_text="Everybody else in it.")

    @staticmethod
    def initial_of(team: Team) -> dict[str, Any]:
        memberships = list(Membership.objects.filter(team=team))
        return {
            "name": team.name,
            "slug": team.slug,
            "contact": team.contact,
            "is_platform": team.is_platform,
            "leads": [each.person_id for each in memberships if each.is_lead],
            "members": [each.person_id for each in memberships if not each.is_lead],
        }


class EnvironmentForm(forms.Form):
    """An environment of the catalog."""

    name = forms.CharField(max_length=200)
    slug = forms.CharField(max_length=100, label="Short name", help_text=SLUG_HELP)
    purpose = forms.CharField(required=False, max_length=300)
    position = forms.IntegerField(
        min_value=0, max_value=1_000, initial=0, help_text="Its place in lists, first to last."
    )
    is_production = forms.BooleanField(required=False, label="Production", help_text="Real customers depend on it.")
    promoted_from = forms.ModelChoiceField(
        Environment.objects.all(),
        required=False,
        empty_label="None: what is approved is released here at once",
        help_text="With one, an approval releases nothing here: what that one serves is promoted.",
    )

    @staticmethod
    def initial_of(environment: Environment) -> dict[str, Any]:
        names = ("name", "slug", "purpose", "position", "is_production", "promoted_from")
        return {name: getattr(environment, name) for name in names}


def put_problems(form: forms.Form, refused: Invalid) -> None:
    """What a service refused, beside the fields it is about."""
    for problem in refused.problems:
        name = problem.path.removeprefix("minimums.")
        name = getattr(form, "said_as", {}).get(name, name)
        said = f"{problem.message[:1].upper()}{problem.message[1:]}. {problem.mend}"
        form.add_error(name if name in form.fields else None, said)


class AwayForm(forms.Form):
    """Who signs in one's place, and when. Days are whole days, in UTC."""

    prefix = "away"
    said_as = {"starts_at": "starts_on", "ends_at": "ends_on"}
    delegate = forms.ModelChoiceField(Person.objects.none(), empty_label="Choose…", label="Who signs for you")
    starts_on = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    ends_on = forms.DateField(
        label="To and including", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    reason = forms.CharField(max_length=200, help_text="It is printed on each signature, such as “on leave”.")

    def __init__(self, *args: Any, by: Person, **options: Any) -> None:
        super().__init__(*args, **options)
        people = Person.objects.filter(is_active=True).exclude(pk=by.pk)
        field = self.fields["delegate"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = people.order_by("first_name", "last_name", "username")
        field.label_from_instance = lambda person: f"{person.name} ({person.username})"  # type: ignore[method-assign,assignment]
        self.fields["starts_on"].initial = timezone.now().date()

    def as_said(self) -> dict[str, Any]:
        """As the service takes it: from the beginning of the first day to the end of the last, and not before now."""
        given = self.cleaned_data
        starts_at = datetime.combine(given["starts_on"], time(), UTC)
        return {
            "to": given["delegate"],
            "starts_at": max(starts_at, timezone.now()),
            "ends_at": datetime.combine(given["ends_on"], time(), UTC) + timedelta(days=1),
            "reason": given["reason"],
        }


class ApprovalRuleForm(forms.Form):
    """Conditions, and how many signatures of each role a review needs where they hold."""

    name = forms.CharField(max_length=200)
    weight = forms.IntegerField(
        min_value=1, max_value=10_000, initial=100, help_text="Of the rules that apply, the heaviest counts."
    )
    criticalities = forms.MultipleChoiceField(
        choices=[(each, labels.choice(each)) for each in get_args(Criticality)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Criticality",
        help_text="None ticked: any.",
    )
    types = forms.MultipleChoiceField(
        choices=[(each, labels.choice(each)) for each in get_args(IntegrationType)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Type",
        help_text="None ticked: any.",
    )
    touches = forms.MultipleChoiceField(
        choices=[(each, labels.field(each)) for each in SECTIONS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="The change touches one of",
        help_text="None ticked: anything.",
    )
    within = forms.MultipleChoiceField(
        choices=[(each, labels.field(each)) for each in SECTIONS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="The change touches nothing but",
        help_text="None ticked: no limit. For rules that ask less of small changes.",
    )
    threads_block = forms.BooleanField(
        required=False,
        initial=True,
        label="Open threads block",
        help_text="The last signature waits until all are settled.",
    )
    is_active = forms.BooleanField(required=False, initial=True, label="In use")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for role in Role:
            self.fields[role.value] = forms.IntegerField(
                min_value=0, max_value=MOST_SIGNATURES, initial=1, label=f"Signatures: {role.label.lower()}"
            )
        self.order_fields(["name", "weight", "criticalities", "types", "touches", "within", *Role.values])

    def as_said(self) -> dict[str, Any]:
        """As the service takes it."""
        given = dict(self.cleaned_data)
        return given | {"minimums": {role: given.pop(role) for role in Role.values}}

    @staticmethod
    def initial_of(rule: ApprovalRule) -> dict[str, Any]:
        names = ("name", "weight", "criticalities", "types", "touches", "within", "threads_block", "is_active")
        minimums = {role: rule.minimums.get(role, 0) for role in Role.values}
        return {name: getattr(rule, name) for name in names} | minimums


class WebhookForm(forms.Form):
    """An address and what it hears of."""

    name = forms.CharField(max_length=200)
    url = forms.CharField(
        max_length=2_000,
        label="Address",
        help_text="https, reached from outside. It answers 2xx within ten seconds.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    kinds = forms.MultipleChoiceField(
        choices=list(KINDS.items()), required=False, widget=forms.CheckboxSelectMultiple, label="Events"
    )
    is_active = forms.BooleanField(required=False, initial=True, label="In use")

    @staticmethod
    def initial_of(webhook: Webhook) -> dict[str, Any]:
        return {name: getattr(webhook, name) for name in ("name", "url", "kinds", "is_active")}
