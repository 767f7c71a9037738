/* Lines of the second wall's text (nft.h), and in which of them two such texts differ. Pure. */
#ifndef CULVERT_APPLIANCE_ISOLATION_NFT_DIFF_H
#define CULVERT_APPLIANCE_ISOLATION_NFT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of a text. */
struct nft_piece {
	const char *text;
	size_t len;
};

struct nft_element { /* SET { WHAT } */
	struct nft_piece set, what;
	bool stays; /* is in the other text as well */
};

struct nft_elements { /* zero-initialise */
	struct nft_element *items; /* owned */
	size_t count;
	size_t size;
};

/* In the order in which they come: a chain's rules name the others. */
enum nft_kind { NFT_KIND_LIMIT, NFT_KIND_TIMEOUT, NFT_KIND_MAP, NFT_KIND_CHAIN };

/* A statement of its own. */
struct nft_named {
	enum nft_kind kind;
	struct nft_piece line, name;
};

struct nft_names { /* zero-initialise */
	struct nft_named *items; /* owned */
	size_t count;
	size_t size;
};

/* One of two texts. */
struct nft_side { /* zero-initialise */
	struct nft_piece text; /* not yet read */
	struct nft_elements elements; /* that were not passed over */
	struct nft_names names;
};

/* Octets, then length. */
int nft_compare_pieces(const struct nft_piece *a, const struct nft_piece *b);
/* Takes the next line, without its end, off the text. False at the end. */
bool nft_next_line(struct nft_piece *text, struct nft_piece *ret);
/* Empty or a comment. */
bool nft_is_silent(const struct nft_piece *line);
/* True with *ret, which points into the line, if it is of that form. */
bool nft_read_element(const struct nft_piece *line, struct nft_element *ret);
bool nft_read_named(const struct nft_piece *line, struct nft_named *ret);
/* As nft commands say it. */
const char *nft_kind_text(enum nft_kind kind);
/* What has the same kind and name in the sorted list; NULL. */
const struct nft_named *nft_find_named(const struct nft_names *list, const struct nft_named *key);
/*
 * Fills both sides, whose text is set, with what they do not share, sorted. 0; -EAGAIN if one of the lines is neither
 * an element nor has a name; -ENOMEM. nft_free_side() them either way.
 */
int nft_compare_sides(struct nft_side *old, struct nft_side *new);
void nft_free_side(struct nft_side *s);

#endif
