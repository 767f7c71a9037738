import keys_clock


def run(lab):
    keys_clock.check_step(lab, -7200)
