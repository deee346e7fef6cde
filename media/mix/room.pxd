"""A room: every 20 ms each party hears the sum of what the others say.

Parties that say nothing cost nothing to add. Those who say nothing and have no gains of their own all hear the same,
which is made once; everybody else hears the sum without themselves, and the sum corrected where a gain of their row is
not one. What comes, goes, or changes its gain does so in a straight line over one tick; a party that leaves fades out
with a mirror image of its last sound, whatever becomes of it meanwhile.

A party is a leg (media.voice) or a stream (media.mix.stream); the room knows two verbs of either, pull and push.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from media.foresee cimport STEP_SOUND, Step, foresee_seat
from media.leg cimport WHEEL_ROOM, Leg
from media.mix.gain cimport UNITY, Limiter, limit, mix_add, mix_fade, mix_loudest, mix_scaled, mix_take
from media.mix.seat cimport (
    HEARS_MIX, HEARS_NOTHING, HEARS_TRACKS, PARTY_GONE, PARTY_LEG, PARTY_NONE, PARTY_STREAM, Gain, Room, Seat,
)
from media.mix.stream cimport EVERYBODY, Stream, stream_join, stream_pull, stream_push
from media.receive.playout cimport CONCEALED, VOICE
from media.ring cimport EVENT_MARK_REACHED, EVENT_ROOM_CHANGED, EVENT_ROOM_CLOSED
from media.voice cimport voice_playout, voice_pull, voice_send
from media.wheel cimport wheel_add, wheel_begin, wheel_remove
from media.worker cimport ROOMS_AHEAD, Worker, tell

cdef enum:
    ROOM_TICK = 20               # milliseconds
    NEXT_TO_NOTHING = 64         # a tick no louder than this (-54 dB of full scale) ...
    QUIET_TICKS = 25             # ... and those before (0.5 s): the party is not mixed until it says something
    RELAYED_TICKS = 6            # how long who was relayed to waits for the room to have heard the same voice
    FORESEEN = 4                 # seats of a room that are fetched into the cache before its turn
    STEPS = 4                    # in so many steps (media.foresee.Step), a room ahead for each but the last
    ROOM_HOT = 384               # octets of a room of three, but for what is said


cdef inline Gain* _gain(const Room* room, const Seat* listener, const Seat* speaker) noexcept nogil:
    return &room.gains[(listener - room.seats) * room.most + (speaker - room.seats)]


cdef inline void _set_gain(Room* room, Seat* listener, const Seat* speaker, int wanted, bint at_once) noexcept nogil:
    cdef Gain* gain = _gain(room, listener, speaker)
    cdef bint was_odd = gain.now != UNITY or gain.wanted != UNITY
    gain.wanted = <int16_t> wanted
    if at_once:
        gain.now = <int16_t> wanted
    listener.odd += (gain.now != UNITY or gain.wanted != UNITY) - was_odd


cdef inline void room_gain(Room* room, uint64_t speaker, uint64_t listener, int wanted) noexcept nogil:
    """From the next tick on `listener` hears `speaker` so loud. Nothing, when either is not here."""
    cdef Seat* one = room_find(room, speaker)
    cdef Seat* other = room_find(room, listener)
    if one != NULL and other != NULL:
        _set_gain(room, other, one, wanted, other.ears_now == 0 or one.voice_now == 0)


cdef inline Seat* room_find(const Room* room, uint64_t party) noexcept nogil:
    cdef int i
    for i in range(room.used):
        if room.seats[i].id == party and room.seats[i].party in (PARTY_LEG, PARTY_STREAM):
            return &room.seats[i]
    return NULL


cdef inline void room_begin(Worker* w, Room* room) noexcept nogil:
    """From now on the room ticks."""
    wheel_begin(w, &room.turn, WHEEL_ROOM, room, ROOM_TICK)


cdef inline void room_rate(Room* room, uint32_t rate) noexcept nogil:
    """Mix at another rate from the next tick on."""
    room.rate = rate
    room.samples = <int> (rate * ROOM_TICK // 1000)


cdef inline void _tell_changed(Worker* w, const Room* room) noexcept nogil:
    tell(w, 0, EVENT_ROOM_CHANGED, True, room.id, room.parties)


cdef inline Seat* _empty_seat(Room* room) noexcept nogil:
    """A free seat; where there is none that of a party which left since the last tick, whose last sound breaks off."""
    cdef Seat* left = NULL
    cdef int i
    for i in range(room.most):
        if room.seats[i].party == PARTY_NONE:
            return &room.seats[i]
        if room.seats[i].party == PARTY_GONE:
            left = &room.seats[i]
    if left != NULL:
        _free_seat(room, left)
    return left


cdef inline Seat* _take_seat(Worker* w, Room* room, uint64_t party, bint speaks, int hears, bint fade) noexcept nogil:
    """A seat for a party, or NULL when the room is full (control does not let it come to that)."""
    cdef Seat* seat = _empty_seat(room)
    if seat == NULL:
        return NULL
    room.used = <uint16_t> max(<int> room.used, <int> (seat - room.seats) + 1)
    seat.room = room
    seat.id = party
    seat.speaks = speaks
    seat.hears = <uint8_t> hears
    seat.speaking = seat.voice = seat.quiet = seat.waits = 0
    seat.voice_now = seat.ears_now = <int16_t> (0 if fade else UNITY)
    seat.limiter.gain = 1.0
    seat.limiter.hold = 0
    room.parties += 1
    return seat


cdef inline void _let_ears(Seat* seat, int hears) noexcept nogil:
    """What a leg was relayed until now goes on in the room where it stopped: nothing is missing, nothing heard twice."""
    if hears == HEARS_MIX and seat.hears != HEARS_MIX and seat.leg.peer != NULL:
        seat.waits = RELAYED_TICKS
        seat.ears_now = <int16_t> UNITY
        if seat.leg.peer.voice != NULL and seat.leg.peer.voice.playout != NULL:
            # What waits to be played has been relayed already.
            voice_playout(seat.leg.peer, seat.leg.peer.voice.playout)
    seat.hears = <uint8_t> hears
    seat.leg.mixed = hears == HEARS_MIX


cdef inline void room_join_leg(
    Worker* w, Room* room, Leg* leg, bint speaks, int hears, bint fade
) noexcept nogil:
    """The leg sits in this room from now on, and in no other. `fade`: in the course of the first tick.

    A leg that is bridged stays so; while it hears the room, what the bridge has for it waits aside. One that sits here
    already speaks and hears from now on as it is said.
    """
    cdef Seat* seat = <Seat*> leg.seat
    if seat != NULL and seat.room == room:
        seat.speaks = speaks
        _let_ears(seat, hears)
        return
    room_leave(w, seat)
    seat = _take_seat(w, room, leg.id, speaks, hears, fade)
    if seat != NULL:
        seat.party = PARTY_LEG
        seat.leg = leg
        leg.seat = seat
        seat.hears = HEARS_NOTHING
        _let_ears(seat, hears)
    _tell_changed(w, room)


cdef inline void room_join_stream(
    Worker* w, Room* room, Stream* stream, bint speaks, int hears, bint fade
) noexcept nogil:
    cdef Seat* seat = _take_seat(w, room, stream.id, speaks, hears, fade)
    if seat != NULL:
        seat.party = PARTY_STREAM
        seat.stream = stream
        stream_join(stream, room.rate)
    _tell_changed(w, room)


cdef inline void room_leave(Worker* w, Seat* seat) noexcept nogil:
    """Let go of the party at once; its last sound fades in the next tick. Nothing, for NULL."""
    if seat == NULL:
        return
    if seat.leg != NULL:
        seat.leg.seat = NULL
        seat.leg.mixed = 0
    seat.leg = NULL
    seat.stream = NULL
    seat.party = PARTY_GONE
    seat.hears = HEARS_NOTHING
    seat.room.parties -= 1
    _tell_changed(w, seat.room)


cdef inline void room_speak(Room* room, uint64_t party, bint speaks) noexcept nogil:
    """Whether what the party says is heard by anybody."""
    cdef Seat* seat = room_find(room, party)
    if seat != NULL:
        seat.speaks = speaks


cdef inline void room_close(Worker* w, Room* room) noexcept nogil:
    """Everybody leaves, and Python may have the memory back."""
    cdef int i
    wheel_remove(w, &room.turn)
    for i in range(room.used):
        if room.seats[i].leg != NULL:
            room.seats[i].leg.seat = NULL
            room.seats[i].leg.mixed = 0
    tell(w, 0, EVENT_ROOM_CLOSED, True, room.id, 0)


cdef inline void _free_seat(Room* room, Seat* seat) noexcept nogil:
    """Nothing is left of a party that has left: what others heard of it and it of others is as for anybody again."""
    cdef int i
    seat.party = PARTY_NONE
    for i in range(room.used):
        _set_gain(room, &room.seats[i], seat, UNITY, True)
        _set_gain(room, seat, &room.seats[i], UNITY, True)
    while room.used and room.seats[room.used - 1].party == PARTY_NONE:
        room.used -= 1


# What is said

cdef inline bint _pull(Worker* w, Seat* seat) noexcept nogil:
    """The next 20 ms of a party; False when it says nothing."""
    cdef int64_t mark
    cdef bint heard
    if seat.party == PARTY_LEG:
        # Comfort noise of those who say nothing would only add up.
        return voice_pull(w, seat.leg, seat.pcm, seat.room.samples, seat.room.rate) & (VOICE | CONCEALED) != 0
    heard = stream_pull(seat.stream, seat.pcm, seat.room.rate, &mark)
    if mark:
        tell(w, seat.id, EVENT_MARK_REACHED, True, mark, 0)
    return heard


cdef inline void _mirror(Seat* seat, int samples) noexcept nogil:
    """The last sound backwards, from where it ended: no step, and no sound of its own while it fades."""
    cdef int i
    cdef int16_t swapped
    for i in range(samples // 2):
        swapped = seat.pcm[i]
        seat.pcm[i] = seat.pcm[samples - 1 - i]
        seat.pcm[samples - 1 - i] = swapped


cdef inline int _wanted(Worker* w, Seat* seat, int samples) noexcept nogil:
    """Fetch what the party says; the gain it shall have at the end of this tick."""
    cdef bint before = seat.voice
    seat.voice = 0
    if seat.party != PARTY_GONE and seat.speaks and _pull(w, seat):
        seat.voice = 1
        if mix_loudest(seat.pcm, samples) > NEXT_TO_NOTHING:
            seat.quiet = 0
        elif seat.quiet < QUIET_TICKS:
            seat.quiet += 1
        return 0 if seat.quiet == QUIET_TICKS else UNITY
    if before and seat.voice_now and seat.party != PARTY_LEG:
        _mirror(seat, samples)
        return 0
    return -1                    # a leg's playout has let its last sound die away itself


cdef inline void _foresee(const Worker* w, const Room* room, int at) noexcept nogil:
    """While the seat `at` is served: fetch of the rooms ahead the same seat, of a large room the seats behind it."""
    cdef const Room* ahead
    cdef int step, i
    for i in range(ROOMS_AHEAD if at < FORESEEN else 0):
        ahead = <const Room*> w.rooms_ahead[i]
        if ahead != NULL and at < ahead.used:
            foresee_seat(&ahead.seats[at], <Step> (ROOMS_AHEAD - 1 - i), ahead.samples * sizeof(int16_t))
    for step in range(STEPS if room.used > FORESEEN else 0):
        i = at + 2 * (STEPS - step)
        if FORESEEN <= i < room.used:
            foresee_seat(&room.seats[i], <Step> step, room.samples * sizeof(int16_t))


cdef inline void _hear_parties(Worker* w, Room* room) noexcept nogil:
    """Add up what everybody says."""
    cdef Seat* seat
    cdef int i, wanted
    room.speakers = 0
    memset(w.room_total, 0, room.samples * sizeof(int32_t))
    for i in range(min(<int> room.used, <int> FORESEEN)):
        foresee_seat(&room.seats[i], STEP_SOUND, room.samples * sizeof(int16_t))
    for i in range(room.used):
        _foresee(w, room, i)
        seat = &room.seats[i]
        if seat.party == PARTY_NONE:
            continue
        wanted = _wanted(w, seat, room.samples)
        seat.speaking = wanted > 0 or (wanted == 0 and seat.voice_now > 0)
        if not seat.speaking:
            continue
        if seat.voice_now != UNITY or wanted != UNITY:
            mix_fade(seat.pcm, room.samples, seat.voice_now, wanted)
            seat.voice_now = <int16_t> (wanted if seat.voice else UNITY)
        mix_add(w.room_total, seat.pcm, room.samples)
        room.speaking[room.speakers] = <uint16_t> i
        room.speakers += 1


# What is heard

cdef inline int _waited(Seat* seat) noexcept nogil:
    """How many samples of this tick lie before the relayed voice goes on; negative: it has not come yet."""
    cdef const Seat* peer = NULL if seat.leg.peer == NULL else <const Seat*> seat.leg.peer.seat
    cdef int samples = 0
    seat.waits -= 1
    if peer == NULL or peer.room != seat.room:
        seat.waits = 0
    elif peer.speaking:
        seat.waits = 0
        while samples < seat.room.samples and peer.pcm[samples] == 0:
            samples += 1
        if seat.leg.voice != NULL and seat.leg.voice.frame and seat.leg.voice.coders.encoder.sample_rate != seat.room.rate:
            samples -= samples % <int> (seat.room.rate // 1000)
    elif seat.waits:
        samples = -1
    return samples


cdef inline void _push(Worker* w, Seat* seat, const int16_t* pcm) noexcept nogil:
    cdef int first = 0
    if seat.party == PARTY_LEG:
        if seat.waits:
            first = _waited(seat)
        if first >= 0:
            voice_send(w, seat.leg, pcm + first, seat.room.samples - first, seat.room.rate)
    else:
        stream_push(seat.stream, EVERYBODY, seat.room.tick, pcm, seat.room.rate)


cdef inline void _push_tracks(Room* room, const Seat* seat) noexcept nogil:
    cdef Seat* speaker
    cdef int i
    for i in range(room.speakers):
        speaker = &room.seats[room.speaking[i]]
        if speaker != seat and speaker.party != PARTY_GONE and _gain(room, seat, speaker).wanted:
            stream_push(seat.stream, speaker.id, room.tick, speaker.pcm, room.rate)


cdef inline void _mix_row(Worker* w, Room* room, Seat* seat) noexcept nogil:
    """Everybody else, by the gains of the party's row, as a sum in `w.room_mix`."""
    cdef Gain* gain
    cdef int i
    if seat.speaking:
        mix_take(w.room_mix, w.room_total, seat.pcm, room.samples)
    else:
        memcpy(w.room_mix, w.room_total, room.samples * sizeof(int32_t))
    if seat.odd == 0:
        return
    for i in range(room.used):
        gain = &room.gains[(seat - room.seats) * room.most + i]
        if gain.now == UNITY and gain.wanted == UNITY:
            continue
        if room.seats[i].speaking and &room.seats[i] != seat:
            mix_scaled(w.room_mix, room.seats[i].pcm, room.samples, gain.now - UNITY, gain.wanted - UNITY)
        if gain.now != gain.wanted:
            gain.now = gain.wanted
            seat.odd -= gain.now == UNITY


cdef inline bint _hears_everybody(Room* room, const Seat* seat, bint first) noexcept nogil:
    """Whether the mix of everybody will do: nothing to take out, and the level is turned down as far as its own is."""
    if seat.speaking or seat.odd:
        return False
    if first and not room.together_used:
        room.limiter = seat.limiter
    if first:
        room.limiter_before = room.limiter
    return -0.001 < room.limiter_before.gain - seat.limiter.gain < 0.001


cdef inline void _let_hear(Worker* w, Room* room, Seat* seat, bint* together) noexcept nogil:
    cdef int16_t* heard = w.room_out
    if _hears_everybody(room, seat, not together[0]):
        if not together[0]:
            limit(&room.limiter, w.room_total, room.samples, <int> room.rate, w.room_together)
            together[0] = True
        seat.limiter = room.limiter
        heard = w.room_together
    else:
        _mix_row(w, room, seat)
        limit(&seat.limiter, w.room_mix, room.samples, <int> room.rate, w.room_out)
    if seat.ears_now != UNITY:
        if heard == w.room_together:
            memcpy(w.room_out, heard, room.samples * sizeof(int16_t))
            heard = w.room_out
        mix_fade(heard, room.samples, seat.ears_now, UNITY)
        seat.ears_now = <int16_t> UNITY
    _push(w, seat, heard)


cdef inline void room_tick(Worker* w, Room* room) noexcept nogil:
    """Everybody is heard, and hears."""
    cdef Seat* seat
    cdef bint together = False
    cdef int i
    _hear_parties(w, room)
    for i in range(room.used):
        seat = &room.seats[i]
        if seat.hears == HEARS_NOTHING or seat.party == PARTY_NONE:
            continue
        if seat.hears == HEARS_TRACKS:
            _push_tracks(room, seat)
        elif seat.party == PARTY_LEG and seat.leg.playing:
            seat.ears_now = 0        # what plays to it goes first
        else:
            _let_hear(w, room, seat, &together)
    room.together_used = together
    for i in range(room.used - 1, -1, -1):
        if room.seats[i].party == PARTY_GONE:
            _free_seat(room, &room.seats[i])
    room.tick += 1


cdef inline void room_turn(Worker* w, Room* room) noexcept nogil:
    room_tick(w, room)
    wheel_add(w, &room.turn, ROOM_TICK)
