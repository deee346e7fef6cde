"""What went through the stack, counted: the numbers behind the metrics endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Statistics:
    """Running counts since start; the stack adds what is alive now."""

    received: dict[str, int] = field(default_factory=dict)
    """Messages in, by method or by status code as text."""
    sent: dict[str, int] = field(default_factory=dict)
    """Messages out, repetitions included, by method or by status code as text."""
    retransmissions_sent: int = 0
    retransmissions_received: int = 0
    parse_errors: int = 0
    strays: int = 0
    """Responses and ACKs that belong to nothing we know: dropped."""
    transactions: int = 0
    """Transactions that still expect something (as of the last reading)."""
    lingering: int = 0
    """Finished transactions kept to absorb repetitions (as of the last reading)."""
    sessions: int = 0
    """Sessions alive (as of the last reading)."""
    timers: int = 0
    """Timers running (as of the last reading)."""
