"""Every section of the configuration, key by key: type, default, meaning. The JSON Schema for editors comes from here.

Values are SI (seconds, bytes); paths are absolute; all models are frozen. `None` means "not given", nothing else.
"""

# No `from __future__ import annotations`: pydantic evaluates these at run time.
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from config.call_link_schema import CallLinks
from config.limits_schema import Limits
from config.phone_schema import Phones
from config.secrets import Secret
from config.section import Section
from config.sound_schema import Hold, Speech
from config.stir_schema import StirShaken
from config.stream_schema import Stream
from config.tls_schema import Tls
from config.transfer_schema import Transfer
from config.trunk_schema import Trunk
from config.values import (
    Address,
    AnyNumber,
    Between,
    Boolean,
    Country,
    DatabaseUrl,
    FilePath,
    Host,
    Lasting,
    Line,
    Name,
    OneOrMore,
    Port,
    RatedCodec,
    SecretText,
    ServerText,
    Transport,
    Whole,
)
from config.web_schema import Web
from config.webrtc_schema import WebRtc

ADMIN_TOKEN = "var/secrets/admin-token"  # noqa: S105 - a path
"""The file of `admin.token` when it is not given."""
ANY = "0.0.0.0"  # noqa: S104 - what a switch is for; phones and trunks are let in by source address


class Node(Section):
    """This switch."""

    name: Annotated[Line, Field(description="Name of this node in logs, records and metrics.")] = "softswitch"
    country: Annotated[
        Country | None,
        Field(
            description="Whose ringing, busy and congestion tones callers hear, as ISO 3166 has it: DE, GB, US. Not "
            "given: that of numbering.country_code in the dialplan, else those ITU-T E.180 recommends."
        ),
    ] = None
    advertised_address: Annotated[
        Host | None,
        Field(
            description="Address peers reach this node at, when it is not the one of its own interface (1:1 NAT). "
            "Not given: the address of the interface that leads to the peer."
        ),
    ] = None


class Listener(Section):
    """One socket that SIP is heard on."""

    transport: Annotated[Transport, Field(description="udp, tcp or tls.")] = "udp"
    address: Annotated[Address, Field(description="Address to bind; 0.0.0.0 or :: for every interface.")] = ANY
    port: Annotated[Port, Field(description="Port to bind. Not given: 5060, with tls 5061.")] = 5060

    @model_validator(mode="before")
    @classmethod
    def _secure_port(cls, value: object) -> object:
        """RFC 3261 19.1.2."""
        if isinstance(value, dict) and value.get("transport") == "tls" and "port" not in value:
            return {**value, "port": 5061}
        return value


class Timers(Section):
    """RFC 3261 table 4."""

    t1: Annotated[float, Lasting("50ms", "10s"), Field(description="Round-trip estimate.")] = 0.5
    t2: Annotated[float, Lasting("500ms", "1m"), Field(description="Longest retransmission interval.")] = 4.0
    t4: Annotated[float, Lasting("500ms", "1m"), Field(description="Longest time a message lives in the network.")] = (
        5.0
    )


class Dns(Section):
    """How names of next hops are looked up."""

    servers: Annotated[
        AnyNumber[ServerText],
        Field(description="DNS servers to ask, address[:port]. Not given: those of the system (/etc/resolv.conf)."),
    ] = ()
    timeout: Annotated[
        float, Lasting("100ms", "30s"), Field(description="How long a look-up may take; no call ever waits for one.")
    ] = 4.0


class Sip(Section):
    """Signalling."""

    listen: OneOrMore[Listener] = Field(
        default_factory=lambda: (Listener(transport="udp"), Listener(transport="tcp")),
        description="Where SIP is heard.",
    )
    user_agent: Annotated[Line, Field(description="User-Agent and Server header.")] = "softswitch"
    timers: Timers = Field(
        default_factory=Timers, description="Transaction timers; leave them alone on ordinary networks."
    )
    tls: Tls = Field(default_factory=Tls, description="TLS of the listeners.")
    keep_alive: Annotated[
        float,
        Lasting("0s", "1h"),
        Field(description="How often connections to trunks over TCP and TLS are pinged (CRLF, RFC 5626); 0s: never."),
    ] = 90.0
    largest_datagram: Annotated[
        int,
        Whole(500, 65535),
        Field(
            description="Octets above which a request goes over TCP in place of UDP (RFC 3261 18.1.1), and over UDP "
            "after all where nobody takes it there. 65535: all requests stay with UDP."
        ),
    ] = 1300
    dns: Dns = Field(default_factory=Dns, description="How names of next hops are looked up.")


class Ports(Section):
    """A range of UDP ports, both ends included."""

    first: Annotated[int, Whole(1024, 65534), Field(description="First port, even.")] = 20000
    last: Annotated[int, Whole(1025, 65535), Field(description="Last port. A leg takes two: RTP even, RTCP odd.")] = (
        39999
    )


class Media(Section):
    """RTP."""

    address: Annotated[Address, Field(description="Address that media sockets bind.")] = ANY
    advertised_address: Annotated[
        Host | None, Field(description="Address in SDP. Not given: node.advertised_address, else the interface's.")
    ] = None
    ports: Ports = Field(default_factory=Ports, description="Ports for media.")
    workers: Annotated[int, Whole(1, 64), Field(description="Media threads; one carries about 1,900 calls.")] = 1
    timeout: Annotated[
        float,
        Lasting("5s", "24h"),
        Field(
            description="A leg that should send and has been silent this long (not on hold) is asked by OPTIONS: the "
            "call ends if the far end is gone, or silent for as long again."
        ),
    ] = 60.0
    latch_window: Annotated[
        float,
        Lasting("100ms", "1m"),
        Field(description="How long a leg may learn a source other than the one its SDP names (phones behind NAT)."),
    ] = 5.0
    priority: Annotated[int, Whole(0, 99), Field(description="Real-time priority asked for (SCHED_FIFO); 0: none.")] = (
        10
    )
    jitter_buffer: Annotated[
        float,
        Lasting("40ms", "500ms"),
        Field(description="The most that audio waits for late packets where it is mixed or paced."),
    ] = 0.2
    opus_complexity: Annotated[
        int, Whole(0, 10), Field(description="Effort of encoding Opus: 5 sounds a little better, and costs twice.")
    ] = 0
    opus_complexity_at_loss: Annotated[
        int,
        Whole(0, 10),
        Field(
            description="Effort at least, while the far end loses 3 % of the packets or more and can use FEC: what is "
            "repeated is heard instead of what was lost."
        ),
    ] = 5


class CodecFactors(Section):
    """What a codec costs, where the built-in values (ITU-T G.113, published ones) are missing or known better."""

    scale: Annotated[
        Literal["narrowband", "wideband", "fullband"],
        Field(description="The E-model the values belong to: G.107, G.107.1 or G.107.2."),
    ] = "narrowband"
    ie: Annotated[float, Between(0, 130), Field(description="Ie: what coding alone takes off R.")]
    bpl: Annotated[float, Between(0.1, 100), Field(description="Bpl: robustness against packet loss.")]
    look_ahead: Annotated[float, Lasting("0ms", "200ms"), Field(description="Delay beyond the packet itself.")] = 0.0
    source: Annotated[Line | None, Field(description="Where the values come from; shown beside scores.")] = None


class Quality(Section):
    """How calls are judged."""

    weak_below: Annotated[
        float, Between(1.5, 4.4), Field(description="A connection is weak when the score of its last 15 s is below.")
    ] = 4.0
    good_from: Annotated[
        float, Between(1.6, 4.45), Field(description="And good again when it has been this or better for 5 s.")
    ] = 4.1
    loss_limit: Annotated[
        float, Between(0.01, 100), Field(description="Percent of packets lost from which a link counts as unhealthy.")
    ] = 1.0
    latency_limit: Annotated[
        float,
        Lasting("1ms", "5s"),
        Field(description="Time one way, half the measured round trip, from which a link counts as unhealthy."),
    ] = 0.15
    codecs: Annotated[
        Mapping[RatedCodec, CodecFactors],
        Field(description="Values of codecs, by name or by name and sample rate of the audio (opus/16000)."),
    ] = {}


class Recording(Section):
    """Call recording."""

    enabled: Annotated[Boolean, Field(description="Record every bridged call that no rule decides otherwise for.")] = (
        False
    )
    directory: Annotated[FilePath, Field(description="Where recordings go.")] = Path("recordings")
    mask_digits: Annotated[
        Boolean,
        Field(
            description="Keep digits (card numbers, PINs) out of recordings, where tones become silence, and out of "
            "logs, which then tell that a key was pressed but not which."
        ),
    ] = False
    video: Annotated[
        Literal["audio", "video"],
        Field(
            description="What of a browser's video call is recorded. audio: the sound alone. video: its pictures as "
            "well, in a WebM or Matroska file of both beside the leg's WAV."
        ),
    ] = "audio"


class Prompts(Section):
    """Announcements and music."""

    directory: Annotated[FilePath, Field(description="What relative names in `play` count from.")] = Path("prompts")
    vox_rate: Annotated[
        Literal[6000, 8000],
        Field(description="Sampling rate of .vox files in Hz; they have no header to say so. 8000 or 6000."),
    ] = 8000


class Admin(Section):
    """The HTTP endpoint for operators and monitoring."""

    enabled: Annotated[Boolean, Field(description="Whether it is there at all.")] = True
    address: Annotated[Address, Field(description="Address to bind.")] = "127.0.0.1"
    port: Annotated[Port, Field(description="Port to bind.")] = 8080
    token: SecretText = Field(
        default_factory=lambda: Secret("", "created", ADMIN_TOKEN),
        description="Bearer token. Not given: made at first start in var/secrets/admin-token (loopback only).",
    )


class Database(Section):
    """Call records."""

    url: Annotated[
        DatabaseUrl, Field(description="sqlite:///path (relative to the root; four slashes for an absolute path).")
    ] = "sqlite:///var/softswitch.db"


class Logging(Section):
    """Structured logs on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="Least level written.")] = "info"
    format: Annotated[Literal["text", "json"], Field(description="text for people, json for machines.")] = "text"


class Sections(Section):
    """Everything the YAML files in the configuration folder may say."""

    node: Node = Field(default_factory=Node, description="This switch.")
    sip: Sip = Field(default_factory=Sip, description="Signalling.")
    media: Media = Field(default_factory=Media, description="RTP.")
    trunks: Annotated[
        Mapping[Name, Trunk], Field(description="Carriers and other switches, by name.", default_factory=dict)
    ]
    phones: Phones = Field(default_factory=Phones, description="Phones that register here.")
    webrtc: WebRtc = Field(default_factory=WebRtc, description="Browsers as legs of calls.")
    stir_shaken: StirShaken = Field(
        default_factory=StirShaken, description="The right to telephone numbers: certificates and keys."
    )
    quality: Quality = Field(default_factory=Quality, description="How calls are judged.")
    recording: Recording = Field(default_factory=Recording, description="Call recording.")
    prompts: Prompts = Field(default_factory=Prompts, description="Announcements and music.")
    streams: Annotated[
        Mapping[Name, Stream],
        Field(description="WebSocket servers that may take part in calls, by name.", default_factory=dict),
    ]
    speech: Speech = Field(default_factory=Speech, description="Text to speech.")
    hold: Annotated[
        Hold | None, Field(description="What a held party hears. Not given: what the holder sends, or silence.")
    ] = None
    transfer: Transfer = Field(default_factory=Transfer, description="Calls that are handed over to somebody else.")
    web: Annotated[
        Web | None, Field(description="Pages, their API and SIP over WebSocket. Not given: nothing of these.")
    ] = None
    call_links: CallLinks = Field(default_factory=CallLinks, description="Links with which guests call from a page.")
    admin: Admin = Field(default_factory=Admin, description="HTTP endpoint for operators.")
    database: Database = Field(default_factory=Database, description="Call records.")
    logging: Logging = Field(default_factory=Logging, description="Structured logs.")
    limits: Limits = Field(default_factory=Limits, description="What one node takes on.")
