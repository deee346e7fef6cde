"""What the composition root decides about the media plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from media.quality.codecs import CodecFactors
from media.quality.watch import HEALTHY, Thresholds

MOST_VIDEO: Final = 12_000
"""kbit/s of video that a far end may send where nothing else is said: twice a 1080p screen, and some."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Times in seconds. `address` is bound; what SDP advertises is signalling's affair.

    `latch_window`: how long after SetRemote (or the first Connect, Play or Echo) a source other than the one SDP named
    may win. `latch_grace`: how long such a candidate must wait for the SDP source to show up first. `priority`: the
    SCHED_FIFO priority asked for, 0 for none. `port_drain`: rest of a used pair before reuse. `dscp`: 46 is expedited
    forwarding (RFC 3246, RFC 4594 for telephony), 0 leaves packets unmarked. `acceleration`: "auto" lets the kernel
    hand over the packets of settled IPv4 legs in batches where it permits (media.net.steer), "off" has one call each.
    `jitter_buffer`: most delay of audio that is played out (mixed, paced).
    `browser_ports`: first and last of a range for browser legs, one port each; None: they take of the others.
    `browser_port`: the port all browser legs share instead, which is that of the first worker, the next has the next.
    `mask_digits`: DTMF tones become silence in recordings.
    `record_video`: browsers' pictures are recorded beside their sound, in files of both.
    `video_kbit`: most video a far end may send, kbit/s; what is more is dropped. A 1080p screen takes some 5000.
    `opus_complexity`: 0-10, effort of encoding Opus (RFC 6716 5.); 5 costs twice as much as 0.
    `opus_complexity_at_loss`: at least, while the far end reports losses.
    """

    address: str = "0.0.0.0"  # noqa: S104 -- media comes from anywhere; every leg locks its source
    port_first: int = 20000
    port_last: int = 39999
    port_drain: float = 2.0
    browser_ports: tuple[int, int] | None = None
    browser_port: int | None = None
    workers: int = 1
    priority: int = 10
    dscp: int = 46
    acceleration: Literal["auto", "off"] = "auto"
    jitter_buffer: float = 0.2
    opus_complexity: int = 0
    opus_complexity_at_loss: int = 5
    video_kbit: int = MOST_VIDEO
    mask_digits: bool = False
    record_video: bool = False
    media_timeout: float = 60.0
    latch_window: float = 5.0
    latch_grace: float = 0.1
    rtcp_interval: float = 5.0
    quality_interval: float = 5.0
    codec_factors: CodecFactors = field(default_factory=CodecFactors)
    thresholds: Thresholds = HEALTHY
