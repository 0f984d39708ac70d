"""What people choose for themselves."""

from django.db import transaction

from registry.models import Person
from registry.services import trail


@transaction.atomic
def choose_mail(person: Person, *, wanted: bool) -> None:
    """Whether notices reach them by e-mail too."""
    held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if held.wants_mail == wanted:
        return
    held.wants_mail = wanted
    held.save(update_fields=("wants_mail",))
    data = {"before": not wanted, "after": wanted}
    trail.record("person.mail_chosen", by=person, subject=f"person/{person.username}", data=data)
