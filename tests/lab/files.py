"""Files that only their owner may read."""

import os


def write_private(path, text):
    """Writes a file of mode 0600, its folder (0700) as well if it is missing."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
