"""What signalling may ask of the media plane: frozen values, ids instead of objects.

A leg is named by the id that `MediaEngine.open_leg` gave. Ids carry a generation, so a command for a leg that is gone
is ignored, never applied to the leg that took its place. Commands are carried out in the order they are posted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.value import value_class

if TYPE_CHECKING:
    from media.srtp.material import KeyMaterial


@value_class(frozen=True, slots=True)
class Encoding:
    """How to encode for a far end whose codec leaves a choice: Opus, whose SDP says what it takes (RFC 7587)."""

    highest_rate: int = 48_000
    """Hz that are of use to it."""
    bitrate: int | None = None
    """bit/s of payload; None: the encoder's own."""
    fec: bool = True
    dtx: bool = False
    cbr: bool = False


PLAIN_ENCODING = Encoding()


@value_class(frozen=True, slots=True)
class PayloadFormat:
    """One RTP payload type of a leg as SDP bound it (RFC 4566 `a=rtpmap`)."""

    payload_type: int
    name: str
    clock_rate: int
    encoding: Encoding = PLAIN_ENCODING


@value_class(frozen=True, slots=True)
class Tone:
    """A supervisory tone (ITU-T E.180): the sum of `frequencies` in Hz, keyed by `cadence`.

    `cadence` is milliseconds on, off, on, off ...; empty is a continuous tone. `level_dbm0` is the level of the sum.
    `bursts`: the frequencies of each "on" in turn, where they differ (the special information tone climbs).
    Play it with `repeat`; without, one round of the cadence sounds.
    """

    frequencies: tuple[int, ...]
    cadence: tuple[int, ...] = ()
    level_dbm0: float = -10.0
    bursts: tuple[tuple[int, ...], ...] = ()


Sound = int | Tone
"""A prompt by the number `MediaEngine.load_prompt` gave, or a tone."""
MOST_SOUNDS = 8
"""That one Play or Announce may name."""


@value_class(frozen=True, slots=True)
class SetRemote:
    """Where SDP says the far end listens. A new address reopens the latch window; the same address changes nothing.

    An address nothing may be sent to (RFC 2543's hold, 0.0.0.0) ends sending; who was heard until then is still heard.
    """

    leg: int
    address: str
    port: int
    rtcp_address: str
    rtcp_port: int
    rtcp_mux: bool = False


@value_class(frozen=True, slots=True)
class SetFormats:
    """Payload types agreed: `receive` is what they send to us, `send` what we must use towards them, best first."""

    leg: int
    receive: tuple[PayloadFormat, ...]
    send: tuple[PayloadFormat, ...]
    ptime: int = 20


@value_class(frozen=True, slots=True)
class SetDirection:
    """What the answer in force lets pass. Before the first of these both ways are open, and nothing is expected.

    `send`: we may send to them. `receive`: they may send; while False what they still send is counted as received, and
    its digits are told, but it is not relayed, echoed or recorded. `expected`: who may send also owes us media; without
    it (early media, a holder with or without music) the media time-out pauses. RTCP goes on in every direction.
    """

    leg: int
    send: bool
    receive: bool
    expected: bool = True


@value_class(frozen=True, slots=True)
class SetKeys:
    """SRTP from now on, with the far end's key to receive and our own to send; None: plain RTP that way.

    A key that was set before goes on where it was: numbering, rollover counter, replay list. For a moment after a new
    one to receive, packets under the one before are still taken.
    """

    leg: int
    receive: KeyMaterial | None
    send: KeyMaterial | None


@value_class(frozen=True, slots=True)
class SetPath:
    """Where the media of a browser leg comes from and goes to: the pair ICE has settled on, consent given.

    Nothing is sent elsewhere, nor taken from elsewhere, nor anything at all before `SetKeys`. An address of "" closes
    the path, when consent is lost (RFC 7675). On such a leg SetRemote means nothing.
    """

    leg: int
    address: str
    port: int


@value_class(frozen=True, slots=True)
class BindAddress:
    """What comes from this address to the port that browser legs share is this leg's: a connectivity check from there
    has named it, and knew its password. A leg has the newest eight, and that of its path, which SetPath binds."""

    leg: int
    address: str
    port: int


@value_class(frozen=True, slots=True)
class SetNack:
    """Whether a browser and we may ask each other for audio packets that were lost (generic NACK, RFC 4585 6.2.1).

    Redundancy (RFC 2198) needs no command: it is agreed on by a format named `red` in SetFormats, whose packets repeat
    those of the best audio format of its clock rate. It is sent as long as the browser reports losses.
    """

    leg: int
    on: bool


@value_class(frozen=True, slots=True)
class SetVideo:
    """Video agreed on the transport of a browser leg's audio (BUNDLE): formats, the same as on the connected leg; none:
    no video. `send`, `receive` as in `SetDirection`.

    It is relayed as it is between two connected legs that both have it, and so is what their far ends tell each other
    of it (RTCP). Who begins to see has a key frame asked for.
    """

    leg: int
    formats: tuple[PayloadFormat, ...]
    send: bool = True
    receive: bool = True


@value_class(frozen=True, slots=True)
class SetExtendedReports:
    """What SDP agreed on (RFC 3611 5, `a=rtcp-xr`): Receiver Reference Time and DLRR both ways, VoIP Metrics by us.

    What they send of VoIP Metrics is read in any case.
    """

    leg: int
    reference_time: bool
    metrics: bool


@value_class(frozen=True, slots=True)
class Connect:
    """Relay between two legs of the same group, both ways. Replaces whatever either leg was connected to."""

    a: int
    b: int


@value_class(frozen=True, slots=True)
class Disconnect:
    """Undo `Connect(a, b)`; ignored when the two are no longer connected to each other."""

    a: int
    b: int


@value_class(frozen=True, slots=True)
class Play:
    """Play loaded prompts or tones to the far end, one after the other; relayed audio to that leg waits aside.

    Ends in exactly one `PlaybackFinished(leg, playback, ...)`. A second Play replaces the first, which fades into it.
    `first` and `start_ms` say where to begin, as a PlaybackFinished said it: so music goes on where it stopped.
    """

    leg: int
    playback: int
    prompt: Sound | tuple[Sound, ...]
    """1 to MOST_SOUNDS."""
    repeat: bool = False
    first: int = 0
    start_ms: int = 0


@value_class(frozen=True, slots=True)
class Announce:
    """Play this over the music, which sinks by `duck_db` meanwhile and rises again; without music, as `Play`.

    Ends in exactly one `PlaybackFinished(leg, playback, ...)`. A second Announce replaces the first.
    """

    leg: int
    playback: int
    prompt: Sound | tuple[Sound, ...]
    duck_db: float = 15.0


@value_class(frozen=True, slots=True)
class StopPlay:
    """Stop all that is playing, within a packet time: the last packet fades away."""

    leg: int


@value_class(frozen=True, slots=True)
class StartEcho:
    """Send the far end's own audio back to it."""

    leg: int


@value_class(frozen=True, slots=True)
class StopEcho:
    """Undo `StartEcho`."""

    leg: int


@value_class(frozen=True, slots=True)
class SetDigits:
    """How digits go to and come from the leg's far end.

    `sends`: as media, be it telephone events (if the leg's formats have them) or tones; this includes the digits of
    the leg it is connected to. Otherwise signalling sends them, or nobody. `listens`: its digits come as tones (G.711);
    they are told, and taken out of audio that goes where they do not count as tones.
    """

    leg: int
    sends: bool
    listens: bool


@value_class(frozen=True, slots=True)
class SendDigits:
    """Press keys for the far end, behind those that still wait. Meanwhile nothing else is sent to it.

    `digits`: 1 to 32 of 0-9 * # A-D; milliseconds, of which a duration has 40 to 60000 and a gap at least 40.
    """

    leg: int
    digits: str
    duration_ms: int = 160
    gap_ms: int = 80


@value_class(frozen=True, slots=True)
class OpenRoom:
    """A room in which up to `most` parties hear each other's sum; legs of `group` can join. Ends in one `RoomClosed`.

    It mixes at the highest rate that two of its legs can make use of, at most `highest_rate` Hz.
    """

    room: int
    group: str
    most: int = 100
    highest_rate: int = 48_000


@value_class(frozen=True, slots=True)
class JoinRoom:
    """Let `leg` take part in a room, or change how it does. It leaves any other room.

    A leg that is connected stays so: while it `hears` the room, relayed audio waits aside; it goes on afterwards.
    Who does not `speak` is never even asked for audio. `silent_to` do not hear it from its first sample on.
    """

    room: int
    leg: int
    speaks: bool = True
    hears: bool = True
    silent_to: tuple[int, ...] = ()


@value_class(frozen=True, slots=True)
class SetGain:
    """How loud `listener` hears `speaker`, in dB up to 12; None: not at all. Nothing, unless both are in the room."""

    room: int
    speaker: int
    listener: int
    gain_db: float | None


@value_class(frozen=True, slots=True)
class LeaveRoom:
    """Undo `JoinRoom`."""

    room: int
    leg: int


@value_class(frozen=True, slots=True)
class CloseRoom:
    """Everybody leaves; ends in one `RoomClosed`."""

    room: int


@value_class(frozen=True, slots=True)
class OpenRecording:
    """Set the recording's clock to zero now. With `stereo_path`, the tapped legs are also mixed into one stereo WAV."""

    recording: int
    stereo_path: str | None


@value_class(frozen=True, slots=True)
class StartTap:
    """Record what `leg`'s far end says into `path` (WAV), and into `channel` (0 left, 1 right) of the stereo file."""

    leg: int
    recording: int
    path: str
    channel: int


@value_class(frozen=True, slots=True)
class StopTap:
    """Stop recording this leg; its file ends at the next write."""

    leg: int


@value_class(frozen=True, slots=True)
class CloseRecording:
    """Finish all files of the recording; ends in one `RecordingFinished`."""

    recording: int


@value_class(frozen=True, slots=True)
class SetMediaTimeout:
    """Seconds without a valid packet before one `MediaTimeout` is reported; 0 turns the watch off."""

    leg: int
    seconds: float


@value_class(frozen=True, slots=True)
class ReduceNoise:
    """Lower steady noise in what the leg's far end says by `depth` dB; 0: not at all.

    The leg is decoded and encoded again for it, also where its packets could be relayed as they are.
    """

    leg: int
    depth: int = 25


@value_class(frozen=True, slots=True)
class CloseLeg:
    """Say RTCP BYE, stop everything, give the ports back after the drain period; ends in one `LegGone`."""

    leg: int


Command = (
    SetRemote
    | SetFormats
    | SetDirection
    | SetExtendedReports
    | SetKeys
    | SetPath
    | SetNack
    | BindAddress
    | SetVideo
    | Connect
    | Disconnect
    | Play
    | Announce
    | StopPlay
    | StartEcho
    | StopEcho
    | SetDigits
    | SendDigits
    | OpenRoom
    | JoinRoom
    | SetGain
    | LeaveRoom
    | CloseRoom
    | OpenRecording
    | StartTap
    | StopTap
    | CloseRecording
    | SetMediaTimeout
    | ReduceNoise
    | CloseLeg
)
