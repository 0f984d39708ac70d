/* N followers in one process: connects, asks, and says when the last of them was told. clients PORT N REQUEST */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    int count = atoi(argv[2]), followers = epoll_create1(0), told = 0, ready = 0;
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[1024];
    char data[65536];
    long long first = 0;
    if (argc < 4) return 1;
    for (int i = 0; i < count; i++) {
        int one = socket(AF_INET, SOCK_STREAM, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = one};
        if (one < 0 || connect(one, (void *)&place, sizeof place)) { perror("connect"); return 1; }
        if (write(one, argv[3], strlen(argv[3])) < 0) { perror("write"); return 1; }
        epoll_ctl(followers, EPOLL_CTL_ADD, one, &event);
    }
    for (;;) {
        int found = epoll_wait(followers, events, 1024, -1);
        for (int i = 0; i < found; i++) {
            ssize_t size = read(events[i].data.fd, data, sizeof data);
            if (size <= 0) { fprintf(stderr, "a follower was cut off\n"); return 1; }
            if (memmem(data, size, "bookmark", 8) && ready < count && ++ready == count) {
                puts("READY");
                fflush(stdout);
            }
            if (memmem(data, size, "event: release", 14)) {
                if (!told++) first = now();
                if (told == count) {
                    printf("%lld %lld\n", first, now());
                    fflush(stdout);
                    told = 0;
                }
            }
        }
    }
}
