"""Work that no one waits for. A task only starts a service; what is to be done is in the database."""

from celery import shared_task

from registry.services import (
    deliveries,
    harvests,
    instances,
    ledger,
    outbox,
    overrides,
    rechecks,
    redrives,
    reminders,
    schedules,
    sending,
    surveys,
    uploads,
)


@shared_task(name=outbox.TASK)  # type: ignore[untyped-decorator]
def deliver_outbox() -> None:
    outbox.deliver()


@shared_task(name="registry.tasks.prune_outbox")  # type: ignore[untyped-decorator]
def prune_outbox() -> None:
    outbox.prune()


@shared_task(name="registry.tasks.recheck")  # type: ignore[untyped-decorator]
def recheck() -> None:
    rechecks.recheck()


@shared_task(name=deliveries.TASK)  # type: ignore[untyped-decorator]
def deliver_webhooks() -> None:
    deliveries.deliver()


@shared_task(name="registry.tasks.prune_deliveries")  # type: ignore[untyped-decorator]
def prune_deliveries() -> None:
    deliveries.prune()


@shared_task(name="registry.tasks.remind")  # type: ignore[untyped-decorator]
def remind() -> None:
    reminders.remind()


@shared_task(name="registry.tasks.survey")  # type: ignore[untyped-decorator]
def survey() -> None:
    surveys.take()


@shared_task(name="registry.tasks.prune_uploads")  # type: ignore[untyped-decorator]
def prune_uploads() -> None:
    uploads.prune()


@shared_task(name="registry.tasks.keep_time")  # type: ignore[untyped-decorator]
def keep_time() -> None:
    """What happens at a set moment: overrides end, scheduled releases are made."""
    overrides.expire_due()
    schedules.release_due()


@shared_task(name="registry.tasks.prune_instances")  # type: ignore[untyped-decorator]
def prune_instances() -> None:
    instances.prune()


@shared_task(name="registry.tasks.harvest")  # type: ignore[untyped-decorator]
def harvest() -> None:
    harvests.harvest_all()


@shared_task(name="registry.tasks.count_depths")  # type: ignore[untyped-decorator]
def count_depths() -> None:
    harvests.count_depths()


@shared_task(name="registry.tasks.prune_letters")  # type: ignore[untyped-decorator]
def prune_letters() -> None:
    harvests.prune()


@shared_task(name=redrives.TASK)  # type: ignore[untyped-decorator]
def drive_redrives() -> None:
    sending.drive()


@shared_task(name="registry.tasks.check_books")  # type: ignore[untyped-decorator]
def check_books() -> None:
    ledger.check()
