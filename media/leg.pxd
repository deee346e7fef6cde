"""Everything the engine knows of one leg: a flat record that never moves, the fields every packet touches first."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from audiocodecs.coder cimport audio_decoder, audio_encoder
from audiocodecs.resampling cimport Resampler
from media.mix.gain cimport Limiter
from media.net.latch cimport Latch
from media.net.udp cimport Address
from media.play.source cimport play_source
from media.receive.comfort_noise cimport ComfortNoise
from media.receive.concealment cimport Concealment
from media.receive.playout cimport Playout
from media.receive.statistics cimport ReceiveStream
from media.receive.telephone_event cimport DigitWatch
from media.receive.tone_detector cimport ToneDetector
from media.record.tap cimport tap_ring
from media.send.dual_tone cimport DualTone
from media.send.packetize cimport SendStream
from media.send.sender_report cimport Reports
from media.send.telephone_event cimport PressSender
from media.srtp.session cimport SrtpSession
from media.web.side cimport BrowserSide
from media.video.state cimport Video

cdef enum:
    FORMATS = 12             # payload types a leg may have each way
    NO_FORMAT = 255
    NOISE_OCTETS = 13        # of a comfort noise payload: level and the coefficients that are used
    HEARD = 2400             # samples of 50 ms at 48 kHz
    PACKED = 2880            # samples of the longest packet we make: 60 ms at 48 kHz
    PLAY_SOUNDS = 8          # that one command may play one after the other

cdef enum LegState:
    LEG_FREE
    LEG_OPEN
    LEG_GONE                 # closed by the worker, waiting for control to give its ports back

cdef enum Wire:
    WIRE_OPEN                # unconnected
    WIRE_LEARNING            # asking for the local address the far end sends to
    WIRE_CONNECTED
    WIRE_SHARED              # its packets come by the worker's shared socket, and leave in batches
    WIRE_KEPT_OPEN           # connecting would move it to another local address

cdef enum DropReason:
    DROP_MALFORMED
    DROP_STRANGER
    DROP_UNKNOWN_PAYLOAD
    DROP_UNROUTABLE
    DROP_FOREIGN_SSRC
    DROP_SEND_FAILED
    DROP_UNAUTHENTICATED     # SRTP: altered, forged, or under another key
    DROP_REPLAYED            # SRTP: a number that was seen, or is too old to tell
    DROP_OUT_OF_ORDER        # transcoding: what follows it had been passed on, or a jump that nothing confirmed yet
    DROP_UNDECODABLE
    DROP_HANDSHAKE           # a browser's STUN or DTLS beyond what is taken in a while
    DROP_REASONS

cdef enum Translation:
    COPY
    A_TO_U
    U_TO_A
    NOWHERE                  # nothing this leg is connected to can carry the format
    TRANSCODE                # and what follows: not the bridge's to carry
    BESIDE                   # copied, among the packets of a transcoded stream


cdef struct Format:
    uint32_t rate
    uint8_t payload_type
    uint8_t codec
    uint8_t out_payload_type    # what it becomes on the connected leg
    uint8_t translation


cdef enum Pause:
    PAUSE_NONE
    PAUSE_BY_NOISE           # RFC 3389
    PAUSE_BY_CODEC           # the decoder makes the noise

cdef enum WheelKind:
    WHEEL_PLAYBACK              # owner: Leg
    WHEEL_PAUSE                 # owner: Leg
    WHEEL_ROOM                  # owner: media.mix.seat.Room
    WHEEL_KEYS                  # owner: Leg


# Embedded in whatever wants to be served at a millisecond (media.wheel).
cdef struct WheelEntry:
    WheelEntry* next            # NULL: not on the wheel
    WheelEntry* previous
    int64_t due                 # millisecond of the wheel's time
    void* owner
    uint8_t kind                # WheelKind


# Made by Python, which keeps them until the worker says that it has let go of `token`.
cdef struct Coders:
    int64_t token
    audio_encoder* encoder      # NULL: none
    audio_decoder* decoders[FORMATS]
    uint8_t count


# What of their stream has been decoded on arrival, and passed on (media.mix.transcode).
cdef struct Arrival:
    audio_decoder* decoder      # of the last packet; NULL: the next one begins
    uint32_t ssrc
    uint32_t next_timestamp
    uint16_t next_sequence


# What a leg needs to be heard and spoken to as audio (media.voice); a leg that is only relayed has none.
cdef struct Voice:
    Coders coders
    audio_decoder* decoder_of[FORMATS]   # by index in leg.formats; NULL: what comes so is not decoded
    uint32_t frame              # samples of a packet at the encoder's rate; 0: no encoder the far end understands
    uint32_t frame_units        # the same in units of the RTP clock
    uint32_t filled             # samples that wait in `pending` for the rest of their packet
    uint32_t timestamp          # of the next packet, in our own numbering
    uint16_t sequence
    uint8_t payload_type
    uint8_t after_silence       # the next packet begins a talkspurt
    uint8_t loss                # percent of our packets the far end loses, as the encoder was told
    uint32_t loss_expected      # of the far end's reports, when it was told
    uint32_t loss_lost
    uint32_t beside_source      # timestamp of the event, or noise, that was passed on last, and what it became
    uint32_t beside_timestamp
    int64_t sent_at             # when `timestamp` was the moment's
    Playout* playout            # NULL: nobody asks what they say at a pace of his own
    uint32_t playout_ssrc
    uint8_t pause               # Pause: what they do not send is said for them (media.mix.silence)
    # what lies before this is read for every packet (media.foresee)
    Arrival arrival
    uint8_t guessing            # what was said to the partner last was `guess`, not they
    Concealment guess           # where the decoder has no concealment of its own
    int16_t heard[HEARD]        # the last 50 ms of what they said, for that
    WheelEntry pause_turn
    ComfortNoise noise
    Resampler to_encoder        # from the rate of who spoke last
    Resampler from_playout      # to the rate that was asked for last
    int16_t pending[PACKED]


# Sounds one after the other, and how loud they are just now.
cdef struct PlayQueue:
    int64_t id                  # of the Play or Announce
    const play_source* sounds[PLAY_SOUNDS]
    uint32_t position           # ticks of 1/8000 s into sounds[at]
    uint8_t count               # 0: nothing plays
    uint8_t at
    uint8_t repeat
    uint8_t ended
    int gain                    # reached; UNITY is 0 dB (media.mix.gain)
    int target
    int step                    # by how much it moves in 5 ms


# What is played to the far end (media.send.playback).
cdef struct Playback:
    uint8_t begun               # a packet has been due
    uint8_t stopping            # one packet more, in which it fades away
    uint8_t payload_type
    uint8_t codec
    uint32_t clock_rate
    uint64_t stream             # names our own numbering to send_number
    uint32_t timestamp
    uint16_t sequence
    int ducked                  # gain of the music while an announcement is over it
    WheelEntry turn
    PlayQueue music             # a prompt, a tone or music
    PlayQueue over              # an announcement on top of it
    PlayQueue leaving           # the music before, fading out
    Limiter limiter


# Hears keys in the audio of a far end that sends no telephone events. Python's memory, freed with the leg.
cdef struct KeyListener:
    ToneDetector detector
    uint32_t next_timestamp
    uint32_t length_ms          # of the key that is down, so far
    uint8_t started


# Keys pressed for the far end, and how its own are heard (media.send.keys).
cdef struct Keys:
    KeyListener* listener       # NULL: none in audio
    uint16_t sequence           # of our own numbering
    uint8_t sends               # keys go to the far end as media; otherwise signalling sends them, or nobody
    uint8_t format              # index in send_formats of the telephone events; NO_FORMAT: as tones
    uint8_t speaking            # the tones themselves are being said
    uint8_t toned               # tones have begun, and nothing else was said since
    uint8_t passing             # the key that is down here is held on the connected leg
    PressSender presses
    WheelEntry turn
    int32_t wait                # milliseconds that did not fit on the wheel
    int32_t pause               # samples left of the pause behind a tone
    DualTone tone
    KeyListener* memory         # Python's: what `listener` is, was or will be


cdef struct Leg:
    # read for every packet
    uint64_t id
    int32_t fd
    int32_t rtcp_fd
    uint8_t state
    uint8_t may_send
    uint8_t echo
    uint8_t rtcp_mux
    uint8_t may_receive         # what they say goes on: relayed, echoed, recorded
    uint8_t receive_expected    # and silence is an event
    uint8_t timeout_told
    uint8_t quiet_codec         # the last packet was comfort noise
    uint8_t wire                # Wire
    uint8_t is_browser          # there is a `browser`: other rules of who is heard
    uint16_t port
    uint32_t local_host         # WIRE_SHARED: the IPv4 address the far end sends to, network order
    uint8_t silence_told        # control knows that they stop sending in pauses
    uint8_t start_untold        # MediaStarted found no room in the event ring
    uint32_t foreign_ssrc       # a new SSRC from the locked source that has yet to prove itself
    uint32_t foreign_packets
    Leg* peer
    tap_ring* tap
    Voice* voice                # NULL: relayed only
    SrtpSession* opening        # decrypts what comes; NULL: it comes plain
    SrtpSession* sealing        # encrypts what goes
    void* seat                  # media.mix.seat.Seat; NULL: in no room
    uint8_t mixed               # what it hears is made by a room: relayed audio waits aside
    uint8_t playing             # so it does while anything at all is played
    int64_t heard_at            # last valid packet, or when the media watch began
    Latch latch
    ReceiveStream received
    SendStream sent
    uint8_t format_of[128]      # payload type -> index in formats, NO_FORMAT
    Format formats[FORMATS]     # what they send to us
    Keys keys                   # its first line
    # read now and then
    Format send_formats[FORMATS]
    uint8_t format_count
    uint8_t send_format_count
    int64_t media_timeout       # microseconds, 0 never
    uint8_t ptime               # milliseconds of audio in a packet we send them, where we make it: 10-60
    Playback playback
    Leg* untold_next            # next of the legs whose end found no room in the event ring
    Voice* voice_memory         # Python's: what `voice` is, was or will be; freed with the leg
    Playout* playout_memory     # as well
    uint8_t noise_length        # of the comfort noise they told of last, where nobody can carry it
    uint8_t noise[NOISE_OCTETS]
    DigitWatch digit
    Reports reports
    Address rtcp_signalled
    Address rtcp_source         # where their RTCP last came from, once accepted
    SrtpSession* former         # opened before `opening` did, for what was still on its way
    int64_t former_until
    uint32_t active_index       # place in the worker's list of legs
    uint32_t drops[DROP_REASONS]
    uint32_t tap_overruns
    uint16_t worker
    BrowserSide* browser        # NULL: the far end is none
    Video* video                # NULL: audio alone
    Video* video_memory         # Python's: what `video` is, was or will be
