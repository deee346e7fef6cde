/* Load for transcoded calls: sends what it is given, 50 packets a second on both legs of every call, and counts what
 * comes out on the other side. Unlike rtpload, it does not know what must come out, only how much and when.
 *
 *   codecload CPU        binds SOCKETS ports for each of two sides and prints "ports p0 p1 ..." for each
 *
 * Lines on standard input, calls counted from 0:
 *
 *   say SIDE TYPE STEP HEX HEX ...    the payloads of a side, one after the other and again; STEP in timestamp units
 *   call ID PORT_A PORT_B             where the switch listens, on 127.0.0.1
 *   secure ID SUITE OURS THEIRS       leg A of that call is SRTP, with these keys and salts in hexadecimal
 *   active N
 *   measure MS                        one JSON line
 *
 * SRTP is libsrtp's, lent by whoever loads this as a shared library (tests/bench/secure_load.py) instead of running it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    SOCKETS = 32,
    MAX_CALLS = 4096,
    MAX_SAID = 1024,
    MAX_PAYLOAD = 1400,
    LINE = 4 << 20,
    BATCH = 64,
    PTIME_US = 20000,
    DRAIN_US = 300000,
    TRAILER = 32, /* what SRTP may add */
    BUCKETS = 20000, /* of a microsecond */
};

struct side {
    int type, step, said;
    int length[MAX_SAID];
    unsigned char payload[MAX_SAID][MAX_PAYLOAD];
    int fd[SOCKETS];
};
struct stream {
    struct sockaddr_in to;
    uint32_t sequence;
    int64_t sent_us;
    void *seal; /* SRTP session to send with; NULL: plain RTP */
    void *open; /* and for what comes back on this leg */
};

static struct side sides[2];
static struct stream streams[2][MAX_CALLS];
static int32_t call_of[65536];
static int known, active, window_ms;
static enum { RUNNING, QUIET, MEASURING, DRAINING } state;
static uint64_t sent, received, refused, gaps;
static uint16_t last_number[65536]; /* of the packets from a port */
static char heard[65536];
static uint32_t histogram[BUCKETS + 1];
static int64_t late_us;
static int (*srtp_protect)(void *session, void *packet, int *length);
static int (*srtp_unprotect)(void *session, void *packet, int *length);
static void *(*srtp_session)(const char *suite, const char *key, uint32_t ssrc); /* ssrc 0: for receiving */

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void fail(const char *what) {
    fprintf(stderr, "codecload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bind_one(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = 8 << 20;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0) fail("bind");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}

static void send_one(int from, int call, int64_t now) {
    struct side *side = &sides[from];
    struct stream *stream = &streams[from][call];
    unsigned char packet[12 + MAX_PAYLOAD + TRAILER];
    int whole;
    int which = (int)((stream->sequence + (uint32_t)call * 7) % (uint32_t)side->said), length = side->length[which];
    uint32_t timestamp = htonl(stream->sequence * (uint32_t)side->step), ssrc = htonl((uint32_t)(call * 2 + from + 1));
    uint16_t sequence = htons((uint16_t)stream->sequence);
    stream->sequence++;
    packet[0] = 0x80;
    packet[1] = (unsigned char)side->type;
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &timestamp, 4);
    memcpy(packet + 8, &ssrc, 4);
    memcpy(packet + 12, side->payload[which], (size_t)length);
    stream->sent_us = now;
    whole = 12 + length;
    if (stream->seal && srtp_protect(stream->seal, packet, &whole)) refused++;
    else if (sendto(side->fd[call / 16 % SOCKETS], packet, (size_t)whole, 0, (struct sockaddr *)&stream->to,
               sizeof stream->to) < 0)
        refused++;
    else if (state == MEASURING)
        sent++;
}

static void receive(int epoll, int wait_ms) {
    static unsigned char data[BATCH][2048];
    static struct sockaddr_in from[BATCH];
    static struct iovec vector[BATCH];
    static struct mmsghdr message[BATCH];
    struct epoll_event ready[2 * SOCKETS];
    int n = epoll_wait(epoll, ready, 2 * SOCKETS, wait_ms);
    for (int i = 0; i < n; i++) {
        int at = (int)(ready[i].data.u32 >> 16);
        for (int k = 0; k < BATCH; k++) {
            vector[k] = (struct iovec){data[k], sizeof data[k]};
            message[k].msg_hdr = (struct msghdr){.msg_name = &from[k], .msg_namelen = sizeof from[k],
                                                 .msg_iov = &vector[k], .msg_iovlen = 1};
        }
        int got = recvmmsg(sides[at].fd[ready[i].data.u32 & 0xffff], message, BATCH, MSG_DONTWAIT, NULL);
        int64_t now = now_us();
        for (int k = 0; k < got; k++) {
            if (data[k][1] >= 192 && data[k][1] <= 223) continue; /* RTCP, multiplexed (RFC 5761) */
            uint16_t port = ntohs(from[k].sin_port), number = (uint16_t)(data[k][2] << 8 | data[k][3]);
            int16_t step = (int16_t)(number - last_number[port]);
            int call = call_of[port];
            if (state >= MEASURING && heard[port] && step > 1) gaps += (uint64_t)(step - 1);
            last_number[port] = number;
            heard[port] = 1;
            int length = (int)message[k].msg_len;
            if (call >= 0 && streams[at][call].open && srtp_unprotect(streams[at][call].open, data[k], &length)) continue;
            if (state < MEASURING || call < 0 || length < 12) continue;
            int64_t took = now - streams[!at][call].sent_us;
            received++;
            histogram[took < 0 ? 0 : took > BUCKETS ? BUCKETS : took]++;
        }
    }
}

static void obey(char *line) {
    int side, number, a, b, used;
    char suite[64], ours[128], theirs[128];
    if (sscanf(line, "say %d %d %d%n", &side, &a, &b, &used) == 3 && (side == 0 || side == 1)) {
        struct side *s = &sides[side];
        s->type = a;
        s->step = b;
        s->said = 0;
        for (char *word = strtok(line + used, " \n"); word && s->said < MAX_SAID; word = strtok(NULL, " \n")) {
            size_t length = strlen(word) / 2;
            if (length > MAX_PAYLOAD) continue;
            for (size_t i = 0; i < length; i++) {
                unsigned value = 0;
                sscanf(word + 2 * i, "%2x", &value);
                s->payload[s->said][i] = (unsigned char)value;
            }
            s->length[s->said++] = (int)length;
        }
    } else if (sscanf(line, "call %d %d %d", &number, &a, &b) == 3 && number >= 0 && number < MAX_CALLS) {
        int port[2] = {a, b};
        for (int i = 0; i < 2; i++) {
            streams[i][number].to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port[i]),
                                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            call_of[port[i]] = number;
        }
        if (number >= known) known = number + 1;
    } else if (sscanf(line, "secure %d %63s %127s %127s", &number, suite, ours, theirs) == 4 && number < known) {
        if (!srtp_session) {
            errno = ENOTSUP;
            fail("SRTP without libsrtp");
        }
        streams[0][number].seal = srtp_session(suite, ours, (uint32_t)(number * 2 + 1));
        streams[0][number].open = srtp_session(suite, theirs, 0);
    } else if (sscanf(line, "active %d", &number) == 1 && number >= 0 && number <= known) {
        active = number;
    } else if (sscanf(line, "measure %d", &number) == 1) {
        sent = received = refused = gaps = 0;
        late_us = 0;
        memset(histogram, 0, sizeof histogram);
        window_ms = number;
        state = QUIET;
    } else {
        errno = EINVAL;
        fail(line);
    }
}

static double percentile(double share) {
    uint64_t wanted = (uint64_t)((double)received * share), seen = 0;
    for (int i = 0; i <= BUCKETS; i++)
        if ((seen += histogram[i]) > wanted) return i / 1000.0;
    return 0;
}

void lend_srtp(int (*protect)(void *, void *, int *), int (*unprotect)(void *, void *, int *),
               void *(*session)(const char *, const char *, uint32_t)) {
    srtp_protect = protect;
    srtp_unprotect = unprotect;
    srtp_session = session;
}

int main(int argc, char **argv) {
    static char buffer[LINE];
    size_t filled = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC), next = 0, due_calls = 0;
    int64_t base, until = 0;
    cpu_set_t set;
    if (argc != 2) return 2;
    if (atoi(argv[1]) >= 0) {
        CPU_ZERO(&set);
        CPU_SET((size_t)atoi(argv[1]), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    setpriority(PRIO_PROCESS, 0, -10);
    memset(call_of, 0xff, sizeof call_of);
    for (int side = 0; side < 2; side++) {
        printf("ports");
        for (int i = 0; i < SOCKETS; i++) {
            struct sockaddr_in at;
            socklen_t length = sizeof at;
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)side << 16 | (uint32_t)i};
            sides[side].fd[i] = bind_one();
            getsockname(sides[side].fd[i], (struct sockaddr *)&at, &length);
            epoll_ctl(epoll, EPOLL_CTL_ADD, sides[side].fd[i], &event);
            printf(" %d", ntohs(at.sin_port));
        }
        printf("\n");
    }
    fflush(stdout);
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    base = now_us();
    for (;;) {
        int64_t now = now_us();
        while (state != QUIET && state != DRAINING && next < 2 * due_calls) {
            int64_t due = base + (int64_t)PTIME_US * next / (2 * due_calls);
            if (due > now) break;
            if (state == MEASURING && now - due > late_us) late_us = now - due;
            send_one(next / due_calls, next % due_calls, now);
            if (++next % BATCH == 0) break;
        }
        if (next >= 2 * due_calls && now >= base + PTIME_US) {
            base = due_calls ? base + PTIME_US : now;
            next = 0;
            due_calls = active;
        }
        receive(epoll, state != RUNNING || active > 500 ? 0 : 1);
        if (state == QUIET && !until) until = now + DRAIN_US;
        if (state != RUNNING && now >= until) {
            if (state == QUIET) {
                state = MEASURING;
                until = now + window_ms * 1000LL;
                base = now;
                next = 0;
            } else if (state == MEASURING) {
                state = DRAINING;
                until = now + DRAIN_US;
            } else {
                printf("{\"calls\": %d, \"milliseconds\": %d, \"sent\": %llu, \"received\": %llu, "
                       "\"refused\": %llu, \"gaps\": %llu, \"late_ms\": %.2f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
                       active, window_ms, (unsigned long long)sent, (unsigned long long)received,
                       (unsigned long long)refused, (unsigned long long)gaps, (double)late_us / 1000, percentile(0.5), percentile(0.99));
                fflush(stdout);
                state = RUNNING;
                until = 0;
                base = now;
                next = 0;
            }
        }
        if (state == RUNNING) {
            ssize_t got = read(STDIN_FILENO, buffer + filled, sizeof buffer - 1 - filled);
            if (got == 0) return 0;
            if (got > 0) {
                char *line = buffer, *end;
                filled += (size_t)got;
                buffer[filled] = 0;
                while (state == RUNNING && (end = strchr(line, '\n'))) {
                    *end = 0;
                    obey(line);
                    line = end + 1;
                }
                filled -= (size_t)(line - buffer);
                memmove(buffer, line, filled);
            }
        }
    }
}
