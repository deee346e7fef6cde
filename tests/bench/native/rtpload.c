/* G.711 load generator: sends RTP at 50 packets a second on both legs of every call, and checks each packet that
 * comes out on the other side.
 *
 *   rtpload ADDRESS SOCKETS CPU      binds SOCKETS RTP ports (and their RTCP neighbours) for each of two sides
 *
 * It then prints "ports A p1 p2 ..." and "ports B p1 p2 ...", and obeys lines on standard input:
 *
 *   call ID ADDRESS_A PORT_A ADDRESS_B PORT_B    where the switch listens on the two legs of call ID (0, 1, 2, ...)
 *   secure ID SUITE OURS THEIRS                  leg A of that call is SRTP, with these keys and salts in hexadecimal
 *   active N                                     stream on calls 0 .. N-1
 *   measure MS                                   one JSON line of results, after MS milliseconds and a drain
 *   quit
 *
 * A call's packets towards leg A leave from the socket (ID / 16) % SOCKETS of side A; what they become on leg B must
 * arrive at the same index of side B, and the other way round. Each payload says call, direction, sequence number,
 * measurement and send time. Sends are spread evenly over 20 ms; direction B runs 10 ms after direction A.
 *
 * Where it may (CAP_NET_RAW) it writes whole frames to the loopback through a packet socket's ring, which costs it half
 * of what sendmmsg() does; the switch cannot tell the difference, since every frame passes through the kernel's
 * ordinary receive path.
 *
 * SRTP is libsrtp's, lent by whoever loads this as a shared library (tests/bench/secure_load.py) instead of running it.
 *
 * While measuring it spins on its own core, so that it adds no wake-up latency of its own; otherwise it sleeps in
 * millisecond steps. Latency runs from just before the send to just after recvmmsg(), so it includes the loopback.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_SOCKETS = 256,
    MAX_CALLS = 16384,
    CALLS_PER_RUN = 16, /* neighbours share a socket, so that one sendmmsg() can carry several */
    BATCH = 16,
    RECEIVE_BATCH = 64,
    PAYLOAD = 160,
    HEADER = 12,
    PACKET = HEADER + PAYLOAD,
    TRAILER = 32, /* what SRTP may add */
    LOWER = 14 + 20 + 8, /* Ethernet, IPv4, UDP */
    FRAME_SIZE = 512,
    FRAMES = 4096,
    BUCKET_NS = 5000,
    BUCKETS = 200000, /* one second */
    DRAIN_MS = 500,
};
#define PTIME_NS 20000000LL
#define MAGIC 0x52544c44u

struct stamp { /* the first bytes of every payload */
    uint32_t magic;
    uint32_t call;
    uint32_t sequence;
    uint16_t direction;
    uint16_t measurement; /* 0: not measured */
    int64_t sent_ns;
} __attribute__((packed));

struct stream { /* call x direction */
    struct sockaddr_in to;
    unsigned char lower[LOWER]; /* the headers under RTP, for the packet socket */
    uint32_t sequence;
    uint32_t ssrc;
    void *seal;       /* SRTP session to send with; NULL: plain RTP */
    void *open;       /* and for what comes back on this leg */
    unsigned length;  /* of a packet on the wire */
    uint32_t highest; /* received: highest sequence number + 1 */
    uint64_t window;  /* which of the 64 below it were seen */
};

struct results {
    uint64_t sent, received, duplicates, misrouted, corrupt, late_ns_max, send_errors;
    uint64_t out_of_order;
    int64_t latency_ns_max;
    uint32_t histogram[BUCKETS + 1];
};

static int sockets_per_side;
static int rtp_socket[2][MAX_SOCKETS];
static int rtcp_socket[2][MAX_SOCKETS];
static struct stream streams[2][MAX_CALLS];
static int known_calls, active_calls;
static uint16_t measurement; /* running, or 0 */
static uint16_t counted;     /* the one whose packets still count */
static uint16_t measurements;
static struct results result;
static uint64_t rtcp_packets, receive_drops_before;
static unsigned char filler[PAYLOAD];
static unsigned char run_id;
static const char *own_address;
static int (*srtp_protect)(void *session, void *packet, int *length);
static int (*srtp_unprotect)(void *session, void *packet, int *length);
static void *(*srtp_session)(const char *suite, const char *key, uint32_t ssrc); /* ssrc 0: for receiving */
static int secure_calls;
static int call_at[65536]; /* by the switch's port of leg A */

static int64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "rtpload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bind_udp(const char *address, int port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    int size = 8 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) fail(address);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int port_of(int fd) {
    struct sockaddr_in at;
    socklen_t length = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &length) < 0) fail("getsockname");
    return ntohs(at.sin_port);
}

static void bind_pair(const char *address, int side, int index) { /* an even port and the odd one above it */
    for (int attempt = 0; attempt < 10000; attempt++) {
        int rtp = bind_udp(address, 0);
        if (rtp < 0) fail("bind");
        int port = port_of(rtp);
        if (port % 2 == 0) {
            int rtcp = bind_udp(address, port + 1);
            if (rtcp >= 0) {
                rtp_socket[side][index] = rtp;
                rtcp_socket[side][index] = rtcp;
                return;
            }
        }
        close(rtp);
    }
    fail("no free pair of ports");
}

/* --- sending --------------------------------------------------------------------------------------------------- */

static unsigned char send_buffer[BATCH][PACKET + TRAILER];
static struct iovec send_vector[BATCH];
static struct mmsghdr send_message[BATCH];
static int ring_socket = -1; /* packet socket, or -1: sendmmsg() */
static unsigned char *ring;
static int ring_next;
static struct sockaddr_ll loopback;

enum { FRAME_DATA = TPACKET2_HDRLEN - sizeof(struct sockaddr_ll) };

static struct tpacket2_hdr *frame_at(int index) { return (struct tpacket2_hdr *)(ring + (size_t)index * FRAME_SIZE); }

static int allowed(const char *path) {
    FILE *file = fopen(path, "r");
    int value = file ? fgetc(file) : 0;
    if (file) fclose(file);
    return value == '1';
}

static void open_ring(const char *address) {
    /* Frames that come from outside the IP stack are martians to it unless lo is told otherwise; the bench does so in
     * a network namespace of its own, never on the host. */
    if (strncmp(address, "127.", 4) != 0 || !allowed("/proc/sys/net/ipv4/conf/lo/route_localnet") ||
        !allowed("/proc/sys/net/ipv4/conf/lo/accept_local"))
        return;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: it never receives */
    if (fd < 0) return;
    int version = TPACKET_V2, on = 1;
    struct tpacket_req request = {.tp_block_size = FRAMES / 8 * FRAME_SIZE,
                                  .tp_block_nr = 8,
                                  .tp_frame_size = FRAME_SIZE,
                                  .tp_frame_nr = FRAMES};
    if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof request) < 0)
        fail("packet socket");
    ring = mmap(NULL, (size_t)FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (ring == MAP_FAILED) fail("mmap");
    loopback = (struct sockaddr_ll){.sll_family = AF_PACKET,
                                    .sll_protocol = htons(ETH_P_IP),
                                    .sll_ifindex = (int)if_nametoindex("lo"),
                                    .sll_halen = 6};
    for (int i = 0; i < FRAMES; i++) {
        unsigned char *data = (unsigned char *)frame_at(i) + FRAME_DATA;
        /* hdr_len over everything makes the kernel copy the frame, so that it may be reused at once */
        struct virtio_net_hdr header = {.hdr_len = LOWER + PACKET};
        memcpy(data, &header, sizeof header);
        memcpy(data + sizeof header + LOWER + HEADER, filler, PAYLOAD);
        frame_at(i)->tp_len = sizeof header + LOWER + PACKET;
    }
    ring_socket = fd;
}

static void write_lower(struct stream *stream, const char *address, int from_port) {
    unsigned char *ethernet = stream->lower, *ip = ethernet + 14, *udp = ip + 20;
    uint16_t length = htons((uint16_t)(20 + 8 + stream->length)), udp_length = htons((uint16_t)(8 + stream->length));
    uint16_t port = htons((uint16_t)from_port);
    memset(stream->lower, 0, LOWER);
    ethernet[12] = 0x08; /* IPv4 */
    ip[0] = 0x45;
    memcpy(ip + 2, &length, 2);
    ip[6] = 0x40; /* do not fragment */
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    inet_pton(AF_INET, address, ip + 12);
    memcpy(ip + 16, &stream->to.sin_addr, 4);
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2) sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    ip[10] = (unsigned char)(sum >> 8);
    ip[11] = (unsigned char)sum;
    memcpy(udp, &port, 2);
    memcpy(udp + 2, &stream->to.sin_port, 2);
    memcpy(udp + 4, &udp_length, 2); /* checksum 0: none, as RFC 768 allows */
}

static void write_packet(unsigned char *packet, struct stream *stream, int call, int direction, int64_t now) {
    uint32_t sequence = stream->sequence++;
    uint16_t rtp_sequence = htons((uint16_t)sequence);
    uint32_t timestamp = htonl(sequence * 160), ssrc = htonl(stream->ssrc);
    packet[0] = 0x80;
    packet[1] = sequence == 0 ? 0x88 : 0x08; /* PCMA, marker on the first */
    memcpy(packet + 2, &rtp_sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    struct stamp stamp = {MAGIC, (uint32_t)call, sequence, (uint16_t)direction, measurement, now};
    memcpy(packet + HEADER, &stamp, sizeof stamp);
    if (secure_calls) memcpy(packet + HEADER + sizeof stamp, filler + sizeof stamp, PAYLOAD - sizeof stamp);
    if (stream->seal) {
        int length = PACKET;
        if (srtp_protect(stream->seal, packet, &length) != 0 || (unsigned)length != stream->length) {
            errno = EPROTO;
            fail("srtp_protect");
        }
    }
}

static void flush_ring(void) {
    if (sendto(ring_socket, NULL, 0, MSG_DONTWAIT, (struct sockaddr *)&loopback, sizeof loopback) < 0)
        result.send_errors++;
}

static void put_in_ring(struct stream *stream, int call, int direction, int64_t now) {
    struct tpacket2_hdr *frame = frame_at(ring_next);
    while (__atomic_load_n(&frame->tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) {
        if (frame->tp_status & TP_STATUS_WRONG_FORMAT) {
            errno = EINVAL;
            fail("frame");
        }
        flush_ring();
    }
    unsigned char *data = (unsigned char *)frame + FRAME_DATA + sizeof(struct virtio_net_hdr);
    if (secure_calls) {
        struct virtio_net_hdr header = {.hdr_len = (uint16_t)(LOWER + stream->length)};
        memcpy(data - sizeof header, &header, sizeof header);
        frame->tp_len = (uint32_t)(sizeof header + LOWER + stream->length);
    }
    memcpy(data, stream->lower, LOWER);
    write_packet(data + LOWER, stream, call, direction, now);
    __atomic_store_n(&frame->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
    ring_next = (ring_next + 1) % FRAMES;
}

static void flush(int fd, int count) {
    int done = 0;
    if (ring_socket >= 0) {
        flush_ring();
        return;
    }
    while (done < count) {
        int sent = sendmmsg(fd, send_message + done, (unsigned)(count - done), 0);
        if (sent <= 0) { /* no buffer: that packet is the generator's loss, reported as such */
            if (errno == EINTR) continue;
            result.send_errors++;
            done++;
            continue;
        }
        done += sent;
    }
}

struct schedule {
    int64_t base; /* when this cycle of 20 ms began */
    int calls;    /* active in this cycle */
    int next;     /* position within it: 0 .. 2 * calls */
};

static int send_due(struct schedule *plan) {
    int sent = 0;
    int64_t now = now_ns();
    for (;;) {
        if (plan->next >= 2 * plan->calls) {
            if (now < plan->base + PTIME_NS) return sent;
            plan->base += PTIME_NS;
            plan->next = 0;
            plan->calls = active_calls;
            if (!plan->calls) {
                plan->base = now;
                return sent;
            }
        }
        int count = 0, fd = -1;
        int64_t first_due = 0;
        while (count < BATCH && plan->next < 2 * plan->calls) {
            int64_t due = plan->base + PTIME_NS * plan->next / (2 * plan->calls);
            if (due > now) break;
            int direction = plan->next / plan->calls, call = plan->next % plan->calls;
            int from = rtp_socket[direction][(call / CALLS_PER_RUN) % sockets_per_side];
            if (count == 0) {
                fd = from;
                first_due = due;
            } else if (from != fd && ring_socket < 0) {
                break;
            }
            struct stream *stream = &streams[direction][call];
            if (ring_socket >= 0) {
                put_in_ring(stream, call, direction, now);
            } else {
                write_packet(send_buffer[count], stream, call, direction, now);
                send_message[count].msg_hdr.msg_name = &stream->to;
                send_vector[count].iov_len = stream->length;
            }
            plan->next++;
            count++;
        }
        if (!count) return sent;
        if (measurement) {
            result.sent += (uint64_t)count;
            if ((uint64_t)(now - first_due) > result.late_ns_max) result.late_ns_max = (uint64_t)(now - first_due);
        }
        flush(fd, count);
        sent += count;
        if (sent >= 4 * BATCH) return sent; /* let the receiver have its turn */
        now = now_ns();
    }
}

/* --- receiving ------------------------------------------------------------------------------------------------- */

static unsigned char receive_buffer[RECEIVE_BATCH][2048];
static struct iovec receive_vector[RECEIVE_BATCH];
static struct mmsghdr receive_message[RECEIVE_BATCH];
static struct sockaddr_in receive_from[RECEIVE_BATCH];

/* What came for a leg with SRTP, decrypted in place: its length then, 0 when it does not authenticate. */
static unsigned opened(unsigned char *packet, unsigned length, int side, const struct sockaddr_in *from) {
    struct stream *stream = &streams[0][call_at[ntohs(from->sin_port)]];
    int plain = (int)length;
    if (side != 0 || !stream->open || stream->to.sin_port != from->sin_port) return length;
    return srtp_unprotect(stream->open, packet, &plain) == 0 ? (unsigned)plain : 0;
}

static void check_packet(const unsigned char *packet, unsigned length, int side, int64_t now) {
    struct stamp stamp;
    if (length != PACKET) {
        if (counted) result.corrupt++;
        return;
    }
    memcpy(&stamp, packet + HEADER, sizeof stamp);
    if (stamp.magic != MAGIC || stamp.call >= MAX_CALLS || stamp.direction > 1 || (packet[1] & 0x7f) != 8 ||
        memcmp(packet + HEADER + sizeof stamp, filler + sizeof stamp, PAYLOAD - sizeof stamp) != 0) {
        if (counted) result.corrupt++;
        return;
    }
    if (stamp.direction == side) { /* a leg heard itself */
        if (counted) result.misrouted++;
        return;
    }
    struct stream *stream = &streams[stamp.direction][stamp.call];
    int again = 0;
    if (stamp.sequence >= stream->highest) {
        uint32_t forward = stamp.sequence + 1 - stream->highest;
        stream->window = forward >= 64 ? 1 : (stream->window << forward) | 1;
        stream->highest = stamp.sequence + 1;
    } else {
        uint32_t behind = stream->highest - 1 - stamp.sequence;
        if (behind < 64) {
            again = (stream->window >> behind) & 1;
            stream->window |= 1ULL << behind;
        }
        if (counted && stamp.measurement == counted && !again) result.out_of_order++;
    }
    if (!counted || stamp.measurement != counted) return;
    if (again) {
        result.duplicates++;
        return;
    }
    int64_t latency = now - stamp.sent_ns;
    int64_t bucket = latency / BUCKET_NS;
    result.received++;
    result.histogram[bucket < 0 ? 0 : bucket > BUCKETS ? BUCKETS : bucket]++;
    if (latency > result.latency_ns_max) result.latency_ns_max = latency;
}

static void receive_ready(int epoll, int timeout_ms) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll, ready, 64, timeout_ms);
    for (int i = 0; i < count; i++) {
        int side = (int)(ready[i].data.u32 >> 31), rtcp = (int)(ready[i].data.u32 >> 30) & 1;
        int index = (int)(ready[i].data.u32 & 0xffff);
        int fd = rtcp ? rtcp_socket[side][index] : rtp_socket[side][index];
        int got = recvmmsg(fd, receive_message, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
        if (got <= 0) continue;
        if (rtcp) {
            rtcp_packets += (uint64_t)got;
            continue;
        }
        int64_t now = now_ns();
        for (int k = 0; k < got; k++) {
            unsigned length = receive_message[k].msg_len;
            if (length > 1 && receive_buffer[k][1] >= 192 && receive_buffer[k][1] <= 223) { /* RFC 5761: multiplexed */
                rtcp_packets++;
                receive_message[k].msg_hdr.msg_namelen = sizeof receive_from[k];
                continue;
            }
            if (secure_calls) length = opened(receive_buffer[k], length, side, &receive_from[k]);
            check_packet(receive_buffer[k], length, side, now);
            receive_message[k].msg_hdr.msg_namelen = sizeof receive_from[k];
        }
    }
}

static uint64_t receive_drops(void) { /* packets the kernel dropped because we read too slowly */
    uint64_t drops = 0;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < sockets_per_side; i++) {
            uint32_t information[9] = {0}; /* SK_MEMINFO_VARS; the last one counts drops */
            socklen_t length = sizeof information;
            if (getsockopt(rtp_socket[side][i], SOL_SOCKET, 55 /* SO_MEMINFO */, information, &length) == 0)
                drops += information[8];
        }
    return drops;
}

/* --- commands -------------------------------------------------------------------------------------------------- */

static int64_t measure_until, drain_until;

static double percentile(double share) {
    uint64_t wanted = (uint64_t)((double)result.received * share), seen = 0;
    for (int i = 0; i <= BUCKETS; i++) {
        seen += result.histogram[i];
        if (seen > wanted) return (i + 1) * (BUCKET_NS / 1e6);
    }
    return (double)result.latency_ns_max / 1e6;
}

static void report(void) {
    const struct {
        const char *name;
        uint64_t value;
    } counters[] = {
        {"sent", result.sent},
        {"received", result.received},
        {"duplicates", result.duplicates},
        {"misrouted", result.misrouted},
        {"corrupt", result.corrupt},
        {"out_of_order", result.out_of_order},
        {"send_errors", result.send_errors},
        {"generator_drops", receive_drops() - receive_drops_before},
        {"rtcp", rtcp_packets},
    };
    const struct {
        const char *name;
        double value;
    } times[] = {
        {"late_ms_max", (double)result.late_ns_max / 1e6},
        {"p50_ms", percentile(0.5)},
        {"p99_ms", percentile(0.99)},
        {"p999_ms", percentile(0.999)},
        {"max_ms", (double)result.latency_ns_max / 1e6},
    };
    printf("{\"calls\": %d, \"injected\": %s", active_calls, ring_socket >= 0 ? "true" : "false");
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        printf(", \"%s\": %llu", counters[i].name, (unsigned long long)counters[i].value);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) printf(", \"%s\": %.3f", times[i].name, times[i].value);
    printf("}\n");
    fflush(stdout);
}

static void obey(char *line) {
    int call, port_a, port_b, number;
    char address_a[64], address_b[64], suite[64], ours[128], theirs[128];
    if (sscanf(line, "call %d %63s %d %63s %d", &call, address_a, &port_a, address_b, &port_b) == 5) {
        const char *address[2] = {address_a, address_b};
        const int port[2] = {port_a, port_b};
        if (call < 0 || call >= MAX_CALLS) {
            errno = EINVAL;
            fail(line);
        }
        for (int direction = 0; direction < 2; direction++) {
            struct stream *stream = &streams[direction][call];
            memset(stream, 0, sizeof *stream);
            stream->to.sin_family = AF_INET;
            stream->to.sin_port = htons((uint16_t)port[direction]);
            if (inet_pton(AF_INET, address[direction], &stream->to.sin_addr) != 1) fail(address[direction]);
            int from = rtp_socket[direction][(call / CALLS_PER_RUN) % sockets_per_side];
            stream->length = PACKET;
            write_lower(stream, own_address, port_of(from));
            stream->ssrc = (uint32_t)run_id << 24 | (uint32_t)(call * 2 + direction + 1);
        }
        call_at[port_a] = call;
        if (call >= known_calls) known_calls = call + 1;
    } else if (sscanf(line, "secure %d %63s %127s %127s", &call, suite, ours, theirs) == 4 && call < known_calls) {
        struct stream *stream = &streams[0][call];
        if (!srtp_session) {
            errno = ENOTSUP;
            fail("SRTP without libsrtp");
        }
        stream->seal = srtp_session(suite, ours, stream->ssrc);
        stream->open = srtp_session(suite, theirs, 0);
        stream->length = PACKET + (strstr(suite, "GCM") ? 16 : strstr(suite, "_32") ? 4 : 10);
        write_lower(stream, own_address, port_of(rtp_socket[0][(call / CALLS_PER_RUN) % sockets_per_side]));
        secure_calls++;
    } else if (sscanf(line, "active %d", &number) == 1 && number >= 0 && number <= known_calls) {
        active_calls = number;
    } else if (sscanf(line, "measure %d", &number) == 1 && number > 0) {
        memset(&result, 0, sizeof result);
        receive_drops_before = receive_drops();
        rtcp_packets = 0;
        counted = measurement = ++measurements;
        measure_until = now_ns() + number * 1000000LL;
    } else if (strncmp(line, "quit", 4) == 0) {
        exit(0);
    } else {
        errno = EINVAL;
        fail(line);
    }
}

static void read_commands(void) {
    static char buffer[1 << 16];
    static size_t filled;
    ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - 1 - filled);
    if (got == 0) exit(0); /* whoever started us is gone */
    if (got < 0) return;
    filled += (size_t)got;
    buffer[filled] = 0;
    char *line = buffer, *end;
    while ((end = strchr(line, '\n'))) {
        *end = 0;
        obey(line);
        line = end + 1;
    }
    filled -= (size_t)(line - buffer);
    memmove(buffer, line, filled);
}

void lend_srtp(int (*protect)(void *, void *, int *), int (*unprotect)(void *, void *, int *),
               void *(*session)(const char *, const char *, uint32_t)) {
    srtp_protect = protect;
    srtp_unprotect = unprotect;
    srtp_session = session;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: rtpload ADDRESS SOCKETS CPU\n");
        return 2;
    }
    sockets_per_side = atoi(argv[2]);
    if (sockets_per_side < 1 || sockets_per_side > MAX_SOCKETS) {
        fprintf(stderr, "rtpload: SOCKETS must be 1..%d\n", MAX_SOCKETS);
        return 2;
    }
    int cpu = atoi(argv[3]);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0) fail("sched_setaffinity");
    }
    srandom((unsigned)(now_ns() ^ getpid()));
    run_id = (unsigned char)random();
    for (int i = 0; i < PAYLOAD; i++) filler[i] = (unsigned char)(0xd5 ^ (i * 7));

    own_address = argv[1];
    open_ring(own_address);
    setpriority(PRIO_PROCESS, 0, -10); /* where it may: nobody else's work belongs on the generator's core */

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) fail("epoll_create1");
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < sockets_per_side; i++) {
            bind_pair(argv[1], side, i);
            for (int rtcp = 0; rtcp < 2; rtcp++) {
                struct epoll_event event = {.events = EPOLLIN,
                                            .data.u32 = (uint32_t)side << 31 | (uint32_t)rtcp << 30 | (uint32_t)i};
                int fd = rtcp ? rtcp_socket[side][i] : rtp_socket[side][i];
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
            }
        }
    for (int side = 0; side < 2; side++) {
        printf("ports %c", 'A' + side);
        for (int i = 0; i < sockets_per_side; i++) printf(" %d", port_of(rtp_socket[side][i]));
        printf("\n");
    }
    fflush(stdout);

    for (int i = 0; i < BATCH; i++) {
        memcpy(send_buffer[i] + HEADER, filler, PAYLOAD);
        send_vector[i] = (struct iovec){send_buffer[i], PACKET};
        send_message[i].msg_hdr.msg_iov = &send_vector[i];
        send_message[i].msg_hdr.msg_iovlen = 1;
        send_message[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    }
    for (int i = 0; i < RECEIVE_BATCH; i++) {
        receive_vector[i] = (struct iovec){receive_buffer[i], sizeof receive_buffer[i]};
        receive_message[i].msg_hdr.msg_iov = &receive_vector[i];
        receive_message[i].msg_hdr.msg_iovlen = 1;
        receive_message[i].msg_hdr.msg_name = &receive_from[i];
        receive_message[i].msg_hdr.msg_namelen = sizeof receive_from[i];
    }
    if (fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK) < 0) fail("fcntl");

    struct schedule plan = {.base = now_ns()};
    int64_t next_look = 0;
    for (;;) {
        int busy = send_due(&plan);
        int spin = counted || busy;
        receive_ready(epoll, spin ? 0 : 1);
        int64_t now = now_ns();
        if (measurement && now >= measure_until) {
            measurement = 0;
            drain_until = now + DRAIN_MS * 1000000LL;
        } else if (counted && !measurement && now >= drain_until) {
            counted = 0;
            report();
        }
        if (now >= next_look && !counted) {
            next_look = now + 2000000;
            read_commands();
        }
    }
}
