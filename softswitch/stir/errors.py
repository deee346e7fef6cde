"""Why a call's identity is not believed."""

from __future__ import annotations


class StirError(Exception):
    """What is wrong, and the status that says so (RFC 8224 6.2.2)."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.status = status
        self.reason = reason


def missing() -> StirError:
    """No signature that we understand."""
    return StirError(428, "Use Identity Header")


def stale(detail: str) -> StirError:
    """Signed too long ago, or in the future."""
    return StirError(403, "Stale Date", detail)


def bad_info(detail: str) -> StirError:
    """The certificate is not to be had."""
    return StirError(436, "Bad Identity Info", detail)


def unsupported(detail: str) -> StirError:
    """The certificate is no good."""
    return StirError(437, "Unsupported Credential", detail)


def invalid(detail: str) -> StirError:
    """The signature, or what it says, does not fit the call."""
    return StirError(438, "Invalid Identity Header", detail)
