"""What operators do with call links: make them, look at them, take them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from softswitch.callflow.link_guests import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from softswitch.callflow.link_guests import LinkGuests
    from softswitch.contact_center.call_link import CallLink, Refusal
    from softswitch.contact_center.call_link_wish import Wish
    from softswitch.store.link_store import StoredLink


class ShownLink(NamedTuple):
    """A link as operators see it."""

    link: CallLink
    calls: int
    """Answered ones."""
    running: int
    """Calls over it at present."""
    revoked_at: float | None
    refusal: Refusal | None
    """Why nobody may call over it now."""
    title: str
    url: str
    """To be shared."""


class HangUp(Protocol):
    """Ends the calls of an endpoint; without `talking` only those that are not answered yet."""

    def __call__(self, endpoint: str, *, talking: bool) -> int:
        """How many there were."""


class LinkDesk:
    """Implements `admin.ports.LinkDesk`."""

    def __init__(self, guests: LinkGuests, public_url: str, hang_up_on: HangUp) -> None:
        """`public_url`: where browsers reach the pages, without a slash at the end."""
        self._guests = guests
        self._public_url = public_url
        self._hang_up_on = hang_up_on

    async def make(self, wish: Wish) -> ShownLink:
        """A new one. Raises CallLinkError, LinksUnavailable."""
        link = await self._guests.links.make(wish)
        found = self._guests.links.known(link.id)
        assert found is not None
        return self._shown(found)

    async def find(self, link_id: str) -> ShownLink | None:
        """One; None: there is none. Raises LinksUnavailable."""
        found = await self._guests.links.find(link_id)
        return None if found is None else self._shown(found)

    async def latest(self, count: int, *, before: float | None, conversation: str | None) -> Sequence[ShownLink]:
        """The last made first. Raises LinksUnavailable."""
        found = await self._guests.links.latest(count, before=before, conversation=conversation)
        return [self._shown(each) for each in found]

    async def revoke(self, link_id: str, *, end_calls: bool) -> tuple[ShownLink, int] | None:
        """Make it useless. Calls over it that only ring end, those that talk if asked; how many those were. None:
        there is no such link.

        Raises LinksUnavailable.
        """
        found = await self._guests.links.revoke(link_id)
        if found is None:
            return None
        ended = self._hang_up_on(label(link_id), talking=end_calls)
        return self._shown(found), ended

    def _shown(self, found: StoredLink) -> ShownLink:
        link, use = found
        return ShownLink(
            link=link,
            calls=use.calls,
            running=self._guests.running(link.id),
            revoked_at=use.revoked_at,
            refusal=self._guests.judge(found),
            title=self._guests.title(link),
            url=f"{self._public_url}/call/{self._guests.token(link)}",
        )
