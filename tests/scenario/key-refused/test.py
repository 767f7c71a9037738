import keys_peer


def run(lab):
    keys_peer.rejects(lab)
