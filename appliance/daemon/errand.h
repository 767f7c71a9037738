/* What charon is to do with one tunnel, on an operator's order: renew its keys, or end it and bring it up anew. */
#ifndef CULVERT_DAEMON_ERRAND_H
#define CULVERT_DAEMON_ERRAND_H

struct control_client;
struct daemon;

/* order: "restart" or "rekey", static. Answers the client, now or when charon has answered. */
void errand_begin(const struct daemon *d, struct control_client *client, const char *order, const char *tunnel);

#endif
