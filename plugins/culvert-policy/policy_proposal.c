#include "policy_proposal.h"

#include <encoding/payloads/encodings.h>
#include <encoding/payloads/proposal_substructure.h>
#include <encoding/payloads/transform_attribute.h>
#include <encoding/payloads/transform_substructure.h>

enum {
	/** octets of an attribute whose value stands in place of a length */
	SHORT_ATTRIBUTE = 4,
};

size_t policy_proposal_read(proposal_t *proposal, struct suite_transform items[static POLICY_TRANSFORMS_MAX])
{
	enumerator_t *enumerator;
	uint16_t id, bits;
	size_t n = 0;
	int type;

	for (type = SUITE_ENCR; type <= SUITE_KE7; type++) {
		enumerator = proposal->create_enumerator(proposal, (transform_type_t)type);
		while (n < POLICY_TRANSFORMS_MAX && enumerator->enumerate(enumerator, &id, &bits))
			items[n++] = (struct suite_transform){ .type = (uint8_t)type, .id = id, .bits = bits };
		enumerator->destroy(enumerator);
	}
	return n;
}

/** The list of transforms in a proposal: no getter leads there, so by the rules that charon's own parser follows. */
static linked_list_t *transforms_of(proposal_substructure_t *substructure)
{
	payload_t *payload = &substructure->payload_interface;
	linked_list_t *transforms = NULL;
	encoding_rule_t *rules;
	int i, count;

	count = payload->get_encoding_rules(payload, &rules);
	for (i = 0; i < count; i++) {
		if ((int)rules[i].type == (int)PAYLOAD_LIST + (int)PLV2_TRANSFORM_SUBSTRUCTURE)
			transforms = *(linked_list_t **)((char *)substructure + rules[i].offset);
	}
	return transforms;
}

/** The key length if that is all that a transform's attributes say. */
static bool read_attributes(transform_substructure_t *transform, uint16_t *bits)
{
	transform_attribute_t *attribute;
	enumerator_t *enumerator;
	u_int count = 0;
	bool ok = TRUE;

	*bits = 0;
	enumerator = transform->create_attribute_enumerator(transform);
	while (enumerator->enumerate(enumerator, &attribute)) {
		if (attribute->get_attribute_type(attribute) != TATTR_IKEV2_KEY_LENGTH || count++ ||
			attribute->payload_interface.get_length(&attribute->payload_interface) != SHORT_ATTRIBUTE ||
			attribute->get_value(attribute) > UINT16_MAX)
			ok = FALSE;
		else
			*bits = (uint16_t)attribute->get_value(attribute);
	}
	enumerator->destroy(enumerator);
	return ok;
}

static void read_transforms(proposal_substructure_t *substructure, policy_offer_t *offer)
{
	linked_list_t *transforms = transforms_of(substructure);
	transform_substructure_t *transform;
	struct suite_transform item;
	enumerator_t *enumerator;

	if (!transforms)
		return;
	enumerator = transforms->create_enumerator(transforms);
	while (offer->n < POLICY_TRANSFORMS_MAX && enumerator->enumerate(enumerator, &transform)) {
		item = (struct suite_transform){
			.type = transform->get_transform_type_or_number(transform),
			.id = transform->get_transform_id(transform),
		};
		if (!read_attributes(transform, &item.bits))
			item.id = item.bits = UINT16_MAX;
		offer->items[offer->n++] = item;
	}
	enumerator->destroy(enumerator);
}

static uint64_t read_spi(proposal_substructure_t *substructure)
{
	chunk_t spi = substructure->get_spi(substructure);

	return spi.len == 4 ? uread32(spi.ptr) : spi.len == 8 ? uread64(spi.ptr) : 0;
}

linked_list_t *policy_proposal_offers(sa_payload_t *sa)
{
	linked_list_t *offers = linked_list_create();
	proposal_substructure_t *substructure;
	policy_offer_t *offer = NULL;
	enumerator_t *enumerator;

	enumerator = sa->create_substructure_enumerator(sa);
	while (enumerator->enumerate(enumerator, &substructure)) {
		/* Numbers never fall: charon has verified that. */
		if (offer && offer->number == substructure->get_proposal_number(substructure)) {
			offer->bundled = TRUE;
			continue;
		}
		INIT(offer, .number = substructure->get_proposal_number(substructure),
			.protocol = substructure->get_protocol_id(substructure), .spi = read_spi(substructure), );
		read_transforms(substructure, offer);
		offers->insert_last(offers, offer);
	}
	enumerator->destroy(enumerator);
	return offers;
}

linked_list_t *policy_proposal_list(linked_list_t *proposals)
{
	linked_list_t *offers = linked_list_create();
	enumerator_t *enumerator;
	policy_offer_t *offer;
	proposal_t *proposal;

	enumerator = proposals->create_enumerator(proposals);
	while (enumerator->enumerate(enumerator, &proposal)) {
		INIT(offer, .number = proposal->get_number(proposal), .protocol = (uint8_t)proposal->get_protocol(proposal),
			.spi = proposal->get_spi(proposal), );
		offer->n = policy_proposal_read(proposal, offer->items);
		offers->insert_last(offers, offer);
	}
	enumerator->destroy(enumerator);
	return offers;
}

proposal_t *policy_proposal_create(
	const policy_offer_t *offer, uint8_t number, const struct suite_transform *items, size_t n)
{
	proposal_t *proposal = proposal_create(offer->protocol, number);
	size_t i;

	proposal->set_spi(proposal, offer->spi);
	for (i = 0; i < n; i++)
		proposal->add_algorithm(proposal, items[i].type, items[i].id, items[i].bits);
	return proposal;
}
