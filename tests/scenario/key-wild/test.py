import keys_peer


def run(lab):
    keys_peer.rekeys_wildly(lab)
