"""Forms of brokers and of the places where dead letters lie."""

from typing import Any

from django import forms
from django.http import QueryDict

from console.forms import SLUG_HELP
from registry.models import Broker, DeadLetterSource, Environment
from registry.services.endpoints import VARIABLE

KINDS_HELP = (
    "RabbitMQ: quorum, classic or stream. Redis Streams: the field that holds the body, where it is not called body."
    " Others: empty."
)
POLICIES = (("", "As the design says"), *DeadLetterSource.UnknownPolicy.choices)


class BrokerForm(forms.Form):
    """A broker in one environment."""

    slug = forms.CharField(max_length=100, label="Short name", help_text=f"As designs call it. {SLUG_HELP}")
    environment = forms.ModelChoiceField(Environment.objects.all(), empty_label="Choose…")
    kind = forms.ChoiceField(choices=[("", "Choose…"), *Broker.Kind.choices])
    url = forms.CharField(
        max_length=500,
        label="Address",
        help_text="Without user and password, such as amqps://rabbit.example.com:5671/orders.",
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    credentials = forms.CharField(
        required=False,
        max_length=300,
        help_text=f"Where user:password stand: env:{VARIABLE}… or file:/… They are never kept here and never shown.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    is_active = forms.BooleanField(required=False, initial=True, label="In use")

    def __init__(self, *args: Any, held: Broker | None = None, **options: Any) -> None:
        names = ("slug", "environment", "kind", "url", "credentials", "is_active")
        if held:
            options["initial"] = {name: getattr(held, name) for name in names}
        super().__init__(*args, **options)
        for name in ("slug", "environment", "kind"):
            self.fields[name].disabled = held is not None


class KeepingForm(forms.Form):
    """How letters of a source are kept, and sent again."""

    masked = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label="Masked",
        help_text="Fields of bodies, such as customer.email, and headers whose values are hidden, wherever they came to"
        " stand: errors and keys that come of them too, also of letters that are here already. One a line.",
    )
    searchable = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        label="Searchable",
        help_text="Fields and headers by which letters are found; their values are kept in clear. One a line.",
    )
    retention_days = forms.IntegerField(
        initial=30, label="Kept for", help_text="Then what they hold is deleted, and the line stays."
    )
    max_redrives = forms.IntegerField(
        initial=3, label="Redriven at most", help_text="What comes back more often is parked."
    )
    returns_within_seconds = forms.IntegerField(
        initial=600, label="Back within", help_text="What is not back after this is presumed done."
    )
    unknown_policy = forms.ChoiceField(
        choices=POLICIES, required=False, label="When nobody knows whether a letter arrived"
    )

    units = {"retention_days": "days", "max_redrives": "times", "returns_within_seconds": "seconds"}

    @staticmethod
    def initial_of(source: DeadLetterSource) -> dict[str, Any]:
        names = ("retention_days", "max_redrives", "returns_within_seconds", "unknown_policy", "is_active")
        lines = {name: "\n".join(getattr(source, name)) for name in ("masked", "searchable")}
        return {name: getattr(source, name) for name in names} | lines

    def as_said(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.cleaned_data
        return given | {name: given[name].splitlines() for name in ("masked", "searchable")}


class KeptForm(KeepingForm):
    """The same of a source that is there. Only what somebody changed is said: two people at once undo nothing."""

    is_active = forms.BooleanField(required=False, label="In use", help_text="Otherwise nobody looks at it.")

    def __init__(self, posted: QueryDict | None, *, source: DeadLetterSource) -> None:
        super().__init__(posted, initial=self.initial_of(source))
        self.source = source
        for field in self.fields.values():
            field.show_hidden_initial = True

    def as_said(self) -> dict[str, Any]:
        said = super().as_said()
        return {name: said[name] if name in self.changed_data else getattr(self.source, name) for name in said}


class BrokerField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the checker only
    """A broker, told from those of the same name elsewhere."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.slug}, {obj.environment.name} ({obj.get_kind_display()})"


class SourceForm(KeepingForm):
    """A new source: which topic's failures lie where."""

    broker = BrokerField(Broker.objects.none(), empty_label="Choose…")
    topic = forms.ChoiceField(help_text="The topic of the approved design that letters go back to.")
    topic_kind = forms.CharField(required=False, max_length=20, label="Kind of topic", help_text=KINDS_HELP)
    place = forms.CharField(max_length=300, help_text="The queue, stream or topic that takes what failed.")
    place_kind = forms.CharField(required=False, max_length=20, label="Kind of place", help_text=KINDS_HELP)
    field_order = ("broker", "topic", "topic_kind", "place", "place_kind")

    def __init__(self, *args: Any, topics: list[str], **options: Any) -> None:
        super().__init__(*args, **options)
        broker, topic = self.fields["broker"], self.fields["topic"]
        assert isinstance(broker, forms.ModelChoiceField)
        assert isinstance(topic, forms.ChoiceField)
        broker.queryset = Broker.objects.filter(is_active=True).select_related("environment")
        topic.choices = [("", "Choose…"), *((each, each) for each in topics)]
