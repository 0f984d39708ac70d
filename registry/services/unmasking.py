"""Puts what masks stand for back into a body that somebody edited as it was shown: in its own place, or not at all."""

import json
from typing import Any

from registry.services import masks
from registry.services.masks import HIDDEN, Mask

MOST_LOST = 20
Steps = tuple[str | int, ...]
_NOTHING = object()


class Unmasking:
    """The edited body with its hidden values, and where a mask stands for none that can be told."""

    def __init__(self, new: Any, old: Any, mask: Mask) -> None:
        self.mask = mask
        self.is_restored = False
        self.lost: list[str] = []
        self.value = self._value(new, old, ())

    def _value(self, new: Any, old: Any, steps: Steps) -> Any:
        if new == HIDDEN:
            return self._hidden(old, steps)
        if isinstance(new, dict):
            was = old if isinstance(old, dict) else {}
            return {name: self._value(each, was.get(name, _NOTHING), (*steps, name)) for name, each in new.items()}
        if isinstance(new, list):
            return self._items(new, old if isinstance(old, list) else [], steps)
        return new

    def _hidden(self, old: Any, steps: Steps) -> Any:
        if old is not _NOTHING and next(self.mask.found(old, steps), None) == steps:
            self.is_restored = True
            return old
        return HIDDEN if old == HIDDEN else self._none(steps)

    def _items(self, new: list[Any], old: list[Any], steps: Steps) -> list[Any]:
        """By what is shown of each item; by its place only where no item went, came or moved."""
        shown = [_written(self.mask.over(each, (*steps, place))) for place, each in enumerate(old)]
        places: dict[str, list[int]] = {}
        for place, each in enumerate(shown):
            places.setdefault(each, []).append(place)
        keys = [_written(each) for each in new]
        stays = len(new) == len(old) and all(key == shown[place] or key not in places for place, key in enumerate(keys))
        return [
            self._item(each, old, place if stays else None, places.get(key, []), (*steps, place))
            for place, (each, key) in enumerate(zip(new, keys, strict=True))
        ]

    def _item(self, new: Any, old: list[Any], own: int | None, alike: list[int], steps: Steps) -> Any:
        if own is not None:
            return self._value(new, old[own], steps)
        if len({_written(old[place]) for place in alike}) == 1:
            return self._value(new, old[alike[0]], steps)
        return self._none(steps) if _holds_mask(new) else new

    def _none(self, steps: Steps) -> str:
        if len(self.lost) < MOST_LOST:
            self.lost.append(masks.path_of(steps))
        return HIDDEN


def _written(value: Any) -> str:
    """A value as one can compare it: 1 is neither 1.0 nor true."""
    return json.dumps(value, sort_keys=True)


def _holds_mask(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(each) for each in value.values())
    return any(_holds_mask(each) for each in value) if isinstance(value, list) else bool(value == HIDDEN)
