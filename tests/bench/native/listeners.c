/* A thousand listeners' ears: receives RTP on a few sockets, and counts what each stream (SSRC) brings.
 *
 *   listeners ADDRESS SOCKETS CPU LOUD      binds SOCKETS UDP ports; A-law above LOUD (0..127) is an announcement
 *
 * It prints "ports p1 p2 ...", and obeys lines on standard input:
 *
 *   measure MS      one JSON line: streams, packets, packets lost by sequence number, packets with an announcement in
 *                   them, streams that heard one, and the largest time between two packets of a stream
 *   quit
 *
 * It only ever receives, and sleeps in between: what it costs is not the switch's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SOCKETS = 64, STREAMS = 1 << 16, BATCH = 64, ROOM = 2048 };

struct stream {
    uint32_t ssrc;
    uint16_t sequence;
    uint8_t used, heard, announced;
    int64_t at;
};

static struct stream streams[STREAMS];
static long packets, lost, announcements, spoken_to, active;
static int64_t widest;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct stream *find(uint32_t ssrc) {
    uint32_t at = ssrc * 2654435761u >> 16;
    while (streams[at].used && streams[at].ssrc != ssrc) at = (at + 1) % STREAMS;
    return &streams[at];
}

static void take(const unsigned char *data, int length, int loud, int64_t at) {
    uint32_t ssrc;
    uint16_t sequence = (uint16_t)(data[2] << 8 | data[3]);
    if (length < 12 + 80) return;
    memcpy(&ssrc, data + 8, 4);
    struct stream *s = find(ssrc);
    if (s->used && s->heard) {
        int16_t step = (int16_t)(sequence - s->sequence);
        if (step > 1) lost += step - 1;
        if (at - s->at > widest) widest = at - s->at;
    }
    if (!s->heard) active++;
    s->ssrc = ssrc;
    s->used = s->heard = 1;
    s->sequence = sequence;
    s->at = at;
    packets++;
    for (int i = 12; i < length; i++) {
        if (((data[i] ^ 0x55) & 0x7F) > loud) {
            announcements++;
            if (!s->announced) spoken_to++;
            s->announced = 1;
            break;
        }
    }
}

int main(int argc, char **argv) {
    static unsigned char room[BATCH][ROOM];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct pollfd waits[MAX_SOCKETS + 1];
    cpu_set_t cpus;
    char line[256];
    if (argc != 5) return 2;
    int sockets = atoi(argv[2]), loud = atoi(argv[4]);
    if (sockets < 1 || sockets > MAX_SOCKETS) return 2;
    CPU_ZERO(&cpus);
    CPU_SET(atoi(argv[3]), &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    printf("ports");
    for (int i = 0; i < sockets; i++) {
        struct sockaddr_in here = {.sin_family = AF_INET};
        socklen_t size = sizeof here;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), buffer = 4 << 20;
        inet_pton(AF_INET, argv[1], &here.sin_addr);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
        if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here)) return 1;
        getsockname(fd, (struct sockaddr *)&here, &size);
        printf(" %d", ntohs(here.sin_port));
        waits[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    printf("\n");
    fflush(stdout);
    waits[sockets] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){room[i], ROOM};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
    }
    int64_t until = 0;
    for (;;) {
        struct timespec nap = {0, 1000000};
        nanosleep(&nap, NULL);
        if (poll(waits, (nfds_t)sockets + 1, 100) < 0) return 1;
        int64_t at = now_us();
        for (int i = 0; i < sockets; i++) {
            int n;
            do {
                n = recvmmsg(waits[i].fd, messages, BATCH, MSG_DONTWAIT, NULL);
                for (int k = 0; k < n; k++) take(room[k], (int)messages[k].msg_len, loud, at);
            } while (n == BATCH);
        }
        if (until && at >= until) {
            printf("{\"streams\": %ld, \"packets\": %ld, \"lost\": %ld, \"announcements\": %ld, \"spoken_to\": %ld, "
                   "\"widest_ms\": %.1f}\n", active, packets, lost, announcements, spoken_to, (double)widest / 1000);
            fflush(stdout);
            until = 0;
        }
        if (waits[sockets].revents) {
            if (!fgets(line, sizeof line, stdin) || !strncmp(line, "quit", 4)) return 0;
            if (!strncmp(line, "measure ", 8)) {
                packets = lost = announcements = spoken_to = active = 0;
                widest = 0;
                for (int i = 0; i < STREAMS; i++) streams[i].heard = streams[i].announced = 0;
                until = at + atol(line + 8) * 1000;
            }
        }
    }
}
