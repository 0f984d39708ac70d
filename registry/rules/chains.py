"""Chains of calls: who calls whom, and what one call at the top can come to below. A pure graph, safe with circles.

A chain visits no system twice and has LONGEST_CHAIN calls at most.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from .facts import EVERYWHERE, Call, Numbers

LONGEST_CHAIN = 6
"""Calls; real chains are shorter, and beyond it nobody could act on the answer."""
MOST_STEPS = 3_000
"""Partial chains looked at for one contract; only a landscape that is one large circle needs more."""
MOST_TRIMS = 50
"""Rounds of taking systems away that are on no circle; it only saves time."""
LIMITLESS = 10**18
Chain = tuple[Call, ...]
_FORWARD, _BACKWARD, _WHOLE = range(3)
_Partial = tuple[int, int, int, tuple[str, ...], int, Chain]
"""What it can still become, its stage and length, all negative for the heap; its systems, product and calls."""


@dataclass(frozen=True, slots=True)
class Worst:
    """The chain in which one call becomes the most calls."""

    calls: Chain
    factors: tuple[int, ...]
    product: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Limit:
    """What a provider accepts in a minute, and what each of those who share it may send, the most first."""

    environment: str
    accepted: int
    sharing: dict[Call, int]
    is_shared: bool
    """Whether a record says that they share it."""
    total: int

    @property
    def is_exceeded(self) -> bool:
        """Whether several together may send more."""
        return len(self.sharing) > 1 and self.total > self.accepted


class Network:
    """All calls known, in one environment."""

    def __init__(self, calls: Iterable[Call], environment: str = EVERYWHERE) -> None:
        self.environment = environment
        self.numbers: dict[Call, Numbers] = {}
        self.leaving: dict[str, list[Call]] = defaultdict(list)
        self.reaching: dict[str, list[Call]] = defaultdict(list)
        for call in calls:
            self.numbers[call] = call.inside(environment)
            self.leaving[call.consumer].append(call)
            self.reaching[call.provider].append(call)
        self._neighbours: dict[tuple[str, bool], list[tuple[str, Call, int]]] = {}
        self._limits: dict[str, Limit] = {}
        self._products: dict[tuple[str, int, bool], int] = {}

    def attempts(self, call: Call) -> int:
        """How often it is made at worst; once where nothing is said."""
        return self.numbers[call].attempts or 1

    # --- how many calls one becomes -----------------------------------------------------------------------------------

    def worst(self, through: Call, *, above: int) -> Worst | None:
        """The chain through a call in which one becomes the most calls, without idle ends; None up to `above`.

        Best first: of all partial chains the most promising is drawn out next, going by what walks can reach, which
        is never less than what chains can. So the first whole chain is the worst.
        """
        most = self.attempts(through)
        best: Chain = (through,)
        promised = most * self._promise(through.consumer, through.provider, LONGEST_CHAIN - 1)
        waiting: list[_Partial] = [(-promised, -_FORWARD, -1, (through.consumer, through.provider), most, best)]
        for _ in range(MOST_STEPS):
            promised, stage, _, systems, product, calls = heapq.heappop(waiting)
            if -promised <= above:
                return None
            if -stage == _WHOLE:
                return self._told(through, calls, product)
            if product > most:
                most, best = product, calls
            for partial in self._drawn_out(-stage, systems, product, calls):
                heapq.heappush(waiting, partial)
        return self._told(through, best, most, is_exact=False) if most > above else None

    def _drawn_out(self, stage: int, systems: tuple[str, ...], product: int, calls: Chain) -> Iterator[_Partial]:
        """The partial chains that follow: one call longer, or content with this end."""
        first, last, left = systems[0], systems[-1], LONGEST_CHAIN - len(calls)
        if stage == _FORWARD:
            before = self._product(first, left, ahead=False)
            yield -product * before, -_BACKWARD, -len(calls), systems, product, calls
            for system, call, factor in self._nearest(last, ahead=True) if left else ():
                if system not in systems:
                    rest = self._promise(first, system, left - 1)
                    reached, made = (*systems, system), product * factor
                    yield -made * rest, -_FORWARD, -len(calls) - 1, reached, made, (*calls, call)
            return
        yield -product, -_WHOLE, -len(calls), systems, product, calls
        for system, call, factor in self._nearest(first, ahead=False) if left else ():
            if system not in systems:
                rest = self._product(system, left - 1, ahead=False)
                reached, made = (system, *systems), product * factor
                yield -made * rest, -_BACKWARD, -len(calls) - 1, reached, made, (call, *calls)

    def _promise(self, first: str, last: str, left: int) -> int:
        """At most this many times more calls with `left` calls added at the two ends."""
        return max(
            self._product(last, ahead, ahead=True) * self._product(first, left - ahead, ahead=False)
            for ahead in range(left + 1)
        )

    def _product(self, system: str, left: int, *, ahead: bool) -> int:
        """The most calls that a walk of up to `left` calls from a system, or to it, makes out of one."""
        if left == 0:
            return 1
        key = (system, left, ahead)
        if key not in self._products:
            nearest = self._nearest(system, ahead=ahead)
            reached = (factor * self._product(name, left - 1, ahead=ahead) for name, _, factor in nearest)
            self._products[key] = max(reached, default=1)
        return self._products[key]

    def _nearest(self, system: str, *, ahead: bool) -> list[tuple[str, Call, int]]:
        """The systems one call away, each by the call that is made most often."""
        key = (system, ahead)
        if key not in self._neighbours:
            found: dict[str, tuple[Call, int]] = {}
            for call in (self.leaving if ahead else self.reaching).get(system, ()):
                name, factor = call.provider if ahead else call.consumer, self.attempts(call)
                if name not in found or factor > found[name][1]:
                    found[name] = (call, factor)
            self._neighbours[key] = [(name, *each) for name, each in found.items()]
        return self._neighbours[key]

    def _told(self, through: Call, calls: Chain, product: int, *, is_exact: bool = True) -> Worst:
        """The chain without calls at its ends that are made once."""
        while calls[0] is not through and self.attempts(calls[0]) == 1:
            calls = calls[1:]
        while calls[-1] is not through and self.attempts(calls[-1]) == 1:
            calls = calls[:-1]
        return Worst(calls, tuple(self.attempts(each) for each in calls), product, is_exact)

    # --- what lies below and above ------------------------------------------------------------------------------------

    def beyond(
        self, call: Call, *, ahead: bool, through: Callable[[Call], bool] = lambda call: True
    ) -> Iterator[Chain]:
        """The ways to all calls below one, or above it, nearest first; further only through calls that `through` takes.

        Calls back to either side of the one itself are left out.
        """
        own = (call.consumer, call.provider)
        start: Chain = (call,)
        seen, waiting = {*own}, deque([(own[ahead], start)])
        while waiting:
            system, way = waiting.popleft()
            for each in (self.leaving if ahead else self.reaching).get(system, ()):
                reached = each.provider if ahead else each.consumer
                if reached in own:
                    continue
                longer = (*way, each) if ahead else (each, *way)
                yield longer
                if len(longer) < LONGEST_CHAIN and reached not in seen and through(each):
                    seen.add(reached)
                    waiting.append((reached, longer))

    def slowest_below(self, call: Call) -> tuple[int, Chain] | None:
        """The longest that a call takes which the provider makes to answer this one, and the way to it.

        One whose time nothing bounds takes as long as what is called through it.
        """
        ways = self.beyond(call, ahead=True, through=lambda each: self.numbers[each].ends_ms is None)
        timed = [(ends, way) for way in ways if (ends := self.numbers[way[-1]].ends_ms) is not None]
        return max(timed, key=lambda each: each[0], default=None)

    def impatient_above(self, call: Call, *, below_ms: int) -> list[tuple[int, Chain]]:
        """Who calls the consumer and waits for less, the least patient first, each with the way from there.

        One that waits for ever is as patient as its own caller.
        """
        ways = self.beyond(call, ahead=False, through=lambda each: self.numbers[each].waits_ms is None)
        timed = [(waits, way) for way in ways if (waits := self.numbers[way[0]].waits_ms) is not None]
        return sorted((each for each in timed if each[0] < below_ms), key=lambda each: each[0])

    # --- what a provider accepts --------------------------------------------------------------------------------------

    def limit_of(self, provider: str) -> Limit:
        """A provider's limit, the lowest declared, and those of its consumers that have none for themselves."""
        if provider not in self._limits:
            reaching = ((each, self.numbers[each]) for each in self.reaching.get(provider, ()))
            together = [(call, said) for call, said in reaching if said.provider_limit_is_shared is not False]
            declared = [said.provider_requests_per_minute for _, said in together]
            sending = [
                (call, said.requests_per_minute) for call, said in together if said.requests_per_minute is not None
            ]
            self._limits[provider] = Limit(
                self.environment,
                min((each for each in declared if each is not None), default=LIMITLESS),
                dict(sorted(sending, key=lambda each: (-each[1], each[0].owner.slug))),
                any(said.provider_limit_is_shared for _, said in together),
                sum(each for _, each in sending),
            )
        return self._limits[provider]

    # --- circles ------------------------------------------------------------------------------------------------------

    def circle(self, call: Call) -> Chain | None:
        """The shortest chain that begins with a call and ends where it began.

        The opposite call of the same integration is taken only if there is no other way: both sides know of it.
        """
        if not {call.consumer, call.provider} <= self._circling:
            return None
        start: Chain = (call,)
        own: Chain | None = None
        seen, waiting = {call.provider}, deque([(call.provider, start)])
        while waiting:
            system, way = waiting.popleft()
            for each in self.leaving.get(system, ()):
                if each.provider == call.consumer and (len(way) > 1 or each.owner.slug != call.owner.slug):
                    return (*way, each)
                if each.provider == call.consumer:
                    own = own or (*way, each)
                elif each.provider in self._circling and each.provider not in seen and len(way) < LONGEST_CHAIN - 1:
                    seen.add(each.provider)
                    waiting.append((each.provider, (*way, each)))
        return own

    @cached_property
    def _circling(self) -> set[str]:
        """Systems that can be on a circle: those without calls on one side are taken away, again and again."""
        ahead = {name: {each.provider for each in calls} for name, calls in self.leaving.items()}
        behind = {name: {each.consumer for each in calls} for name, calls in self.reaching.items()}
        left = set(ahead) & set(behind)
        for _ in range(MOST_TRIMS):
            outside = {name for name in left if left.isdisjoint(ahead[name]) or left.isdisjoint(behind[name])}
            if not outside:
                break
            left -= outside
        return left
