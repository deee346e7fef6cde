"""What the admin interface needs of the switch. It sees values only and can reach nothing that lives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from softswitch.admin.visits import Visits
    from softswitch.callflow.link_desk import ShownLink
    from softswitch.callflow.link_guests import Credential
    from softswitch.callflow.prompts import PromptFile
    from softswitch.contact_center.call_link import CallLink, Refusal
    from softswitch.contact_center.call_link_wish import Wish
    from softswitch.store.link_store import StoredLink
    from softswitch.telemetry.cdr import CallRecord, LegRecord
    from softswitch.telemetry.metrics import Metrics, Readings
    from softswitch.telemetry.recent import RecentCalls
    from softswitch.telemetry.snapshot import CallSnapshot, ContactSnapshot, Readiness, TrunkSnapshot
    from softswitch.telemetry.story import Message, StoryLine


class SnapshotSource(Protocol):
    """Copies out the state of one moment. Called on the signalling loop; must not wait."""

    def calls(self) -> Iterable[CallSnapshot]:
        """All running calls, the oldest first; made one by one, because seldom all of them are looked at."""

    def call(self, call_id: str) -> CallSnapshot | None:
        """One running call; None when there is none of this id."""

    def story(self, call_id: str) -> tuple[Sequence[StoryLine], Sequence[Message]] | None:
        """Events and SIP messages of a running call; None when there is none of this id."""

    def trunks(self) -> Sequence[TrunkSnapshot]:
        """All trunks as configured at present."""

    def contacts(self) -> Sequence[ContactSnapshot]:
        """All contacts of the phones registered here, by user."""

    def readiness(self) -> Readiness:
        """Whether new calls are taken."""

    def readings(self) -> Readings:
        """What the parts have counted."""


class Commands(Protocol):
    """What an operator may do. Called on the signalling loop; must not wait."""

    def hang_up(self, call_id: str) -> bool:
        """End this call; False when there is none of this id."""

    def supervise(self, call_id: str, phone: str, mode: str) -> tuple[int, str]:
        """Ring a phone that shall `listen`, `whisper` or `barge`: an HTTP status, and why not."""

    def transfer(self, call_id: str, party: str, to: str, consulted: str) -> tuple[int, str]:
        """Hand a party (`caller`, `callee`) over to a number, or to the callee of another call: an HTTP status, and why
        not."""

    def send_digits(self, call_id: str, party: str, digits: str, duration_ms: int, gap_ms: int) -> str | None:
        """Press keys for a party (`caller`, `callee`): how it is told them; None: there is no such call.

        Raises b2bua.keypad.DigitsRefusedError when it cannot be told.
        """

    def end_supervision(self, call_id: str, phone: str) -> bool:
        """Hang up on a supervisor; False when there is none."""


class CallHistory(Protocol):
    """Finished calls in the database; see `store.call_log.CallLog`. Called in a worker thread; may block."""

    def get(self, call_id: str) -> tuple[CallRecord, tuple[LegRecord, ...]] | None:
        """The call with its legs; None when it is not there."""

    def latest(self, count: int, *, before: float | None = None) -> list[CallRecord]:
        """The calls started last, before a moment in Unix seconds if given."""


class PromptShelf(Protocol):
    """The prompt files; see `callflow.prompts.Prompts`."""

    def listing(self) -> Sequence[PromptFile]:
        """Every file. Called in a worker thread; may block."""

    async def add(self, name: str, content: bytes) -> PromptFile:
        """Raises media.play.prompt.PromptError, OSError."""

    async def remove(self, name: str) -> bool:
        """False when there is none. Raises PromptInUseError, PromptError."""

    async def preview(self, name: str) -> bytes | None:
        """As WAV; None when there is none. Raises PromptError."""


class SpeechPreview(Protocol):
    """Words as a call would hear them; see `speech.preview.Preview`."""

    async def preview(
        self, text: str, language: str = "", voice: str = "", rate: float = 1.0, engine: str = ""
    ) -> bytes:
        """As WAV. Raises ValueError for what cannot be asked for, SpeechError, NoSuchVoiceError: nobody speaks so."""


class LinkDesk(Protocol):
    """Call links; see `callflow.link_desk`."""

    async def make(self, wish: Wish) -> ShownLink:
        """Raises CallLinkError, LinksUnavailable."""

    async def find(self, link_id: str) -> ShownLink | None:
        """None when there is none. Raises LinksUnavailable."""

    async def latest(self, count: int, *, before: float | None, conversation: str | None) -> Sequence[ShownLink]:
        """The last made first. Raises LinksUnavailable."""

    async def revoke(self, link_id: str, *, end_calls: bool) -> tuple[ShownLink, int] | None:
        """The link, and how many calls were ended; None when there is none. Raises LinksUnavailable."""


class GuestDoor(Protocol):
    """Guests with call links; see `callflow.link_guests`. `source`: the address they come from."""

    async def look(self, token: str, source: str) -> StoredLink:
        """Raises LinkRefused when there is no such link, or somebody looks too often."""

    async def admit(self, token: str, source: str, nonce: str, renewed: str = "") -> Credential:
        """What to call with. Raises LinkRefused."""

    def judge(self, found: StoredLink) -> Refusal | None:
        """Why nobody may call over it now."""

    def title(self, link: CallLink) -> str:
        """Who is called, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminParts:
    """What the resources draw on."""

    source: SnapshotSource
    commands: Commands
    recent: RecentCalls
    history: CallHistory
    metrics: Metrics
    prompts: PromptShelf
    speech: SpeechPreview
    version: str
    links: LinkDesk | None = None
    """None: there are no pages to call from."""
    guests: GuestDoor | None = None
    """The same for those who come with a link."""
    pages: Visits | None = None
    """None: there is no web server."""


PARTS = web.AppKey("parts", AdminParts)
