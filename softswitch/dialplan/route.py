"""What a rule tells the call to do: the applications of `dialplan.yaml` as values.

A `Route` as written may leave things open (the number to dial, the phone to ring); `match.decide` closes them, so the
actions of a `Decision` name concrete numbers and phones only.

How the applications behave, in the order a route lists them:

- `Dial` that is answered ends the list: the call lasts as long as the two parties talk. When nobody answered, the next
  action runs (a recorded apology, a second `Dial`); when there is none, the caller gets the mapped cause.
- `Play`, `Music` and `Echo` answer the call first, except with `early`, which is sent as early media (183).
- `Transfer` answers, and follows the rules of the other number instead of what is left of the list, unless the far end
  has taken the caller over itself.
- `Reject` and `Hangup` end the call. The end of the list without a `Dial` is a `Hangup`.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Literal

from softswitch.value import value_class

NORMAL_CLEARING = 16  # ITU-T Q.850
CALLED = "$called"
"""In place of a phone's name: the phone whose name was dialled."""

WITHHELD = "withheld"
"""In place of a caller's number: none is told."""


@value_class(frozen=True, slots=True)
class Rewrite:
    """Change a canonical number on its way out: drop the first `strip` characters, then put `prepend` before it."""

    strip: int = 0
    prepend: str = ""

    def apply(self, number: str) -> str:
        return self.prepend + number[self.strip :]


AS_DIALLED = Rewrite()


@value_class(frozen=True, slots=True)
class TrunkTarget:
    """A trunk to send the call to. `number` None (rules only, never in a decision) = the called number, rewritten."""

    trunk: str
    number: str | None = None
    priority: int = 0
    """Lower is tried first."""
    weight: int = 1
    """Share among those of the same priority, where `choose` is weighted."""

    def __str__(self) -> str:
        return f"trunk:{self.trunk}" if self.number is None else f"trunk:{self.trunk} {self.number}"


@value_class(frozen=True, slots=True)
class PhoneTarget:
    """A registered phone. `user` may be `CALLED` in a rule, never in a decision."""

    user: str

    def __str__(self) -> str:
        return f"phone:{self.user}"


Target = TrunkTarget | PhoneTarget
Strategy = Literal["sequential", "parallel"]
Choose = Literal["in_order", "round_robin", "weighted", "least_cost"]
StreamMode = Literal["talk", "listen"]


@value_class(frozen=True, slots=True)
class Say:
    """Words to be spoken by a speech engine. `voice` and `engine` empty = the usual one; `rate` 1.0 = usual speed."""

    text: str
    language: str = "en"
    voice: str = ""
    rate: float = 1.0
    engine: str = ""

    def __str__(self) -> str:
        return f'"{self.text if len(self.text) <= SHOWN else self.text[: SHOWN - 1] + "…"}"'


SHOWN = 40
"""Characters of a spoken text in a description."""
Clip = str | Say
"""A prompt file (absolute path), or words."""
EVERY = 10.0
"""Seconds between the end of an announcement and its repetition."""


@value_class(frozen=True, slots=True)
class Ringback:
    """What the caller hears while others ring; see `b2bua.ringback`. `files`: of kind music."""

    kind: Literal["media", "tone", "music", "pass"] = "media"
    files: tuple[str, ...] = ()
    early_media: bool = True


BY_MEDIA = Ringback()


@value_class(frozen=True, slots=True)
class Dial:
    """Ring the targets, one after the other or all at once.

    `ring_for`: seconds; of each target when sequential, of all together when parallel.
    `record`: None = as the node's recording setting says.
    """

    targets: tuple[Target, ...]
    strategy: Strategy = "sequential"
    ring_for: float = 45.0
    record: bool | None = None
    rewrite: Rewrite = AS_DIALLED
    ringback: Ringback = BY_MEDIA
    choose: Choose = "in_order"
    """Which of the trunks comes first."""
    failed_transfer: Literal["return", "end"] | None = None
    """When somebody was transferred here and nobody answers: who has the call then; None = as the node says."""
    called: str = ""
    """What was dialled, canonical and before `rewrite`; "" in rules."""
    caller: str = ""
    """Who is said to call: WITHHELD, a canonical number, in rules also CALLED for the number dialled; "": as is."""
    diversion: str = ""
    """The call is told as one that `called` has sent on, for this reason (RFC 5806 6.1); "": no."""

    def resolve(self, called: str) -> Dial:
        """The same with every number and phone filled in for a call to `called` (canonical)."""
        targets = tuple(self._resolve(target, called) for target in self.targets)
        return replace(
            self,
            targets=targets,
            rewrite=AS_DIALLED,
            called=called,
            caller=called if self.caller == CALLED else self.caller,
        )

    def _resolve(self, target: Target, called: str) -> Target:
        match target:
            case TrunkTarget(trunk, None, priority, weight):
                return TrunkTarget(trunk, self.rewrite.apply(called), priority, weight)
            case PhoneTarget(user) if user == CALLED:
                return PhoneTarget(called)
        return target


@value_class(frozen=True, slots=True)
class Ring:
    """Send 180 Ringing and wait."""

    seconds: float


@value_class(frozen=True, slots=True)
class Play:
    """Play prompt files and words, one after the other. `repeat`: until the caller hangs up, `every` seconds apart."""

    clips: tuple[Clip, ...]
    repeat: bool = False
    early: bool = False
    every: float = EVERY


@value_class(frozen=True, slots=True)
class Music:
    """Play music over and over, with an announcement over it `every` so many seconds.

    `seconds`: for how long; None = until the caller hangs up.
    """

    files: tuple[str, ...]
    announce: tuple[Clip, ...] = ()
    every: float = EVERY
    seconds: float | None = None
    early: bool = False


@value_class(frozen=True, slots=True)
class HoldMusic:
    """What a party hears that is held by the other one: not an action, but said in the same words."""

    files: tuple[str, ...]
    announce: tuple[Clip, ...] = ()
    every: float = EVERY


@value_class(frozen=True, slots=True)
class Conference:
    """Meet whoever calls the same name, until the caller hangs up; `most` at a time.

    `pin`: keys to press first, "" for none. `announce`: heard on entering; `music` while there is nobody else.
    `speaks` False: listens only. `tones`: the others hear who comes and goes.
    """

    name: str
    pin: str = field(default="", repr=False)
    announce: tuple[Clip, ...] = ()
    music: tuple[str, ...] = ()
    tones: bool = False
    speaks: bool = True
    most: int = 100


@value_class(frozen=True, slots=True)
class Echo:
    """Send the caller's own audio back; `seconds` None = until the caller hangs up."""

    seconds: float | None = None


@value_class(frozen=True, slots=True)
class Record:
    """Switch recording on or off for what follows."""

    enabled: bool = True


@value_class(frozen=True, slots=True)
class Stream:
    """A media stream (WebSocket) to one of the targets of the configuration.

    `talk`: the caller talks to it until it stops; `listen`: it hears every party for the rest of the call, while what
    follows goes on. `parameters` are told to the far end.
    """

    to: str
    mode: StreamMode = "talk"
    parameters: tuple[tuple[str, str], ...] = ()


@value_class(frozen=True, slots=True)
class Transfer:
    """Hand the caller over to another number: by REFER where its trunk takes it, else by the rules for that number."""

    to: str


@value_class(frozen=True, slots=True)
class Reject:
    """Refuse an unanswered call with a SIP status 300..699; `reason` empty = the standard phrase."""

    status: int = 603
    reason: str = ""


@value_class(frozen=True, slots=True)
class Answer:
    """Answer now (200), before anything else happens."""


@value_class(frozen=True, slots=True)
class Hangup:
    """End the call; `cause` is the ITU-T Q.850 value sent in the Reason header."""

    cause: int = NORMAL_CLEARING


Action = Dial | Ring | Play | Music | Conference | Stream | Transfer | Echo | Record | Reject | Answer | Hangup


@value_class(frozen=True, slots=True)
class Route:
    """A named list of actions; `line` is where `dialplan.yaml` says so (1-based)."""

    name: str
    actions: tuple[Action, ...]
    line: int = field(default=0, compare=False)


def describe(action: Action) -> str:
    """One action in the words of `dialplan.yaml`, e.g. `dial trunk:carrier +49301234`."""
    match action:
        case Dial(targets, strategy, choose=choose, caller=caller):
            between = " + " if strategy == "parallel" else ", then " if choose == "in_order" else " or "
            how = "" if choose == "in_order" else f" ({choose})"
            said = f" as {caller}" if caller else ""
            return f"dial {between.join(map(str, targets))}{how}{said}"
        case Ring(seconds):
            return f"ring {seconds:g}s"
        case Play(clips, repeat, early):
            return f"play {_clips(clips)}" + (" over and over" if repeat else "") + (" as early media" if early else "")
        case Music(files, announce, _, seconds, early):
            over = f" with {_clips(announce)} over it" if announce else ""
            lasting = "" if seconds is None else f" for {seconds:g}s"
            return f"music {_clips(files)}{over}{lasting}" + (" as early media" if early else "")
        case Conference(name):
            return f"conference {name}"
        case Stream(to, mode):
            return f"stream {to}" if mode == "talk" else f"stream {to}, who listens"
        case Transfer(to):
            return f"transfer {to}"
        case Echo(seconds):
            return "echo" if seconds is None else f"echo {seconds:g}s"
        case Record(enabled):
            return "record" if enabled else "record off"
        case Reject(status, reason):
            return f"reject {status} {reason}".rstrip()
        case Answer():
            return "answer"
        case Hangup(cause):
            return "hangup" if cause == NORMAL_CLEARING else f"hangup {cause}"


def _clips(clips: tuple[Clip, ...]) -> str:
    return ", ".join(map(str, clips))


def summary(actions: tuple[Action, ...]) -> str:
    """A whole list of actions on one line."""
    return "; ".join(map(describe, actions))
