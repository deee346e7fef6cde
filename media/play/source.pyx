"""The owner of one sound and its tracks; see `source.pxd` for who may read it when."""

from libc.stdint cimport int16_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free

from audiocodecs import g711

from audiocodecs.registry cimport CODEC_PCMA, CODEC_PCMU

LONGEST_PACKET_MS = PLAY_TAIL // PLAY_TICKS_A_MS

cdef extern from *:
    """
    #define publish(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    """
    void publish(const void *at, const void *value) nogil


cdef class PlaySource:
    cdef play_source source
    cdef play_track *made[PLAY_TRACKS]
    cdef int track_count
    cdef list _held
    cdef readonly bytes narrow
    cdef bytes _wide

    def __cinit__(self, bytes narrow not None):
        cdef uint32_t length
        if len(narrow) < 2 or len(narrow) % 2 or len(narrow) > 0x7FFFFFFF:
            raise ValueError(f"16-bit samples at 8 kHz expected, got {len(narrow)} bytes")
        self._held = []
        self.narrow = narrow
        length = <uint32_t>(len(narrow) // 2)
        self.source.length = length
        self.source.narrow = <const int16_t *><const char *>self.narrow
        self.add_track(CODEC_PCMA, 8000, g711.linear_to_alaw(narrow) + b"\xd5" * PLAY_TAIL, 1)
        self.add_track(CODEC_PCMU, 8000, g711.linear_to_ulaw(narrow) + b"\xff" * PLAY_TAIL, 1)

    def __dealloc__(self):
        cdef int i
        for i in range(self.track_count):
            free(<void *>self.made[i].offsets)
            free(self.made[i])

    @property
    def address(self):
        return <uintptr_t>&self.source

    @property
    def length(self):
        return self.source.length

    @property
    def duration(self):
        return self.source.length / 8000.0

    @property
    def wide(self):
        return self._wide

    def widen(self, bytes wide not None):
        if self._wide is not None:
            return
        if len(wide) != 4 * self.source.length:
            raise ValueError(f"{2 * self.source.length} samples at 16 kHz expected, got {len(wide) // 2}")
        self._wide = wide
        publish(&self.source.wide, <const char *>self._wide)

    def has_track(self, int codec, uint32_t clock_rate, uint32_t ticks):
        return play_track_for(&self.source, codec, clock_rate, ticks) != NULL

    def add_track(self, int codec, uint32_t clock_rate, octets, uint32_t unit_ticks):
        cdef uint32_t units = (self.source.length + unit_ticks - 1) // unit_ticks, all_units, i, offset = 0
        cdef play_track *track
        cdef uint32_t *offsets = NULL
        cdef bytes joined = octets if isinstance(octets, bytes) else b"".join(octets)
        if self.track_count == PLAY_TRACKS:
            raise ValueError(f"a sound has at most {PLAY_TRACKS} tracks")
        if isinstance(octets, bytes):
            all_units = units + PLAY_TAIL // unit_ticks
            if len(joined) % all_units:
                raise ValueError(f"{all_units} units of one size expected, got {len(joined)} octets")
        elif len(octets) != units:
            raise ValueError(f"{units} packets expected, got {len(octets)}")
        track = <play_track *>calloc(1, sizeof(play_track))
        if track == NULL:
            raise MemoryError("no memory for a sound's track")
        if isinstance(octets, bytes):
            track.unit_octets = <uint32_t>(len(joined) // all_units)
        else:
            offsets = <uint32_t *>calloc(units + 1, sizeof(uint32_t))
            if offsets == NULL:
                free(track)
                raise MemoryError("no memory for a sound's track")
            for i in range(units):
                offsets[i] = offset
                offset += <uint32_t>len(octets[i])
            offsets[units] = offset
        self._held.append(joined)
        track.octets = <const uint8_t *><const char *>joined
        track.offsets = offsets
        track.units = units
        track.unit_ticks = unit_ticks
        track.clock_rate = clock_rate
        track.codec = <uint8_t>codec
        self.made[self.track_count] = track
        publish(&self.source.tracks[self.track_count], track)
        self.track_count += 1

    def track(self, int codec):
        cdef int i
        for i in range(self.track_count):
            if self.made[i].codec == codec:
                return self._held[i]
        return None

    def read(self, uint32_t position, uint32_t ticks, int codec, *, bint repeat=False, uint32_t clock_rate=8000):
        cdef const play_track *track = play_track_for(&self.source, codec, clock_rate, ticks)
        cdef uint8_t[1500] out
        cdef int octets
        if track == NULL:
            raise LookupError(f"no track of codec {codec} at {clock_rate} Hz for packets of {ticks} ticks")
        octets = play_read(&self.source, track, repeat, &position, ticks, out, 1500)
        return bytes(out[:max(octets, 0)]), position
