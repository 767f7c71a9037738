import rekeys


def run(lab):
    rekeys.show(lab, "strongswan")
