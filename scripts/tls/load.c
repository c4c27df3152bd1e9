/* Clients that speak TLS and check every byte of an echo, for measurements.
 *
 * cc -O2 -o load load.c -lssl -lcrypto
 * ./load PORT messages|connections CLIENTS BYTES WARMUP SECONDS
 *
 * messages: CLIENTS connections, each sends BYTES bytes and waits for them, again and again.
 * connections: CLIENTS at a time connect, shake hands in full, send BYTES bytes, wait for
 * them, and leave. One line comes out: how many a second, the median and the 99th
 * percentile in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct client { int fd; SSL *ssl; int state; int sent, got; double since; unsigned seed; int writing; };
enum { SHAKES, WRITES, READS };

static SSL_CTX *ctx;
static struct sockaddr_in server;
static int epoll, size, churns;
static char *out, *in;
static long done;
static double *times; static long timed, room = 1 << 22;
static int measuring;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  ERR_print_errors_fp(stderr);
  exit(1);
}
static void interest(struct client *c, int events, int op) {
  struct epoll_event e = { .events = events, .data.ptr = c };
  if (epoll_ctl(epoll, op, c->fd, &e) < 0) fail("epoll_ctl");
}
static void begin(struct client *c) {
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  c->ssl = SSL_new(ctx);
  SSL_set_fd(c->ssl, c->fd);
  SSL_set_connect_state(c->ssl);
  c->state = SHAKES;
  if (churns) c->since = now();
  interest(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
  c->writing = 1;
}
static void wants(struct client *c, int result) {
  int why = SSL_get_error(c->ssl, result);
  int writing = why == SSL_ERROR_WANT_WRITE;
  if (!writing && why != SSL_ERROR_WANT_READ) fail("TLS");
  if (writing != c->writing) interest(c, writing ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  c->writing = writing;
}
static void count(struct client *c) {
  double time = now() - c->since;
  if (!measuring) return;
  done++;
  if (timed < room) times[timed++] = time;
}
static void go(struct client *c) {
  for (;;) {
    int n;
    if (c->state == SHAKES) {
      if ((n = SSL_do_handshake(c->ssl)) != 1) return wants(c, n);
      c->state = WRITES; c->sent = 0;
    }
    if (c->state == WRITES) {
      if (c->sent == 0 && !churns) c->since = now();
      if ((n = SSL_write(c->ssl, out, size)) <= 0) return wants(c, n);
      c->state = READS; c->got = 0;
    }
    while (c->got < size) {
      if ((n = SSL_read(c->ssl, in, size - c->got)) <= 0) return wants(c, n);
      if (memcmp(in, out + c->got, n)) { fprintf(stderr, "wrong bytes\n"); exit(1); }
      c->got += n;
    }
    count(c);
    if (!churns) { c->state = WRITES; c->sent = 0; continue; }
    SSL_shutdown(c->ssl);
    close(c->fd);
    SSL_free(c->ssl);
    begin(c);
    return;
  }
}
static int order(const void *a, const void *b) {
  double x = *(double *)a, y = *(double *)b;
  return x < y ? -1 : x > y;
}
int main(int argc, char **argv) {
  if (argc < 7) { fprintf(stderr, "PORT messages|connections CLIENTS BYTES WARMUP SECONDS\n"); return 2; }
  int clients = atoi(argv[3]);
  churns = !strcmp(argv[2], "connections");
  size = atoi(argv[4]);
  double warmup = atof(argv[5]) * 1e6, seconds = atof(argv[6]) * 1e6;
  server.sin_family = AF_INET;
  server.sin_port = htons(atoi(argv[1]));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
  out = malloc(size); in = malloc(size);
  for (int i = 0; i < size; i++) out[i] = 'a' + i % 20;
  times = malloc(room * sizeof *times);
  epoll = epoll_create1(0);
  struct client *all = calloc(clients, sizeof *all);
  for (int i = 0; i < clients; i++) begin(&all[i]);
  double start = now(), end = start + warmup + seconds, from = start + warmup;
  struct epoll_event events[256];
  while (now() < end) {
    if (!measuring && now() >= from) { measuring = 1; from = now(); }
    int n = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < n; i++) go(events[i].data.ptr);
  }
  double took = (now() - from) / 1e6;
  qsort(times, timed, sizeof *times, order);
  printf("%.0f %.0f %.0f\n", done / took, timed ? times[timed / 2] : 0, timed ? times[timed * 99 / 100] : 0);
  return 0;
}
