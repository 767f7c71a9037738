/*
 * Puts frames on a wire, as fast as it takes them, and no faster: isolation INTERFACE COUNT < FRAMES
 * FRAMES has one frame a line, in hex; they are sent in turn. For traffic whose maker costs little beside what is
 * measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { FRAMES_MAX = 4096, FRAME_MAX = 1514, BATCH = 16 };

struct frames {
	uint8_t (*octets)[FRAME_MAX];
	size_t len[FRAMES_MAX];
	size_t count;
};

static size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned octet;

	while (n < FRAME_MAX && sscanf(text + 2 * n, "%2x", &octet) == 1)
		out[n++] = (uint8_t)octet;
	return n;
}

static void read_frames(struct frames *f)
{
	static char line[2 * FRAME_MAX + 2];

	f->octets = calloc(FRAMES_MAX, sizeof(*f->octets));
	while (f->octets && f->count < FRAMES_MAX && fgets(line, sizeof(line), stdin)) {
		f->len[f->count] = unhex(line, f->octets[f->count]);
		f->count++;
	}
	if (f->count == 0)
		error(1, 0, "no frames");
}

static int open_wire(const char *interface)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		error(1, errno, "%s", interface);
	return fd;
}

int main(int argc, char **argv)
{
	struct frames f = { 0 };
	struct iovec vectors[BATCH];
	struct mmsghdr messages[BATCH];
	size_t next = 0;

	if (argc != 3)
		error(2, 0, "usage: isolation INTERFACE COUNT < FRAMES");
	size_t left = strtoul(argv[2], NULL, 10);
	read_frames(&f);
	int fd = open_wire(argv[1]);
	while (left > 0) {
		unsigned n = left < BATCH ? (unsigned)left : BATCH;
		memset(messages, 0, sizeof(messages));
		for (unsigned i = 0; i < n; i++) {
			size_t at = (next + i) % f.count;
			vectors[i] = (struct iovec){ f.octets[at], f.len[at] };
			messages[i].msg_hdr.msg_iov = &vectors[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		int sent = sendmmsg(fd, messages, n, 0);
		if (sent < 0 && errno == ENOBUFS)
			continue;
		if (sent <= 0)
			error(1, errno, "send");
		next += (size_t)sent;
		left -= (size_t)sent;
	}
	free(f.octets);
	return 0;
}
