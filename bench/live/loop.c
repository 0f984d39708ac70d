/* The least there is to telling many: accept N connections, then send() the same bytes to each. loop PORT N GREETING MESSAGE */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    int count = atoi(argv[2]), one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    int *each = calloc(count, sizeof *each);
    char request[4096], line[16];
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (argc < 5 || bind(listener, (void *)&place, sizeof place) || listen(listener, 4096)) return 1;
    puts("LISTENS");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        each[i] = accept(listener, NULL, NULL);
        setsockopt(each[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (each[i] < 0 || read(each[i], request, sizeof request) <= 0) return 1;
        send(each[i], argv[3], strlen(argv[3]), MSG_NOSIGNAL);
    }
    while (fgets(line, sizeof line, stdin)) {
        long long began = now();
        size_t length = strlen(argv[4]);
        for (int i = 0; i < count; i++) send(each[i], argv[4], length, MSG_NOSIGNAL);
        printf("%lld\n", began);
        fflush(stdout);
    }
    return 0;
}
